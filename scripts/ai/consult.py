"""One question, from the recipe to a checked answer."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.ai import access, answers, facts, offline, prompt
from scripts.ai.answers import Answer
from scripts.ai.commands import ServedKinds, Verdict
from scripts.ai.kagent import objects
from scripts.ai.live_release import LiveRelease, Section
from scripts.ai.options import Options
from scripts.ai.samples import Store
from scripts.ai.tools.direct import Direct
from scripts.ai.tools.gordon import Gordon
from scripts.ai.tools.kagent import Kagent
from scripts.ai.tools.kubectl_ai import KubectlAi
from scripts.ai.types import INTERRUPTED, NOBODY, TOOLS, Inputs, Question, Recipe, Reply, Tool
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.paths import state_folder
from scripts.host.shell import Result
from scripts.host.terminal import printable
from scripts.kube.helm import Helm
from scripts.kube.kubectl import Kubectl
from scripts.kube.objects import is_owned, name_of
from scripts.secrets import redact, secrecy, settings_in_text
from scripts.settings.model import Settings

_SECRET_NAME = re.compile(
    r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|DATABASE_URL|DSN|_PW$|SALT|LICEN[CS]E|COOKIE", re.IGNORECASE
)
LONGEST_ANSWER = 60_000  # characters
# ReplicaSets are asked for by themselves: who may not list them is told the rest all the same.
_RUNNERS = ("deployments,statefulsets,daemonsets,jobs,cronjobs,pods", "replicasets")
# Of revisions before this one too: their templates are there to be read as long as their ReplicaSets are.
_LITERAL_KINDS = ("pods,deployments,statefulsets,daemonsets,jobs,cronjobs,configmaps", "replicasets")


@dataclass(frozen=True)
class Connection:
    """The release that questions are about, and the way to reach it."""

    settings: Settings
    kubectl: Kubectl
    helm: Helm
    options: Options
    variables: Mapping[str, str] = field(repr=False)
    store: Store | None = None
    path: str | None = None
    history: Callable[[], Sequence[tuple[str, ...]]] = lambda: [("REVISION",)]  # a heading, then a row a revision

    @property
    def namespace(self) -> str:
        """Return the namespace where everything of the app lives."""
        return self.settings.release.namespace


@dataclass(frozen=True)
class Consultation:
    """A question and its answer. `answer` holds placeholders where secrets were; `mapping` what they hide.

    `ended_by` is the Ctrl-C that ended it: then `tool` is empty, and `answer` what was said until then.
    """

    recipe: Recipe
    inputs: Mapping[str, str]
    tool: str
    answer: Answer
    sections: tuple[Section, ...] = ()
    tried: tuple[tuple[str, str], ...] = ()  # tool, why not
    notes: tuple[str, ...] = ()
    prompt: str = ""
    command: str = ""
    redactions: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    dry: bool = False
    ended_by: KeyboardInterrupt | None = None


def tools(connection: Connection, folder: Path) -> dict[str, Tool]:
    """Return every tool by name, aimed at this cluster."""
    root, namespace, options = connection.settings.root, connection.namespace, connection.options
    return {
        "gordon": Gordon(connection.kubectl.shell, options, folder, connection.path),
        "kubectl-ai": KubectlAi(
            connection.kubectl.shell,
            options,
            lambda: access.kubeconfig(connection.kubectl, namespace, root, "reader"),
            connection.kubectl.binary,
            connection.path,
        ),
        "kagent": Kagent(connection.kubectl, options, lambda: objects.manifests(connection.settings, options)),
        "api": Direct(options, connection.kubectl.shell.say),
    }


def consult(
    connection: Connection,
    recipe: Recipe,
    given: Inputs,
    *,
    tool: str = "auto",
    dry: bool = False,
    observe: float = 0.0,
    decide: Callable[[Verdict], str] | None = None,
    person: Callable[[str], str] | None = None,
) -> Consultation:
    """Ask a recipe's question. A tool that fails is told of, and the next one, at last the rules, answer instead.

    With `dry` nothing is sent: the result holds the prompt and the command line. `decide` puts a change that a tool's
    model wants to the person; without it every change is refused. `person` answers a tool's question in words.
    Raises UserError for wrong inputs.
    """
    if tool not in ("auto", *TOOLS):
        raise UserError(f"--tool {tool}: no such tool", f"choose one of: auto, {', '.join(TOOLS)}")
    inputs = _checked_inputs(connection, recipe, given)
    live = LiveRelease(connection.kubectl, connection.settings, inputs, connection.store, observe)
    _complete(recipe, inputs, live)
    available = tools(connection, _folder(connection.settings, inputs))
    chosen, tried = choose(recipe, tool, available, dry=dry)
    if chosen == "offline" and not dry:
        return _by_rules(recipe, inputs, live, connection, tried)
    shown = available.get(chosen if chosen != "offline" else recipe.tools[0])
    secrets, notes = known_secrets(connection)
    gathered = facts.gather(recipe, inputs, live, connection.helm)
    text = prompt.render(
        recipe, inputs, gathered, connection.settings, secrets=secrets, limit=connection.options.budget
    )  # fmt: skip
    if dry or shown is None:
        command = shown.command() if shown else ""
        return Consultation(
            recipe, inputs, chosen, Answer(""), tried=tuple(tried), notes=tuple(notes), prompt=text.text,
            command=command, redactions=text.redactions, mapping=text.mapping, dry=True,
        )  # fmt: skip
    served = served_kinds(connection)
    question = Question(text.text, served, secrets, text.mapping, decide or (lambda verdict: NOBODY), person)
    names = [chosen] if tool != "auto" else [*_from(recipe.tools, chosen)]
    reply, failed, said = _first_answer(names, available, question)
    tried, notes = [*tried, *failed], [*notes, *said]
    if reply is None:
        found = _by_rules(recipe, inputs, live, connection, tried)
        return replace(found, notes=tuple(notes), redactions=text.redactions, mapping=text.mapping)
    mapping = {**text.mapping, **reply.mapping}
    return Consultation(
        recipe, inputs, "" if reply.ended_by else reply.tool, answers.read(reply.text, served), tried=tuple(tried),
        notes=(*notes, *reply.notes), command=reply.command, redactions=redact.summary(mapping),
        mapping=mapping, seconds=reply.seconds, ended_by=reply.ended_by,
    )  # fmt: skip


def _checked_inputs(connection: Connection, recipe: Recipe, given: Inputs) -> dict[str, str]:
    """Return a recipe's inputs, whole. Raises UserError for a service that is none of the app's or the namespace's."""
    services = [*(service.name for service in connection.settings.services), connection.settings.database.name]
    wanted = {given.get(item.name, "") for item in recipe.inputs if item.type == "service"} - {""}
    if wanted - set(services):
        services += workloads(connection)
    usual = next(iter(connection.settings.app.under_load), services[0])
    return facts.check_inputs(recipe, given, services, usual)


