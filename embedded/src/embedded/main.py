"""Assembles one cluster in one process: store, API server, controllers and node agent on one event loop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedded import cluster as clusters
from embedded import files, pki, tokens
from embedded.cluster import Cluster
from embedded.store import Store

log = logging.getLogger("embedded")
STOP_SECONDS = 20.0  # what a process that was asked to stop is given
ROOT_CA = "kube-root-ca.crt"
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class AlreadyRunningError(RuntimeError):
    """Another process serves the same state directory."""


@contextlib.contextmanager
def sole_owner(state: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the state directory; raises AlreadyRunningError when another process still does after `patience` seconds."""
    deadline = time.monotonic() + patience
    with (state / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise AlreadyRunningError(f"a process already serves {state}") from error
                time.sleep(0.05)
        yield


def ask_to_stop(state: Path) -> None:
    """Send SIGTERM to the process that serves `state`, if there is one."""
    try:
        with sole_owner(state):
            return
    except AlreadyRunningError:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((state / "pid").read_text()), signal.SIGTERM)


def bootstrap(store: Store, cluster: Cluster, authority: str) -> None:
    """Make the objects every cluster begins with; `authority` is the certificate (PEM) that pods may trust."""
    for name in NAMESPACES:
        if store.get("namespaces", "", name) is None:
            store.create("namespaces", {"metadata": {"name": name}}, manager="kube-apiserver")
    if store.get("configmaps", "kube-system", ROOT_CA) is None:
        meta: dict[str, Any] = {"name": ROOT_CA, "namespace": "kube-system"}
        store.create("configmaps", {"metadata": meta, "data": {"ca.crt": authority}}, manager="kube-controller-manager")
    if store.get("services", "default", "kubernetes") is None:
        port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": cluster.port}
        meta = {"name": "kubernetes", "namespace": "default"}
        meta["labels"] = {"component": "apiserver", "provider": "kubernetes"}
        spec = {"clusterIP": cluster.api_address, "ports": [port], "type": "ClusterIP"}
        store.create("services", {"metadata": meta, "spec": spec}, manager="kube-apiserver")
    if cluster.port and store.get("endpointslices.discovery.k8s.io", "default", "kubernetes") is None:
        labels = {"kubernetes.io/service-name": "kubernetes"}
        port = {"name": "https", "port": cluster.port, "protocol": "TCP"}
        meta = {"name": "kubernetes", "namespace": "default", "labels": labels}
        ready = [{"addresses": [cluster.gateway], "conditions": {"ready": True}}]
        made = {"metadata": meta, "addressType": "IPv4", "endpoints": ready, "ports": [port]}
        store.create("endpointslices.discovery.k8s.io", made, manager="kube-apiserver")
        subset = {"addresses": [{"ip": cluster.gateway}], "ports": [port]}
        made = {"metadata": {"name": "kubernetes", "namespace": "default"}, "subsets": [subset]}
        store.create("endpoints", made, manager="kube-apiserver")


def tls(folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS: clients may show a certificate, those that do not need a token."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    context.load_verify_locations(folder / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


async def until_stopped(stop: asyncio.Event, working: asyncio.Task[None]) -> None:
    """Wait for a signal; a controller loop that ends before it is an error that ends the process."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((waiting, working), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        working.result()


async def serve(cluster: Cluster, state: Path) -> None:
    """Run the cluster until SIGTERM or SIGINT; running pods outlive it."""
    from aiohttp import web

    from embedded.admission import plugins
    from embedded.api.app import Api, build
    from embedded.controllers.manager import HEARING_SECONDS, Manager
    from embedded.node.agent import Node

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pki.ensure(state / "pki", (cluster.api_address, cluster.gateway))
    issuer = tokens.Issuer(tokens.secret(state / "pki" / "tokens.key"))
    store = Store(state / "state.db", admission=plugins(cluster.service_cidr))
    bootstrap(store, cluster, (state / "pki" / "ca.crt").read_text())
    node = Node(
        store,
        name=cluster.name,
        state_dir=state,
        pod_cidr=cluster.pod_cidr,
        service_cidr=cluster.service_cidr,
        issuer=issuer,
    )
    manager = Manager(store, lambda: node.usage()["pods"], hearing=HEARING_SECONDS)
    api = Api(store, node, f"127.0.0.1:{cluster.port}", ready=False, issuer=issuer)
    runner = web.AppRunner(build(api), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", cluster.port, ssl_context=tls(state / "pki")).start()
        await node.start()
        await web.TCPSite(runner, cluster.gateway, cluster.port, ssl_context=tls(state / "pki")).start()
        working = asyncio.create_task(manager.run())
        files.write_private(state / "kubeconfig", pki.kubeconfig(state / "pki", cluster.name, cluster.port))
        api.ready = True
        log.info("cluster %s serves on port %d", cluster.name, cluster.port)
        await until_stopped(stop, working)
    finally:
        manager.stop()
        await node.stop()
        store.end_watches()
        await runner.cleanup()
        store.close()


def delete(name: str, state: Path) -> None:
    """Remove everything the cluster made, its state directory last. Says so when the Engine keeps the network."""
    from embedded.node import agent

    kept = asyncio.run(agent.delete(name, state))
    shutil.rmtree(state)
    if kept:
        print(f"embedded: the Engine keeps a network until it is restarted: {kept}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python -m embedded", description="A single-node cluster over Docker.")
    made.add_argument("--name", required=True, help="name of the cluster, of its node and of its kubeconfig context")
    made.add_argument("--state", required=True, type=Path, help="directory that keeps everything the cluster is")
    made.add_argument("--port", type=int, help="port of the API server on localhost (default: chosen once, kept)")
    made.add_argument("--delete", action="store_true", help="remove every container, network, rule and file it made")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    state: Path = options.state.resolve()
    os.umask(0o022)  # what pods mount is made here, and has to be readable by whoever they run as
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    logging.basicConfig(
        filename=state / "log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        if options.delete:
            ask_to_stop(state)
            with sole_owner(state, STOP_SECONDS):
                delete(options.name, state)
            return 0
        with sole_owner(state):
            cluster = clusters.open_cluster(options.name, state, options.port)
            (state / "pid").write_text(f"{os.getpid()}\n")
            asyncio.run(serve(cluster, state))
            (state / "pid").unlink(missing_ok=True)
            return 0
    except (AlreadyRunningError, ValueError, OSError) as error:
        log.error("%s", error)
        print(f"embedded: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        log.exception("the cluster cannot go on")
        print(f"embedded: {error} (more in {state / 'log'})", file=sys.stderr)
        return 1
