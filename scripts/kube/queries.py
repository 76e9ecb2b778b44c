"""Answer `kubectl get` and `kubectl logs` over the kept connection, in kubectl's form and words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from scripts.host.shell import Result
from scripts.kube.api import Api, Refused, Unreachable


@dataclass(frozen=True)
class Resource:
    """A kind the API serves: where, and what its objects are."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return group and version as an object has them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of the kind's list in a namespace, or without one in all of them, or of one object."""
        root = f"/apis/{self.api_version}" if self.group else "/api/v1"
        where = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{where}/{self.plural}" + (f"/{name}" if name else "")


KINDS = (
    Resource("pods", "Pod"),
    Resource("services", "Service"),
    Resource("secrets", "Secret"),
    Resource("configmaps", "ConfigMap"),
    Resource("events", "Event"),
    Resource("persistentvolumeclaims", "PersistentVolumeClaim"),
    Resource("resourcequotas", "ResourceQuota"),
    Resource("limitranges", "LimitRange"),
    Resource("serviceaccounts", "ServiceAccount"),
    Resource("namespaces", "Namespace", namespaced=False),
    Resource("nodes", "Node", namespaced=False),
    Resource("deployments", "Deployment", "apps"),
    Resource("replicasets", "ReplicaSet", "apps"),
    Resource("statefulsets", "StatefulSet", "apps"),
    Resource("daemonsets", "DaemonSet", "apps"),
    Resource("jobs", "Job", "batch"),
    Resource("cronjobs", "CronJob", "batch"),
    Resource("endpointslices", "EndpointSlice", "discovery.k8s.io"),
    Resource("ingresses", "Ingress", "networking.k8s.io"),
    Resource("networkpolicies", "NetworkPolicy", "networking.k8s.io"),
    Resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", "v2"),
    Resource("poddisruptionbudgets", "PodDisruptionBudget", "policy"),
    Resource("roles", "Role", "rbac.authorization.k8s.io"),
    Resource("rolebindings", "RoleBinding", "rbac.authorization.k8s.io"),
)
_BY_NAME = {
    name: one
    for one in KINDS
    for name in (one.plural, one.kind.lower(), *((f"{one.plural}.{one.group}",) if one.group else ()))
}
PAGE = 500  # objects that are asked for at once, as kubectl does it
_VALUES = {"--namespace": "namespace", "-n": "namespace", "--selector": "selector", "-l": "selector"}
SHOW_OWNERS = "--show-managed-fields"  # which the API answers in any case, and kubectl leaves out unless told
EVERYWHERE = ("--all-namespaces", "-A")
_OUTPUT = {"--output": "output", "-o": "output"}
_LOG = re.compile(r"logs (\S+) --container (\S+) --namespace (\S+) --tail=(\d+)( --previous)?")


@dataclass(frozen=True)
class Query:
    """A call that can be answered here."""

    resources: tuple[Resource, ...] = ()
    names: tuple[str, ...] = ()
    raw: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    lenient: bool = False  # --ignore-not-found

    @property
    def namespace(self) -> str:
        """Return the namespace that is asked about; nothing for all of them."""
        return self.options.get("namespace", "")


def parse_query(words: Sequence[str]) -> Query | None:
    """Return what the words of a kubectl call ask, None where only kubectl itself can answer."""
    if words[:2] == ("get", "--raw") and len(words) == 3:
        return Query(raw=words[2])
    if asked := _LOG.fullmatch(" ".join(words)):
        return Query(raw=_log_path(*asked.groups()))
    if words[:1] != ("get",):
        return None
    options: dict[str, str] = {}
    free: list[str] = []
    lenient, everywhere, rest = False, False, list(words[1:])
    while rest:
        word, _, value = rest[0].partition("=")
        known = (_VALUES | _OUTPUT).get(word)
        if known and (value or len(rest) > 1):
            options[known] = value or rest[1]
            del rest[: 1 if value else 2]
        elif word == "--ignore-not-found" and not value:
            lenient, rest = True, rest[1:]
        elif word in EVERYWHERE and not value:
            everywhere, rest = True, rest[1:]
        elif word == SHOW_OWNERS:
            rest = rest[1:]
        elif word.startswith("-"):
            return None
        else:
            free.append(rest.pop(0))
    kinds = [_BY_NAME.get(name) for name in free[0].split(",")] if free else []
    resources = tuple(one for one in kinds if one)
    fits = resources and len(resources) == len(kinds) and options.get("output") == "json"
    if not fits or (len(free) > 1 and len(resources) > 1) or (any("/" in name for name in free)):
        return None
    if everywhere:
        if len(free) > 1:  # an object by its name alone is in no certain namespace
            return None
        options["namespace"] = ""
    elif any(one.namespaced for one in resources) and not options.get("namespace"):
        return None
    return Query(resources, tuple(free[1:]), "", options, lenient)


