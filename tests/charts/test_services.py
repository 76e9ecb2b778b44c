"""Services of one's own, under `services`: what each value is for, as a person would notice it."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scripts.secrets import versions
from scripts.settings import values
from tests.support.chart_values import OFF, laid_over, objects
from tests.support.charts import SERVICES, UMBRELLA, by_name, helm, manifests

IMAGE = {"image": {"repository": "shop/api", "tag": "1"}}
API: dict[str, Any] = {**IMAGE, "service": {"port": 8000}}


def rendered(services: dict[str, Any], **shared: Any) -> tuple[Any, ...]:
    return tuple(objects(UMBRELLA, laid_over({**OFF, "smokeTest": {"service": ""}, "services": services}, shared)))


def pod(services: dict[str, Any], name: str = "api", **shared: Any) -> Any:
    template = by_name(rendered(services, **shared), "Deployment")[name]["spec"]["template"]
    return template["spec"] | {"annotations": template["metadata"]["annotations"]}


def flows(found: tuple[Any, ...]) -> dict[str, list[str]]:
    """Of every NetworkPolicy, by name, the labels of the pods that it names as peers."""
    peers: dict[str, list[str]] = {}
    for name, item in by_name(found, "NetworkPolicy").items():
        rules = [*item["spec"].get("ingress", []), *item["spec"].get("egress", [])]
        ends = [end for rule in rules for end in [*rule.get("from", []), *rule.get("to", [])] if "podSelector" in end]
        peers[name] = [end["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name", "") for end in ends]
    return peers


@pytest.mark.slow
@pytest.mark.parametrize("key", ["nameOverride", "fullnameOverride"])
def test_a_service_that_is_called_otherwise_is_still_found_by_its_neighbours(key: str) -> None:
    """URLs, both ends of every flow, a job's flows and the smoke test follow; what they name it by stays."""
    jobs = {"warm": {"command": ["warm"]}}
    found = tuple(objects(UMBRELLA, {"backend": {key: "api"}, "frontend": {"jobs": jobs}}))
    label = "api" if key == "nameOverride" else "backend"
    assert set(by_name(found, "Deployment")) == {*SERVICES, "api"} - {"backend"}
    config = {name: item["data"] for name, item in by_name(found, "ConfigMap").items()}
    assert config["frontend-config"]["API_BASE_URL"] == config["mcp-config"]["BACKEND_URL"] == "http://api-service:8000"
    assert "api-service" in by_name(found, "Service") and "backend-service" not in by_name(found, "Service")
    to = {name: peers for name, peers in flows(found).items() if label in peers}
    assert set(to) == {"frontend", "mcp", "agent", "frontend-warm"}
    callers = by_name(found, "NetworkPolicy")["frontend-warm-to-backend"]["spec"]
    assert callers["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == label
    asked = by_name(found, "Pod")["smoke-test"]["spec"]["containers"][0]["args"]
    assert "http://api-service:8000/readyz" in asked


@pytest.mark.slow
def test_a_name_that_neighbours_were_not_told_in_time_is_refused(tmp_path: Path) -> None:
    """As where templates are rendered in another order than helm's."""
    chart = Path(shutil.copytree(UMBRELLA, tmp_path / "chart"))
    shutil.rmtree(chart / "templates/names")
    assert objects(chart, {}) == objects(UMBRELLA, {}), "nobody needs it by default"
    answer = helm("template", "r", chart, "--set", "backend.nameOverride=api")
    assert "rendered before it could be told how backend is called" in answer.stderr


@pytest.mark.slow
def test_services_of_ones_own_follow_each_others_names_too() -> None:
    url = 'http://{{ include "common.host" (list . "api") }}:8000'
    web = {**IMAGE, "env": {"API": url, "OTHER": 'http://{{ include "common.host" (list . "gone" "old") }}'}}
    services = {
        "api": {**API, "nameOverride": "core", "networkPolicy": {"from": ["web"]}},
        "web": {**web, "nameOverride": "page", "networkPolicy": {"to": [{"name": "api", "port": 8000}]}},
    }
    found = rendered(services, **{"global": {"fullnameOverride": "two"}})
    (container,) = by_name(found, "Deployment")["two-page"]["spec"]["template"]["spec"]["containers"]
    assert [one["value"] for one in container["env"]] == ["http://two-core:8000", "http://two-old"]
    assert flows(found)["two-core"] == ["page"] and flows(found)["two-page"] == ["core"]


@pytest.mark.slow
def test_a_worker_has_neither_a_service_nor_a_probe() -> None:
    found = rendered({"worker": IMAGE})
    assert not by_name(found, "Service")
    (container,) = pod({"worker": IMAGE}, "worker")["containers"]
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle"} & container.keys()
    assert by_name(found, "NetworkPolicy")["worker"]["spec"]["ingress"] == []


@pytest.mark.slow
def test_a_port_of_its_own_behind_the_services_port() -> None:
    found = rendered({"api": {**IMAGE, "service": {"port": 80, "targetPort": 7860}}})
    assert by_name(found, "Service")["api"]["spec"]["ports"][0]["port"] == 80
    (container,) = by_name(found, "Deployment")["api"]["spec"]["template"]["spec"]["containers"]
    assert container["ports"][0]["containerPort"] == 7860
    assert by_name(found, "ConfigMap")["api-config"]["data"] == {"PORT": "7860"}


@pytest.mark.slow
def test_without_a_path_the_port_is_asked_and_a_field_alone_can_be_changed() -> None:
    (container,) = pod({"api": laid_over(API, {"startupProbe": {"failureThreshold": 300}})})["containers"]
    assert container["readinessProbe"]["tcpSocket"] == {"port": "http"}
    assert container["startupProbe"] == {
        "tcpSocket": {"port": "http"}, "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 300,
    }  # fmt: skip
    off = pod({"api": laid_over(API, {"livenessProbe": {"enabled": False}})})["containers"][0]
    assert "livenessProbe" not in off


@pytest.mark.slow
def test_a_constraint_of_ones_own_spreads_the_services_own_pods() -> None:
    rule = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    other = {**rule, "labelSelector": {"matchLabels": {"team": "web"}}}
    own, given = pod({"api": {**API, "topologySpreadConstraints": [rule, other]}})["topologySpreadConstraints"]
    assert own["labelSelector"]["matchLabels"]["app.kubernetes.io/name"] == "api" and given == other


@pytest.mark.slow
def test_a_claim_may_ask_for_no_storage_class_at_all() -> None:
    for name, seen in (("fast", "fast"), ("-", ""), ("", None)):
        found = rendered({"api": {**API, "persistence": {"enabled": True, "storageClass": name}}})
        assert by_name(found, "PersistentVolumeClaim")["api"]["spec"].get("storageClassName") == seen


@pytest.mark.slow
def test_numbers_and_truths_reach_the_program_as_they_were_written() -> None:
    values = {"config": {"LIMIT": 12345678, "RATE": 0.25, "ON": True}, "env": {"SIZE": 123456789012}}
    found = rendered({"api": {**API, **values, "args": ["--limit", 12345678]}})
    data = by_name(found, "ConfigMap")["api-config"]["data"]
    assert (data["LIMIT"], data["RATE"], data["ON"]) == ("12345678", "0.25", "true")
    (container,) = by_name(found, "Deployment")["api"]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "SIZE", "value": "123456789012"}]
    assert container["args"] == ["--limit", "12345678"]