def _first_answer(
    names: Sequence[str], available: Mapping[str, Tool], question: Question
) -> tuple[Reply | None, list[tuple[str, str]], list[str]]:
    """Return the first reply that is an answer, or what there is of one at Ctrl-C, None if none is; the tools that
    failed and why; what they said, as it may be shown.
    """
    tried: list[tuple[str, str]] = []
    notes: list[str] = []
    for number, name in enumerate(names):
        reason = available[name].missing() if number else ""  # the first one was looked at already
        reply = bounded(_safe(Reply(name, "", reason) if reason else _asked(available[name], question), question))
        if reply.error:
            tried.append((name, reply.error))
        if not reply.error or reply.ended_by:
            return replace(reply, tool=name), tried, notes
        said = answers.read(reply.text, question.served).text
        notes += [*reply.notes, *([f"{name} said before it failed:\n{said}"] if said else [])]
    return None, tried, notes


def _asked(tool: Tool, question: Question) -> Reply:
    """Return a tool's reply; an empty one where Ctrl-C came before it had said anything."""
    try:
        return tool.ask(question)
    except KeyboardInterrupt as end:
        return Reply(tool.name, "", INTERRUPTED, ended_by=end)


def _safe(reply: Reply, question: Question) -> Reply:
    """Return a reply without secrets: a tool may read files, and its answer may go into a pipe or a file."""
    redactor = redact.Redactor(question.secrets, {**question.mapping, **reply.mapping})
    text, error = redactor.clean(reply.text), redactor.clean(reply.error)
    notes = tuple(map(redactor.clean, reply.notes))
    return replace(reply, text=text, error=error, notes=notes, mapping=redactor.mapping)


