"""Wrong ResourceQuotas and LimitRanges, in the words of the real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from embedded.errors import Cause
from embedded.objects import checks, quantity
from embedded.objects.checks import IMMUTABLE, NOT_NEGATIVE, duplicate, required, wrong
from embedded.objects.pod_resources import COMPUTE, SIDES
from embedded.objects.usage import COUNTED

COUNTS = ("pods", *COUNTED, "services.nodeports", "services.loadbalancers")
OF_PODS = {"pods", "cpu", "memory", *(f"{side}.{name}" for side in SIDES for name in ("cpu", "memory"))}
AMOUNTS = {*COMPUTE, "requests.storage", *(f"{side}.{name}" for side in SIDES for name in COMPUTE)}
OPPOSITES = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
WITHIN = {"BestEffort": {"pods"}, "VolumeAttributesClass": {"persistentvolumeclaims", "requests.storage"}}
BOUNDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
# The smaller side, the larger one, the one that is told of, and the words.
ORDER = (
    ("min", "max", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min value {} is greater than default value {}"),
    ("default", "max", "default", "default value {} is greater than max value {}"),
)


def quota(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    """Return what is wrong with a ResourceQuota: entries that nothing counts, amounts that none can be, its scopes."""
    spec = obj.get("spec") or {}
    hard, scopes = spec.get("hard") or {}, spec.get("scopes") or []
    found = [cause for entry, amount in sorted(hard.items()) for cause in _entry(entry, str(amount))]
    strange = [one for one in scopes for entry in hard if _is_standard(entry) and entry not in WITHIN.get(one, OF_PODS)]
    found += [wrong("spec.scopes", scopes, "unsupported scope applied to resource") for _ in strange[:1]]
    found += [wrong("spec.scopes", scopes, "conflicting scopes") for pair in OPPOSITES if pair <= set(scopes)]
    if old is not None and scopes != (old["spec"].get("scopes") or []):
        found.append(wrong("spec.scopes", scopes, IMMUTABLE))
    return found


def _is_standard(entry: str) -> bool:
    return entry in COUNTS or entry in AMOUNTS or entry.removeprefix("requests.").startswith("hugepages-")


def _entry(entry: str, amount: str) -> Iterator[Cause]:
    path = f"spec.hard[{entry}]"
    yield from checks.qualified(path, entry)
    if "/" not in entry and not _is_standard(entry):
        yield wrong(path, entry, "must be a standard resource type or fully qualified")
        yield wrong(path, entry, "must be a standard resource for quota")
    if quantity.parse(amount) < 0:
        yield wrong(path, amount, NOT_NEGATIVE)
    if (entry in COUNTS or entry.startswith("count/")) and quantity.parse(amount) % 1:
        yield wrong(path, amount, "must be an integer")


def limit_range(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    """Return what is wrong with a LimitRange: bounds that no pod can keep, and defaults outside of them."""
    found: list[Cause] = []
    seen: set[str] = set()
    for index, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", str(item.get("type", ""))
        if kind in seen:
            found.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        found += _range(path, kind, {bound: item.get(bound) or {} for bound in BOUNDS})
    return found


def _range(path: str, kind: str, given: dict[str, dict[str, str]]) -> Iterator[Cause]:
    if kind == "Pod":
        for bound in ("default", "defaultRequest"):
            if given[bound]:
                yield checks.forbidden(f"{path}.{bound}", "may not be specified when `type` is 'Pod'")
    if kind == "PersistentVolumeClaim" and not {"storage"} & {*given["min"], *given["max"]}:
        text = "either minimum or maximum storage value is required, but neither was provided"
        yield required(f"{path}.limits", text)
    for name in sorted({name for bound in BOUNDS for name in given[bound]}):
        for low, high, told, words in ORDER:
            one, other = given[low].get(name), given[high].get(name)
            if one is not None and other is not None and quantity.parse(one) > quantity.parse(other):
                yield wrong(f"{path}.{told}[{name}]", str(given[told][name]), words.format(one, other))
        ratio = given["maxLimitRequestRatio"].get(name)
        if ratio is not None and quantity.parse(ratio) < 1:
            yield wrong(f"{path}.maxLimitRequestRatio[{name}]", str(ratio), f"ratio {ratio} is less than 1")