@pytest.mark.slow
def test_words_that_a_probe_or_a_handler_runs_are_texts_for_kubernetes() -> None:
    run = {"exec": {"command": ["check", 8000, True]}}
    beside = {"name": "x", "image": "x:1", "livenessProbe": run, "lifecycle": {"preStop": run}}
    found = pod({"api": {**API, "readinessProbe": run, "lifecycle": {"postStart": run}, "extraContainers": [beside]}})
    own, other = found["containers"]
    handlers = [
        own["readinessProbe"],
        own["lifecycle"]["postStart"],
        other["livenessProbe"],
        other["lifecycle"]["preStop"],
    ]
    assert all(one["exec"]["command"] == ["check", "8000", "true"] for one in handlers)


@pytest.mark.slow
def test_an_empty_handler_takes_the_place_of_a_path() -> None:
    probes = {"probes": {"livenessPath": "/alive"}, "livenessProbe": {"tcpSocket": {}}}
    probe = pod({"api": {**API, **probes}})["containers"][0]["livenessProbe"]
    assert probe["tcpSocket"] == {"port": "http"} and "httpGet" not in probe


@pytest.mark.slow
def test_blanks_at_the_end_of_a_text_are_part_of_it() -> None:
    odd = "a\u00a0"
    found = rendered({"api": {**API, "config": {"Z": odd}, "secrets": {"trial": {"Z": odd}}}})
    assert by_name(found, "ConfigMap")["api-config"]["data"]["Z"] == odd
    assert by_name(found, "Secret")["trial"]["stringData"]["Z"] == odd


