"""Decide who may do what: RBAC for those whom the administrator impersonates or asks about."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from embedded import errors
from embedded.api.request_info import RequestInfo
from embedded.errors import ApiError
from embedded.store import Store
from embedded.tokens import AUDIENCE, Issuer

ADMINISTRATOR = "kubernetes-admin"
MASTERS = "system:masters"
RBAC = "rbac.authorization.k8s.io"


@dataclasses.dataclass(frozen=True)
class User:
    """A name and the groups it is in."""

    name: str
    groups: tuple[str, ...]


def user(name: str, groups: list[str]) -> User:
    """Return a user with the groups that follow from the name."""
    found = [*groups, "system:authenticated"]
    if name.startswith("system:serviceaccount:"):
        found += ["system:serviceaccounts", f"system:serviceaccounts:{name.split(':')[2]}"]
    return User(name, tuple(dict.fromkeys(found)))


def caller(store: Store, issuer: Issuer, request: web.Request) -> User:
    """Return who asks: by a token, else by the client certificate, or whom they impersonate.

    Raises 401 for whom nobody knows and 403 for who may not impersonate. Within the process, where there is no TLS,
    everybody without a token is the administrator.
    """
    who = _known(store, issuer, request)
    if who is None:
        raise ApiError(401, "Unauthorized")
    name = request.headers.get("Impersonate-User")
    if not name:
        return who
    account = name.startswith("system:serviceaccount:") and name.count(":") == 3
    about = {
        "resource": "serviceaccounts" if account else "users",
        "name": name.rpartition(":")[2] if account else name,
    }
    about |= {"namespace": name.split(":")[2] if account else ""}
    if not allowed(store, who, {"verb": "impersonate", "group": ""} | about):
        why = (
            f'User "{who.name}" cannot impersonate resource "{about["resource"]}" in API group "" at the cluster scope'
        )
        raise errors.forbidden(about["resource"], about["name"], why)
    return user(name, request.headers.getall("Impersonate-Group", []))


def _known(store: Store, issuer: Issuer, request: web.Request) -> User | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token_user(store, issuer, token.strip())
    if request.get_extra_info("ssl_object") is None:
        return user(ADMINISTRATOR, [MASTERS])
    certificate = request.get_extra_info("peercert")
    if not certificate:
        return None
    subject = [pair for part in certificate["subject"] for pair in part]
    groups = [value for key, value in subject if key == "organizationName"]
    return user(next(value for key, value in subject if key == "commonName"), groups)


def token_user(store: Store, issuer: Issuer, token: str, audiences: Sequence[str] = ()) -> User | None:
    """Return whose token it is; None when it is not ours, has ended, or what it is bound to is gone."""
    claims = issuer.check(token)
    if claims is None or set(audiences or (AUDIENCE,)).isdisjoint(claims["aud"]):
        return None
    about = claims["kubernetes.io"]
    space, bound = about["namespace"], {"serviceaccount": "serviceaccounts", "pod": "pods", "secret": "secrets"}
    for word, resource in bound.items():
        if word in about:
            found = store.get(resource, space, about[word]["name"])
            if found is None or (about[word]["uid"] and found["metadata"]["uid"] != about[word]["uid"]):
                return None
    return user(claims["sub"], [])


def _names(subject: dict[str, Any], who: User, namespace: str) -> bool:
    if subject["kind"] == "Group":
        return subject["name"] in who.groups
    if subject["kind"] == "ServiceAccount":
        return who.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}"
    return bool(subject["name"] == who.name)


def rules(store: Store, who: User, namespace: str) -> Iterator[dict[str, Any]]:
    """Yield every rule that binds a user in a namespace ("": at the cluster scope)."""
    bindings = store.list(f"clusterrolebindings.{RBAC}")
    if namespace:
        bindings = bindings + store.list(f"rolebindings.{RBAC}", namespace)
    for binding in bindings:
        home = binding["metadata"].get("namespace", "")
        if not any(_names(subject, who, home) for subject in binding.get("subjects") or ()):
            continue
        reference = binding["roleRef"]
        own = reference["kind"] == "Role"
        role = store.get(f"{'roles' if own else 'clusterroles'}.{RBAC}", home if own else "", reference["name"])
        yield from (role or {}).get("rules") or ()


def _covers(rule: dict[str, Any], attributes: Mapping[str, str]) -> bool:
    resource, subresource = attributes.get("resource", ""), attributes.get("subresource", "")
    wanted = {"*", f"{resource}/{subresource}", f"*/{subresource}"} if subresource else {"*", resource}
    names = rule.get("resourceNames") or ()
    return (
        not {"*", attributes.get("verb", "")}.isdisjoint(rule.get("verbs") or ())
        and not {"*", attributes.get("group", "")}.isdisjoint(rule.get("apiGroups") or ())
        and not wanted.isdisjoint(rule.get("resources") or ())
        and (not names or attributes.get("name", "") in names)
    )


def allowed(store: Store, who: User, attributes: Mapping[str, str]) -> bool:
    """Return whether a user may do what resource attributes (verb, group, resource, subresource,
    namespace, name) say.
    """
    if MASTERS in who.groups:
        return True
    return any(_covers(rule, attributes) for rule in rules(store, who, attributes.get("namespace", "")))


def check(store: Store, target: RequestInfo, verb: str, who: User) -> None:
    """Raise 403 when a user may not do that."""
    kind = target.kind
    attributes = {"verb": verb, "group": kind.group, "resource": kind.plural, "subresource": target.subresource}
    attributes |= {"namespace": target.namespace, "name": target.name}
    if allowed(store, who, attributes):
        return
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    resource = f"{kind.plural}/{target.subresource}" if target.subresource else kind.plural
    why = f'User "{who.name}" cannot {verb} resource "{resource}" in API group "{kind.group}" {where}'
    raise errors.forbidden(kind.resource, target.name, why)
