"""helm 3 and 4, always aimed at an explicit kubeconfig and context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing, toolchain
from scripts.host.shell import Result, Shell
from scripts.kube.arguments import values_options
from scripts.kube.kubectl import remedy
from scripts.settings.model import Release

NOT_FOUND = "release: not found"  # helm's words, in 3 and 4


@cache
def _version(shell: Shell, binary: Path) -> str:
    """Return helm's version. Raises UserError where it does not say."""
    answer = toolchain.version_of(shell, toolchain.HELM, binary)
    if not answer and not shell.dry:
        raise UserError(
            f"{binary} does not run: {answer.err.strip() or f'exit status {answer.code}'}",
            "get it: ./run invoke install",
        )
    return answer.out


def template_argv(binary: Path, release: Release, values: Sequence[Path], *words: str) -> list[str]:
    """Return the argv of `helm template` for a release with these values files, which asks no cluster by itself."""
    place = ("--namespace", release.namespace)
    return [str(binary), "template", release.name, str(release.chart), *place, *values_options(values), *words]


@dataclass(frozen=True)
class Helm:
    """One cluster, as helm reaches it."""

    binary: Path
    kubeconfig: Path
    context: str
    shell: Shell

    def command(self, *words: str) -> list[str]:
        """Return the argv of a call, which never relies on the current context."""
        return [str(self.binary), *words, "--kubeconfig", str(self.kubeconfig), "--kube-context", self.context]

    def upgrade_command(
        self,
        release: Release,
        values: tuple[Path, ...],
        labels: Mapping[str, str],
        timeout: int,
        *,
        uninstalled: bool = False,
    ) -> list[str]:
        """Return the argv of `helm upgrade --install`.

        Values come from files only, and never from the revision before. One that was `uninstalled` with its history
        kept is installed in its own place: an upgrade takes the revision whose name comes last for the newest, of ten
        the ninth, and fails.
        """
        files = values_options((*release.values, *values))
        marks = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        verb, *own = (
            ("install", "--replace") if uninstalled else ("upgrade", "--install", "--reset-values", "--history-max=10")
        )
        return self.command(
            verb, release.name, str(release.chart), *own, "--namespace", release.namespace, *files,
            "--labels", marks, "--timeout", f"{timeout}s", *self.take_over(),
        )  # fmt: skip

    def take_over(self) -> list[str]:
        """Return the words by which our fields win: helm 4 applies on the server's side, where a field that `kubectl
        scale` set last is a conflict: ours wins.
        """
        return (
            [] if _version(self.shell, self.binary).startswith("v3.") else ["--server-side=true", "--force-conflicts"]
        )

    def history(self, release: Release) -> list[dict[str, Any]]:
        """Return the release's revisions, oldest first; none where helm says that it is not installed.

        Raises UserError where helm says nothing of the kind.
        """
        argv = self.command("history", release.name, "--namespace", release.namespace, "--output", "json")
        text = self._told(argv)
        if text is None:
            return []
        try:
            found = parsing.from_json(text)
        except ValueError:
            found = None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            said = (text.strip().splitlines() or ["nothing"])[0][:200]
            raise UserError(f"helm history {release.name}: answered no JSON: {said}", "see: invoke cluster.status")
        return found

    def _told(self, argv: list[str]) -> str | None:
        """Return what helm prints of a release, None where there is no such release. Raises UserError otherwise."""
        answer = self.shell.probe(argv)
        if answer or NOT_FOUND in answer.err:
            return answer.out if answer else None
        words = " ".join(argv[1:3])
        raise UserError(f"helm {words}: {answer.err.strip() or f'exit status {answer.code}'}", remedy(answer.err))

    def manifest(self, release: Release) -> str:
        """Return the live manifest without hooks, nothing where there is no release. It may hold Secrets: never log it.

        Raises UserError where helm cannot tell.
        """
        return self._told(self.command("get", "manifest", release.name, "--namespace", release.namespace)) or ""

    def rollback(self, release: Release, revision: int, timeout: int) -> Result:
        """Return to a revision. Raises CommandError if helm fails."""
        argv = self.command("rollback", release.name, str(revision), "--namespace", release.namespace)
        return self.shell.effect([*argv, "--timeout", f"{timeout}s", *self.take_over()], timeout=timeout + 30)

    def uninstall(self, name: str, namespace: str, timeout: int, *words: str) -> Result:
        """Remove a release and its history. Raises CommandError if helm fails."""
        argv = self.command("uninstall", name, "--namespace", namespace, "--ignore-not-found", *words)
        return self.shell.effect([*argv, "--timeout", f"{timeout}s"], timeout=timeout + 30)

    def add(self, name: str, namespace: str, chart: str, version: str, timeout: int, values: str = "") -> Result:
        """Install or renew a published chart and wait until what it makes is ready. Raises CommandError if helm fails.

        `chart` is its address; `values` are YAML and go by standard input.
        """
        argv = self.command(
            "upgrade", name, chart, "--install", "--namespace", namespace, "--version", version, "--wait",
            "--timeout", f"{timeout}s", *(("--values", "-") if values else ()),
        )  # fmt: skip
        return self.shell.effect(argv, stdin=values, shown_stdin=values, timeout=timeout + 30)
