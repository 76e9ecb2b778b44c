"""scale, binding and eviction: subresources whose objects are of another kind than their parent."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from embedded import errors, kinds
from embedded.api import decoding, patching, tables
from embedded.api.request_info import RequestInfo
from embedded.api.responses import reply
from embedded.api.rest import find, is_dry_run, manager_of, media_type
from embedded.errors import ApiError
from embedded.kinds import Kind
from embedded.objects import custom, selectors
from embedded.objects.values import clone, timestamp
from embedded.store import Store

SCALE = Kind("autoscaling", "v1", "Scale", "scales")
CREATED = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
NOT_ALLOWED = "the server does not allow this method on the requested resource"


async def answer(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer any method on one of these subresources."""
    if target.subresource == "scale":
        return await _scale(store, target, request)
    if request.method != "POST":
        raise ApiError(405, NOT_ALLOWED, details={})
    if target.subresource == "binding":
        value, _ = decoding.parse(media_type(request), await request.read())
        return bind(store, target.namespace, target.name, value)
    if target.subresource == "eviction":
        return await _evict(store, target, request)
    raise ApiError(405, NOT_ALLOWED, details={})


def scale_of(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the Scale of a workload."""
    kind = kinds.of(obj)
    paths = (kind.custom.scale if kind and kind.custom else None) or {}
    if paths:
        replicas = _first(obj, paths["specReplicasPath"], 0)
        status = {"replicas": _first(obj, paths["statusReplicasPath"], 0)}
        status |= {"selector": _first(obj, paths["labelSelectorPath"], "")} if paths.get("labelSelectorPath") else {}
    else:
        chosen = (obj["spec"].get("selector") or {}).get("matchLabels", {})
        replicas = obj["spec"].get("replicas", 0)
        status = {"replicas": obj.get("status", {}).get("replicas", 0)}
        status |= {"selector": ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))}
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _first(obj: dict[str, Any], path: str, default: Any) -> Any:
    return next(iter(custom.look_up(obj, path)), default)


def scaled(kind: Kind, obj: dict[str, Any], replicas: int) -> dict[str, Any]:
    """Return a copy of a workload that asks for that many replicas."""
    path = kind.custom.scale["specReplicasPath"] if kind.custom and kind.custom.scale else ".spec.replicas"
    changed: dict[str, Any] = clone(obj)
    part = changed
    *steps, last = path.strip(".").split(".")
    for step in steps:
        part = part.setdefault(step, {})
    part[last] = replicas
    return changed


async def _scale(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    obj = find(store, target)
    if request.method == "GET":
        return tables.answer(request, SCALE, scale_of(obj), store)
    body = await request.read()
    if request.method == "PUT":
        wanted, _ = decoding.parse(media_type(request), body)
    elif request.method == "PATCH":
        wanted = patching.patched(SCALE, scale_of(obj), media_type(request), body)
    else:
        raise ApiError(405, NOT_ALLOWED, details={})
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        cause = errors.Cause("spec.replicas", "FieldValueInvalid", "")
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        body_details: dict[str, Any] = {"name": target.name, "group": "autoscaling", "kind": "Scale"}
        body_details["causes"] = [{"reason": cause.reason, "message": message, "field": cause.field}]
        text = f'Scale.autoscaling "{target.name}" is invalid: {cause.field}: {message}'
        raise ApiError(422, text, details=body_details)
    revision = wanted.get("metadata", {}).get("resourceVersion")
    changed = scaled(target.kind, obj, replicas)
    if revision:
        changed["metadata"] = obj["metadata"] | {"resourceVersion": revision}
    written = store.update(
        target.kind.storage, changed, manager=manager_of(request), dry_run=is_dry_run(request), recorded_as="scale"
    )
    return tables.answer(request, SCALE, scale_of(written), store)


def bind(store: Store, namespace: str, name: str, binding: dict[str, Any]) -> web.Response:
    """Give a pod to a node; raises 409 when it has one."""
    node = (binding.get("target") or {}).get("name", "")
    pod = store.get("pods", namespace, name)
    if pod is None:
        raise errors.not_found("pods", name)
    if pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise errors.conflict("pods/binding", name, why)

    def assign(obj: dict[str, Any]) -> None:
        obj["spec"]["nodeName"] = node
        since = timestamp(store.clock())
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": since}
        others = [c for c in obj["status"].get("conditions") or () if c["type"] != "PodScheduled"]
        obj["status"]["conditions"] = [*others, scheduled]

    store.modify("pods", namespace, name, assign, subresource="binding")
    return reply(CREATED, status=201)


async def _evict(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    value, _ = decoding.parse(media_type(request), await request.read() or b"{}")
    pod = find(store, target)
    options = value.get("deleteOptions") or {}
    dry_run = is_dry_run(request) or bool(options.get("dryRun"))  # `kubectl drain` says it there
    meta = pod["metadata"]
    running = pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    for budget in store.list("poddisruptionbudgets.policy", target.namespace):
        chosen = selectors.matches(budget["spec"].get("selector"), meta.get("labels") or {})
        if not chosen or not running or meta.get("deletionTimestamp"):
            continue
        status = budget.get("status", {})
        if status.get("disruptionsAllowed", 0) <= 0:
            name = budget["metadata"]["name"]
            why = (
                f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
                f"{status.get('currentHealthy', 0)} currently"
            )
            details = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
            raise ApiError(429, "Cannot evict pod as it would violate the pod's disruption budget.", details=details)
        if not dry_run:
            _take(store, budget)
    if not dry_run:
        store.delete("pods", target.namespace, target.name, grace=options.get("gracePeriodSeconds"))
    return reply(CREATED, status=201)


def _take(store: Store, budget: dict[str, Any]) -> None:
    """Use up one disruption of a budget, so that the next eviction sees it before the controller counts again."""

    def change(obj: dict[str, Any]) -> None:
        obj["status"]["disruptionsAllowed"] -= 1

    meta = budget["metadata"]
    store.modify("poddisruptionbudgets.policy", meta["namespace"], meta["name"], change, subresource="status")
