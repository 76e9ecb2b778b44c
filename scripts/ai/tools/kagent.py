"""kagent: an agent inside of the cluster, asked by A2A through the API server.

No port is opened and no program is needed. The task runs in the cluster: whoever gives up ends it there, and the
session, which kagent would keep for ever with all that was said, is deleted after the answer.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from scripts.ai.kagent import live
from scripts.ai.model import Question, Reply
from scripts.ai.options import Options
from scripts.ai.tools import a2a
from scripts.ai.tools.a2a import Task
from scripts.errors import UserError
from scripts.host.shell import render
from scripts.kube.kubectl import Kubectl
from scripts.secrets import redact

PORT = 8083
PACE = 1.0  # seconds between two looks at a task
STANDSTILL = 60.0  # seconds without a new step after which a model is taken to have answered nothing
TOKENS = 400_000  # of one question
STARTED = 30  # seconds until a task has to be accepted


class GaveUp(Exception):
    """A task that is not waited for any longer; the text says why."""


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
        seen: list[str] = []
        task: Task | None = None
        error = ""
        with self._session(context):
            try:
                task = self._follow(question, context, seen, started + self.options.timeout)
                error = a2a.verdict(task, seen)
            except GaveUp as reason:
                self._end_work()
                error = str(reason)
            except UserError as failed:
                error = str(failed)
            except KeyboardInterrupt:
                self._end_work()
                raise
        text = redact.Redactor(question.secrets, question.mapping).clean(task.text) if task else ""
        notes = tuple(f"kagent looked at: {call}" for call in dict.fromkeys(seen))
        return Reply(self.name, text, error, self.command(), time.monotonic() - started, notes)

    def _follow(self, question: Question, context: str, seen: list[str], deadline: float) -> Task:
        """Return the task when it has ended. Raises GaveUp and UserError."""
        task = self._request(a2a.send(question.prompt, context))
        steps, moved = -1, time.monotonic()
        while True:
            for call in task.calls[len(seen) :]:
                seen.append(call)
            if len(seen) > self.options.max_iterations * 2:
                raise GaveUp(f"the agent was stopped after {len(seen)} tool calls without an answer")
            if task.tokens > TOKENS:
                raise GaveUp(f"the agent was stopped after {task.tokens} tokens without an answer")
            if task.state == "input-required" and task.asked and question.person:
                began = time.monotonic()
                task = self._answered(task, question.person)
                deadline += time.monotonic() - began
                continue
            if not task.open or not task.id:
                return task
            now = time.monotonic()
            if task.steps != steps:
                steps, moved = task.steps, now
            if now - moved > STANDSTILL:
                self._end_work()
                return task
            if now > deadline:
                raise GaveUp(f"kagent gave no answer within {self.options.timeout} s; the work was ended")
            self.wait(PACE)
            task = self._request(a2a.look(task.id))

    def _answered(self, task: Task, person: Callable[[str], str]) -> Task:
        """Return the task after the person has answered what it asked."""
        asked = task.asked
        if asked is None:  # only called where something is asked
            return task
        if asked.tool == "ask_user":
            return self._request(a2a.answer(task, a2a.approved([person(text) for text in asked.questions])))
        said = person(f"{asked.text}\nAllow this? Type yes: ").strip()
        decision = a2a.approved() if said == "yes" else a2a.rejected(said or "no")
        return self._request(a2a.answer(task, decision))

    def _request(self, body: dict[str, object]) -> Task:
        result = self.kubectl.shell.probe(self.argv(), stdin=json.dumps(body), timeout=STARTED)
        if not result:
            raise UserError(f"kagent: {live.last(result.err)}", "see: invoke ai.doctor")
        found = a2a.read(result.out)
        if isinstance(found, str):
            raise UserError(found, "see: invoke ai.doctor")
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

    def _end_work(self) -> None:
        """Restart the agent: there is no other way to end a task of it."""
        agent, namespace = self.options.kagent_agent, self.options.kagent_namespace
        self.kubectl.effect("rollout", "restart", f"deployment/{agent}", "--namespace", namespace)
