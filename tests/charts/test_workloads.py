"""The Deployments and what belongs to them: names, ports, resources, settings, updates, scaling."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.charts import DATABASE, ENVIRONMENTS, ROOT, SERVICES, SUBCHARTS, UMBRELLA, by_name, manifests

# port, Service type, replicas, limits, requests: as specified
TABLE = {
    "frontend": (3000, "NodePort", 2, {"cpu": "500m", "memory": "512Mi"}, {"cpu": "100m", "memory": "128Mi"}),
    "backend": (8000, "ClusterIP", 2, {"cpu": "1000m", "memory": "1Gi"}, {"cpu": "200m", "memory": "256Mi"}),
    "agent": (8001, "ClusterIP", 1, {"cpu": "500m", "memory": "512Mi"}, {"cpu": "100m", "memory": "128Mi"}),
    "mcp": (8002, "ClusterIP", 1, {"cpu": "300m", "memory": "256Mi"}, {"cpu": "100m", "memory": "128Mi"}),
}
CONFIG = {
    "frontend": {"API_BASE_URL", "LOG_LEVEL"},
    "backend": {"DATABASE_HOST", "MCP_SERVER_URL", "AGENT_URL", "LOG_LEVEL"},
    "agent": {
        "MCP_SERVER_URL", "MODEL_PROVIDER", "MODEL_NAME", "MODEL_TEMPERATURE", "MODEL_MAX_TOKENS", "MODEL_BASE_URL",
        "LOG_LEVEL",
    },
    "mcp": {"BACKEND_URL", "LOG_LEVEL"},
}  # fmt: skip
SECRETS = {
    "frontend": {},
    "backend": {"DATABASE_URL": "database-secrets", "AUTH_SECRET": "auth-secrets", "JWT_SECRET": "auth-secrets"},
    "agent": {"OPENAI_API_KEY": "api-keys", "ANTHROPIC_API_KEY": "api-keys"},
    "mcp": {},
}


def deployment(name: str, *words: str, environment: str = "") -> Any:
    return by_name(manifests(UMBRELLA, *words, environment=environment), "Deployment")[name]


def container(name: str, *words: str, environment: str = "") -> Any:
    (found,) = deployment(name, *words, environment=environment)["spec"]["template"]["spec"]["containers"]
    return found


def config(name: str, *words: str, environment: str = "") -> dict[str, str]:
    objects = manifests(UMBRELLA, *words, environment=environment)
    found: dict[str, str] = by_name(objects, "ConfigMap")[f"{name}-config"]["data"]
    return found


def test_four_deployments() -> None:
    assert set(by_name(manifests(UMBRELLA), "Deployment")) == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_as_in_the_table(name: str) -> None:
    port, kind, replicas, limits, requests = TABLE[name]
    objects = manifests(UMBRELLA)
    service = by_name(objects, "Service")[f"{name}-service"]
    assert service["spec"]["type"] == kind
    (exposed,) = service["spec"]["ports"]
    assert (exposed["port"], exposed.get("nodePort")) == (port, 30000 if name == "frontend" else None)
    assert container(name)["resources"] == {"limits": limits, "requests": requests}
    assert container(name)["ports"] == [{"name": "http", "containerPort": port, "protocol": "TCP"}]
    assert deployment(name)["spec"]["replicas"] == replicas


@pytest.mark.parametrize("name", SERVICES)
def test_services_select_their_pods_only(name: str) -> None:
    objects = manifests(UMBRELLA)
    selector = by_name(objects, "Service")[f"{name}-service"]["spec"]["selector"]
    matching = [
        other
        for other, item in by_name(objects, "Deployment").items()
        if selector.items() <= item["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert matching == [name]
    assert selector.items() <= deployment(name)["spec"]["selector"]["matchLabels"].items()
    smoke = by_name(objects, "Pod")["smoke-test"]["metadata"]["labels"]
    assert not selector.items() <= smoke.items()


def each(setting: str) -> tuple[str, ...]:
    """Arguments that give every service a value."""
    return ("--set", ",".join(f"{name}.{setting}" for name in SERVICES))


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_replicas_can_be_set(name: str) -> None:
    for count in (0, 1, 3):
        assert deployment(name, *each(f"replicaCount={count}"))["spec"]["replicas"] == count


@pytest.mark.parametrize("name", SERVICES)
def test_settings(name: str) -> None:
    assert CONFIG[name] | {"PORT", "ENVIRONMENT"} == set(config(name))
    assert config(name)["PORT"] == str(TABLE[name][0])
    assert container(name)["envFrom"] == [{"configMapRef": {"name": f"{name}-config"}}]
    found = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in container(name).get("env", [])}
    assert {key: reference["name"] for key, reference in found.items()} == SECRETS[name]
    for key, reference in found.items():
        assert reference["key"] == key
        assert reference["optional"] is (reference["name"] == "api-keys")


def test_urls_lead_to_the_services() -> None:
    for environment in ENVIRONMENTS:
        ports = {f"{name}-service": str(port) for name, (port, *_) in TABLE.items()}
        for name in SERVICES:
            for key, value in config(name, environment=environment).items():
                if key.endswith("_URL") and value:
                    scheme, host, port = re.fullmatch(r"(https?)://([a-z-]+):(\d+)(?:/mcp)?", value).groups()
                    assert ports[host] == port
                    assert scheme == ("https" if environment == "secure" else "http")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_mode(environment: str) -> None:
    for name in SERVICES:
        assert config(name, environment=environment)["ENVIRONMENT"] == environment


@pytest.mark.slow
def test_model_parameters() -> None:
    words = ("--set", "agent.config.MODEL_PROVIDER=openai", "--set-string", "agent.config.MODEL_TEMPERATURE=0.7")
    changed = config("agent", *words, "--set", "agent.config.MODEL_MAX_TOKENS=2048")
    assert (changed["MODEL_PROVIDER"], changed["MODEL_TEMPERATURE"]) == ("openai", "0.7")
    assert changed["MODEL_MAX_TOKENS"] == "2048"


@pytest.mark.slow
def test_a_changed_setting_replaces_the_pods_it_concerns() -> None:
    changed = ("--set", "agent.config.MODEL_NAME=other")

    def checksum(name: str, *words: str) -> str:
        return str(deployment(name, *words)["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum("agent") != checksum("agent", *changed)
    for name in ("frontend", "backend", "mcp"):
        assert deployment(name) == deployment(name, *changed)


def test_a_new_chart_version_replaces_no_pods() -> None:
    for name in SERVICES:
        template = deployment(name)["spec"]["template"]
        assert "helm.sh/chart" not in template["metadata"]["labels"]


def numbers(file: str, pattern: str) -> list[float]:
    return [float(number) for number in re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"))]


# Seconds from SIGTERM to the end of a service, and those that its longest answer may take.
STOPS_WITHIN = [
    *numbers("services/common/todo_common/server.py", r"STOP_WITHIN = ([\d.]+)"),
    *(ms / 1000 for ms in numbers("services/frontend/server/stop.ts", r"STOP_WITHIN_MS = ([\d_]+)")),
]
ANSWERS = numbers("services/backend/todo_backend/settings.py", r"chat_timeout_seconds.*default=(\d+)")


def test_what_is_begun_is_finished_before_a_service_ends() -> None:
    assert len(STOPS_WITHIN) == 2 and STOPS_WITHIN[0] == STOPS_WITHIN[1]
    drained = 8  # seconds at most, in which nothing is waited for
    assert len(ANSWERS) == 1 and ANSWERS[0] + drained < STOPS_WITHIN[0]


@pytest.mark.parametrize("name", SERVICES)
def test_rolling_updates_lose_nothing(name: str) -> None:
    spec = deployment(name)["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "100%"}}
    assert "minReadySeconds" not in spec
    pod = spec["template"]["spec"]
    pause = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause >= 1
    assert pod["terminationGracePeriodSeconds"] > pause + STOPS_WITHIN[0]


@pytest.mark.parametrize("name", SERVICES)
def test_probes(name: str) -> None:
    for environment in ENVIRONMENTS:
        item = container(name, environment=environment)
        scheme = "HTTPS" if environment == "secure" and name != "frontend" else "HTTP"
        paths = {kind: item[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
        assert paths == {
            kind: {"path": "/readyz" if kind == "readiness" else "/healthz", "port": "http", "scheme": scheme}
            for kind in paths
        }
        assert item["startupProbe"]["periodSeconds"] == 1
        # A start may take a minute; a readiness check asks dependencies, which have 2 s to answer.
        assert item["startupProbe"]["failureThreshold"] >= 60
        assert item["readinessProbe"]["timeoutSeconds"] > 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_autoscaling(name: str) -> None:
    words = each("autoscaling.enabled=true")
    assert not by_name(manifests(UMBRELLA), "HorizontalPodAutoscaler")
    item = by_name(manifests(UMBRELLA, *words), "HorizontalPodAutoscaler")[name]["spec"]
    assert item["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    assert {metric["resource"]["name"] for metric in item["metrics"]} == {"cpu", "memory"}
    assert item["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert item["behavior"]["scaleDown"]["stabilizationWindowSeconds"] > 0
    # Both would own the field, and the next upgrade would undo what the autoscaler did.
    assert "replicas" not in deployment(name, *words)["spec"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", SERVICES)
def test_disruption_budget_needs_two_pods(name: str, count: int) -> None:
    scaled = (*each("replicaCount=1"), *each("autoscaling.enabled=true"), *each(f"autoscaling.minReplicas={count}"))
    for words in (each(f"replicaCount={count}"), scaled):
        found = by_name(manifests(UMBRELLA, *words), "PodDisruptionBudget")
        assert (name in found) == (count > 1)
        if count > 1:
            selector = found[name]["spec"]["selector"]["matchLabels"]
            assert selector == deployment(name)["spec"]["selector"]["matchLabels"]


def test_secure_runs_two_of_everything() -> None:
    objects = manifests(UMBRELLA, environment="secure")
    scaled = {name: item["spec"] for name, item in by_name(objects, "HorizontalPodAutoscaler").items()}
    assert all(scaled[name]["minReplicas"] >= 2 for name in SERVICES)
    assert set(by_name(objects, "PodDisruptionBudget")) == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_spread_over_nodes(name: str) -> None:
    (constraint,) = deployment(name)["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert constraint["labelSelector"] == deployment(name)["spec"]["selector"]


@pytest.mark.parametrize("name", SERVICES)
def test_stateless(name: str) -> None:
    """Nothing but scratch space and mounted Secrets: any pod can be replaced by any other."""
    for environment in ENVIRONMENTS:
        for volume in deployment(name, environment=environment)["spec"]["template"]["spec"]["volumes"]:
            assert volume.keys() - {"name"} <= {"emptyDir", "secret"}


@pytest.mark.slow
def test_ingress() -> None:
    assert not by_name(manifests(UMBRELLA), "Ingress")
    words = ("--set", "frontend.ingress.enabled=true", "--set", "frontend.ingress.host=todo.example")
    spec = by_name(manifests(UMBRELLA, *words), "Ingress")["frontend"]["spec"]
    (rule,) = spec["rules"]
    assert rule["host"] == "todo.example"
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "frontend-service", "port": {"name": "http"}}
    assert "tls" not in spec
    spec = by_name(manifests(UMBRELLA, *words, "--set", "frontend.ingress.tls.enabled=true"), "Ingress")["frontend"]
    assert spec["spec"]["tls"] == [{"hosts": ["todo.example"], "secretName": "frontend-ingress-tls"}]


@pytest.mark.slow
def test_database() -> None:
    objects = manifests(DATABASE)
    spec = by_name(objects, "Deployment")["database"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    (server,) = spec["template"]["spec"]["containers"]
    environment = {entry["name"]: entry for entry in server["env"]}
    assert environment["POSTGRES_USER"]["value"] == environment["POSTGRES_DB"]["value"] == "todo"
    reference = environment["POSTGRES_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "database-credentials", "key": "POSTGRES_PASSWORD"}
    mounts = {mount["mountPath"] for mount in server["volumeMounts"]}
    assert mounts == {"/var/lib/postgresql/data", "/var/run/postgresql", "/tmp"}  # noqa: S108 a container's path
    assert "pg_isready" in server["readinessProbe"]["exec"]["command"]
    (port,) = by_name(objects, "Service")["database"]["spec"]["ports"]
    assert port["port"] == 5432
    claim = by_name(objects, "PersistentVolumeClaim")["database"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    volatile = by_name(manifests(DATABASE, "--set", "persistence.enabled=false"), "Deployment")["database"]
    volumes = {volume["name"]: volume for volume in volatile["spec"]["template"]["spec"]["volumes"]}
    assert volumes["data"] == {"name": "data", "emptyDir": {}}


def test_smoke_test_asks_every_service() -> None:
    for environment in ENVIRONMENTS:
        item = by_name(manifests(UMBRELLA, environment=environment), "Pod")["smoke-test"]
        assert item["metadata"]["annotations"]["helm.sh/hook"] == "test"
        (_, *urls) = item["spec"]["containers"][0]["args"]
        secure = environment == "secure"
        assert urls == [
            f"{'https' if secure and name != 'frontend' else 'http'}://{name}-service:{port}/readyz"
            for name, (port, *_) in TABLE.items()
        ]


@pytest.mark.slow
def test_smoke_test_runs_in_the_image_that_is_named() -> None:
    words = ("--set", "smokeTest.service=frontend,smokeTest.runtime=node,agent.enabled=false,mcp.enabled=false")
    spec = by_name(manifests(UMBRELLA, *words, environment="secure"), "Pod")["smoke-test"]["spec"]
    (container,) = spec["containers"]
    assert "/frontend:" in container["image"] and container["command"][0] == "node"
    assert container["args"][1:] == [
        "--", "http://frontend-service:3000/readyz", "https://backend-service:8000/readyz"
    ]  # fmt: skip
    assert spec["serviceAccountName"] == "frontend" and spec["volumes"][0]["secret"]["secretName"] == "frontend-tls"


def test_subcharts_need_nothing_else() -> None:
    for name, chart in SUBCHARTS.items():
        kinds = {item["kind"] for item in manifests(chart)}
        assert {"Deployment", "Service", "ConfigMap", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy"} <= kinds
        assert set(by_name(manifests(chart), "Deployment")) == {name}
