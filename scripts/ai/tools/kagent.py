"""kagent: an agent inside of the cluster, asked by A2A through the API server.

No port is opened and no program is needed. The task runs in the cluster: whoever gives up ends it there, and the
session, which kagent would keep for ever with all that was said, is deleted after the answer.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from scripts.ai.kagent import live
from scripts.ai.mappings import mapped
from scripts.ai.options import Options
from scripts.ai.tools import a2a
from scripts.ai.tools.a2a import Asked, Task
from scripts.ai.types import INTERRUPTED, Question, Reply
from scripts.errors import UserError
from scripts.host.shell import render
from scripts.kube.kubectl import Kubectl

PORT = 8083
PACE = 1.0  # seconds between two looks at a task
STANDSTILL = 60.0  # seconds without a new step after which a model is taken to have answered nothing
TOKENS = 400_000  # of one question
STARTED = 30  # seconds until a task has to be accepted
LARGEST = 16 << 20  # bytes of one task, with all that its tools have read
YES = "yes"
# Of kubectl: the request has gone out, and its answer has not come.
_BROKEN_OFF = re.compile(r"no answer within|stopped after|EOF|reset by peer|time(?:d |-)?out|deadline exceeded", re.I)


class GaveUp(Exception):
    """A task that is not waited for any longer; the text says why."""


@dataclass
class _Work:
    """The work as far as it is known; `deadline` is on the monotonic clock."""

    deadline: float
    task: Task = field(default_factory=lambda: Task("", "", "submitted"))
    calls: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Kagent:
    """One agent of the cluster. `wait` passes the time between two looks, in seconds."""

    kubectl: Kubectl
    options: Options
    ours: Callable[[], Sequence[live.Object]]
    wait: Callable[[float], None] = time.sleep
    name: str = "kagent"

    def missing(self) -> str:
        """Return why it cannot be used here; empty if it can.

        Nothing is sent to an agent that is not as it was installed.
        """
        try:
            return live.problem(self.kubectl, self.options, self.ours)
        except UserError as error:
            return f"{error}; {error.hint}" if error.hint else str(error)

    def proxy(self, path: str) -> str:
        """Return a path of kagent's controller, as the API server hands it on."""
        return f"/api/v1/namespaces/{self.options.kagent_namespace}/services/kagent-controller:{PORT}/proxy{path}"

    def argv(self) -> list[str]:
        """Return the command line of one request."""
        path = self.proxy(f"/api/a2a/{self.options.kagent_namespace}/{self.options.kagent_agent}/")
        return self.kubectl.command("create", "--raw", path, "--filename", "-")

    def command(self) -> str:
        """Return the command line as a person reads it."""
        return render(self.argv()) + " < PROMPT"

    def ask(self, question: Question) -> Reply:
        """Ask, follow the work as it is done, and leave nothing behind: no task at work, no session."""
        started = time.monotonic()
        context = uuid.uuid4().hex
        work = _Work(started + self.options.timeout)
        error, ended_by = "", None
        with self._session(context):
            try:
                self._follow(question, context, work)
                error = a2a.verdict(work.task, work.calls) or self._blind(work.task, work.calls)
            except GaveUp as reason:  # what was begun would go on by itself, for hundreds of rounds
                error = f"{reason}{self._end_work()}"
            except UserError as failed:
                error = str(failed)
            except KeyboardInterrupt as end:
                error, ended_by = f"{INTERRUPTED}{self._end_work()}", end
            except BaseException:
                self._end_work()
                raise
        notes = tuple(f"kagent looked at: {call}" for call in dict.fromkeys(work.calls))
        spoken = work.task.spoken if work.task.spoken != work.task.said else ""  # an error stands in the history too
        text = work.task.text or spoken
        return Reply(
            self.name, text, error, self.command(), time.monotonic() - started, notes, ended_by=ended_by
        )  # fmt: skip

    def _follow(self, question: Question, context: str, work: _Work) -> None:
        """Follow the work until it has ended. Raises GaveUp and UserError."""
        work.task = self._request(a2a.send(question.prompt, context))
        steps, moved = -1, time.monotonic()
        while True:
            task = work.task
            work.calls += task.calls[len(work.calls) :]
            if len(work.calls) > self.options.max_iterations * 2:
                raise GaveUp(f"the agent was stopped after {len(work.calls)} tool calls without an answer")
            if task.tokens > TOKENS:
                raise GaveUp(f"the agent was stopped after {task.tokens} tokens without an answer")
            if task.state == "input-required" and task.asked and question.person:
                began = time.monotonic()
                work.task = self._next(a2a.answer(task, _decision(task.asked, question.person)))
                work.deadline += time.monotonic() - began
                continue
            if not task.open or not task.id:
                return
            now = time.monotonic()
            if task.steps != steps:
                steps, moved = task.steps, now
            if now - moved > STANDSTILL and not self._slow:
                self._end_work()
                return
            if now > work.deadline:
                raise GaveUp(f"kagent gave no answer within {self.options.timeout} s; the work was ended")
            self.wait(PACE)
            work.task = self._next(a2a.look(task.id))

    @property
    def _slow(self) -> bool:
        """Return whether one step may take minutes, as with a model on one's own machine: it has all of the time."""
        model = self.options.model
        return model is not None and (model.own_endpoint or model.provider == "ollama")

    def _next(self, body: dict[str, object]) -> Task:
        """Return a task that was begun, as it stands after a request. Raises GaveUp where that fails."""
        try:
            return self._request(body)
        except UserError as failed:
            raise GaveUp(str(failed)) from None

    def _blind(self, task: Task, seen: Sequence[str]) -> str:
        """Return why an answer is none that comes without a look at the cluster, where the tools for it are gone."""
        gone = "" if seen else live.tools(self.kubectl, self.options, self.ours())
        return f"the agent answered without looking: {gone}" if gone else ""

    def _request(self, body: dict[str, object]) -> Task:
        """Return the task as it stands. Raises UserError, and GaveUp where it may have been begun all the same."""
        result = self.kubectl.shell.converse(
            self.argv(), stop=threading.Event(), stdin=json.dumps(body), seconds=STARTED, limit=LARGEST
        )
        if not result:
            said = f"kagent: {live.last(result.err)}"
            raise GaveUp(said) if _BROKEN_OFF.search(result.err) else UserError(said, "see: invoke ai.doctor")
        found = a2a.read(result.out)
        if isinstance(found, str):
            raise UserError(found, "see: invoke ai.doctor") if a2a.is_error(result.out) else GaveUp(found)
        return found

    @contextmanager
    def _session(self, context: str) -> Iterator[None]:
        """Delete the session at the end: kagent keeps what was said, in clear."""
        try:
            yield
        finally:
            done = self.kubectl.ask("delete", "--raw", self.proxy(f"/api/sessions/{context}"), timeout=STARTED)
            if not done and "not found" not in done.err.lower():
                self.kubectl.shell.say(f"kagent's session {context} could not be deleted: {live.last(done.err)}")

    def _end_work(self) -> str:
        """End the agent's pods, whose place others take: there is no other way to end a task of it. Return what to
        say where that fails.

        A rollout would leave the old pod at work until the new one is ready.
        """
        agent, namespace = self.options.kagent_agent, self.options.kagent_namespace
        words = ["rollout", "restart", f"deployment/{agent}", "--namespace", namespace]
        deployment = live.get(self.kubectl, "Deployment", agent, namespace)
        labels = mapped(mapped(mapped(deployment).get("spec")).get("selector")).get("matchLabels")
        if labels:
            selector = ",".join(f"{key}={value}" for key, value in labels.items())
            words = ["delete", "pods", "--selector", selector, "--namespace", namespace]
            words += ["--grace-period=1", "--wait=false"]
        try:
            self.kubectl.effect(*words)
        except BrokenPipeError:  # nobody reads our lines any more; the work ends all the same
            self.kubectl.ask(*words)
        except UserError as error:
            return f"; its work could not be ended and may go on in the cluster: {live.last(str(error))}"
        return ""


def _decision(asked: Sequence[Asked], person: Callable[[str], str]) -> dict[str, object]:
    """Return what the person says to everything that an agent waits for at once.

    Nothing is allowed that was not shown: several calls are decided one by one, or, where they cannot be told apart,
    all refused. A question in words beside them is refused too, so that it is put again by itself.
    """
    if len(asked) == 1:
        (one,) = asked
        if one.tool == a2a.ASK_USER:
            return a2a.approved([person(f"{text}: ") for text in one.questions])
        said = _allowed(one, person)
        return a2a.approved() if said == YES else a2a.rejected(said or "no")
    ids = [one.id for one in asked]
    if not all(ids) or len(set(ids)) < len(ids):
        return a2a.rejected("one at a time")
    said_to = {one.id: "ask again" if one.tool == a2a.ASK_USER else _allowed(one, person) for one in asked}
    return a2a.decided(
        {id_: "approve" if said == YES else "reject" for id_, said in said_to.items()},
        {id_: said or "no" for id_, said in said_to.items() if said != YES},
    )


def _allowed(asked: Asked, person: Callable[[str], str]) -> str:
    return person(f"{asked.text}\nAllow this? Type yes: ").strip()
