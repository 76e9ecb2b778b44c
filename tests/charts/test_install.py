"""Charts in a cluster: the real helm against the embedded API server, in-process, with its admission and no node."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from aiohttp.test_utils import TestServer

from embedded.admission import plugins
from embedded.api.app import Api, build
from embedded.store import Store
from scripts.pipeline.namespace import read as read_namespace
from tests.support.charts import DATABASE, ROOT, SERVICES, SUBCHARTS, UMBRELLA, helm

pytestmark = pytest.mark.slow  # all start programs

NAMESPACE = "chatbot-dev"


class Cluster(NamedTuple):
    """A cluster that holds objects and runs nothing."""

    store: Store
    kubeconfig: Path
    namespace: str = NAMESPACE

    async def helm(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run helm in the namespace; it must succeed without a word on standard error, as a Pod Security warning is."""
        place = ("--kubeconfig", self.kubeconfig, "--namespace", self.namespace)
        answer = await asyncio.to_thread(helm, *words, *place)
        assert answer.returncode == 0, answer.stderr
        assert "WARN" not in answer.stderr.upper(), answer.stderr
        return answer

    async def upgrade(self, chart: Path = UMBRELLA, *words: str, environment: str = "") -> None:
        """`helm upgrade --install` of a chart, as the pipeline does it."""
        files = ("--values", UMBRELLA / f"environments/{environment}.yaml") if environment else ()
        release = "todo-database" if chart == DATABASE else "todo-chatbot"
        await self.helm("upgrade", release, chart, "--install", "--reset-values", *files, *words)

    def certificates(self) -> dict[str, str]:
        """The certificates of all services and of their authority."""
        names = [f"{name}-tls" for name in SERVICES] + ["todo-chatbot-ca"]
        return {name: self.store.get("secrets", NAMESPACE, name)["data"]["tls.crt"] for name in names}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster with the namespace as the pipeline makes it."""
    store = Store(admission=plugins("10.96.7.0/24"))
    resources = {"Namespace": "namespaces", "ResourceQuota": "resourcequotas", "LimitRange": "limitranges"}
    for item in read_namespace(ROOT / "config/namespace.yaml", NAMESPACE):
        store.create(resources[item["kind"]], item)
    store.create("serviceaccounts", {"metadata": {"name": "default", "namespace": NAMESPACE}})
    async with TestServer(build(Api(store))) as server:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": str(server.make_url("/")).rstrip("/")}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        file.chmod(0o600)
        yield Cluster(store, file)
    store.close()


@pytest.mark.parametrize("environment", ["dev", "secure"])
async def test_everything_is_admitted(cluster: Cluster, environment: str) -> None:
    await asyncio.gather(cluster.upgrade(DATABASE), cluster.upgrade(environment=environment))
    deployments = {item["metadata"]["name"] for item in cluster.store.list("deployments.apps", NAMESPACE)}
    assert deployments == {*SERVICES, "database"}
    for item in cluster.store.list("deployments.apps", NAMESPACE):
        template = item["spec"]["template"]
        meta = {"namespace": NAMESPACE, "name": item["metadata"]["name"], "labels": template["metadata"]["labels"]}
        # What Pod Security refuses is refused here, where no controller would make the pod.
        cluster.store.create("pods", {"metadata": meta, "spec": template["spec"]})


async def test_environments_follow_each_other(cluster: Cluster) -> None:
    def replicas() -> dict[str, Any]:
        return {i["metadata"]["name"]: i["spec"]["replicas"] for i in cluster.store.list("deployments.apps", NAMESPACE)}

    await cluster.upgrade(environment="secure")
    assert len(cluster.store.list("poddisruptionbudgets.policy", NAMESPACE)) == len(SERVICES)
    await cluster.upgrade(environment="ci")
    assert set(replicas().values()) == {1}
    for resource in ("horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"):
        assert not cluster.store.list(resource, NAMESPACE)
    assert not cluster.store.get("secrets", NAMESPACE, "backend-tls")


async def test_what_the_autoscaler_did_survives_an_upgrade(cluster: Cluster) -> None:
    words = ("--set", "backend.autoscaling.enabled=true")
    await cluster.upgrade(UMBRELLA, *words)

    def scale(item: dict[str, Any]) -> None:
        item["spec"]["replicas"] = 4

    cluster.store.modify("deployments.apps", NAMESPACE, "backend", scale, manager="kube-controller-manager")
    await cluster.upgrade(UMBRELLA, *words, "--set", "backend.config.LOG_LEVEL=error")
    assert cluster.store.get("deployments.apps", NAMESPACE, "backend")["spec"]["replicas"] == 4


async def test_switching_the_autoscaler_on_takes_no_pod_away(cluster: Cluster) -> None:
    words = ("--set", "backend.autoscaling.enabled=true")
    seen: list[int] = []

    def replicas() -> int:
        return int(cluster.store.get("deployments.apps", NAMESPACE, "backend")["spec"]["replicas"])

    await cluster.upgrade(UMBRELLA, "--set", "backend.replicaCount=3")
    for level in ("debug", "info"):
        await cluster.upgrade(UMBRELLA, *words, "--set", f"backend.config.LOG_LEVEL={level}")
        seen.append(replicas())
    await cluster.upgrade(UMBRELLA, *words, "--set", "backend.autoscaling.maxReplicas=2")
    assert [*seen, replicas()] == [3, 3, 2]


async def test_certificates_are_kept_until_they_are_near_their_end(cluster: Cluster) -> None:
    await cluster.upgrade(environment="secure")
    first = cluster.certificates()
    pods = cluster.store.get("deployments.apps", NAMESPACE, "backend")["spec"]["template"]
    await cluster.upgrade(environment="secure")
    assert cluster.certificates() == first
    await cluster.upgrade(UMBRELLA, "--set", "certificates.renewBeforeDays=366", environment="secure")
    renewed = cluster.certificates()
    assert renewed.pop("todo-chatbot-ca") == first["todo-chatbot-ca"]
    assert all(renewed[name] != first[name] for name in renewed)
    # The services read a renewed certificate while they run.
    assert cluster.store.get("deployments.apps", NAMESPACE, "backend")["spec"]["template"] == pods
    cluster.store.delete("secrets", NAMESPACE, "todo-chatbot-ca")
    await cluster.upgrade(environment="secure")
    assert not set(cluster.certificates().values()) & {*renewed.values(), first["todo-chatbot-ca"]}


async def test_a_revision_can_be_returned_to(cluster: Cluster) -> None:
    await cluster.upgrade()
    await cluster.upgrade(UMBRELLA, "--set", "backend.config.LOG_LEVEL=error")
    await cluster.helm("rollback", "todo-chatbot", "1")
    assert cluster.store.get("configmaps", NAMESPACE, "backend-config")["data"]["LOG_LEVEL"] == "info"


async def test_subcharts_live_side_by_side_as_releases_of_their_own(cluster: Cluster) -> None:
    await asyncio.gather(*(cluster.helm("install", name, chart) for name, chart in SUBCHARTS.items()))
    assert {item["metadata"]["name"] for item in cluster.store.list("services", NAMESPACE)} == {
        f"{name}-service" for name in SERVICES
    }


def outside_ports(cluster: Cluster, name: str) -> set[int]:
    """TCP ports that a service may reach outside the cluster."""
    policy = cluster.store.get("networkpolicies.networking.k8s.io", NAMESPACE, name)
    rules = [rule for rule in policy["spec"]["egress"] if any("ipBlock" in peer for peer in rule.get("to", []))]
    return {port["port"] for rule in rules for port in rule["ports"]}


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("postgresql://todo:p%40ss@pooler.example:6543/todo?sslmode=require", {6543}),
        ("postgresql+asyncpg://todo:1:2@db.example/todo", {5432}),
        ("postgres://u:p@one.example:5433,two.example:5434/todo", {5433, 5434}),
        ("postgres://u:p@[2001:db8::1]:7000/todo", {7000}),
        ("postgresql:///todo?host=db.example&port=6000", {6000}),
        ("host=db.example port=6001 dbname=todo", {6001}),
        ("jdbc:postgresql://db.example:6002/todo", {6002}),
        ("postgres://u:p@[2001:db8::1]/todo", {5432}),
        ("rediss://:p%40@cache.example:6380,cache2.example/0", {6380, 6379}),
        ("amqps://u:p@queue.example/v", {5671}),
        ("mongodb+srv://u:p@db.example/todo", {27017}),
        ("sqlite:////data/todo.db", set()),
        ("not a url", {5432}),
    ],
)
async def test_egress_follows_the_url_in_the_secret(cluster: Cluster, url: str, ports: set[int]) -> None:
    """The port alone leaves the Secret."""
    data = {"DATABASE_URL": base64.b64encode(url.encode()).decode()}
    cluster.store.create("secrets", {"metadata": {"name": "database-secrets", "namespace": NAMESPACE}, "data": data})
    await cluster.upgrade()
    assert outside_ports(cluster, "backend") == ports
    shown = await cluster.helm("get", "manifest", "todo-chatbot")
    assert ".example" not in shown.stdout and "todo:" not in shown.stdout


async def test_two_releases_live_in_two_namespaces(cluster: Cluster) -> None:
    """Under the same names, but for the node port that only one can have; what one calls is its own."""
    cluster.store.create("namespaces", {"metadata": {"name": "other"}})
    cluster.store.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "other"}})
    await cluster.upgrade()
    elsewhere = cluster._replace(namespace="other")
    await elsewhere.helm("install", "todo-chatbot", UMBRELLA, "--set", "frontend.service.nodePort=30001")

    def names(namespace: str) -> set[str]:
        return {item["metadata"]["name"] for item in cluster.store.list("deployments.apps", namespace)}

    assert names(NAMESPACE) == names("other") == {*SERVICES}
    config = cluster.store.get("configmaps", "other", "frontend-config")["data"]
    assert config["API_BASE_URL"] == "http://backend-service:8000"
    await elsewhere.helm("uninstall", "todo-chatbot")
    assert (names(NAMESPACE), names("other")) == ({*SERVICES}, set())


async def test_two_releases_share_a_namespace(cluster: Cluster) -> None:
    """By one value: their objects have names of their own, and their services call their own."""
    await cluster.upgrade(environment="secure")
    words = ("--set", "global.fullnameOverride=two", "--set", "frontend.service.nodePort=30001")
    await cluster.helm("install", "second", UMBRELLA, *words)
    names = {item["metadata"]["name"] for item in cluster.store.list("deployments.apps", NAMESPACE)}
    assert names == {*SERVICES, *(f"two-{name}" for name in SERVICES)}
    assert cluster.store.get("services", NAMESPACE, "two-backend-service")["spec"]["selector"] == {
        "app.kubernetes.io/name": "backend",
        "app.kubernetes.io/instance": "second",
    }
    config = cluster.store.get("configmaps", NAMESPACE, "two-frontend-config")["data"]
    assert config["API_BASE_URL"] == "http://two-backend-service:8000"
    await cluster.helm("uninstall", "second")
    assert {item["metadata"]["name"] for item in cluster.store.list("deployments.apps", NAMESPACE)} == {*SERVICES}


async def test_two_releases_share_a_namespace_by_each_services_own_name(cluster: Cluster) -> None:
    await cluster.upgrade()
    words = ["--set", "frontend.service.nodePort=30001", "--set", "global.fullnameOverride=x"]
    words += [word for name in SERVICES for word in ("--set", f"{name}.fullnameOverride=b-{name}")]
    await cluster.helm("install", "second", UMBRELLA, *words)
    names = {item["metadata"]["name"] for item in cluster.store.list("services", NAMESPACE)}
    assert names == {f"{prefix}{name}-service" for name in SERVICES for prefix in ("", "b-")}


async def test_data_outlives_the_release(cluster: Cluster) -> None:
    await cluster.upgrade(DATABASE)
    await cluster.helm("uninstall", "todo-database")
    assert cluster.store.get("persistentvolumeclaims", NAMESPACE, "database")
    await cluster.upgrade(DATABASE)
