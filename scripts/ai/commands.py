"""Command lines, judged before anybody runs them: what a fact may ask, and what an answer may propose.

What is not known to be harmless is refused: an unknown verb, flag or kind is a reason, not a doubt.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scripts.ai import kubectl_flags
from scripts.ai.kubectl_flags import REASONS, Flags

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

# What helm and docker may be asked. Their output is read by a person: no tool gets to run them.
_READ = {
    "helm": {
        "list", "ls", "status", "history", "get values", "get manifest", "get notes", "get hooks", "get metadata",
    },
    "docker": {
        "ps", "images", "logs", "inspect", "history", "stats", "top", "version", "info", "port", "system df",
        "image ls", "image list", "image inspect", "image history", "container ls", "container list",
        "container inspect", "container logs", "network ls", "network inspect",
    },
}  # fmt: skip
PROGRAMS = ("kubectl", *_READ)
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
    "kubectl": {"auth", "rollout", "set", "config", "certificate", "top", "cluster-info"},
    "helm": {"get", "show", "repo", "plugin", "dependency", "search"},
    "docker": {"image", "container", "system", "network", "volume", "buildx", "compose", "ai"},
}
_TOP = {"pod": "top pod", "pods": "top pod", "po": "top pod", "node": "top node", "nodes": "top node", "no": "top node"}
_OTHERS = Flags(
    frozenset({"namespace", "output", "tail", "since", "since-time", "revision", "filter", "format", "max", "type"}),
    frozenset(
        {
            "timestamps", "all", "no-stream", "no-trunc", "quiet", "deployed", "failed", "pending", "digests", "size",
            "no-headers", "show-resources",
        }
    ),
    {"n": "namespace", "o": "output", "q": "quiet", "a": "all", "A": "all-namespaces", "H": "host", "f": "follow"},
)  # fmt: skip
# No template: it could spell a value in another way than the redaction knows.
_OUTPUT = re.compile(r"^(json|yaml|name|wide|(jsonpath|jsonpath-as-json|custom-columns)=.+)$", re.DOTALL)
# What any shell makes more of than words, braces with a choice and the glob qualifiers of zsh among it.
_SHELL = re.compile(r"[|;&<>`\n\r#()\\]|\$|^\s*\w+=|\{[^{}]*(?:,|\.\.)[^{}]*\}")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # Unicode's categories of what nobody sees as it is
_WAIT = re.compile(r"([1-9]|[1-5]\d|60)s|1m")
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
class ServedKinds:
    """The namespace and the kinds that the cluster serves (name → plural), by which a command is judged."""

    namespace: str
    names: Mapping[str, str]
    namespaced: Mapping[str, bool]

    @classmethod
    def default(cls, namespace: str) -> ServedKinds:
        """Return those that every cluster serves."""
        rows = [(plural, others, own) for plural, (others, own) in KINDS.items()]
        return cls._of(namespace, rows)

    @classmethod
    def listed(cls, namespace: str, listing: str) -> ServedKinds:
        """Return those that `kubectl api-resources --no-headers` printed; the default kinds where it printed
        nothing.
        """
        rows: list[tuple[str, tuple[str, ...], bool]] = []
        for line in listing.splitlines():
            words = line.split()
            if len(words) in (4, 5) and words[-2] in ("true", "false"):
                short = tuple(words[1].split(",")) if len(words) == 5 else ()
                rows.append((words[0], (*short, words[-1].lower()), words[-2] == "true"))
        return cls._of(namespace, rows) if rows else cls.default(namespace)

    @classmethod
    def _of(cls, namespace: str, rows: Iterable[tuple[str, tuple[str, ...], bool]]) -> ServedKinds:
        names: dict[str, str] = {}
        own: dict[str, bool] = {}
        for plural, others, namespaced in rows:
            own.setdefault(plural, namespaced)
            for name in (plural, *others):
                names.setdefault(name, plural)
        return cls(namespace, names, own)

    def plural(self, word: str) -> str:
        """Return the plural of a kind in any of its spellings, with or without its group; empty if there is none."""
        return self.names.get(word.lower().partition(".")[0], "")


def judge_line(line: str, served: ServedKinds) -> Verdict:
    """Judge one line as a shell would get it."""
    text = line.strip().removeprefix("$ ").strip()
    if any(unicodedata.category(letter) in _UNSEEN for letter in text if letter not in "\t\n"):
        return Verdict(text, "refused", "it holds characters that nobody sees")
    if _SHELL.search(_unquoted(text)):
        placeholder = re.search(r"<[\w -]+>", text)
        why = f"{placeholder[0]} has to be filled in" if placeholder else "only single commands are checked"
        return Verdict(text, "refused", why)
    try:
        argv = shlex.split(text)
    except ValueError as error:
        return Verdict(text, "refused", f"not a command line: {error}")
    return judge(argv, served, text)


def judge(argv: Sequence[str], served: ServedKinds, line: str = "") -> Verdict:
    """Judge one command by its words.

    In the verdict the verb stands first, whatever stood before it: so kubectl-ai tells reading from changing, and so
    do we.
    """
    shown = line or shlex.join(argv)
    problem, verb, resource, kind = _problem(list(argv), served)
    first, words = _to_the_verb(list(argv[1:]))
    ordered = (*argv[:1], *words, *first)
    if problem:
        return Verdict(shown, "refused", problem, ordered, verb, resource)
    return Verdict(shown, kind, "", ordered, verb, resource)


def _problem(argv: list[str], served: ServedKinds) -> tuple[str, str, str, Kind]:
    """Return (why not, verb, kind of object, class)."""
    if not argv or argv[0] not in PROGRAMS:
        return f"{argv[0] if argv else 'nothing'} is not one of {', '.join(PROGRAMS)}", "", "", "refused"
    program = argv[0]
    first, words = _to_the_verb(argv[1:])
    if not words:
        return f"{program} without a verb", "", "", "refused"
    if words[0].startswith("-"):
        name = words[0].partition("=")[0].lstrip("-")
        why = REASONS.get(name, "")
        return f"{words[0].partition('=')[0]} {why or 'is not a flag that is known here'}", "", "", "refused"
    verb, rest = words[0], [*first, *words[1:]]
    if verb in _GROUPS[program] and len(words) > 1:
        verb, rest = f"{verb} {words[1]}", [*first, *words[2:]]
    verb = _TOP.get(verb.removeprefix("top "), verb) if verb.startswith("top ") else verb
    if program != "kubectl":
        return _other_program(program, verb, rest, served)
    table = kubectl_flags.READ.get(verb) or kubectl_flags.CHANGE.get(verb)
    if table is None:
        why = _WHY_NOT.get(verb.split()[0], "not a command that is known to be harmless")
        return f"kubectl {verb}: {why}", verb, "", "refused"
    kind: Kind = "read" if verb in kubectl_flags.READ else "change"
    flags, plain, problem = kubectl_flags.split(rest, table)
    if verb in ("apply", "create", "delete"):
        return _objects(verb, plain, flags, kind, served)
    problem = problem or next(filter(None, (_flag_problem(verb, name, value, served) for name, value in flags)), "")
    if verb == "wait" and not problem and not any(name == "timeout" for name, _ in flags):
        problem = "wait without --timeout may not end"
    if problem:
        return problem, verb, "", "refused"
    return _objects(verb, plain, flags, kind, served)


def _to_the_verb(words: list[str]) -> tuple[list[str], list[str]]:
    """Return (a namespace that is named before the verb, the words from the verb on)."""
    if words[:1] and words[0] in ("-n", "--namespace") and len(words) > 2:
        return words[:2], words[2:]
    if words[:1] and re.match(r"--namespace=|-n[^=-]", words[0]):
        return words[:1], words[1:]
    return [], words


def _flag_problem(verb: str, name: str, value: str, served: ServedKinds) -> str:
    """Return why a flag may not have that value; empty if it may."""
    if name == "namespace" and value != served.namespace:
        return f"outside of the namespace {served.namespace}"
    if name == "output" and not _OUTPUT.match(value):
        return f"--output {value}: not a form of output that is known here"
    if name in ("timeout", "pod-running-timeout") and not _WAIT.fullmatch(value):
        return f"--{name} {value}: at most 60s"
    if name == "subresource" and verb == "get" and value not in ("status", "scale", "resize"):
        return f"--subresource {value}: one of status, scale, resize"
    return ""


def _other_program(program: str, verb: str, rest: list[str], served: ServedKinds) -> tuple[str, str, str, Kind]:
    """Judge helm and docker, which only read."""
    if verb not in _READ[program]:
        if program == "helm":
            return "a release is changed by invoke deploy and invoke rollback", verb, "", "refused"
        why = _WHY_NOT.get(verb.split()[0], "not a command that is known to be harmless")
        return f"{program} {verb}: {why}", verb, "", "refused"
    flags, _, problem = kubectl_flags.split(rest, _OTHERS)
    foreign = any(name == "namespace" and value != served.namespace for name, value in flags)
    problem = problem or (f"outside of the namespace {served.namespace}" if foreign else "")
    return (problem, verb, "", "refused") if problem else ("", verb, "", "read")


def _objects(
    verb: str, rest: list[str], flags: list[tuple[str, str]], kind: Kind, served: ServedKinds
) -> tuple[str, str, str, Kind]:
    """Return whether the kinds and names a kubectl command speaks of are there and may be touched."""
    if verb in ("apply", "create"):
        return f"kubectl {verb} needs its manifest beside it: propose that in a yaml block", verb, "", "refused"
    if verb in ("explain", "api-resources", "api-versions", "version", "events", "auth can-i", "auth whoami"):
        return "", verb, "", kind
    if verb == "delete":
        return "nothing is deleted on an answer's word", verb, "", "refused"
    if verb.startswith("top "):
        return "", verb, "pods" if verb == "top pod" else "nodes", kind
    selected = any(name == "selector" for name, _ in flags)
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
        if any(name == "output" and value not in ("wide", "name") for name, value in flags):
            return "name the kinds instead of all, to see them whole", verb, "all", "refused"
        return "", verb, "all", kind
    for word in kinds:
        if problem := _kind_problem(word, kind, served):
            return problem, verb, served.plural(word) or word, "refused"
    settings = verb in ("label", "annotate", "set image")  # NAME=VALUE, and NAME- to take one away
    names = [word.rpartition("/")[2] for word in rest[1:] if not (settings and ("=" in word or word.endswith("-")))]
    names += [rest[0].partition("/")[2]] if "/" in rest[0] else []
    for name in names:
        if not _NAME.match(name):
            return f"{name!r} is not a name", verb, kinds[0], "refused"
    if kind == "change" and not names:
        return f"kubectl {verb} has to name what it changes", verb, kinds[0], "refused"
    if kind == "change" and selected:
        return "a change names each object", verb, kinds[0], "refused"
    return "", verb, served.plural(kinds[0]), kind


def _kind_problem(word: str, kind: Kind, served: ServedKinds) -> str:
    """Return why no command may speak of a kind of object; empty where it may."""
    plural = served.plural(word)
    if "secret" in word.lower() or "secret" in plural:
        return "Secrets are not read"
    if not plural:
        return f"the cluster has no kind {word!r}"
    if kind == "change" and not served.namespaced.get(plural, False):
        return f"{plural} belong to the whole cluster"
    return ""


def _unquoted(line: str) -> str:
    """Return the line without what stands in quotes: a jsonpath may hold what would otherwise be shell syntax."""
    return re.sub(r"'[^']*'|\"(?:[^\"\\$`]|\\.)*\"", "''", line)


def block_fact(argv: Sequence[str], served: ServedKinds) -> str:
    """Return why a command may not be a recipe's fact, or nothing: facts only read, in the release's own namespace."""
    verdict = judge(argv, served)
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