def bounded(reply: Reply) -> Reply:
    """Return a reply that a person can read; a longer one is kept whole in a file, which a note names."""
    if len(reply.text) <= LONGEST_ANSWER:
        return reply
    shown = f"{reply.text[:LONGEST_ANSWER]}\n\n[cut off: {len(reply.text)} characters in all]"
    file = state_folder("ai", f"answer-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.md")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(reply.text.encode(errors="backslashreplace"))  # JSON may hold half of a character
    except OSError as error:
        return replace(reply, text=shown, notes=(*reply.notes, f"the rest of the answer could not be kept: {error}"))
    return replace(reply, text=shown, notes=(*reply.notes, f"the whole answer is in {file}"))


def _from(names: Sequence[str], first: str) -> Sequence[str]:
    """Return the tools of a recipe from the chosen one on, without the rules."""
    found = list(names)
    return [name for name in found[found.index(first) :] if name != "offline"]


def workloads(connection: Connection) -> list[str]:
    """Return every workload of the namespace by name, whether it has pods or not, and pods that belong to none of them.

    None where they cannot be listed.
    """
    found = _listed(connection, _RUNNERS)
    return [name_of(item) for item in found if not is_owned(item)]


def _listed(connection: Connection, kinds: Sequence[str]) -> list[Any]:
    """Return the objects of the namespace, of those kinds that can be listed."""
    words = ("--namespace", connection.namespace, "--output", "json")
    return [item for kind in kinds for item in _items(connection.kubectl.ask("get", kind, *words)) or ()]


def choose(
    recipe: Recipe, wanted: str, available: Mapping[str, Tool], *, dry: bool = False
) -> tuple[str, list[tuple[str, str]]]:
    """Return (tool, why not the others). A tool that is asked for by name has to be there, unless nothing is sent
    anyway.
    """
    if wanted == "offline":
        return "offline", []
    if wanted != "auto":
        reason = available[wanted].missing()
        if reason and not dry:
            raise UserError(f"--tool {wanted}: {reason}", "or let --tool auto choose; see: invoke ai.doctor")
        return wanted, [(wanted, reason)] if reason else []
    tried: list[tuple[str, str]] = []
    for name in recipe.tools:
        if name == "offline":
            break
        reason = available[name].missing()
        if not reason:
            return name, tried
        tried.append((name, reason))
    return "offline", tried


def _by_rules(
    recipe: Recipe, inputs: Inputs, live: LiveRelease, connection: Connection, tried: Sequence[tuple[str, str]]
) -> Consultation:
    """Return the rules' answer. Secrets are taken out of it too: it may go into a pipe or a file."""
    secrets, _ = known_secrets(connection)
    redactor = redact.Redactor(secrets)
    found = [_cleaned(section, redactor.clean) for section in offline.sections(recipe, live)]
    text = redactor.clean(offline.render(found, inputs.get("question", "")))
    about = redact.summary(redactor.mapping) + ", and nothing left this machine" * (not tried)
    return Consultation(
        recipe, inputs, "offline", answers.read(_bare(text, connection), served_kinds(connection)), tuple(found),
        tuple(tried),
        redactions=about, mapping=redactor.mapping,
    )  # fmt: skip


def _cleaned(section: Section, clean: Callable[[str], str]) -> Section:
    """Return a section without secrets, its data for programs too."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, Mapping):
            return {key: walk(item) for key, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list | tuple) else value

    return replace(section, lines=tuple(map(clean, section.lines)), data=walk(section.data))


def _bare(text: str, connection: Connection) -> str:
    """Return the rules' own commands without their cluster, which is added again where they are shown as runnable."""
    from scripts.host.shell import render

    prefix = render(["kubectl", *connection.kubectl.command()[1:]])
    return text.replace(prefix, "kubectl")


def served_kinds(connection: Connection) -> ServedKinds:
    """Return what commands are judged against: the kinds that this cluster serves."""
    answer = connection.kubectl.ask("api-resources", "--no-headers", timeout=10)
    return ServedKinds.listed(connection.namespace, answer.out if answer else "")


def known_secrets(connection: Connection) -> tuple[list[str], list[str]]:
    """Return (values that must not leave, what to say of them): the namespace's Secrets, and this environment's
    keys.
    """
    # A variable such as MY_KEY=true is no secret, and taking out every "true" would leave nothing to read.
    found = [
        value
        for name, value in connection.variables.items()
        if _SECRET_NAME.search(name) and len(value) >= 6 and not settings_in_text.is_harmless(name, value)
    ]
    found += connection.options.model.secrets if connection.options.model else []
    notes = []
    if not secrecy.read_once(connection.kubectl, connection.namespace, anew=True):
        notes.append(secrecy.UNREAD)
    found += secrecy.known()
    # What stands in an environment may be printed bare by a jsonpath or by a log: there no name gives it away.
    found += settings_in_text.literals(_listed(connection, _LITERAL_KINDS))
    return found, notes


