"""Set AI tools up: a connection for a session, a look at what is there, and the resources that kagent works with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from scripts.ai import access, consult, options
from scripts.ai.consult import Connection
from scripts.ai.kagent.install import Place
from scripts.ai.samples import Store
from scripts.ai.tools.direct import SMALLEST, Direct
from scripts.ai.types import Question, Tool
from scripts.context.session import Session
from scripts.host.paths import state_folder
from scripts.secrets import redact, sync

PROOF_SECONDS = 60  # that a tool has for one tiny question


@dataclass(frozen=True)
class Check:
    """One line of the doctor. `state` is ready, missing or weak."""

    name: str
    state: str
    text: str


def connection(session: Session) -> Connection:
    """Return the connection of a session. Raises SettingsError for a wrong config/ai.yaml."""
    variables = sync.known_variables(session.settings.root)
    found = options.read(session.settings.root, variables)
    cluster = session.cluster
    namespace = session.settings.release.namespace
    store = Store(state_folder("ai", f"{cluster.target}-{cluster.context}") / f"{namespace}.jsonl")
    return Connection(
        session.settings, session.kubectl, session.helm, found, variables, store, history=partial(_history, session)
    )


def _history(session: Session) -> list[tuple[str, ...]]:
    from scripts.release import operate  # with all that a release is made of

    return operate.history(session)


def doctor(place: Connection) -> Iterator[Check]:
    """Yield which tools are there and work, and how to get the others."""
    model = place.options.model
    works = False
    if model is None:
        yield Check("model", "missing", "no key is there; set one of those in config/ai.yaml, or model.endpoint")
    else:
        key = f"key from {model.key_name}" if model.key else "no key needed" if model.usable else ""
        key = "login from its address" if model.login else key
        works, said = Direct(place.options).check() if model.usable else (False, f"{model.key_name} is not set")
        bad = not works
        text = ", ".join(word for word in (f"{model.provider} {model.name} at {model.endpoint}", key, said) if word)
        text = redact.redact(text, model.secrets)[0]  # some put a key into the path of an address
        yield Check("model", "missing" if bad else "ready", text)
    quick = replace(place, options=replace(place.options, timeout=min(PROOF_SECONDS, place.options.timeout)))
    for name, tool in consult.tools(quick, place.settings.root).items():
        yield _proved(name, tool, works)
    yield _access(place)
    yield Check("offline", "ready", "the rules of this repository answer every recipe")


def _proved(name: str, tool: Tool, model_works: bool) -> Check:
    """Return whether a tool answers one tiny question. Gordon is not asked: its answers are counted."""
    reason = tool.missing()
    if reason:
        return Check(name, "missing", reason)
    if name in ("gordon", "api"):
        return Check(name, "ready" if name == "gordon" or model_works else "missing", tool.command())
    if not model_works:
        return Check(name, "missing", "not asked: its model does not answer, see above")
    reply = tool.ask(Question(SMALLEST))
    return Check(name, "missing" if reply.error else "ready", reply.error or f"answered in {reply.seconds:.0f} s")


def _access(place: Connection) -> Check:
    """Return whether the cluster gives out tokens of least rights."""
    kubectl = place.kubectl
    reader = access.account("reader")
    answer = kubectl.ask("create", "token", reader, "--namespace", place.namespace, "--duration", access.LIFETIME)
    if answer:
        return Check("least rights", "ready", f"tokens of ServiceAccount {reader}, {access.LIFETIME} each")
    if "not found" in answer.err:
        return Check("least rights", "ready", f"ServiceAccount {reader} is created when a tool first needs it")
    return Check("least rights", "missing", answer.err.strip() or "the cluster does not answer")


def kagent_place(session: Session) -> Place:
    """Return where kagent is installed to, or taken away from."""
    variables = sync.known_variables(session.settings.root)
    found = options.read(session.settings.root, variables)
    return Place(session.settings, found, session.kubectl, session.helm, session.say)
