"""Serve on this machine's localhost, the same on every target, the addresses that a browser looks for."""

from __future__ import annotations

import time
from collections.abc import Iterator

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.paths import state_folder
from scripts.kube import forward
from scripts.settings.model import Address, Outcome, Service


def of_page(session: Session) -> str:
    """Return the page's address among those of the app's file; empty where it is not among them."""
    app = session.settings.app
    own = next((item.port for item in app.addresses if item.service == app.page), None)
    return f"http://localhost:{own}" if own else ""


def _service(session: Session, name: str) -> Service:
    return next(item for item in session.settings.services if item.name == name)


def serve(run: Run) -> Iterator[Outcome]:
    """Keep every address of the app's file open on this machine, the same on every target."""
    session = run.session
    addresses = session.settings.app.addresses
    started = time.monotonic()
    folder = state_folder("forward", session.settings.cluster)
    wanted: dict[int, str | list[str]] = {item.port: _target(session, item) for item in addresses}
    done = forward.ensure(session.shell, folder, wanted)
    for item in addresses:
        text = f"http://localhost:{item.port}"
        yield Outcome("prove", item.service, "done" if done else "unchanged", time.monotonic() - started, text)


def serve_quietly(run: Run) -> bool:
    """Serve the addresses, and tell whether they are; why not, `serve` says in a stage that rolls nothing back."""
    try:
        return bool(list(serve(run)))
    except UserError:
        return False


def _target(session: Session, item: Address) -> str | list[str]:
    """Return where a port leads: the node port where this machine reaches it, else kubectl's own forwarding."""
    service, namespace = _service(session, item.service), session.settings.release.namespace
    there = session.kubectl.find("service", service.address, namespace)
    if there is None:
        raise UserError(f"there is no Service {service.address}, which leads to {service.name}", "run: invoke pipeline")
    port = there["spec"]["ports"][0]
    if port.get("nodePort") and session.cluster.target in ("embedded", "minikube"):
        parts = parsing.from_url(session.cluster.url(namespace, service.address, port["nodePort"]))
        return f"{parts.hostname}:{parts.port}"
    return forward.command(session.kubectl.command(), namespace, service.address, item.port, port["port"])