@pytest.mark.slow
def test_a_value_may_use_a_secret_that_stands_before_it() -> None:
    values = {"env": {"URL": "redis://:$(PASSWORD)@cache"}, "secretEnv": [{"secret": "cache", "key": "PASSWORD"}]}
    (container,) = pod({"api": {**API, **values, "home": "/home/app"}})["containers"]
    assert [entry["name"] for entry in container["env"]] == ["HOME", "PASSWORD", "URL"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "read", ["secretEnv", "env", "extraEnvFrom", "extraVolumes", "extraContainers", "initContainers"]
)
def test_pods_that_read_a_secret_carry_its_version(read: str) -> None:
    reference = {"name": "K", "valueFrom": {"secretKeyRef": {"name": "app", "key": "K"}}}
    reader = {
        "secretEnv": [{"secret": "app", "key": "K"}],
        "env": [reference],
        "extraEnvFrom": [{"secretRef": {"name": "app"}}],
        "extraVolumes": [{"name": "keys", "secret": {"secretName": "app"}}],
        "extraContainers": [{"name": "x", "image": "x:1", "env": [reference]}],
        "initContainers": [{"name": "x", "image": "x:1", "envFrom": [{"secretRef": {"name": "app"}}]}],
    }
    services = {"api": {**API, read: reader[read]}, "other": API}

    def checksum(name: str, **versions: str) -> str:
        found: str = pod(services, name, **{"global": {"secretVersions": versions}})["annotations"].get(
            "checksum/secrets", ""
        )
        return found

    assert not checksum("api") and not checksum("other", app="1") and not checksum("api", more="1")
    assert checksum("api", app="1") and checksum("api", app="1") != checksum("api", app="2")
    assert checksum("api", app="1") == checksum("api", app="1", more="7")
    assert values.secrets_read({"services": services}) == {"app"}, "a deploy looks for the same ones"


