"""Pod Security, access, network flows, certificates and the namespace."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
import sys
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from cryptography import x509

from scripts.pipeline.namespace import read as read_namespace
from tests.support.charts import (
    DATABASE,
    ENVIRONMENTS,
    ROOT,
    SERVICES,
    UMBRELLA,
    by_name,
    every_object,
    manifests,
    pods,
)
from tests.support.strict import problems

ALL_PODS = [(name, pod) for name, pod in pods(every_object())]


@pytest.mark.parametrize(("name", "pod"), ALL_PODS, ids=[name for name, _ in ALL_PODS])
def test_pods_are_restricted(name: str, pod: Any) -> None:
    """Pod Security `restricted`, a numeric user, a read-only root and no token: of every pod, tests included."""
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 10001
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostAliases", "nodeName"} & pod.keys()
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any("hostPort" in port for port in container.get("ports", ()))
        for group in ("limits", "requests"):
            assert container["resources"][group].keys() == {"cpu", "memory"}
    for volume in pod.get("volumes", ()):
        assert volume.keys() - {"name"} <= {"emptyDir", "secret", "persistentVolumeClaim"}


def test_every_service_has_an_account_that_may_do_nothing() -> None:
    for chart, names in ((UMBRELLA, SERVICES), (DATABASE, ("database",))):
        objects = manifests(chart)
        assert set(by_name(objects, "ServiceAccount")) == set(names)
        for name in names:
            assert by_name(objects, "ServiceAccount")[name]["automountServiceAccountToken"] is False
            assert by_name(objects, "Role")[name]["rules"] == []
            binding = by_name(objects, "RoleBinding")[name]
            assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
            assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "chatbot-dev"}]
            assert by_name(objects, "Deployment")[name]["spec"]["template"]["spec"]["serviceAccountName"] == name
    assert not [item for item in every_object() if item["kind"].startswith("Cluster")]


def test_no_secret_comes_from_the_charts() -> None:
    """But for certificates, which the chart makes itself."""
    for environment in ENVIRONMENTS:
        secrets = by_name(manifests(UMBRELLA, environment=environment), "Secret")
        certificates = {f"{name}-tls" for name in SERVICES} | {"todo-chatbot-ca"}
        assert set(secrets) == (certificates if environment == "secure" else set())
    assert not by_name(manifests(DATABASE), "Secret")


def flows(environment: str = "") -> set[tuple[str, str, int]]:
    """(from, to, port) of all that is allowed at both ends, DNS aside, and what leaves or enters the cluster."""
    policies = [
        item
        for item in (*manifests(UMBRELLA, environment=environment), *manifests(DATABASE))
        if item["kind"] == "NetworkPolicy" and "helm.sh/hook" not in item["metadata"].get("annotations", {})
    ]
    incoming, outgoing = set(), set()
    for policy in policies:
        name = policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name")
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        incoming |= {(peer, name, port) for peer, port in _peers(policy["spec"].get("ingress", []), "from")}
        outgoing |= {(name, peer, port) for peer, port in _peers(policy["spec"].get("egress", []), "to")}
    inside = {*SERVICES, "database"}
    both = incoming & outgoing
    # A flow that only one end allows is a mistake: it would never work.
    assert {flow for flow in incoming if flow[0] in inside} == {flow for flow in outgoing if flow[1] in inside} == both
    return both | {flow for flow in incoming | outgoing if not {flow[0], flow[1]} <= inside}


def _peers(rules: Any, key: str) -> set[tuple[str, int]]:
    found = set()
    for rule in rules:
        peers = {_peer(peer) for peer in rule.get(key, [{}])}
        found |= {(peer, port["port"]) for peer in peers for port in rule["ports"]}
    return found


def _peer(peer: Any) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    labels = peer.get("podSelector", {}).get("matchLabels", {})
    return str(labels.get("app.kubernetes.io/name", "anywhere"))


@pytest.mark.parametrize("environment", ["", *ENVIRONMENTS])
def test_flows_are_exactly_those_of_the_design(environment: str) -> None:
    assert flows(environment) == {
        ("anywhere", "frontend", 3000),
        ("frontend", "backend", 8000),
        ("backend", "agent", 8001),
        ("agent", "mcp", 8002),
        ("mcp", "backend", 8000),
        ("backend", "database", 5432),
        ("backend", "0.0.0.0/0", 5432),
        ("agent", "0.0.0.0/0", 443),
        *((name, "anywhere", 53) for name in SERVICES),
    }


def test_everything_else_is_denied() -> None:
    policy = by_name(manifests(UMBRELLA), "NetworkPolicy")["default-deny"]
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.slow
def test_the_model_is_outside_the_cluster() -> None:
    """What the agent may reach for its model is neither the cluster's network nor where clouds hand out credentials."""
    policy = by_name(manifests(UMBRELLA), "NetworkPolicy")["agent"]
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule.get("to", []) if "ipBlock" in peer]
    (block,) = blocks
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(block["except"])
    local = ("--set-json", 'agent.networkPolicy.external=[{"port": 11434, "cidr": "192.168.49.1/32"}]')
    policy = by_name(manifests(UMBRELLA, *local), "NetworkPolicy")["agent"]
    assert ("192.168.49.1/32", 11434) in _peers(policy["spec"]["egress"], "to")
    assert ("0.0.0.0/0", 443) not in _peers(policy["spec"]["egress"], "to")


