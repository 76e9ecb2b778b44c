"""The running pods of a session: what lies in each of them, and how files get there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from scripts.dev import tree
from scripts.dev.service import LABEL, DevService
from scripts.errors import UserError
from scripts.host.pipes import Stream
from scripts.kube.kubectl import Kubectl, documents
from scripts.kube.objects import NAME_LABEL, is_finished, is_terminating

WATCHED = 3600.0
"""Seconds after which a watch is begun anew."""


@dataclass
class Pod:
    """One pod of a service. `tree` is what lies in it, None until its image tells.

    `seeded` names the containers that have put the image's files there: others do so when the node starts anew.
    `worked_on` is one that a session has deployed: nothing is synced to others, which run as released.
    """

    uid: str
    name: str
    service: str
    container: str
    image: str
    running: bool
    ready: bool
    restarts: int
    worked_on: bool = True
    seeded: tuple[str, ...] = ()
    tree: tree.Tree | None = field(default=None, repr=False)


def of_object(item: Mapping[str, Any], names: Mapping[str, str]) -> Pod | None:
    """Return a pod of the API as one of the release's services; None if it is none, or is on its way out.

    `names` are the services by the name that the chart gives them.
    """
    meta, status = item["metadata"], item.get("status", {})
    labels = meta.get("labels", {})
    label = labels.get(NAME_LABEL, "")
    if is_terminating(item) or is_finished(item) or not (label in names or LABEL in labels):
        return None
    mine = [one for one in status.get("containerStatuses", ()) if one["name"] == label]
    image = next((one["image"] for one in item["spec"]["containers"] if one["name"] == label), "")
    return Pod(
        uid=meta["uid"],
        name=meta["name"],
        service=names.get(label, label),
        container=label,
        image=image,
        running=any("running" in one.get("state", {}) for one in mine),
        ready=any(one.get("ready") for one in mine),
        restarts=sum(one.get("restartCount", 0) for one in mine),
        worked_on=LABEL in labels,
        seeded=tuple(one.get("containerID", "") for one in status.get("initContainerStatuses", ())),
    )


class Pods:
    """The pods of the release's services, kept up to date by `saw`."""

    def __init__(self, kubectl: Kubectl, namespace: str, names: Mapping[str, str]) -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._names = names
        self._known: dict[str, Pod] = {}

    def saw(self, event: Mapping[str, Any]) -> Pod | None:
        """Take note of what a watch tells. The pod as it is now, None if it is gone or none of ours."""
        item = event["object"]
        uid = item.get("metadata", {}).get("uid", "")
        pod = of_object(item, self._names) if event["type"] != "DELETED" else None
        if pod is None:
            self._known.pop(uid, None)
            return None
        before = self._known.get(uid)
        pod.tree = before.tree if before and before.seeded == pod.seeded else None
        self._known[uid] = pod  # in its place: whoever looks from another thread finds it at every moment
        return pod

    def of(self, service: str, *, released: bool = False) -> list[Pod]:
        """Return the pods of a service that are worked on, or those that run as released; any thread may ask."""
        return [pod for pod in list(self._known.values()) if pod.service == service and pod.worked_on is not released]

    def sync(self, one: DevService, pods: Sequence[Pod], wanted: tree.Tree) -> Synced:
        """Bring pods to what is wanted, side by side, and let the program load it. What a pod has is remembered."""
        with ThreadPoolExecutor(max(len(pods), 1)) as pool:
            done = list(pool.map(lambda pod: self._sync(one, pod, wanted), pods))
        problems = {pod.name: result for pod, result in zip(pods, done, strict=True) if isinstance(result, UserError)}
        fine = [result for result in done if isinstance(result, tree.Archive)]
        left_out = {place: why for result in fine for place, why in result.left_out.items()}
        return Synced(left_out, problems)

    def _sync(self, one: DevService, pod: Pod, wanted: tree.Tree) -> tree.Archive | UserError:
        changes = tree.between(pod.tree or {}, wanted)
        packed = tree.archive(changes, one.service.context)
        if not changes:
            return packed
        names = [place.lstrip("/") for place in changes.delete]
        *earlier, last = tree.chunks(names)
        try:
            for portion in earlier:
                self._run(pod, 'cd /; rm -rf -- "$@"', portion, b"")
            self._run(pod, tree.APPLY + _reload(one), last, packed.data)
        except UserError as error:
            return error
        pod.tree = {place: entry for place, entry in wanted.items() if place not in packed.left_out}
        return packed

    def reload(self, one: DevService, pods: Sequence[Pod]) -> None:
        """Start the program of pods anew. Raises UserError if one cannot be reached."""
        for pod in pods:
            self._run(pod, "true" + _reload(one), (), b"")

    def _run(self, pod: Pod, script: str, arguments: Sequence[str], data: bytes) -> None:
        argv = self._kubectl.command(
            "exec", "--stdin", pod.name, "--namespace", self._namespace, "--container", pod.container, "--",
            "sh", "-c", script, "/", *arguments,
        )  # fmt: skip
        self._kubectl.shell.feed(argv, [data], quiet=True)


