"""Read what a patch or a manifest would make of an object, and find what no answer may set. Plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scripts.ai import kubectl_flags
from scripts.ai.mappings import mapped
from scripts.host import parsing

# Fields that give pods power over the node, rights of others, or Secrets; and those that decide what is deleted.
_POWERS = {
    "hostNetwork", "hostPID", "hostIPC", "hostPath", "hostPort", "privileged", "allowPrivilegeEscalation", "add",
    "procMount", "secret", "secretRef", "secretKeyRef", "serviceAccountToken", "csi", "serviceAccountName",
    "serviceAccount", "automountServiceAccountToken", "nodeName", "externalIPs", "externalName", "ephemeralContainers",
    "ownerReferences", "finalizers",  # by which an object is deleted, or never is
    "hostProcess", "sysctls", "shareProcessNamespace", "runtimeClassName", "priorityClassName", "hostAliases",
    # Volumes that the namespace's own policy would refuse: of a node, or of a server somewhere.
    "nfs", "iscsi", "fc", "cephfs", "rbd", "glusterfs", "flexVolume", "flocker", "gitRepo", "cinder", "quobyte",
    "scaleIO", "storageos", "portworxVolume", "vsphereVolume", "photonPersistentDisk", "gcePersistentDisk",
    "awsElasticBlockStore", "azureDisk", "azureFile",
}  # fmt: skip
# Values that take a bound away, where the field by itself is harmless.
_UNBOUND: Mapping[str, tuple[Any, ...]] = {
    "type": ("NodePort", "LoadBalancer", "ExternalName", "Unconfined"), "seccompProfile": ("Unconfined",),
    "hostUsers": (True,),
}  # fmt: skip
_NOTHING = re.compile(r"[-+]?0*(?:\.0*)?(?:[a-zA-Z]{1,2}|[eE][-+]?\d+)?")  # a quantity of nothing, which is no limit


def _limits(value: Any) -> bool:
    """Return whether limits are some: each of them, not fewer than before."""
    return bool(value) and not any(one is None or _NOTHING.fullmatch(str(one)) for one in mapped(value).values())


# Fields that are a bound themselves: none of them may be taken away, and of some only one value is one.
_BOUNDS: Mapping[str, Callable[[Any], bool]] = {
    "securityContext": bool, "capabilities": bool, "drop": bool, "seccompProfile": bool, "appArmorProfile": bool,
    "runAsNonRoot": lambda value: value is True, "readOnlyRootFilesystem": lambda value: value is True,
    "runAsUser": lambda value: type(value) is int and value > 0,
    "resources": lambda value: value is not None, "limits": _limits,
}  # fmt: skip
_NAMES = {"labels", "annotations", "matchLabels", "selector", "nodeSelector"}  # whose keys are anybody's words
_OPERATIONS = {"add", "replace", "remove", "test"}


def laid_over(words: Sequence[str]) -> list[Any]:
    """Return what the words of a kubectl command lay over an object, as nested data; nothing if it is no patch."""
    return [layer for patch in _given(words) for layer in _layers(patch)]


def problem(words: Sequence[str]) -> str:
    """Return why a patch may not be applied; empty if it may, or if the words give nothing to lay over an object."""
    for limit in _flags(words, ("set", "resources"), "limits"):
        if not _limits(dict(one.partition("=")[::2] for one in limit.split(","))):
            return "limits is a bound, which is not for an answer to take away"
    for patch in _given(words):
        if not isinstance(patch, Mapping | list):
            return "the patch cannot be read"
        odd = [mapped(item).get("op") for item in patch if mapped(item).get("op") not in _OPERATIONS]
        if isinstance(patch, list) and odd:
            return f"{odd[0]} in a JSON patch takes its value from elsewhere: write the value out"
    return power(laid_over(words))


def power(item: Any) -> str:
    """Return what of an object or a patch would give pods more than they have; empty if nothing."""
    if isinstance(item, list):
        return next(filter(None, map(power, item)), "")
    for key, value in mapped(item).items():
        directive = str(key).startswith("$")  # says how a patch is laid over, for instance to delete
        if directive or (value and key in _POWERS) or value in _UNBOUND.get(key, ()):
            return f"{key} is not for an answer to set"
        if key in _BOUNDS and not _BOUNDS[key](value):
            return f"{key} is a bound, which is not for an answer to take away"
        if key not in _NAMES and (found := power(value)):
            return found
    return ""


def _given(words: Sequence[str]) -> list[Any]:
    return [_parsed(value) for value in _flags(words, ("patch",), "patch")]


def _flags(words: Sequence[str], verb: tuple[str, ...], wanted: str) -> list[str]:
    """Return the values of a flag where the words are of that verb."""
    if tuple(words[: len(verb)]) != verb:
        return []
    flags, _, _ = kubectl_flags.split(list(words[len(verb) :]), kubectl_flags.CHANGE[" ".join(verb)])
    return [value for name, value in flags if name == wanted]


def _layers(patch: Any) -> list[Any]:
    """Return a JSON patch, which is a list of paths and values, as patches of the other kinds; those as they are."""
    if not isinstance(patch, list):
        return [patch]
    found = []
    for item in patch:
        value = mapped(item).get("value")
        for key in reversed(str(mapped(item).get("path", "")).split("/")[1:]):
            value = {key.replace("~1", "/").replace("~0", "~"): value}
        found.append(value)
    return found


def _parsed(text: str) -> Any:
    try:
        return parsing.from_yaml(text)
    except parsing.Unreadable:
        return None
