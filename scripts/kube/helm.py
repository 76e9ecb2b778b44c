"""helm 3 and 4, always aimed at an explicit kubeconfig and context."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.host.shell import Result, Shell
from scripts.settings.model import Release


@dataclass(frozen=True)
class Helm:
    """One cluster, as helm reaches it."""

    binary: Path
    kubeconfig: Path
    context: str
    shell: Shell

    def command(self, *words: str) -> list[str]:
        """The argv of a call, which never relies on the current context."""
        return [str(self.binary), *words, "--kubeconfig", str(self.kubeconfig), "--kube-context", self.context]

    def upgrade_command(
        self, release: Release, values: tuple[Path, ...], labels: Mapping[str, str], timeout: int
    ) -> list[str]:
        """The argv of `helm upgrade --install`. Values come from files only, and never from the revision before."""
        files = [word for file in (*release.values, *values) for word in ("--values", str(file))]
        marks = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        return self.command(
            "upgrade", release.name, str(release.chart), "--install", "--namespace", release.namespace,
            "--reset-values", *files, "--labels", marks, "--history-max", "10", "--timeout", f"{timeout}s",
            *self._force(),
        )  # fmt: skip

    def _force(self) -> list[str]:
        """helm 4 applies on the server's side, where a field that `kubectl scale` set last is a conflict: ours wins."""
        version = self.shell.probe([self.binary, "version", "--template", "{{.Version}}"]).out
        return [] if version.startswith("v3.") else ["--server-side=true", "--force-conflicts"]

    def history(self, release: Release) -> list[dict[str, Any]]:
        """The release's revisions, oldest first; none where it is not installed."""
        argv = self.command("history", release.name, "--namespace", release.namespace, "--output", "json")
        answer = self.shell.probe(argv)
        found: list[dict[str, Any]] = json.loads(answer.out) if answer else []
        return found

    def manifest(self, release: Release) -> str:
        """The live manifest without hooks; nothing where there is no release. It may hold Secrets: never log it."""
        return self.shell.probe(self.command("get", "manifest", release.name, "--namespace", release.namespace)).out

    def rollback(self, release: Release, revision: int, timeout: int) -> Result:
        """Return to a revision. Raises CommandError if helm fails."""
        argv = self.command("rollback", release.name, str(revision), "--namespace", release.namespace)
        return self.shell.effect([*argv, "--timeout", f"{timeout}s", *self._force()], timeout=timeout + 30)

    def uninstall(self, release: Release, timeout: int) -> Result:
        """Remove a release and its history. Raises CommandError if helm fails."""
        argv = self.command("uninstall", release.name, "--namespace", release.namespace, "--ignore-not-found")
        return self.shell.effect([*argv, "--timeout", f"{timeout}s"], timeout=timeout + 30)