@dataclass(frozen=True)
class Synced:
    """The result of a sync: what was left out and why, by place, and which pods could not be reached, by name."""

    left_out: Mapping[str, str]
    problems: Mapping[str, UserError]


def _reload(one: DevService) -> str:
    return "; kill -HUP 1" if one.program.reload == "signal" else ""


class Background:
    """Threads that follow commands until they are stopped: the watch of the pods, logs, port-forwards."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._stopped = threading.Event()
        self._streams: dict[str, Stream] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    @property
    def stopped(self) -> bool:
        """Return whether the session is over."""
        return self._stopped.is_set()

    def wait(self, seconds: float) -> bool:
        """Pause; True if the session is over."""
        return self._stopped.wait(seconds)

    def start(self, work: Callable[[], None]) -> None:
        """Run something beside the session, until it stops."""
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def follow(self, name: str, words: Sequence[str], on_line: Callable[[str], None]) -> None:
        """Read the lines of a kubectl command until it ends or is cut."""
        argv = self._kubectl.command(*words, "--namespace", self._namespace)
        with self._kubectl.shell.follow(argv, WATCHED) as stream:
            with self._lock:
                self._streams[name] = stream
            if self.stopped:
                return
            for line in stream:
                on_line(line)

    def cut(self, name: str) -> None:
        """End what is followed under a name."""
        with self._lock:
            stream = self._streams.pop(name, None)
        if stream is not None:
            stream.stop()

    def watch_pods(self, on_event: Callable[[Mapping[str, Any]], None]) -> None:
        """Report all pods and their changes, for as long as the session lasts.

        What goes while nobody watches, as when the cluster is started anew, is told of when it is watched again.
        """
        told: dict[str, Mapping[str, Any]] = {}
        while not self.stopped:
            for uid in self._gone(told):
                on_event({"type": "DELETED", "object": told.pop(uid)})
            with self._kubectl.watch("pods", self._namespace, WATCHED) as stream:
                with self._lock:
                    self._streams["watch"] = stream
                for event in documents(stream):
                    if event["object"].get("kind") == "Pod":
                        told[event["object"]["metadata"]["uid"]] = event["object"]
                        on_event(event)
            if self.wait(1.0):
                return

    def _gone(self, told: Collection[str]) -> list[str]:
        """Return which pods are not there any more; none where that cannot be told now."""
        try:
            there = (
                {item["metadata"]["uid"] for item in self._kubectl.items("pods", self._namespace)} if told else set()
            )
        except UserError:
            return []
        return [uid for uid in told if uid not in there]

    def stop(self) -> None:
        """End them all."""
        self._stopped.set()
        with self._lock:
            names = list(self._streams)
        for name in names:
            self.cut(name)
        for thread in self._threads:
            thread.join(10)
