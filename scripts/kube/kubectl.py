"""kubectl, always aimed at an explicit kubeconfig and context."""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.pipes import Stream
from scripts.host.shell import CommandError, Result, Shell
from scripts.kube import api, objects, queries
from scripts.kube.arguments import one_file

CLAIMED = "see whether an autoscaler sets it back (kubectl get hpa), and that kubectl is a real one (kubectl version)"


class Changes:
    """Watch events of several kinds as they come, for one reader; any thread may stop it."""

    def __init__(self, timeout: float) -> None:
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._deadline = time.monotonic() + timeout

    def read(self, events: Iterable[dict[str, Any]]) -> None:
        """Pass events on until there are no more; then the whole stream is at its end."""
        try:
            with suppress(parsing.Unreadable):  # a stream that breaks off, as any other end of it
                for event in events:
                    self._events.put(event)
        finally:
            self.stop()

    def stop(self) -> None:
        """End the stream after the events it has."""
        self._events.put(None)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with suppress(queue.Empty):
            while (event := self._events.get(timeout=max(0.0, self._deadline - time.monotonic()))) is not None:
                yield event


_AHEAD: dict[tuple[Path, str], timedelta] = {}
_DATE = re.compile(r"^.*\bDate: (\w{3}, .+? GMT)", re.MULTILINE)
NO_RIGHT = "this account lacks that right: ask for it, or use another account (see: kubectl auth can-i --list)"
PAUSE = 2.0  # seconds that an API server which is overtaxed is left alone
MANAGER = "todo-chatbot"  # the field manager of whatever is applied
SERVER_SIDE = ("--server-side", "--force-conflicts", f"--field-manager={MANAGER}")
APPLY = ("apply", *SERVER_SIDE, "--filename", "-")


