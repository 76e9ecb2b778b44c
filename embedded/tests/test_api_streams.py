"""Logs, commands, metrics and the service proxy, as the real kubectl asks for them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import hollow
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from embedded.api import metrics, proxying
from embedded.api.app import Api, build
from embedded.store import Store

TOOLS = os.pathsep.join((str(Path(__file__).parents[2] / ".tools"), os.environ.get("PATH", ""), "/opt/k8s-tools"))
KUBECTL = shutil.which("kubectl", path=TOOLS)


@pytest.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    """A hollow cluster with the pod `web` running in `default`."""
    async with hollow.cluster(tmp_path) as made:
        await kubectl(made, "run", "web", "--image=bb:1")
        await kubectl(made, "wait", "--for=condition=Ready", "pod/web", "--timeout=300s")
        yield made


async def kubectl(config: Path, *arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    """Exit code, output and complaints of kubectl."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        KUBECTL, "--kubeconfig", str(config), *arguments, stdin=pipe, stdout=pipe, stderr=pipe
    )
    output, complaints = await asyncio.wait_for(process.communicate(stdin), 300)
    return process.returncode or 0, output.decode(), complaints.decode()


@pytest.mark.engine
@pytest.mark.skipif(not KUBECTL, reason="kubectl is not there")
async def test_kubectl_streams(kubeconfig: Path) -> None:
    assert await kubectl(kubeconfig, "logs", "web") == (0, "line 1\nline 2\nline 3\n", "")
    assert await kubectl(kubeconfig, "logs", "web", "-f", "--tail=1") == (0, "line 3\nlast line\n", "")
    code, output, complaints = await kubectl(kubeconfig, "exec", "web", "--", "echo", "hi")
    assert (code, output) == (3, "echo hi\n")
    assert complaints == "complaint\ncommand terminated with exit code 3\n"
    assert (await kubectl(kubeconfig, "exec", "-i", "web", "--", "cat", stdin=b"heard\n"))[1] == "cat\nheard\n"
    code, output, _ = await kubectl(kubeconfig, "top", "pod", "web", "--no-headers")
    assert output.split() == ["web", "100m", "10Mi"]
    _, output, _ = await kubectl(kubeconfig, "top", "nodes", "--no-headers")
    assert output.split()[:2] == ["vm", "500m"]
    _, _, complaints = await kubectl(kubeconfig, "logs", "web", "-c", "other")
    assert complaints == "error: container other is not valid for pod web out of: web\n"
    code, _, complaints = await kubectl(kubeconfig, "logs", "web", "--previous")
    assert complaints == (
        'Error from server (BadRequest): previous terminated container "web" in pod "web" not found\n'
    )


class Forgetful:
    """A node whose containers are gone when their logs are read: from the start, or after a line."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = lines

    async def logs(self, *_: Any, **__: Any) -> AsyncIterator[bytes]:
        for line in self._lines:
            yield line
        raise RuntimeError("no such container")


@pytest.mark.parametrize(
    ("said", "leaving", "status", "text"),
    [((b"line 1\n",), False, 200, "line 1\n"), ((), True, 200, ""), ((), False, 500, "no such container")],
)
async def test_a_log_whose_container_goes_is_an_answer_that_can_be_read(
    store: Store, pod: Callable[..., dict], said: tuple[bytes, ...], leaving: bool, status: int, text: str
) -> None:
    store.create("pods", pod(nodeName="node"))
    status_of_pod = {"phase": "Running", "containerStatuses": [{"name": "main", "state": {"running": {}}}]}
    store.modify("pods", "demo", "web", lambda found: found.update(status=status_of_pod), subresource="status")
    if leaving:
        store.delete("pods", "demo", "web")
    async with (
        TestClient(TestServer(build(Api(store, Forgetful(*said))))) as client,  # type: ignore[arg-type]
        client.get("/api/v1/namespaces/demo/pods/web/log") as answer,
    ):
        assert answer.status == status and text in await answer.text()


LIST = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: "1"}}
- {apiVersion: v1, kind: Service, metadata: {name: two}, spec: {ports: [{port: 80}], selector: {run: web}}}
"""


