"""Watch objects of the cluster and lines of the load as they come, in one queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from scripts.errors import UserError
from scripts.host.pipes import Stream
from scripts.kube.kubectl import Kubectl, documents
from scripts.verify.scaling import autoscaler
from scripts.verify.scaling.model import Replicas

LINE = "line"
END = "end"


@dataclass
class ReplicaObserver:
    """News from several threads, for one reader, and what the cluster said last."""

    scaler: Mapping[str, Any] = field(default_factory=dict)
    deployment: Mapping[str, Any] = field(default_factory=dict)
    _news: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)

    def put(self, kind: str, what: Any) -> None:
        """Add news: an object by its kind, a LINE, or why something came to its END."""
        self._news.put((kind, what))

    def next_line(self, timeout: float) -> str | None:
        """Return the next line of the load; None if only an object changed, or nothing happened for `timeout` seconds.

        Raises UserError if a watch or the load came to its end.
        """
        try:
            kind, what = self._news.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            return None
        if kind == END:
            raise UserError(what, "see: invoke status, invoke diagnose")
        if kind == LINE:
            return str(what)
        if kind == "Deployment":
            self.deployment = what
        else:
            self.scaler = what
        return None

    @property
    def replicas(self) -> Replicas:
        """Return the replicas as the cluster counted them last."""
        return autoscaler.counted(self.scaler, self.deployment)


@contextmanager
def watching(kubectl: Kubectl, namespace: str, service: str, scaler: str, timeout: float) -> Iterator[ReplicaObserver]:
    """Yield both objects as they change, while the block runs."""
    news = ReplicaObserver()
    kinds = (f"deployment/{service}", f"{autoscaler.KIND}/{scaler}")
    with (
        kubectl.watch(kinds[0], namespace, timeout) as one,
        kubectl.watch(kinds[1], namespace, timeout) as other,
    ):
        readers = [
            threading.Thread(target=_read, args=(stream, news, kind))
            for stream, kind in zip((one, other), kinds, strict=True)
        ]
        for reader in readers:
            reader.start()
        try:
            yield news
        finally:
            one.stop()
            other.stop()
    for reader in readers:
        reader.join()


def _read(stream: Stream, news: ReplicaObserver, what: str) -> None:
    for event in documents(stream):
        if event["type"] in ("ADDED", "MODIFIED"):
            news.put(event["object"]["kind"], event["object"])
    news.put(END, f"the cluster says nothing more about {what}")