def _log_path(pod: str, container: str, namespace: str, tail: str, previous: str | None) -> str:
    words = urlencode({"container": container, "tailLines": tail, **({"previous": "true"} if previous else {})})
    return f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log?{words}"


def run_query(api: Api, query: Query, timeout: float) -> tuple[Any, Result]:
    """Return what the cluster answers: the document, and how kubectl would have ended. Raises Unreachable."""
    try:
        if query.raw:
            parts = urlsplit(query.raw)
            text = api.get(parts.path, dict(parse_qsl(parts.query)), timeout=timeout).decode(errors="replace")
            return None, Result(0, text)
        return _document(api, query, timeout), Result(0, "")
    except Refused as refusal:
        if len(query.resources) > 1:  # of several kinds, kubectl shows those that may be seen
            raise Unreachable(str(refusal)) from None
        return None, Result(1, "", str(refusal))


def _document(api: Api, query: Query, timeout: float) -> Any:
    """Return one object, a List, or None for one that is not there and need not be."""
    if len(query.names) == 1:
        return _one(api, query, query.names[0], timeout)
    if query.names:
        items = [one for name in query.names if (one := _one(api, query, name, timeout))]
    else:
        items = [item for one in query.resources for item in list_objects(api, one, query, timeout)]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _one(api: Api, query: Query, name: str, timeout: float) -> Any:
    path = query.resources[0].path(query.namespace, name)
    try:
        found = api.json(path, timeout=timeout)
    except Refused as refusal:
        if query.lenient and refusal.reason == "NotFound":
            return None
        raise
    if not is_object(found):
        raise Unreachable(f"{path}: answered no object")
    return found


def is_object(found: Any) -> bool:
    """Return whether an answer is one object; anything else, a Status among it, tells of none."""
    return isinstance(found, dict) and isinstance(found.get("metadata"), dict) and found.get("kind") != "Status"


def is_list(found: Any) -> bool:
    """Return whether an answer is a list of objects: only such a one can say that there are none."""
    items = found.get("items", "") if isinstance(found, dict) else ""
    return items is None or (isinstance(items, list) and all(map(is_object, items)))


def read_list(api: Api, path: str, parameters: Mapping[str, str], *, timeout: float) -> dict[str, Any]:
    """Return the list at a path. Raises Unreachable where what is answered is none."""
    found = api.json(path, parameters, timeout=timeout)
    if not is_list(found) or not isinstance(found.get("metadata") or {}, dict):
        raise Unreachable(f"{path}: answered no list")
    return cast("dict[str, Any]", found)


def list_objects(api: Api, resource: Resource, query: Query, timeout: float) -> list[dict[str, Any]]:
    """Return the objects of a kind, each with kind and version, which a list leaves out."""
    selected = {"labelSelector": query.options["selector"]} if "selector" in query.options else {}
    known = {"apiVersion": resource.api_version, "kind": resource.kind}
    path = resource.path(query.namespace)
    items: list[dict[str, Any]] = []
    rest = ""
    while True:
        parameters = {**selected, "limit": str(PAGE), **({"continue": rest} if rest else {})}
        try:
            found = read_list(api, path, parameters, timeout=timeout)
        except Refused as refusal:
            if not rest or refusal.status != 410:
                raise
            # The list has changed so much meanwhile that its rest cannot be had: all of it at once, then.
            return [known | item for item in read_list(api, path, selected, timeout=timeout)["items"] or ()]
        items += [known | item for item in found["items"] or ()]
        rest = (found.get("metadata") or {}).get("continue") or ""
        if not rest:
            return items


# What an API server says that has too much to do, or has just begun: its rights are not read yet, connections are cut.
# A connection that is refused is none of it: where nobody listens, waiting is in vain.
_PASSING = re.compile(
    r"no answer within|connection reset by peer|TLS handshake timeout|unexpected EOF|: EOF$|http2: .*connection lost"
    r"|etcdserver: |i/o timeout|\(TooManyRequests\)"
    r"|\(Forbidden\).*(cannot get path \"/readyz\"|User \"kubernetes-admin\" cannot)",
    re.MULTILINE,
)


def is_transient(words: Sequence[str], answer: Result) -> bool:
    """Return whether a call that failed is worth making once more a little later; what a Service says itself is not."""
    through = words[:2] == ("get", "--raw") and "/proxy" in words[-1]
    return not answer and not through and bool(_PASSING.search(answer.err))


def resource_of(name: str) -> Resource | None:
    """Return the resource of that name, None for one that is not known here."""
    return _BY_NAME.get(name)


def as_text(document: Any) -> str:
    """Return a document as kubectl prints it."""
    return "" if document is None else json.dumps(document)
