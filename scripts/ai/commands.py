"""Command lines, judged before anybody runs them: what a fact may ask, and what an answer may propose.

What is not known to be harmless is refused: an unknown verb, flag or kind is a reason, not a doubt.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["read", "change", "refused"]

# plural → (other names, namespaced). Used where no cluster says what it serves.
KINDS: Mapping[str, tuple[tuple[str, ...], bool]] = {
    "pods": (("pod", "po"), True),
    "services": (("service", "svc"), True),
    "endpoints": (("ep",), True),
    "configmaps": (("configmap", "cm"), True),
    "secrets": (("secret",), True),
    "events": (("event", "ev"), True),
    "serviceaccounts": (("serviceaccount", "sa"), True),
    "persistentvolumeclaims": (("persistentvolumeclaim", "pvc"), True),
    "resourcequotas": (("resourcequota", "quota"), True),
    "limitranges": (("limitrange", "limits"), True),
    "replicationcontrollers": (("replicationcontroller", "rc"), True),
    "deployments": (("deployment", "deploy"), True),
    "replicasets": (("replicaset", "rs"), True),
    "statefulsets": (("statefulset", "sts"), True),
    "daemonsets": (("daemonset", "ds"), True),
    "jobs": (("job",), True),
    "cronjobs": (("cronjob", "cj"), True),
    "horizontalpodautoscalers": (("horizontalpodautoscaler", "hpa"), True),
    "poddisruptionbudgets": (("poddisruptionbudget", "pdb"), True),
    "networkpolicies": (("networkpolicy", "netpol"), True),
    "ingresses": (("ingress", "ing"), True),
    "endpointslices": (("endpointslice",), True),
    "leases": (("lease",), True),
    "roles": (("role",), True),
    "rolebindings": (("rolebinding",), True),
    "nodes": (("node", "no"), False),
    "namespaces": (("namespace", "ns"), False),
    "persistentvolumes": (("persistentvolume", "pv"), False),
    "storageclasses": (("storageclass", "sc"), False),
    "clusterroles": (("clusterrole",), False),
    "clusterrolebindings": (("clusterrolebinding",), False),
    "customresourcedefinitions": (("customresourcedefinition", "crd", "crds"), False),
}

_READ = {
    "kubectl": {
        "get", "describe", "logs", "top", "events", "explain", "api-resources", "api-versions", "version",
        "auth can-i", "rollout status", "rollout history", "wait",
    },
    "helm": {
        "list", "ls", "status", "history", "get values", "get manifest", "get notes", "get hooks", "get metadata",
    },
    "docker": {
        "ps", "images", "logs", "inspect", "history", "stats", "top", "version", "info", "port", "system df",
        "image ls", "image list", "image inspect", "image history", "container ls", "container list",
        "container inspect", "container logs", "network ls", "network inspect",
    },
}  # fmt: skip
_CHANGE = {
    "kubectl": {
        "scale", "autoscale", "set image", "set resources", "rollout restart", "rollout undo", "apply", "create",
        "patch", "label", "annotate", "expose", "delete",
    },
}  # fmt: skip
_WHY_NOT = {
    "exec": "runs a program inside of a container",
    "debug": "starts a container in a running pod",
    "attach": "takes over a container's input",
    "cp": "copies files out of or into a container",
    "port-forward": "opens a port and does not end",
    "proxy": "opens the whole API on a port",
    "run": "starts a pod that belongs to nothing",
    "edit": "waits for an editor",
    "drain": "empties a node",
    "cordon": "changes a node",
    "taint": "changes a node",
    "replace": "overwrites an object whole",
}
_GROUPS = {
    "kubectl": {"auth", "rollout", "set", "config", "certificate"},
    "helm": {"get", "show", "repo", "plugin", "dependency", "search"},
    "docker": {"image", "container", "system", "network", "volume", "buildx", "compose", "ai"},
}
# Flags that name another cluster, another user, or take anything at all.
_FORBIDDEN = {
    "--kubeconfig", "--context", "--cluster", "--server", "-s", "--user", "--token", "--as", "--as-group", "--as-uid",
    "--insecure-skip-tls-verify", "--raw", "--host", "-H", "--config", "--kube-context", "--kube-token",
    "--kube-apiserver", "--kube-as-user", "--post-renderer", "--certificate-authority", "--client-key",
    "--client-certificate", "--username", "--password", "--force", "--template", "--kustomize", "-k",
}  # fmt: skip
_ENDLESS = {"-f", "--follow", "-w", "--watch", "--watch-only"}
_VALUED = {
    "-n", "--namespace", "-o", "--output", "-l", "--selector", "--tail", "--since", "--since-time", "-c", "--container",
    "--field-selector", "--sort-by", "--replicas", "--current-replicas", "--limits", "--requests", "--timeout",
    "--type", "-p", "--patch", "--for", "--image", "--port", "--target-port", "--min", "--max", "--cpu-percent",
    "--cpu", "--memory", "--name", "--types", "--revision", "--to-revision", "--filter", "--format", "--limit",
    "--label-columns", "-L", "--chunk-size", "--limit-bytes", "--max-log-requests",
    "--api-version", "--api-group", "--dry-run",
}  # fmt: skip
_PLAIN = {
    "--all-containers", "--prefix", "--previous", "--timestamps", "--show-labels", "--no-headers", "--recursive",
    "--ignore-not-found", "--show-events", "--show-managed-fields", "--client", "--all", "--no-stream", "--no-trunc",
    "--quiet", "-q", "-a", "--overwrite", "--namespaced", "--deployed",
    "--failed", "--pending", "--list", "--digests", "--size",
}  # fmt: skip
_OUTPUT = re.compile(r"^(json|yaml|name|wide|(jsonpath|custom-columns|go-template)=.+)$", re.DOTALL)
_SHELL = re.compile(r"[|;&<>`\n]|\$\(|\$\{?\w")
_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")


@dataclass(frozen=True)
class Verdict:
    """A command and what is thought of it. `reason` says why it is refused; `verb` is for instance `rollout undo`."""

    line: str
    kind: Kind
    reason: str = ""
    argv: tuple[str, ...] = ()
    verb: str = ""
    resource: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What a command is judged against: the namespace, and the kinds the cluster serves (name → plural)."""

    namespace: str
    names: Mapping[str, str]
    namespaced: Mapping[str, bool]

    @classmethod
    def default(cls, namespace: str) -> Surroundings:
        """With the kinds every cluster serves."""
        rows = [(plural, others, own) for plural, (others, own) in KINDS.items()]
        return cls._of(namespace, rows)

    @classmethod
    def served(cls, namespace: str, listing: str) -> Surroundings:
        """With what `kubectl api-resources --no-headers` printed; the default kinds where it printed nothing."""
        rows: list[tuple[str, tuple[str, ...], bool]] = []
        for line in listing.splitlines():
            words = line.split()
            if len(words) in (4, 5) and words[-2] in ("true", "false"):
                short = tuple(words[1].split(",")) if len(words) == 5 else ()
                rows.append((words[0], (*short, words[-1].lower()), words[-2] == "true"))
        return cls._of(namespace, rows) if rows else cls.default(namespace)

    @classmethod
    def _of(cls, namespace: str, rows: Iterable[tuple[str, tuple[str, ...], bool]]) -> Surroundings:
        names: dict[str, str] = {}
        own: dict[str, bool] = {}
        for plural, others, namespaced in rows:
            own.setdefault(plural, namespaced)
            for name in (plural, *others):
                names.setdefault(name, plural)
        return cls(namespace, names, own)

    def plural(self, word: str) -> str:
        """The plural of a kind in any of its spellings, with or without its group; empty if there is none."""
        return self.names.get(word.lower().partition(".")[0], "")