@pytest.mark.slow
def test_monitoring_may_come_in_where_it_is_named() -> None:
    words = ("--set", "global.networkPolicy.monitoringNamespace=monitoring")
    for name in ("backend", "agent", "mcp"):
        (rule,) = by_name(manifests(UMBRELLA, *words), "NetworkPolicy")[name]["spec"]["ingress"]
        assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}} in rule["from"]


@pytest.mark.slow
def test_a_service_nobody_may_call_is_called_by_nobody() -> None:
    policy = by_name(manifests(UMBRELLA, "--set-json", "mcp.networkPolicy.from=[]"), "NetworkPolicy")["mcp"]
    assert "Ingress" in policy["spec"]["policyTypes"] and not policy["spec"]["ingress"]


@pytest.mark.slow
def test_another_service_may_use_the_database() -> None:
    words = ("--set-json", 'networkPolicy.from=["backend", "frontend"]')
    (rule,) = by_name(manifests(DATABASE, *words), "NetworkPolicy")["database"]["spec"]["ingress"]
    names = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]]
    assert names == ["backend", "frontend"]


def test_flows_of_the_smoke_test_last_as_long_as_it_does() -> None:
    for name in ("smoke-test", "smoke-test-targets"):
        policy = by_name(manifests(UMBRELLA), "NetworkPolicy")[name]
        annotations = policy["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "test"
        assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"]
        assert int(annotations["helm.sh/hook-weight"]) < 0


def certificate(name: str, key: str = "tls.crt") -> x509.Certificate:
    secret = by_name(manifests(UMBRELLA, environment="secure"), "Secret")[name]
    assert secret["type"] == "kubernetes.io/tls"
    return x509.load_pem_x509_certificate(base64.b64decode(secret["data"][key]))


def test_one_authority_signs_all_certificates() -> None:
    authority = certificate("todo-chatbot-ca")
    for name in SERVICES:
        leaf = certificate(f"{name}-tls")
        leaf.verify_directly_issued_by(authority)
        assert certificate(f"{name}-tls", "ca.crt") == authority
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [
            f"{name}-service{suffix}"
            for suffix in ("", ".chatbot-dev", ".chatbot-dev.svc", ".chatbot-dev.svc.cluster.local")
        ]
        assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=365)
        secret = by_name(manifests(UMBRELLA, environment="secure"), "Secret")[f"{name}-tls"]
        expires = datetime.fromisoformat(secret["metadata"]["annotations"]["todo-chatbot/expires"])
        assert abs(expires - leaf.not_valid_after_utc) < timedelta(minutes=1)


def test_certificates_are_accepted_by_a_strict_client(tmp_path: Any) -> None:
    data = by_name(manifests(UMBRELLA, environment="secure"), "Secret")["backend-tls"]["data"]
    for key, value in data.items():
        (tmp_path / key).write_bytes(base64.b64decode(value))
    client = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    assert _handshake(client, server, "backend-service.chatbot-dev.svc")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(client, server, "agent-service")


