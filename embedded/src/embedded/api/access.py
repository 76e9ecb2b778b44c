"""Who may do what: RBAC for those whom the administrator impersonates or asks about."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from aiohttp import web

from embedded import errors
from embedded.api.target import Target
from embedded.store import Store

ADMINISTRATOR = "kubernetes-admin"
MASTERS = "system:masters"
RBAC = "rbac.authorization.k8s.io"


@dataclasses.dataclass(frozen=True)
class User:
    """A name and the groups it is in."""

    name: str
    groups: tuple[str, ...]


def user(name: str, groups: list[str]) -> User:
    """A user with the groups that follow from the name."""
    found = [*groups, "system:authenticated"]
    if name.startswith("system:serviceaccount:"):
        found += ["system:serviceaccounts", f"system:serviceaccounts:{name.split(':')[2]}"]
    return User(name, tuple(dict.fromkeys(found)))


def caller(request: web.Request) -> User:
    """The administrator, or whom they impersonate."""
    name = request.headers.get("Impersonate-User")
    if not name:
        return user(ADMINISTRATOR, [MASTERS])
    return user(name, request.headers.getall("Impersonate-Group", []))


def _names(subject: dict, who: User, namespace: str) -> bool:
    if subject["kind"] == "Group":
        return subject["name"] in who.groups
    if subject["kind"] == "ServiceAccount":
        return who.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}"
    return subject["name"] == who.name


def rules(store: Store, who: User, namespace: str) -> Iterator[dict]:
    """Every rule that binds a user in a namespace ("": at the cluster scope)."""
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


def _covers(rule: dict, attributes: Mapping[str, str]) -> bool:
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
    """Whether a user may do what resource attributes (verb, group, resource, subresource, namespace, name) say."""
    if MASTERS in who.groups:
        return True
    return any(_covers(rule, attributes) for rule in rules(store, who, attributes.get("namespace", "")))


def check(store: Store, target: Target, verb: str, who: User) -> None:
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
