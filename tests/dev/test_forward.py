"""A port on localhost leads to a pod that is ready, on every kind of cluster alike, and finds its way again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

from scripts.dev.forward import Forward
from scripts.dev.pods import Pod

LONG = 300


def pod(name: str, *, ready: bool = True) -> Pod:
    return Pod(f"uid-{name}", name, "shop", "shop", "shop:1", running=True, ready=ready, restarts=0)


class Kubectl:
    """Forwards until it is cut; what it was called with is told as it begins."""

    def __init__(self) -> None:
        self.began: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self.broken = threading.Event()
        self.stopped = False
        self.meanwhile: Callable[[], None] = lambda: None  # what happens while kubectl begins

    def follow(self, name: str, words: Sequence[str], on_line: Callable[[str], None]) -> None:
        self.began.put(list(words))
        self.meanwhile()
        on_line("Forwarding from 127.0.0.1:8000 -> 8000")
        assert self.broken.wait(LONG)
        self.broken.clear()

    def cut(self, name: str) -> None:
        self.broken.set()

    def wait(self, seconds: float) -> bool:
        return self.stopped

    def next(self) -> list[str]:
        return self.began.get(timeout=LONG)


def test_it_leads_to_a_ready_pod_and_to_another_one_when_that_goes() -> None:
    kubectl, pods = Kubectl(), [pod("a", ready=False), pod("b")]
    forward = Forward("shop", 8000, kubectl, lambda service: list(pods), lambda line: None)  # type: ignore[arg-type]
    thread = threading.Thread(target=forward.run, daemon=True)
    thread.start()
    place = [f"{forward.local}:8000", "--address", "127.0.0.1"]
    assert kubectl.next() == ["port-forward", "pod/b", *place]
    pods[:] = [pod("b", ready=False)]  # its program starts anew: it stays
    forward.pods_changed()
    pods[:] = []
    forward.pods_changed()
    pods[:] = [pod("c")]
    forward.pods_changed()
    assert kubectl.next() == ["port-forward", "pod/c", *place]
    kubectl.broken.set()  # kubectl loses its connection
    assert kubectl.next() == ["port-forward", "pod/c", *place]
    kubectl.stopped = True
    pods[:] = []
    forward.pods_changed()
    thread.join(LONG)
    assert not thread.is_alive()


def test_a_pod_that_goes_while_kubectl_begins_is_left_at_once() -> None:
    kubectl, pods = Kubectl(), [pod("a")]
    forward = Forward("shop", 8000, kubectl, lambda service: list(pods), lambda line: None)  # type: ignore[arg-type]

    def replaced() -> None:
        pods[:] = [pod("b")]
        forward.pods_changed()
        kubectl.broken.clear()  # there was nothing to cut yet

    kubectl.meanwhile = replaced
    thread = threading.Thread(target=forward.run, daemon=True)
    thread.start()
    assert kubectl.next()[1] == "pod/a"
    assert kubectl.next()[1] == "pod/b"
    kubectl.stopped = True
    kubectl.broken.set()
    thread.join(LONG)
    assert not thread.is_alive()