@dataclass(frozen=True)
class Kubectl:
    """One cluster, as kubectl reaches it."""

    binary: Path
    kubeconfig: Path
    context: str
    shell: Shell
    require: Callable[[], None] = lambda: None  # raises UserError where the cluster is not in a state to answer

    def command(self, *words: str) -> list[str]:
        """Return the argv of a call, which never relies on the current context."""
        return [str(self.binary), "--kubeconfig", str(self.kubeconfig), "--context", self.context, *words]

    def now(self) -> datetime:
        """Return this moment by the cluster's clock, as its objects have times; by this machine's until it answers."""
        reached = api.connect(self.kubeconfig, self.context)
        return objects.now() + (reached.ahead if reached else self._ahead())

    def _ahead(self) -> timedelta:
        """Return by how much the cluster's clock is before this machine's where only kubectl can log in: asked once."""
        key = (self.kubeconfig, self.context)
        if key not in _AHEAD and self.kubeconfig.is_file():
            asked = objects.now()
            # So much is the least at which it prints what an answer is headed by; a credential never is among that.
            told = self.shell.probe(self.command("get", "--raw", "/version", "--v=8"))
            date = _DATE.search(told.err) if told else None
            if date is None:
                return timedelta()
            _AHEAD[key] = api.clock_difference(date[1], asked, objects.now())
        return _AHEAD.get(key, timedelta())

    def ask(self, *words: str, timeout: float = 30.0) -> Result:
        """Return the answer to a call that changes nothing: over the kept connection where it can be had there."""
        document, result = self.look(*words, timeout=timeout)
        return result if document is None else Result(0, queries.as_text(document))

    def look(self, *words: str, timeout: float = 30.0) -> tuple[Any, Result]:
        """Return what a call that changes nothing finds, and how it ended; where it is told as text alone, nothing.

        A namespace of thousands of objects is not written out as JSON for them to be read from that.
        """
        return self._patiently(words, timeout)

    def _patiently(self, words: tuple[str, ...], timeout: float) -> tuple[Any, Result]:
        """Return the document and the ending of a call that changes nothing, made twice where a server is overtaxed.

        The document is None where a kubectl was asked: its text is in the ending. Raises UserError where the cluster
        is not in a state to answer, which is asked before anything is waited for a second time.
        """
        found = self._once(words, timeout)
        if not queries.is_transient(words, found[1]):
            return found
        self.require()
        time.sleep(PAUSE)  # an API server that is overtaxed offers no event to wait for
        return self._once(words, timeout)

    def _once(self, words: tuple[str, ...], timeout: float) -> tuple[Any, Result]:
        found = self._over_connection(words, timeout)
        return found or (None, self.shell.probe(self.command(*words), timeout=timeout))

    def _over_connection(self, words: tuple[str, ...], timeout: float) -> tuple[Any, Result] | None:
        """Return the document and the ending of a call, None where only a kubectl can say."""
        query = queries.parse_query(words)
        reached = api.connect(self.kubeconfig, self.context) if query else None
        if query is None or reached is None:
            return None
        try:
            return queries.run_query(reached, query, timeout)
        except api.Silent:  # before a kubectl waits for as long again
            self.require()
            return None
        except api.Unreachable:
            return None

    def _document(self, words: tuple[str, ...], *, needed: bool) -> Any:
        """Return what a `get` finds, None where it need not be there and is not. Raises UserError for no answer."""
        document, answer = self._patiently((*words, "-o", "json"), 30.0)
        if not answer:
            self.require()
            raise unanswered(" ".join(words), answer)
        if document is None and (answer.out.strip() or (needed and "--ignore-not-found" not in words)):
            document = parsed(answer.out, " ".join(words))
        return document

    def get(self, *words: str) -> Any:
        """Return what `kubectl get … -o json` answers. Raises UserError if the cluster does not."""
        return self._document(("get", *words), needed=True)

    def find(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """Return an object, None where the cluster says that there is none. Raises UserError where it says nothing."""
        where = ("--namespace", namespace) if namespace else ()
        asked = ("get", kind, name, *where, "--ignore-not-found")
        found: dict[str, Any] | None = self._document(asked, needed=False)
        if found is not None and not queries.is_object(found):
            raise misshapen(found, " ".join(asked))
        return found

    def items(self, kinds: str, namespace: str, *words: str) -> list[dict[str, Any]]:
        """Return the objects of some kinds in a namespace. Raises UserError if the cluster does not answer."""
        asked = ("get", kinds, "--namespace", namespace, *words)
        found = self._document(asked, needed=True)
        if not queries.is_list(found):
            raise misshapen(found, " ".join(asked))
        return found["items"] or []

    def visible(self, kinds: str, namespace: str, *words: str) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the objects of some kinds that this account may list, and the kinds that it may not.

        Raises UserError if the cluster does not answer.
        """
        try:
            return self.items(kinds, namespace, *words), []
        except Unanswered as problem:
            if not is_forbidden(problem):
                raise
        each = kinds.split(",")
        if len(each) == 1:
            return [], [kinds.partition(".")[0]]
        with ThreadPoolExecutor(max_workers=8) as pool:  # where one is forbidden, each is asked for alone
            found = list(pool.map(lambda kind: self.visible(kind, namespace, *words), each))
        return [item for items, _ in found for item in items], [kind for _, hidden in found for kind in hidden]

    def named(self, kind: str, namespace: str, names: Collection[str], *more: str) -> list[dict[str, Any]]:
        """Return those objects of these names that are there. Raises UserError if the cluster does not answer."""
        if not names:
            return []
        words = ("get", kind, *sorted(names), "--namespace", namespace, "--ignore-not-found", *more)
        data = self._document(words, needed=False) or {"items": []}
        return data["items"] or [] if queries.is_list(data) else [data]

    @contextmanager
    def watch(self, kind: str, namespace: str, timeout: float) -> Iterator[Stream]:
        """Yield the objects of a kind as they are and as they change, for `timeout` seconds; read them by
        `documents`.
        """
        argv = self.command(
            "get", kind, "--namespace", namespace, "--watch", "--output-watch-events", "--output", "json"
        )
        with self.shell.follow(argv, timeout) as stream:
            yield stream

    @contextmanager
    def changes(self, resources: Collection[tuple[str, str]], timeout: float) -> Iterator[Changes]:
        """Yield the objects of (kind, namespace)s as they are and as they change, for `timeout` seconds, as
        watch events.
        """
        reached = api.connect(self.kubeconfig, self.context)
        with ExitStack() as stack:
            merged = Changes(timeout)
            stack.callback(merged.stop)
            for kind, namespace in resources:
                resource = queries.resource_of(kind)
                if reached and resource:
                    source = stack.enter_context(_following(reached, resource, namespace, timeout))
                else:
                    source = documents(stack.enter_context(self.watch(kind, namespace, timeout)))
                threading.Thread(target=merged.read, args=(source,), daemon=True).start()
            yield merged

    def effect(self, *words: str, stdin: str = "", shown_stdin: str = "", timeout: float | None = 60.0) -> Result:
        """Make a call that changes something.

        Raises CommandError, or what is wrong with a cluster that does not run.
        """
        try:
            return self.shell.effect(self.command(*words), stdin=stdin, shown_stdin=shown_stdin, timeout=timeout)
        except CommandError:
            self.require()
            raise

    def apply(self, items: Iterable[Mapping[str, Any]], *, shown: str = "", timeout: float = 60.0) -> Result:
        """Apply objects on the server's side, by standard input. `shown` is what may be printed of them.

        Raises CommandError if the cluster refuses one.
        """
        text = "\n---\n".join(json.dumps(item) for item in items)  # not a List, whose kind no server has a schema of
        return self.effect(*APPLY, stdin=text, shown_stdin=shown or text, timeout=timeout)

    def apply_file(self, file: Path, namespace: str) -> None:
        """Apply the objects of a file, unless all are there as it says. Raises CommandError if one is refused.

        Where nothing can be compared, as without the program diff, the apply makes it so, or says why it cannot.
        """
        words = (*SERVER_SIDE, "--namespace", namespace, "--filename", one_file(file))
        if not self.ask("diff", *words):
            self.effect("apply", *words)

    def await_rollout(self, name: str, namespace: str, limit: float) -> Result:
        """Wait up to `limit` seconds until a workload, as `deployment/backend`, is rolled out. Raises CommandError."""
        return self.effect(*rollout_status(name, namespace, limit), timeout=limit + 30)

    def proxy_get(self, namespace: str, service: str, port: int, path: str, *, scheme: str = "") -> Result:
        """GET a path of a Service through the API server: works on every cluster, needs no port-forward."""
        name = f"{scheme}:{service}:{port}" if scheme else f"{service}:{port}"
        return self.ask("get", "--raw", f"/api/v1/namespaces/{namespace}/services/{name}/proxy{path}")


def replace_pods(kubectl: Kubectl, names: Sequence[str], namespace: str, *, dry: bool = False) -> None:
    """Replace the pods of workloads, as `deployment/backend`, one by one.

    Raises CommandError, or UserError where kubectl says to have done it and nothing of a workload has changed.
    """

    def specs() -> list[Any]:
        parts = [name.partition("/") for name in names]
        return [(kubectl.find(kind, name, namespace) or {}).get("spec") for kind, _, name in parts]

    before = [] if dry else specs()
    kubectl.effect("rollout", "restart", *names, "--namespace", namespace)
    for name, old, new in zip(names, before, [] if dry else specs(), strict=False):
        if old == new:
            raise UserError(f"kubectl says that it restarted {name}, but nothing of it changed", CLAIMED)


def rollout_status(name: str, namespace: str, limit: float) -> tuple[str, ...]:
    """Return the words that wait up to `limit` seconds until a workload, as `deployment/backend`, is rolled out."""
    return ("rollout", "status", name, "--namespace", namespace, f"--timeout={limit:.0f}s")


@contextmanager
def _following(
    reached: api.Api, resource: queries.Resource, namespace: str, timeout: float
) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield the events of one kind: what there is, then each change; where the server ends a watch, both once more."""
    ended = threading.Event()
    open_watches: list[api.Watch] = []
    deadline = time.monotonic() + timeout

    def events() -> Iterator[dict[str, Any]]:
        path = resource.path(namespace)
        known = {"apiVersion": resource.api_version, "kind": resource.kind}
        while not ended.is_set() and time.monotonic() < deadline:
            try:
                found = queries.read_list(reached, path, {}, timeout=30.0)
                for item in found["items"] or ():
                    yield {"type": "ADDED", "object": known | item}
                version = {"resourceVersion": str((found.get("metadata") or {}).get("resourceVersion", ""))}
                watch = reached.watch(path, version, deadline - time.monotonic())
            except (api.Unreachable, api.Refused):
                ended.wait(1.0)  # a server that restarts tells nobody when it is back
                continue
            open_watches.append(watch)
            for event in watch:
                if isinstance(event, dict) and event.get("type") in ("ADDED", "MODIFIED", "DELETED"):
                    yield event

    try:
        yield events()
    finally:
        ended.set()
        for watch in open_watches:
            watch.close()


def documents(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the JSON documents in a stream: one a line, as kubectl 1.37 writes them, or indented, as older ones do.

    `kubectl get --watch --output-watch-events` writes `{"type": …, "object": …}`.
    """
    held: list[str] = []
    for line in lines:
        held.append(line)
        if line == "}" or (len(held) == 1 and line.startswith("{") and line.endswith("}")):
            yield parsing.from_json("\n".join(held))
            held.clear()


class Unanswered(UserError):
    """A question that the cluster did not answer, which is neither yes nor no."""


def unanswered(what: str, answer: Result) -> Unanswered:
    """Return the error for a question that the cluster did not answer, which is not the same as "nothing there"."""
    hint = "get it: ./run invoke install" if answer.code == 127 else remedy(answer.err)
    return Unanswered(f"kubectl {what}: {answer.err.strip() or f'exit status {answer.code}'}", hint)


def not_listed(kinds: Collection[str], namespace: str) -> UserError:
    """Return the error for kinds that this account may not list, where nothing can be done without them."""
    return UserError(f"this account may not list {', '.join(kinds)} in {namespace}", NO_RIGHT)


def is_forbidden(said: object) -> bool:
    """Return whether a cluster's words say that this account may not do what was asked."""
    return "(Forbidden)" in str(said) or "is forbidden" in str(said)


def remedy(said: str) -> str:
    """Return what to do where a cluster answered with an error."""
    return NO_RIGHT if is_forbidden(said) else "see: invoke cluster.status"


def parsed(text: str, what: str) -> Any:
    """Return the object or the list that kubectl printed as JSON. Raises UserError for anything else."""
    try:
        found = parsing.from_json(text)
    except ValueError:
        said = (text.strip().splitlines() or ["nothing"])[0][:200]
        raise Unanswered(f"kubectl {what}: answered no JSON: {said}", "see: invoke cluster.status") from None
    if not queries.is_object(found) and not queries.is_list(found):
        raise misshapen(found, what)
    return found


def misshapen(found: Any, what: str) -> Unanswered:
    """Return the error for an answer that is JSON, and neither object nor list: of what there is, it says nothing."""
    said = json.dumps(found)[:200]
    return Unanswered(f"kubectl {what}: answered neither an object nor a list: {said}", "see: invoke cluster.status")
