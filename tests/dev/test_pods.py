"""Which pods are worked on, what lies in them, and what is sent when something changes."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.dev import tree
from scripts.dev.pods import Background, Pods, of_object
from scripts.dev.rules import Rule
from scripts.dev.service import DevService, Program
from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.images.build_context import Entry
from scripts.kube.kubectl import Kubectl
from scripts.kube.releases import DEV
from scripts.settings.model import Service


def pod(name: str, *, dev: bool = True, running: bool = True, **meta: Any) -> dict[str, Any]:
    """A pod as the API tells of it."""
    labels = {"app.kubernetes.io/name": "shop", **({DEV: "true"} if dev else {})}
    state = {"running": {}} if running else {"waiting": {}}
    return {
        "kind": "Pod",
        "metadata": {"uid": f"uid-{name}", "name": name, "labels": labels, **meta},
        "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
        "status": {"containerStatuses": [{"name": "shop", "state": state, "ready": running, "restartCount": 2}]},
    }


class Shell:
    """Takes what is sent into containers; those that are named refuse."""

    def __init__(self, refuse: str = "") -> None:
        self.sent: list[tuple[list[str], bytes]] = []
        self._refuse = refuse

    def feed(self, argv: list[str], chunks: Iterable[bytes], *, quiet: bool) -> Result:
        assert quiet
        if self._refuse and self._refuse in argv:
            raise UserError("error: container not found")
        self.sent.append((argv, b"".join(chunks)))
        return Result(0, "")


def opened(shell: Shell, *names: str) -> Pods:
    pods = Pods(Kubectl(Path("kubectl"), Path("config"), "context", shell), "ns", {})  # type: ignore[arg-type]
    for name in names:
        pods.saw({"type": "ADDED", "object": pod(name)})
    return pods


@pytest.mark.parametrize(
    "item",
    [pod("a", dev=False), pod("a", deletionTimestamp="now"), pod("a") | {"status": {"phase": "Failed"}}],
)
def test_other_pods_are_left_alone(item: dict[str, Any]) -> None:
    assert of_object(item, {}) is None


def test_a_pod_that_runs_as_released_can_be_reached_and_is_not_worked_on() -> None:
    pods = Pods(Kubectl(Path("kubectl"), Path("config"), "context", Shell()), "ns", {"shop": "store"})  # type: ignore[arg-type]
    pods.saw({"type": "ADDED", "object": pod("a", dev=False)})
    assert pods.of("store") == []
    assert [one.name for one in pods.of("store", released=True)] == ["a"]


def test_a_pod_keeps_what_lies_in_it_until_it_goes(tmp_path: Path) -> None:
    pods = opened(Shell(), "a")
    pods.of("shop")[0].tree = {"/app/x": Entry("x", "file", 0o644, "1")}
    again = pods.saw({"type": "MODIFIED", "object": pod("a", running=False)})
    assert again is not None and again.tree and not again.running and again.restarts == 2
    assert pods.saw({"type": "DELETED", "object": pod("a")}) is None
    assert pods.of("shop") == []


def test_a_pod_that_is_seeded_anew_holds_what_its_image_holds(tmp_path: Path) -> None:
    """As after a restart of the node: the image's files lie over what was synced."""

    def seeded(number: int) -> dict[str, Any]:
        item = pod("a")
        item["status"]["initContainerStatuses"] = [{"name": "seed-0", "containerID": f"docker://{number}"}]
        return item

    pods = opened(Shell())
    for number, kept in ((1, False), (1, True), (2, False)):
        found = pods.saw({"type": "MODIFIED", "object": seeded(number)})
        assert found is not None and (found.tree is not None) is kept
        found.tree = {}


def test_only_what_changed_is_sent_and_the_program_loads_it(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text("new")
    one = DevService(Service("shop", tmp_path, tmp_path / "Dockerfile"), (Rule("", "/app"),), Program(("x",), "signal"))
    shell = Shell(refuse="b")
    pods = opened(shell, "a", "b")
    before = {"/app/old.py": Entry("old.py", "file", 0o644, "1"), "/app/same.py": Entry("same.py", "file", 0o644, "2")}
    for each in pods.of("shop"):
        each.tree = before
    wanted = {"/app/same.py": before["/app/same.py"], "/app/new.py": Entry("new.py", "file", 0o644, "3")}
    done = pods.sync(one, pods.of("shop"), wanted)
    ((argv, data),) = shell.sent
    assert argv[-4:] == ["-c", tree.APPLY + "; kill -HUP 1", "/", "app/old.py"]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["app/new.py"]
    assert list(done.problems) == ["b"]
    first, second = sorted(pods.of("shop"), key=lambda item: item.name)
    assert first.tree == wanted
    assert second.tree == before, "the next change brings it what it lacks"
    assert pods.sync(one, [first], wanted).problems == {} and len(shell.sent) == 1, (
        "nothing has changed: nothing is sent"
    )


def test_what_goes_while_nobody_watches_is_told_of_afterwards() -> None:
    class Restarted:
        """A cluster whose watch breaks off, during which one of two pods goes."""

        def items(self, kind: str, namespace: str) -> list[dict[str, Any]]:
            return [pod("b")]

        @contextmanager
        def watch(self, kind: str, namespace: str, timeout: float) -> Iterator[list[str]]:
            yield [json.dumps({"type": "ADDED", "object": pod(name)}) for name in ("a", "b")]

    background = Background(Restarted(), "ns")  # type: ignore[arg-type]
    told: list[tuple[str, str]] = []

    def on_event(event: Mapping[str, Any]) -> None:
        told.append((event["type"], event["object"]["metadata"]["name"]))
        if event["type"] == "DELETED":
            background._stopped.set()

    background.watch_pods(on_event)
    assert told[:3] == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_a_chart_may_call_a_service_otherwise() -> None:
    found = of_object(pod("a"), {"shop": "web"})
    assert found is not None
    assert (found.service, found.container) == ("web", "shop")