def _handshake(client_context: ssl.SSLContext, server_context: ssl.SSLContext, hostname: str) -> str | None:
    """The protocol that client and server agree on, in memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=hostname)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.version()


@pytest.mark.parametrize("name", SERVICES)
def test_certificates_reach_the_services(name: str) -> None:
    objects = manifests(UMBRELLA, environment="secure")
    settings = by_name(objects, "ConfigMap")[f"{name}-config"]["data"]
    pod = by_name(objects, "Deployment")[name]["spec"]["template"]["spec"]
    (volume,) = (volume["secret"] for volume in pod["volumes"] if volume["name"] == "tls")
    assert volume["secretName"] == f"{name}-tls"
    files = {key: value for key, value in settings.items() if key.startswith("TLS_")}
    if name == "frontend":  # it faces browsers, which do not know the authority
        assert files == {"TLS_CA_FILE": "/etc/tls/ca.crt"}
        assert volume["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    else:
        assert files == {
            "TLS_CA_FILE": "/etc/tls/ca.crt",
            "TLS_CERT_FILE": "/etc/tls/tls.crt",
            "TLS_KEY_FILE": "/etc/tls/tls.key",
        }
    assert volume["defaultMode"] == 0o440
    mounts = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["/etc/tls"]["readOnly"] is True


SCRIPTS = {
    f"{name}.{kind}": command
    for name in ("smoke", "ports")
    for kind, command in {"py": (sys.executable, "-c"), "mjs": ("node", "--input-type=module", "--eval")}.items()
}


def smoke(name: str, *urls: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the smoke test, without its patience."""
    command = SCRIPTS[name]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    script = (UMBRELLA / "files" / name).read_text(encoding="utf-8").replace("30.0", "0.0").replace("30_000", "0")
    end_of_options = ["--"] if name.endswith(".mjs") else []
    return subprocess.run(
        [*command, script, *end_of_options, *urls], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_smoke_test_fails_where_a_service_does_not_answer(name: str) -> None:
    target = "http://127.0.0.1:1/readyz" if name.startswith("smoke") else "127.0.0.1:1"
    answer = smoke(name, target)
    assert answer.returncode == 1
    assert f"{target}: " in answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ports.py", "ports.mjs"])
def test_smoke_test_asks_a_service_without_a_path_whether_its_port_is_open(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        answer = smoke(name, address)
    assert (answer.returncode, answer.stdout.strip()) == (0, f"{address} open"), answer.stderr


def namespace() -> dict[str, Any]:
    return {item["kind"]: item for item in read_namespace(ROOT / "config/namespace.yaml", "chatbot-dev")}


def test_namespace() -> None:
    objects = namespace()
    assert not [problem for item in objects.values() for problem in problems(item)]
    assert objects["Namespace"]["metadata"]["name"] == "chatbot-dev"
    labels = objects["Namespace"]["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["dev", "ci"])
def test_a_small_machine_has_room_for_all_of_it(environment: str) -> None:
    """Two cores, of which a minikube's own pods ask for 950m: everything twice, as while it is replaced, and a test."""
    small = UMBRELLA / "environments/small.yaml"
    objects = (*manifests(UMBRELLA, "--values", str(small), environment=environment), *manifests(DATABASE))
    deployments = by_name(objects, "Deployment")
    asked = Fraction(0)
    for name, pod in pods(objects):
        count = deployments.get(name, {}).get("spec", {}).get("replicas", 1) * (2 if name in SERVICES else 1)
        asked += sum(count * quantity(container["resources"]["requests"]["cpu"]) for container in pod["containers"])
    assert asked <= 2 - quantity("950m")


@pytest.mark.parametrize("environment", ["", *ENVIRONMENTS])
def test_quota_leaves_room_for_all_of_it(environment: str) -> None:
    """Every service at its most replicas twice while it is updated, the database, and the smoke test."""
    objects = (*manifests(UMBRELLA, environment=environment), *manifests(DATABASE))
    most = {n: i["spec"]["maxReplicas"] for n, i in by_name(objects, "HorizontalPodAutoscaler").items()}
    need = dict.fromkeys(("pods", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"), Fraction(0))
    deployments = by_name(objects, "Deployment")
    for name, pod in pods(objects):
        count = most.get(name) or deployments.get(name, {}).get("spec", {}).get("replicas", 0)
        count = max(count, 2) * 2 if name in SERVICES else 1
        need["pods"] += count
        for container in pod["containers"]:
            for group in ("limits", "requests"):
                for resource, text in container["resources"][group].items():
                    need[f"{group}.{resource}"] += count * quantity(text)
    hard = namespace()["ResourceQuota"]["spec"]["hard"]
    assert not {key: float(value) for key, value in need.items() if value > quantity(hard[key])}


def test_limit_range_suits_all_containers() -> None:
    (limits,) = namespace()["LimitRange"]["spec"]["limits"]
    for _, pod in ALL_PODS:
        for container in pod["containers"]:
            for resource, most in limits["max"].items():
                assert quantity(container["resources"]["limits"][resource]) <= quantity(most)


def quantity(text: str | int) -> Fraction:
    """A Kubernetes quantity in cores or bytes."""
    units = {"m": Fraction(1, 1000), "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    for unit, factor in units.items():
        if str(text).endswith(unit):
            return Fraction(str(text).removesuffix(unit)) * factor
    return Fraction(text)