@pytest.mark.slow
@pytest.mark.parametrize("read", ["env", "extraEnvFrom", "extraVolumes", "projected", "initContainers"])
def test_pods_that_read_a_config_map_of_somebody_else_carry_its_version(read: str) -> None:
    named = {"configMapRef": {"name": "theirs"}}
    reader: dict[str, Any] = {
        "env": {"env": {"K": {"valueFrom": {"configMapKeyRef": {"name": "theirs", "key": "K"}}}}},
        "extraEnvFrom": {"extraEnvFrom": [named]},
        "extraVolumes": {"extraVolumes": [{"name": "v", "configMap": {"name": "theirs"}}]},
        "projected": {"extraVolumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "theirs"}}]}}]},
        "initContainers": {"initContainers": [{"name": "x", "image": "x:1", "envFrom": [named]}]},
    }
    services = {"api": API | reader[read]}
    made = [
        pod(services, **{"global": {"secretVersions": {"configmap/theirs": version}}})["annotations"]
        for version in ("1", "2")
    ]
    assert made[0]["checksum/secrets"] != made[1]["checksum/secrets"]
    assert made[0]["checksum/secrets"] == versions.annotation(["configmap/theirs"], {"configmap/theirs": "1"})
    assert (values.configmaps_read({"services": services}), values.secrets_read({"services": services})) == (
        {"theirs"}, set(),
    )  # fmt: skip


@pytest.mark.slow
def test_pods_are_replaced_for_a_secret_whose_content_stands_in_the_values() -> None:
    def annotations(**more: Any) -> Any:
        return pod({"api": {**API, "extraEnvFrom": [{"secretRef": {"name": "trial"}}], **more}})["annotations"]

    one, two = (annotations(secrets={"trial": {"KEY": text}}) for text in ("one", "two"))
    assert one != two and annotations() == annotations(secrets={})
    made = {**API, "extraEnvFrom": [{"secretRef": {"name": "trial"}}], "secrets": {"trial": {"KEY": "one"}}}
    assert values.secrets_read({"services": {"api": made}}) == set()


def test_no_pod_carries_a_version_by_default() -> None:
    for item in by_name(manifests(UMBRELLA), "Deployment").values():
        assert item["spec"]["template"]["metadata"]["annotations"].keys() == {"checksum/config"}


@pytest.mark.slow
def test_files_are_kept_by_one_pod_that_ends_before_the_next_starts() -> None:
    services = {"api": {**API, "replicaCount": 3, "persistence": {"enabled": True, "mountPath": "/var/lib/api"}}}
    found = rendered(services)
    spec = by_name(found, "Deployment")["api"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert not by_name(found, "PodDisruptionBudget")
    claim = by_name(found, "PersistentVolumeClaim")["api"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    values = json.dumps({**OFF, "services": services})
    notes = helm("install", "r", UMBRELLA, "--dry-run=client", "--set-json", values).stdout.partition("NOTES:")[2]
    assert "NOTE: services.api runs as one pod, not 3: its claim is ReadWriteOnce." in notes
    services["api"]["persistence"]["accessModes"] = ["ReadWriteMany"]
    assert by_name(rendered(services), "Deployment")["api"]["spec"]["replicas"] == 3


@pytest.mark.slow
def test_folders_are_writable_and_may_begin_with_the_images_files() -> None:
    found = pod({"api": {**API, "writablePaths": ["/tmp", {"path": "/app/data", "size": "1Gi", "seed": True}]}})  # noqa: S108
    mounts = {mount["mountPath"]: mount["name"] for mount in found["containers"][0]["volumeMounts"]}
    assert mounts == {"/tmp": "writable-0", "/app/data": "writable-1"}  # noqa: S108
    assert {"name": "writable-1", "emptyDir": {"sizeLimit": "1Gi"}} in found["volumes"]
    (seed,) = found["initContainers"]
    assert seed["image"] == "shop/api:1" and seed["command"][-2:] == ["/app/data", "/seed"]


@pytest.mark.slow
def test_containers_of_ones_own_come_after_the_services_and_are_hardened() -> None:
    more = {
        "initContainers": [{"name": "wait", "command": ["wait"]}],
        "extraContainers": [{"name": "p", "image": "p:1"}],
    }
    found = pod({"api": {**API, **more, "env": {"A": "b"}}})
    assert [container["name"] for container in found["containers"]] == ["api", "p"]
    for container in (*found["containers"], *found["initContainers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    (wait,) = found["initContainers"]
    assert (wait["image"], wait["env"]) == ("shop/api:1", [{"name": "A", "value": "b"}])


@pytest.mark.slow
def test_a_container_that_runs_the_services_image_adds_to_its_environment_and_mounts() -> None:
    mine = {
        "name": "wait",
        "command": ["sleep", 5],
        "env": [{"name": "B", "value": 1}, {"name": "C", "value": "{{ .Release.Name }}"}],
        "envFrom": [{"secretRef": {"name": "app"}}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/var"}],
    }
    (wait,) = pod({"api": {**API, "env": {"A": "b", "B": 0}, "initContainers": [mine]}})["initContainers"]
    assert wait["command"] == ["sleep", "5"], "numbers are words for Kubernetes"
    assert {item["name"]: item["value"] for item in wait["env"]} == {"A": "b", "B": "1", "C": "r"}
    assert wait["envFrom"] == [{"configMapRef": {"name": "api-config"}}, {"secretRef": {"name": "app"}}]
    assert [mount["mountPath"] for mount in wait["volumeMounts"]] == ["/tmp", "/var"]  # noqa: S108 in a pod


@pytest.mark.slow
def test_a_variable_of_a_list_may_be_a_template_as_one_of_a_mapping() -> None:
    (container,) = pod({"api": {**API, "extraEnv": [{"name": "A", "value": "{{ .Release.Name }}-x"}]}})["containers"]
    assert container["env"] == [{"name": "A", "value": "r-x"}]


MIGRATE = {"jobs": {"migrate": {"command": ["migrate"], "env": {"LEVEL": "high"}}}}


@pytest.mark.slow
def test_a_job_before_the_release_needs_nothing_of_the_release() -> None:
    calls = {
        "networkPolicy": {"to": [{"name": "database", "port": 5432}]},
        "env": {"LEVEL": "low"},
        "config": {"A": "b"},
    }
    claim = {"persistence": {"enabled": True}}
    found = rendered({"api": {**API, **calls, **claim, **MIGRATE}})
    hooks = [item for item in found if "pre-install" in str(item["metadata"].get("annotations"))]
    assert {(item["kind"], item["metadata"]["name"]) for item in hooks} == {
        ("Job", "api-migrate"),
        ("ServiceAccount", "api-migrate"),
        ("NetworkPolicy", "api-migrate"),
        ("NetworkPolicy", "api-migrate-to-database"),
    }
    weights = {item["kind"]: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in hooks}
    assert weights["Job"] > max(weights["ServiceAccount"], weights["NetworkPolicy"])
    job = by_name(found, "Job")["api-migrate"]
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert "envFrom" not in container and spec["serviceAccountName"] == "api-migrate"
    assert {entry["name"]: entry["value"] for entry in container["env"]} == {"PORT": "8000", "A": "b", "LEVEL": "high"}
    assert not [volume for volume in spec["volumes"] if "persistentVolumeClaim" in volume]
    selector = by_name(found, "Service")["api"]["spec"]["selector"]
    assert not selector.items() <= job["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.slow
def test_a_job_after_the_release_has_its_settings_and_its_claim() -> None:
    jobs = {"jobs": {"seed": {"when": "after", "command": ["seed"]}}}
    job = by_name(rendered({"api": {**API, **jobs, "persistence": {"enabled": True}}}), "Job")["api-seed"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    spec = job["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "api"
    assert spec["containers"][0]["envFrom"] == [{"configMapRef": {"name": "api-config"}}]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "api"}} in spec["volumes"]


@pytest.mark.slow
def test_a_field_that_is_null_is_left_to_the_image() -> None:
    """As in every chart: `runAsUser: null` takes the default away."""
    context = pod({"api": {**API, "podSecurityContext": {"runAsUser": None}}})["securityContext"]
    assert "runAsUser" not in context and context["runAsNonRoot"] is True


@pytest.mark.slow
def test_a_limit_below_the_default_request_lowers_that() -> None:
    (container,) = pod({"api": {**API, "resources": {"limits": {"memory": "64M", "cpu": "50m"}}}})["containers"]
    assert container["resources"]["requests"] == {"memory": "64M", "cpu": "50m"}


@pytest.mark.slow
def test_a_list_of_variables_takes_numbers_as_a_mapping_does() -> None:
    env = [{"name": "A", "value": 12345678}, {"name": "B", "value": True}]
    (container,) = pod({"api": {**API, "env": env}})["containers"]
    assert container["env"] == [{"name": "A", "value": "12345678"}, {"name": "B", "value": "true"}]


@pytest.mark.slow
def test_a_pod_keeps_the_digests_of_its_settings_whatever_annotations_say() -> None:
    notes = pod({"api": {**API, "podAnnotations": {"checksum/config": "mine", "team": "a"}}})["annotations"]
    assert notes["team"] == "a" and len(notes["checksum/config"]) == 64


@pytest.mark.slow
def test_long_names_of_jobs_are_cut_to_what_a_label_takes() -> None:
    name, jobs = "a" * 53, {job: {"command": ["x"]} for job in ("b" * 32, "b" * 31 + "c")}
    made = [item for item in rendered({name: {**IMAGE, "jobs": jobs}}) if item["kind"] == "Job"]
    names = {item["metadata"]["name"] for item in made}
    assert len(names) == 2 and all(len(one) <= 63 for one in names)
    assert all(len(value) <= 63 for item in made for value in item["spec"]["template"]["metadata"]["labels"].values())


@pytest.mark.slow
def test_paths_that_lose_their_prefix_are_taken_literally() -> None:
    """A dot is a dot, an exact path is itself alone, and of `/` nothing is taken off."""
    paths = [{"path": path, "stripPrefix": True} for path in ("/v1.0", "/")]
    paths.append({"path": "/one", "pathType": "Exact", "stripPrefix": True})
    way = {"enabled": True, "paths": paths}
    made = rendered({"api": {**API, "ingress": way, "httpRoute": way}})
    shown = {
        name: [path["path"] for path in item["spec"]["rules"][0]["http"]["paths"]]
        for name, item in by_name(made, "Ingress").items()
    }
    assert shown == {"api": ["/"], "api-stripped": [r"/(?-i:v1\.0)(/|$)(.*)", "/(?-i:one)()()()()()$"]}
    exact = by_name(made, "HTTPRoute")["api"]["spec"]["rules"][2]
    assert exact["filters"][0]["urlRewrite"]["path"] == {"type": "ReplaceFullPath", "replaceFullPath": "/"}


@pytest.mark.slow
def test_paths_of_a_host_that_another_service_takes_a_prefix_off_on_keep_their_meaning() -> None:
    """As ingress-nginx orders and compares them: all as expressions, the longest text first."""
    kept = [{"path": "/api/v2"}, {"path": "/api/health", "pathType": "Exact"}, {"path": "/"}]
    way = {"enabled": True, "host": "a.example"}
    services = {
        "page": {**API, "ingress": {**way, "hosts": ["b.example"], "paths": kept}},
        "api": {**API, "ingress": {**way, "paths": [{"path": "/api", "stripPrefix": True}]}},
    }
    found = by_name(rendered(services), "Ingress")
    rules = {rule["host"]: rule["http"]["paths"] for rule in found["page"]["spec"]["rules"]}
    assert [one["path"] for one in rules["b.example"]] == ["/api/v2", "/api/health", "/"], "nobody strips there"
    (stripped,) = found["api-stripped"]["spec"]["rules"][0]["http"]["paths"]
    ordered = sorted([*(one["path"] for one in rules["a.example"]), stripped["path"]], key=len, reverse=True)

    def first(path: str) -> str:
        return next(one for one in ordered if re.match(one, path, re.IGNORECASE))

    for path, wanted in {
        "/api/v2/x": rules["a.example"][0]["path"],
        "/api/health": rules["a.example"][1]["path"],
        "/api/healthy": stripped["path"],
        "/api/v20": stripped["path"],
        "/apis": "/",
        "/API": "/",
    }.items():
        assert first(path) == wanted, path
    theirs = {"annotations": {"nginx.ingress.kubernetes.io/use-regex": "true"}, "paths": [{"path": "/[0-9]+"}]}
    services["page"]["ingress"] = {**way, **theirs}
    (own,) = by_name(rendered(services), "Ingress")["page"]["spec"]["rules"][0]["http"]["paths"]
    assert own["path"] == "/[0-9]+", "whoever writes an expression has one"
    alone = objects(UMBRELLA / "charts/backend", {"ingress": {**way, "paths": [{"path": "/a", "stripPrefix": True}]}})
    assert by_name(tuple(alone), "Ingress")["backend-stripped"]


@pytest.mark.slow
def test_egress_to_hosts() -> None:
    hosts = ["api.example.com:443", "redis.cache.svc.cluster.local:6379", "10.1.2.3:8443", "[2001:db8::1]:9000"]
    spec = by_name(rendered({"api": {**API, "networkPolicy": {"hosts": hosts}}}), "NetworkPolicy")["api"]["spec"]
    peers = {rule["ports"][0]["port"]: rule["to"][0] for rule in spec["egress"] if "to" in rule}
    assert "10.0.0.0/8" in peers[443]["ipBlock"]["except"]
    assert peers[6379] == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "cache"}}}
    assert peers[8443] == {"ipBlock": {"cidr": "10.1.2.3/32"}}
    assert peers[9000] == {"ipBlock": {"cidr": "2001:db8::1/128"}}


@pytest.mark.slow
def test_egress_to_hosts_that_no_public_address_stands_for() -> None:
    """Neighbours of the same namespace, the machine that the cluster runs on, and what hostAliases name."""
    hosts = ["redis:6379", "host.minikube.internal:5432", "db.example.com:5433"]
    aliases = [{"ip": "10.1.2.3", "hostnames": ["db.example.com"]}]
    values = {**API, "hostAliases": aliases, "networkPolicy": {"hosts": hosts}}
    spec = by_name(rendered({"api": values}), "NetworkPolicy")["api"]["spec"]
    peers = {rule["ports"][0]["port"]: rule["to"][0] for rule in spec["egress"] if "to" in rule}
    assert peers[6379] == {"podSelector": {}}
    assert peers[5432] == {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}
    assert peers[5433] == {"ipBlock": {"cidr": "10.1.2.3/32"}}


@cache
def routed() -> tuple[Any, ...]:
    paths = [{"path": "/api", "stripPrefix": True}, {"path": "/docs"}]
    way: dict[str, Any] = {"ingress": {"enabled": True, "paths": paths}, "httpRoute": {"enabled": True, "paths": paths}}
    return rendered({"web": {**API, "ingress": {"enabled": True}}, "api": {**API, **way}})


@pytest.mark.slow
def test_a_page_and_an_api_share_a_host() -> None:
    found = by_name(routed(), "Ingress")
    hosts = {rule["host"] for item in found.values() for rule in item["spec"]["rules"]}
    assert set(found) == {"web", "api", "api-stripped"} and hosts == {"todo.local"}
    (path,) = found["api-stripped"]["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/(?-i:api)(/|$)(.*)", "ImplementationSpecific")
    assert found["api-stripped"]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/rewrite-target"] == "/$2"
    assert found["api"]["spec"]["rules"][0]["http"]["paths"][0]["path"] == "/(?-i:docs)(/|$)(.*)"
    # The controller is nobody's neighbour: who has a way in is open.
    assert "from" not in by_name(routed(), "NetworkPolicy")["api"]["spec"]["ingress"][0]


@pytest.mark.slow
def test_the_same_by_a_gateway() -> None:
    first, second = by_name(routed(), "HTTPRoute")["api"]["spec"]["rules"]
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    assert first["filters"] == [rewrite] and "filters" not in second
    assert first["backendRefs"] == [{"name": "api", "port": 8000}]


@pytest.mark.slow
def test_what_is_made_for_all_services_is_made_for_these() -> None:
    """Certificates, the smoke test, autoscalers and disruption budgets."""
    services = {
        "api": {**API, "tls": {"serve": True}, "autoscaling": {"enabled": True, "minReplicas": 2}},
        "queue": API,
    }
    found = rendered(services, **{"global": {"tls": {"enabled": True}}, "smokeTest": {"service": "api"}})
    assert {"api-tls", "queue-tls", "r-ca"} == set(by_name(found, "Secret"))
    assert set(by_name(found, "HorizontalPodAutoscaler")) == set(by_name(found, "PodDisruptionBudget")) == {"api"}
    (asked,) = by_name(found, "Pod")["smoke-test"]["spec"]["containers"]
    assert (asked["name"], asked["args"][1:]) == ("smoke-test-ports", ["api:8000", "queue:8000"])


@pytest.mark.slow
def test_there_is_no_smoke_test_where_nobody_can_be_asked() -> None:
    assert not by_name(rendered({"worker": IMAGE}, smokeTest={"service": "worker"}), "Pod")


@pytest.mark.slow
def test_services_stand_beside_the_four() -> None:
    found = tuple(objects(UMBRELLA, {"services": {"extra": API}}))
    assert set(by_name(found, "Deployment")) == {*SERVICES, "extra"}
    asked = [container["args"][-1] for container in by_name(found, "Pod")["smoke-test"]["spec"]["containers"]]
    assert asked == ["extra:8000", "http://mcp-service:8002/readyz"]


@pytest.mark.slow
def test_objects_of_ones_own_are_part_of_the_release() -> None:
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-theirs'}\n"
    found = by_name(rendered({}, **{"global": {"extraObjects": [mine, template]}}), "ConfigMap")
    assert {"mine", "r-theirs"} <= set(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["backend", "api"])
def test_what_is_null_is_left_out(name: str) -> None:
    """Also of a chart's own, of whose values helm takes it away before any template sees it."""
    left_out = {"resources": {"limits": {"cpu": None}}, "config": {"LOG_LEVEL": None, "A": "b"}, "env": {"B": None}}
    values = {"backend": left_out} if name == "backend" else {**OFF, "services": {"api": {**API, **left_out}}}
    found = tuple(objects(UMBRELLA, {"smokeTest": {"service": ""}, **values}))
    (container,) = by_name(found, "Deployment")[name]["spec"]["template"]["spec"]["containers"]
    assert set(container["resources"]["limits"]) == {"memory"} and set(container["resources"]["requests"]) > {"cpu"}
    data = by_name(found, "ConfigMap")[f"{name}-config"]["data"]
    assert "LOG_LEVEL" not in data and data["A"] == "b"
    assert "B" not in {item["name"] for item in container.get("env", ())}