def judge_line(line: str, around: Surroundings) -> Verdict:
    """Judge one line as a shell would get it."""
    text = line.strip().removeprefix("$ ").strip()
    if _SHELL.search(_unquoted(text)):
        placeholder = re.search(r"<[\w -]+>", text)
        why = f"{placeholder[0]} has to be filled in" if placeholder else "only single commands are checked"
        return Verdict(text, "refused", why)
    try:
        argv = shlex.split(text)
    except ValueError as error:
        return Verdict(text, "refused", f"not a command line: {error}")
    return judge(argv, around, text)


def judge(argv: Sequence[str], around: Surroundings, line: str = "") -> Verdict:
    """Judge one command by its words."""
    shown = line or shlex.join(argv)
    problem, verb, resource, kind = _problem(list(argv), around)
    if problem:
        return Verdict(shown, "refused", problem, tuple(argv), verb, resource)
    return Verdict(shown, kind, "", tuple(argv), verb, resource)


def _problem(argv: list[str], around: Surroundings) -> tuple[str, str, str, Kind]:
    """(why not, verb, kind of object, class)."""
    if not argv or argv[0] not in _READ:
        return f"{argv[0] if argv else 'nothing'} is not one of {', '.join(_READ)}", "", "", "refused"
    program = argv[0]
    flags, words, problem = _parse(argv[1:])
    if not words:
        return problem or f"{program} without a verb", "", "", "refused"
    verb = words[0]
    rest = words[1:]
    if verb in _GROUPS[program] and f"{program} {verb}" != "docker ai" and rest:
        verb, rest = f"{verb} {rest[0]}", rest[1:]
    kind: Kind = "read" if verb in _READ[program] else "change"
    if kind == "change" and verb not in _CHANGE.get(program, ()):
        if program == "helm":
            return "a release is changed by invoke deploy and invoke rollback", verb, "", "refused"
        why = _WHY_NOT.get(verb.split()[0], "not a command that is known to be harmless")
        return f"{program} {verb}: {why}", verb, "", "refused"
    if problem:
        return problem, verb, "", "refused"
    for name, value in flags:
        if name in _FORBIDDEN:
            return f"{name} is not for an answer to set", verb, "", "refused"
        if name in _ENDLESS:
            return f"{name} does not end", verb, "", "refused"
        if name in ("-A", "--all-namespaces") or (name in ("-n", "--namespace") and value != around.namespace):
            return f"outside of the namespace {around.namespace}", verb, "", "refused"
        if name not in _VALUED | _PLAIN and (verb, name) != ("logs", "-p"):
            return f"{name} is not a flag that is known here", verb, "", "refused"
        if program == "kubectl" and name in ("-o", "--output") and not _OUTPUT.match(value):
            return f"{name} {value}: not a form of output that is known here", verb, "", "refused"
    if program != "kubectl":
        return "", verb, "", kind
    return _objects(verb, rest, flags, kind, around)


