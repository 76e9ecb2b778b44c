"""Looks at the cluster through one `kubectl proxy`: one process for the whole time, whatever kubectl logs in by."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from scripts.errors import UserError
from scripts.host import parsing
from scripts.kube import api, metrics, objects, queries
from scripts.kube.kubectl import Kubectl
from scripts.kube.metrics import Counters
from scripts.kube.objects import NAME_LABEL, is_ready
from scripts.monitor.model import Sample

START_SECONDS = 15.0
ANSWER_SECONDS = 5.0
FOREVER = 10 * 365 * 86400.0
PATHS = {
    "pods": "/api/v1/namespaces/{}/pods",
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
    "horizontalpodautoscalers": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "events": "/api/v1/namespaces/{}/events",
    "usage": metrics.USE,
}


class RequestFailed(Exception):
    """A request that got no good answer; the text says why, on one line."""


@contextmanager
def proxy(kubectl: Kubectl) -> Iterator[Path]:
    """Yield a socket that leads to the API server while the block runs.

    Raises UserError if the cluster does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="todo-chatbot-") as folder:  # mode 0700: nobody else may use it
        socket = Path(folder, "api")
        answer = kubectl.ask("get", "--raw", "/readyz", timeout=START_SECONDS)
        if not answer:
            raise UserError(f"the cluster does not answer: {answer.err.strip()}", "see: invoke cluster.status")
        with kubectl.shell.follow(kubectl.command("proxy", f"--unix-socket={socket}"), FOREVER) as stream:
            if not any("serve" in line for line in stream):
                raise UserError("kubectl proxy ended at once", "try: kubectl proxy --unix-socket=/tmp/api")
            yield socket


class Sampler:
    """Takes samples of one namespace. `services` are the names whose pods count requests."""

    def __init__(self, http: aiohttp.ClientSession, namespace: str, services: frozenset[str]) -> None:
        self._http = http
        self._namespace = namespace
        self._services = services
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return this moment by the cluster's clock, as its objects have times; by this machine's until it answers."""
        return objects.now() + self._ahead

    async def sample(self) -> Sample:
        """Look once: everything side by side. What does not answer is among the problems."""
        problems: dict[str, str] = {}
        found = await asyncio.gather(*(self._list(source, problems) for source in PATHS))
        listed = dict(zip(PATHS, found, strict=True))
        usage = read_usage(listed.pop("usage"), problems)
        serving = [pod for pod in listed["pods"] if self._serves(pod)]
        counted = await asyncio.gather(*(self._counters(pod, problems) for pod in serving))
        counters = {pod["metadata"]["name"]: one for pod, one in zip(serving, counted, strict=True) if one is not None}
        now = self.now().isoformat(timespec="milliseconds")
        names = frozenset(pod["metadata"]["name"] for pod in serving)
        return Sample(time.monotonic(), now, listed, usage, counters, problems, self._services, names)

    async def workloads(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return Deployments and pods as they are now, each with its kind, and by source why something could not be
        read.
        """
        problems: dict[str, str] = {}
        kinds = {"deployments": "Deployment", "pods": "Pod"}
        lists = await asyncio.gather(*(self._list(source, problems) for source in kinds))
        named = zip(kinds.values(), lists, strict=True)
        return [{"kind": kind} | item for kind, items in named for item in items], problems

    def _serves(self, pod: Mapping[str, Any]) -> bool:
        return is_ready(pod) and pod["metadata"].get("labels", {}).get(NAME_LABEL) in self._services

    async def _list(self, source: str, problems: dict[str, str]) -> list[dict[str, Any]]:
        try:
            answer = parsing.from_json(await self._get(PATHS[source].format(self._namespace)))
        except (RequestFailed, ValueError) as error:
            problems[source] = _one_line(error)
            return []
        if not queries.is_list(answer):
            problems[source] = "what is answered is no list"
            return []
        items: list[dict[str, Any]] = answer["items"] or []
        return items

    async def _counters(self, pod: Mapping[str, Any], problems: dict[str, str]) -> Counters | None:
        name = pod["metadata"]["name"]
        try:
            target = metrics.proxy_name(pod)
            return metrics.parse(await self._get(f"/api/v1/namespaces/{self._namespace}/pods/{target}/proxy/metrics"))
        except (RequestFailed, ValueError, KeyError, IndexError) as error:
            problems[f"metrics of {name}"] = _one_line(error)
            return None

    async def _get(self, path: str) -> str:
        asked = objects.now()
        try:
            async with self._http.get(f"http://localhost{path}") as answer:
                if "/proxy/" not in path:  # where a pod answers, by a clock of its own
                    self._ahead = api.clock_difference(answer.headers.get("Date", ""), asked, objects.now())
                text = await answer.text()
                if answer.status == 200:
                    return text
                raise RequestFailed(f"{answer.status} {_message(text) or answer.reason or ''}".rstrip())
        except TimeoutError:
            raise RequestFailed(f"no answer within {ANSWER_SECONDS:g} s") from None
        except aiohttp.ClientError as error:
            raise RequestFailed(_one_line(error)) from None


@asynccontextmanager
async def open_sampler(socket: Path, namespace: str, services: frozenset[str]) -> AsyncIterator[Sampler]:
    """Yield a sampler by way of the socket that `proxy` made."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=timeout) as http:
        yield Sampler(http, namespace, services)


def read_usage(items: Iterable[Mapping[str, Any]], problems: dict[str, str]) -> dict[str, tuple[float, float]]:
    """Return pod → what it uses; what cannot be read is added to the problems."""
    found: dict[str, tuple[float, float]] = {}
    for item in items:
        try:
            found |= metrics.use([item])
        except (ValueError, KeyError) as error:
            problems["usage"] = _one_line(error)
    return found


def _message(text: str) -> str:
    """Return what the API server says in a Status, else the first line."""
    try:
        return str(parsing.from_json(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip().split("\n", 1)[0][:200]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