def _items(answer: Result) -> list[Any] | None:
    """Return the objects that a listing holds, or None where it cannot be told."""
    try:
        items = parsing.from_json(answer.out)["items"] if answer else None
        return items if isinstance(items, list) else None
    except (ValueError, KeyError, TypeError):
        return None


def _complete(recipe: Recipe, inputs: dict[str, str], live: LiveRelease) -> None:
    """Set the pod in most trouble of a service, and the service of a pod, where the recipe asks for both.

    Raises UserError for a pod that is asked for and is not there.
    """
    names = {item.type: item.name for item in recipe.inputs}
    if "pod" not in names:
        return
    pod, service = names["pod"], names.get("service", "")
    asked = inputs[pod]
    if not asked and not inputs.get(service):
        return
    wanted = asked or live.deployment(inputs[service])
    try:
        inputs[pod], owner = facts.resolve_pod(list(live.state.kind("Pod")), wanted)
    except UserError:
        if asked and asked not in live.names:
            raise
        # A workload without pods, for instance one whose pods were refused, is for the rules to explain.
        inputs[pod], owner = "", wanted
    live.focus = wanted if wanted in live.names else owner
    if service and not inputs[service]:
        inputs[service] = live.service(owner)


def _folder(settings: Settings, inputs: Inputs) -> Path:
    """Return where Gordon looks: the build context of the service, else the repository."""
    services = {service.name: service for service in settings.services}
    service = services.get(inputs.get("service", ""))
    return service.context if service else settings.root


def as_json(found: Consultation, command: Sequence[str], namespace: str) -> dict[str, Any]:
    """Return the consultation for programs; placeholders stay, because nobody knows where it goes."""
    result: dict[str, Any] = {
        "recipe": found.recipe.name,
        "inputs": dict(found.inputs),
        "tool": found.tool,
        "tried": [{"tool": name, "reason": reason} for name, reason in found.tried],
        "notes": list(found.notes),
        "redactions": found.redactions,
        "redacted": len(found.mapping),
        "command": found.command,
    }
    if found.dry:
        return result | {"prompt": found.prompt}
    return result | {
        "seconds": round(found.seconds, 1),
        "answer": found.answer.text,
        "commands": [
            {"line": item.line, "kind": item.kind, "reason": item.reason}
            | ({"run": answers.runnable(item, command, namespace)} if item.kind != "refused" else {})
            for item in found.answer.commands
        ],
        "manifests": [
            {"kind": item.kind, "name": item.name, "problem": item.problem} for item in found.answer.manifests
        ],
        "sections": [asdict(section) for section in found.sections],
    }


def for_screen(found: Consultation, command: Sequence[str], namespace: str, *, private: bool) -> str:
    """Return the consultation for a person. `private` says that this is their own screen: secrets are put back."""
    lines = [f"{found.recipe.name}: {found.recipe.title}"]
    lines += [f"  not {name}: {reason}" for name, reason in found.tried]
    if found.dry:
        who = found.tool if found.tool != "offline" else "nobody: no tool is there, the rules would answer"
        lines += [f"  would ask: {who}", f"  {found.redactions}", *(f"  {note}" for note in found.notes)]
        lines += [f"  $ {found.command}", "", found.prompt.rstrip()]
        return "\n".join(lines)
    took = f" in {found.seconds:.0f} s" if found.seconds else ""
    lines += [
        f"  answered by: {found.tool}{took}" if found.tool else "  answered by: nobody; what was said until then:"
    ]
    lines += [f"  {found.redactions}", *(f"  {note}" for note in found.notes), ""]
    text = redact.restore(found.answer.text, found.mapping) if private else found.answer.text
    lines.append(text.rstrip())
    good = [item for item in found.answer.commands if item.kind != "refused"]
    if good:
        lines += ["", "Checked, to be pasted:"]
        lines += [f"  {answers.runnable(item, command, namespace)}" + _mark(item.kind) for item in good]
    bad = [item for item in found.answer.commands if item.kind == "refused"]
    lines += [f"Not runnable: {item.line} - {item.reason}" for item in bad]
    lines += [f"Not applicable: {item.problem}" for item in found.answer.manifests if item.problem]
    return printable("\n".join(lines))


def _mark(kind: str) -> str:
    return "    # changes the release" if kind == "change" else ""