@pytest.mark.engine
@pytest.mark.skipif(not KUBECTL, reason="kubectl is not there")
async def test_a_list_of_objects_is_applied_and_a_service_has_endpoints(kubeconfig: Path) -> None:
    code, output, complaints = await kubectl(kubeconfig, "apply", "-f", "-", stdin=LIST.encode())
    assert (code, output, complaints) == (0, "configmap/one created\nservice/two created\n", "")
    _, output, _ = await kubectl(kubeconfig, "apply", "-f", "-", stdin=LIST.encode())
    assert output == "configmap/one unchanged\nservice/two unchanged\n"
    _, address, _ = await kubectl(kubeconfig, "get", "pod", "web", "-o", "jsonpath={.status.podIP}")
    path = "jsonpath={.subsets[0].addresses[0].ip}:{.subsets[0].ports[0].port}"
    _, output, _ = await kubectl(kubeconfig, "get", "endpoints", "two", "-o", path)
    assert output == f"{address}:80"
    await kubectl(kubeconfig, "delete", "service", "two")
    code, _, complaints = await kubectl(kubeconfig, "get", "endpoints", "two")
    assert (code, "not found" in complaints) == (1, True)


@pytest.mark.engine
@pytest.mark.skipif(not KUBECTL, reason="kubectl is not there")
async def test_kubectl_forwards_ports(kubeconfig: Path) -> None:
    body = b"x" * 300_000

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=await request.read() or body)

    app = web.Application()
    app.router.add_route("*", "/", answer)
    async with TestServer(app) as server:
        words = ("port-forward", "pod/web", f":{server.port}")
        process = await asyncio.create_subprocess_exec(
            KUBECTL, "--kubeconfig", str(kubeconfig), *words, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        try:
            line = (await asyncio.wait_for(process.stdout.readline(), 300)).decode()
            local = line.split("127.0.0.1:")[1].split()[0]
            async with ClientSession() as client:
                for _ in range(3):
                    async with client.get(f"http://127.0.0.1:{local}/") as got:
                        assert await got.read() == body
                async with client.post(f"http://127.0.0.1:{local}/", data=body) as got:
                    assert await got.read() == body
        finally:
            process.terminate()
            await process.wait()


@pytest.mark.engine
@pytest.mark.skipif(not KUBECTL, reason="kubectl is not there")
async def test_a_token_has_the_rights_of_its_account_and_no_more(kubeconfig: Path, tmp_path: Path) -> None:
    _, made, _ = await kubectl(kubeconfig, "create", "token", "default", "--duration=10m")
    config = json.loads(kubeconfig.read_text())  # noqa: ASYNC240 - a test
    config["users"][0]["user"] = {"token": made.strip()}
    theirs = tmp_path / "theirs"
    theirs.write_text(json.dumps(config))
    _, output, _ = await kubectl(theirs, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert output == "system:serviceaccount:default:default"
    code, _, complaints = await kubectl(theirs, "get", "pods")
    assert code == 1
    assert 'User "system:serviceaccount:default:default" cannot list resource "pods"' in complaints
    code, _, complaints = await kubectl(theirs, "get", "pods", "--as", "kubernetes-admin", "--as-group=system:masters")
    assert (code, "cannot impersonate" in complaints) == (1, True)
    assert (await kubectl(theirs, "auth", "can-i", "list", "pods"))[1] == "no\n"
    await kubectl(kubeconfig, "create", "role", "reader", "--verb=list,get", "--resource=pods")
    await kubectl(kubeconfig, "create", "rolebinding", "b", "--role=reader", "--serviceaccount=default:default")
    assert (await kubectl(theirs, "get", "pods", "-o", "name"))[:2] == (0, "pod/web\n")
    assert (await kubectl(theirs, "auth", "can-i", "list", "pods"))[1] == "yes\n"
    config["users"][0]["user"] = {"token": made.strip()[:-2] + "AA"}
    theirs.write_text(json.dumps(config))
    code, _, complaints = await kubectl(theirs, "get", "pods")
    assert (code, "Unauthorized" in complaints) == (1, True)


@pytest.mark.engine
@pytest.mark.skipif(not KUBECTL, reason="kubectl is not there")
async def test_kubectl_refusals(kubeconfig: Path) -> None:
    code, _, complaints = await kubectl(kubeconfig, "delete", "ns", "default")
    assert (code, complaints) == (
        1,
        'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted\n',
    )
    workload = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {"selector": {"app": "x"}},
    }
    code, _, complaints = await kubectl(kubeconfig, "create", "-f", "-", stdin=json.dumps(workload).encode())
    assert code == 1
    assert "the server does not allow this method on the requested resource" in complaints


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("web", ("http", "web", "")),
        ("web:80", ("http", "web", "80")),
        ("web:http", ("http", "web", "http")),
        ("https:web:443", ("https", "web", "443")),
        ("https:web:", ("https", "web", "")),
    ],
)
def test_names_of_the_proxy(text: str, parts: tuple[str, str, str]) -> None:
    assert proxying.parse_name(text) == parts


