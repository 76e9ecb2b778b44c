"""The forwards that lead into one cluster, where no address of its nodes is reachable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.kube import forward


class Forwards:
    """The forwards of one cluster: a folder for each Service, named NAMESPACE.SERVICE."""

    def __init__(self, cluster: str, shell: Shell) -> None:
        self._folder = state_folder("forwards", cluster)
        self._shell = shell

    def ensure(self, kubectl: Sequence[str | Path], namespace: str, service: str, local: int) -> str:
        """Return the address of a Service, forwarded to `local` or, where that is taken, to a free port."""
        folder = self._folder / f"{namespace}.{service}"
        return forward.to_service(self._shell, folder, kubectl, namespace, service, local)

    def stop(self) -> None:
        """End all of them."""
        for folder in self._folders():
            forward.stop(self._shell, folder)

    def words(self) -> dict[str, str]:
        """Return what there is, for `cluster.status`."""
        return {
            f"forward {folder.name}": f"http://localhost:{port} (process {pid})"
            for folder in self._folders()
            for port, pid in forward.kept(self._shell, folder).items()
        }

    def _folders(self) -> Iterator[Path]:
        yield from sorted(self._folder.iterdir()) if self._folder.is_dir() else ()