def _objects(
    verb: str, rest: list[str], flags: list[tuple[str, str]], kind: Kind, around: Surroundings
) -> tuple[str, str, str, Kind]:
    """Whether the kinds and names a kubectl command speaks of are there and may be touched."""
    if verb in ("apply", "create"):
        return f"kubectl {verb} needs its manifest beside it: propose that in a yaml block", verb, "", "refused"
    if verb in ("explain", "api-resources", "api-versions", "version", "events", "auth can-i"):
        return "", verb, "", kind
    if verb == "delete":
        return "nothing is deleted on an answer's word", verb, "", "refused"
    selected = any(name in ("-l", "--selector") for name, _ in flags)
    if verb == "logs" and (not rest or "/" not in rest[0]) and (rest or selected):
        rest = ["pods", *rest]
    if not rest:
        return f"kubectl {verb} of what?", verb, "", "refused"
    kinds = [
        *rest[0].partition("/")[0].split(","),
        *(word.partition("/")[0] for word in rest[1:] if "/" in word and "=" not in word),
    ]
    if verb == "logs" and len(kinds) > 1:
        kinds = kinds[:1]
    if verb == "get" and kinds == ["all"]:
        return "", verb, "all", kind
    for word in kinds:
        plural = around.plural(word)
        if not plural:
            return f"the cluster has no kind {word!r}", verb, word, "refused"
        if plural == "secrets":
            return "Secrets are not read", verb, plural, "refused"
        if kind == "change" and not around.namespaced.get(plural, False):
            return f"{plural} belong to the whole cluster", verb, plural, "refused"
    names = [word.rpartition("/")[2] for word in rest[1:] if "=" not in word and not word.endswith("-")]
    names += [rest[0].partition("/")[2]] if "/" in rest[0] else []
    for name in names:
        if not _NAME.match(name):
            return f"{name!r} is not a name", verb, kinds[0], "refused"
    if kind == "change" and not names:
        return f"kubectl {verb} has to name what it changes", verb, kinds[0], "refused"
    if kind == "change" and any(name in ("--all", "-l", "--selector") for name, _ in flags):
        return "a change names each object", verb, kinds[0], "refused"
    return "", verb, around.plural(kinds[0]), kind


def _parse(words: list[str]) -> tuple[list[tuple[str, str]], list[str], str]:
    """(flags with their values, other words, problem)."""
    flags: list[tuple[str, str]] = []
    plain: list[str] = []
    pending = iter(words)
    for word in pending:
        if word == "--":
            return flags, plain, "-- hands the rest to another program"
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        name, equals, value = word.partition("=")
        if not word.startswith("--") and len(name) > 2 and not equals:
            name, value, equals = name[:2], name[2:], "="
        # --dry-run takes a value only by "=", and for logs -p is --previous.
        takes = name in _VALUED and name != "--dry-run" and not (name == "-p" and plain[:1] == ["logs"])
        if takes and not equals:
            value = next(pending, "")
        flags.append((name, value))
    return flags, plain, ""


def _unquoted(line: str) -> str:
    """The line without what stands in quotes: a jsonpath may hold what would otherwise be shell syntax."""
    return re.sub(r"'[^']*'|\"(?:[^\"\\$`]|\\.)*\"", "''", line)


def block_fact(argv: Sequence[str], around: Surroundings) -> str:
    """Why a command may not be a recipe's fact, or nothing: facts only read, in the release's own namespace."""
    verdict = judge(argv, around)
    if verdict.kind == "refused":
        return verdict.reason
    if verdict.kind == "change":
        return f"{' '.join(argv[:2])} changes something, a fact only reads"
    if any(word.split("=")[0] in ("-n", "--namespace") for word in argv):
        return "the namespace is added by itself"
    if verdict.verb in ("wait",):
        return "a fact does not wait"
    if argv[:2] == ["docker", "stats"] and "--no-stream" not in argv:
        return "docker stats does not end without --no-stream"
    return ""