async def test_proxy_reaches_a_ready_endpoint(client: TestClient, store: Store) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path_qs, "method": request.method, "body": await request.text()})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    spec = {"ports": [{"name": "http", "port": 80}]}
    store.create("services", {"metadata": {"name": "web", "namespace": "demo"}, "spec": spec})
    base = "/api/v1/namespaces/demo/services/web:http/proxy"
    refused = await (await client.get(f"{base}/x")).json()
    assert (refused["code"], refused["message"]) == (503, 'no endpoints available for service "web:http"')
    async with TestServer(app) as server:
        meta = {"name": "web-1", "namespace": "demo", "labels": {"kubernetes.io/service-name": "web"}}
        endpoint = {"addresses": ["127.0.0.1"], "conditions": {"ready": True}}
        slice_ = {"metadata": meta, "addressType": "IPv4", "endpoints": [endpoint]}
        store.create("endpointslices.discovery.k8s.io", slice_ | {"ports": [{"name": "http", "port": server.port}]})
        found = await (await client.post(f"{base}/a/b?c=d", data="hello")).json()
    assert found == {"path": "/a/b?c=d", "method": "POST", "body": "hello"}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("/login", "/api/v1/x/proxy/login"),
        ("/login/?next=/a#b", "/api/v1/x/proxy/login/?next=/a#b"),
        ("http://10.0.0.9:3000/login", "/api/v1/x/proxy/login"),
        ("http://localhost:6443/login", "/api/v1/x/proxy/login"),
        ("https://elsewhere.example/login", "https://elsewhere.example/login"),
        ("login", "login"),
        ("/api/v1/x/proxy/login", "/api/v1/x/proxy/login"),
    ],
)
def test_a_redirect_of_what_is_proxied_leads_through_the_proxy(told: str, found: str) -> None:
    """A page whose first path leads to its login is followed there by whoever asks through the API server."""
    assert proxying.relocated(told, "/api/v1/x/proxy", ("10.0.0.9:3000", "localhost:6443")) == found


async def test_a_proxied_redirect_can_be_followed(client: TestClient, store: Store) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/":
            raise web.HTTPTemporaryRedirect("/login?from=%2F")
        return web.Response(text=request.path_qs)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    container = {"name": "web", "image": "web:1", "ports": [{"containerPort": 1}]}
    store.create("pods", {"metadata": {"name": "web", "namespace": "demo"}, "spec": {"containers": [container]}})
    store.modify("pods", "demo", "web", lambda pod: pod.update(status={"podIP": "127.0.0.1"}), subresource="status")
    async with TestServer(app) as server:
        followed = await client.get(f"/api/v1/namespaces/demo/pods/web:{server.port}/proxy/")
        assert (followed.status, await followed.text()) == (200, "/login?from=/")


async def test_proxy_reaches_a_pod(client: TestClient, store: Store) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.query_string}\n")

    app = web.Application()
    app.router.add_get("/metrics", answer)
    base = "/api/v1/namespaces/demo/pods"
    assert (await client.get(f"{base}/web/proxy/metrics")).status == 404
    container = {"name": "web", "image": "web:1", "ports": [{"containerPort": 1}]}
    store.create("pods", {"metadata": {"name": "web", "namespace": "demo"}, "spec": {"containers": [container]}})
    assert (await client.get(f"{base}/web/proxy/metrics")).status == 503
    store.modify("pods", "demo", "web", lambda pod: pod.update(status={"podIP": "127.0.0.1"}), subresource="status")
    async with TestServer(app) as server:
        assert await (await client.get(f"{base}/web:{server.port}/proxy/metrics?a=b")).text() == "a=b\n"
    assert (await client.get(f"{base}/web/proxy/metrics")).status == 503


def test_amounts() -> None:
    assert metrics.amounts({"cpu": 0.25, "memory": 1536}) == {"cpu": "250000000n", "memory": "2Ki"}
