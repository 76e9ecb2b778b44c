"""A way to a Service where no node address is reachable: `kubectl port-forward`, kept until the cluster goes."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.clusters.states import first_line, parse
from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.host.shell import Shell

START_SECONDS = 15.0
LEFT: list[object] = []  # processes that outlive this one, and so are not waited for
READY = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")


@dataclass(frozen=True)
class Kept:
    """A forward that this product keeps: a process, and the local port it listens on."""

    pid: int
    port: int


class Forwards:
    """The forwards of one cluster, each remembered in a file of its own."""

    def __init__(self, cluster: str, shell: Shell) -> None:
        self._folder = state_folder("forwards", cluster)
        self._shell = shell

    def ensure(self, kubectl: Sequence[str | Path], namespace: str, service: str, local: int) -> str:
        """The address of a Service, forwarded to `local` or, where that is taken, to a free port.

        Raises UserError with what kubectl says where it does not come about.
        """
        record = self._folder / f"{namespace}.{service}.json"
        if kept := self._living(record):
            return f"http://localhost:{kept.port}"
        port = self._shell.probe(
            [
                *kubectl,
                "get",
                "service",
                service,
                "--namespace",
                namespace,
                "--output",
                "jsonpath={.spec.ports[0].port}",
            ]
        )
        if not port or not port.out.strip().isdigit():
            said = first_line(port.err) or "it has no port"
            raise UserError(f"service {namespace}/{service}: {said}", "deploy it: invoke pipeline")
        if self._shell.dry:
            return f"http://localhost:{local}"
        problem = ""
        for wanted in (str(local), ""):  # an empty one lets kubectl choose
            found, problem = self._start(kubectl, namespace, service, f"{wanted}:{port.out.strip()}", record)
            if found:
                return f"http://localhost:{found}"
        raise UserError(f"kubectl port-forward {namespace}/{service}: {problem}", "see: invoke status")

    def stop(self) -> None:
        """End all of them."""
        for record in self._folder.glob("*.json") if self._folder.is_dir() else ():
            if kept := self._living(record):
                self._shell.effect(["kill", str(kept.pid)])
            if not self._shell.dry:
                record.unlink(missing_ok=True)

    def words(self) -> dict[str, str]:
        """What there is, for `cluster.status`."""
        found = {}
        for record in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            if kept := self._living(record):
                found[f"forward {record.stem}"] = f"http://localhost:{kept.port} (process {kept.pid})"
        return found

    def _start(
        self, kubectl: Sequence[str | Path], namespace: str, service: str, ports: str, record: Path
    ) -> tuple[int, str]:
        log = record.with_suffix(".log")
        log.unlink(missing_ok=True)
        argv = [
            *kubectl,
            "port-forward",
            "--address",
            "127.0.0.1",
            "--namespace",
            namespace,
            f"service/{service}",
            ports,
        ]
        process = self._shell.daemon(argv, log=log)
        deadline = time.monotonic() + START_SECONDS
        while process and time.monotonic() < deadline:
            said = log.read_text(encoding="utf-8", errors="replace")
            if found := READY.search(said):
                LEFT.append(process)
                record.write_text(f'{{"pid": {process.pid}, "port": {found[1]}}}\n', encoding="ascii")
                return int(found[1]), ""
            if process.poll() is not None:
                return 0, first_line(said) or f"ended with exit status {process.returncode}"
            time.sleep(0.05)  # a log file offers nothing to wait on
        if process:
            process.terminate()
            process.wait()
        return 0, f"not ready within {START_SECONDS:g} s"

    def _living(self, record: Path) -> Kept | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            words = parse(record.read_text(encoding="ascii"))
            kept = Kept(int(words["pid"]), int(words["port"]))
            answer = self._shell.probe(["ps", "-ww", "-o", "command=", "-p", str(kept.pid)], timeout=10)
            if answer and "port-forward" in answer.out:
                return kept
        return None
