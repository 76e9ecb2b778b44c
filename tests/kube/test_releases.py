"""What a killed run leaves of a release is recognised and mended; a failed one returns to what was proved healthy."""

import dataclasses
from datetime import UTC, datetime

import pytest

from scripts.kube.releases import Revision, at_work, newest_good, repair, revisions


def history(*statuses: str) -> list[Revision]:
    return [Revision("todo", number, status, "") for number, status in enumerate(statuses, 1)]


def test_revisions_are_read_from_labels_and_sorted() -> None:
    def secret(version: str) -> dict[str, object]:
        labels = {"owner": "helm", "name": "todo", "version": version, "status": "superseded", "inputs": "abc"}
        labels |= {"createdAt": "900", "modifiedAt": "100"}  # helm begins a new one with the labels of the old one
        return {"metadata": {"labels": labels}}

    foreign = [{"app": "x"}, {"owner": "helm"}, {"owner": "helm", "name": "todo", "version": "newest"}, None]
    found = revisions([secret("10"), secret("9"), *({"metadata": {"labels": labels}} for labels in foreign)])
    assert [(item.number, item.inputs, item.written) for item in found["todo"]] == [(9, "abc", 900), (10, "abc", 900)]


def test_since_when_somebodys_helm_is_at_work_is_told_by_the_clusters_clock() -> None:
    """The labels have the clock of whoever started that helm."""
    labels = {"owner": "helm", "name": "todo", "version": "1", "status": "pending-upgrade", "createdAt": "5"}
    meta = {"labels": labels, "creationTimestamp": "2026-01-01T12:00:00Z"}
    (found,) = revisions([{"metadata": meta}])["todo"]
    assert found.written == int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp())
    (ending,) = revisions([{"metadata": meta | {"labels": labels | {"status": "uninstalling"}}}])["todo"]
    assert ending.written == 5


def test_a_live_release_needs_no_repair() -> None:
    assert repair([]) is None
    assert repair(history("superseded", "deployed")) is None
    assert repair(history("deployed", "failed")) is None


def test_a_pending_release_goes_back_to_the_last_good_revision() -> None:
    assert repair(history("superseded", "deployed", "failed", "pending-upgrade")) == ("rollback", 2)


def test_a_first_install_that_was_killed_is_removed() -> None:
    assert repair(history("pending-install")) == ("uninstall", 0)
    assert repair(history("deployed", "uninstalling")) == ("uninstall", 0)


def test_a_proved_revision_that_helm_has_forgotten_can_still_be_gone_back_to() -> None:
    assert newest_good(history("failed", "failed")[1:], proved=[1], below=2) == 1


def test_a_rollback_goes_to_what_a_health_check_passed() -> None:
    past = history("superseded", "superseded", "deployed", "failed")
    assert newest_good(past, proved=[1, 2], below=4) == 2
    assert newest_good(past, proved=[], below=4) is None


@pytest.mark.parametrize(
    ("statuses", "written", "since"),
    [
        (("deployed", "pending-upgrade"), 990, 990),
        (("pending-install",), 990, 990),
        (("deployed", "pending-upgrade"), 100, 0),  # no helm is given so long
        (("deployed", "pending-upgrade"), 0, 0),  # helm does not say when
        (("superseded", "deployed"), 990, 0),
        ((), 0, 0),
    ],
)
def test_a_release_that_became_pending_a_moment_ago_may_be_somebodys_work(
    statuses: tuple[str, ...], written: int, since: int
) -> None:
    past = [dataclasses.replace(one, written=written) for one in history(*statuses)]
    assert at_work(past, now=1000, limit=300) == since
