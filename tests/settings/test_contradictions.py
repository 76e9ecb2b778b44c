"""What stands in the configuration has an effect, or is refused by file and key: never accepted and then ignored."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import SettingsError
from scripts.host.paths import ROOT
from scripts.settings import idle
from scripts.settings.configuration import read_settings

APP, PIPELINE = "config/apps/todo-chatbot.yaml", "config/pipeline.yaml"
NAME = "todo-chatbot"
SERVICE: dict[str, Any] = {"context": "app", "port": 80}
DOCKERFILE = (
    "FROM python:3.13\nARG A\nRUN pip install -r requirements.txt\nRUN --mount=type=secret,id=t npm run build\n"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with one application, deployed by the library chart or by one of its own."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "config", root / "config")
    for folder in ("app", "other", "services/database"):
        (root / folder).mkdir(parents=True)
        (root / folder / "Dockerfile").write_text(DOCKERFILE)
    for chart in (
        "charts/todo-chatbot-umbrella",
        "charts/todo-chatbot-umbrella/charts/common",
        "charts/database",
        "own",
    ):
        (root / chart).mkdir(parents=True)
        (root / chart / "Chart.yaml").write_text("name: x\n")
    (root / "charts/todo-chatbot-umbrella/values.yaml").write_text("front: {image: {}}\n")
    (root / "mine.yaml").write_text("a: 1\n")
    return root


def app(**keys: Any) -> dict[str, Any]:
    """An app of two services and a worker."""
    services = {"api": copy.deepcopy(SERVICE), "page": {"context": "app", "port": 81}, "worker": {"context": "app"}}
    return {"services": services} | keys


def effect(root: Path, data: dict[str, Any], more: dict[str, Any] | None = None) -> str:
    """All that follows from the configuration, as text. Raises SettingsError."""
    shutil.rmtree(root / ".pipeline", ignore_errors=True)
    pipeline = yaml.safe_load((ROOT / PIPELINE).read_text())
    (root / PIPELINE).write_text(yaml.safe_dump(pipeline | (more or {})))
    (root / APP).write_text(yaml.safe_dump(data, sort_keys=False))
    found = [repr(read_settings(root))]
    for file in sorted((root / ".pipeline").iterdir()):
        found.append(f"{file.name}\n{file.read_text()}")
    return "\n".join(found)


# A value for every key of a service, and what else has to stand there; `own` keys are for a chart of one's own.
EVERY: dict[str, Any] = {
    "context": "other", "dockerfile": "other/Dockerfile", "builder": "python", "stage": "x", "buildArgs": {"A": "1"},
    "buildEnvironment": {"A": "1"}, "dev": {"ports": [1]}, "offlineFonts": True, "buildSteps": ["true"],
    "addPackages": ["a"], "loosePackages": ["a"], "dropPackages": ["a"],
    "replaceInSources": {"https://a": "http://b"},
    "buildSecrets": {"t": "T"}, "bases": {"A": "node"}, "ignore": ["x"],
    "subchart": "front", "imageValues": {"reference": "x.image"}, "deployment": "other", "service": "other", "port": 90,
    "probes": {"readiness": "/x"}, "command": ["x"], "args": ["x"], "user": 7, "group": 8, "home": "/x",
    "writablePaths": ["/x"], "persistence": {"path": "/x"}, "environment": {"X": "1"}, "replicas": 3,
    "resources": {"limits": {"cpu": "1"}}, "values": {"a": 1},
}  # fmt: skip
BESIDE: dict[str, dict[str, Any]] = {"group": {"user": 7}}
LIBRARY, OWN = "charts/todo-chatbot-umbrella", "own"
FOR_THE_LIBRARY = {
    "environment", "replicas", "resources", "command", "args", "home", "writablePaths", "user", "group", "probes",
    "persistence", "values",
}  # fmt: skip
REFUSED: dict[tuple[str, str], set[str]] = {
    (LIBRARY, "api"): {"deployment", "imageValues"},
    (LIBRARY, "worker"): {"deployment", "imageValues", "service", "probes"},
    (OWN, "api"): FOR_THE_LIBRARY,
    (OWN, "worker"): FOR_THE_LIBRARY | {"service"},
}


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "scripts/settings/app.schema.json").read_text())
    return found


def test_every_key_of_a_service_is_tried() -> None:
    assert set(EVERY) == set(schema()["$defs"]["service"]["properties"])


@pytest.mark.slow
@pytest.mark.parametrize(("chart", "service"), REFUSED)
@pytest.mark.parametrize("key", EVERY)
def test_a_key_of_a_service_changes_something_or_is_refused(project: Path, key: str, chart: str, service: str) -> None:
    before, after = (app(release={"chart": chart}) for _ in range(2))
    if chart == LIBRARY:
        for data in (before, after):
            data["services"][service] |= BESIDE.get(key, {})
    after["services"][service][key] = EVERY[key]
    unchanged = effect(project, before)
    if key in REFUSED[chart, service]:
        with pytest.raises(SettingsError, match=rf"services\.{service}\.{key}"):
            effect(project, after)
    else:
        assert unchanged != effect(project, after)


# Every key of config/pipeline.yaml but those of `targets`, which tests/clusters/test_options.py walks.
OF_THE_PIPELINE: dict[str, Any] = {
    "app": "other", "target": "kind", "cluster": "other", "context": "mine", "registry": "registry.example.org/team",
    "allowedContexts": ["mine"], "size": "full",
    "downloads": dict.fromkeys(("minikube", "kind", "k3d", "kubectl-ai", "kagent"), "https://example.org/"),
    "release": {
        "name": "shop", "namespace": "shop", "chart": "own", "version": "1.0.0", "values": ["mine.yaml"],
    },
    "bases": {"debian": "debian:12", "python": "python:3.12", "node": "node:22"},
    "database": {
        "context": "other", "dockerfile": "other/Dockerfile", "bases": {"A": "node"}, "buildArgs": {"A": "1"},
        "buildSecrets": {"t": "T"},
        "release": {"name": "store", "chart": "own", "version": "1.0.0", "values": ["mine.yaml"]},
    },
    "security": {
        "failOn": "low", "required": ["sbom"], "accepted": [{"id": "CVE-1", "reason": "nothing calls it"}],
        "admission": True, "maxAgeDays": 3, "publicKey": "mine.pub",
    },
    "timeouts": {"build": 1, "deploy": 1, "health": 1, "cluster": 1},
}  # fmt: skip
NEEDS_A_REFERENCE = ("release.version", "database.release.version")  # refused beside a chart that is a folder


def leaves(part: dict[str, Any], known: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each dotted key with its value, as deep as the schema names keys."""
    for key, value in part.items():
        inner = known.get("properties", {}).get(key, {})
        if inner.get("properties"):
            yield from leaves(value, inner, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def keys_of(known: dict[str, Any], place: str = "") -> Iterator[str]:
    for key, inner in known.get("properties", {}).items():
        yield from keys_of(inner, f"{place}{key}.") if inner.get("properties") else [f"{place}{key}"]


@pytest.mark.slow
def test_every_key_of_the_pipeline_changes_something_or_is_refused(project: Path) -> None:
    known = json.loads((ROOT / "scripts/settings/pipeline.schema.json").read_text())
    given = dict(leaves(OF_THE_PIPELINE, known))
    assert set(given) == {key for key in keys_of(known) if not key.startswith("targets.")}
    (project / "config/apps/other.yaml").write_text(yaml.safe_dump(app(underLoad=["api"])))
    unchanged = effect(project, app())
    for key, value in given.items():
        pipeline = yaml.safe_load((ROOT / PIPELINE).read_text())
        *above, last = key.split(".")
        part = pipeline
        for name in above:
            part = part.setdefault(name, {})
        part[last] = value
        top = key.partition(".")[0]
        if key in NEEDS_A_REFERENCE:
            with pytest.raises(SettingsError, match=rf"^{PIPELINE}: {key}: "):  # the file that says it
                effect(project, app(), {top: pipeline[top]})
        else:
            assert effect(project, app(), {top: pipeline[top]}) != unchanged, key


def test_a_number_of_many_digits_comes_to_the_program_whole(project: Path) -> None:
    data = app(services={"api": SERVICE | {"environment": {"ID": 12345678901234567890, "N": 7}}})
    effect(project, data)
    values = json.loads((project / ".pipeline" / "todo-chatbot.app.yaml").read_text())
    assert values["services"]["api"]["env"] == {"ID": "12345678901234567890", "N": 7}


@pytest.mark.parametrize("key", ["addPackages", "loosePackages", "dropPackages", "replaceInSources", "offlineFonts"])
def test_what_no_line_of_a_dockerfile_takes_is_refused(project: Path, key: str) -> None:
    (project / "plain").mkdir(exist_ok=True)
    (project / "plain" / "Dockerfile").write_text("FROM python:3.13\nCOPY . .\n")
    data = app(services={"api": SERVICE | {"context": "plain", key: EVERY[key]}})
    with pytest.raises(SettingsError, match=rf"services\.api\.{key}: has no effect: .*plain/Dockerfile has no line"):
        effect(project, data)


def own_secret(**source: Any) -> dict[str, Any]:
    keys = {"K": source, "GIVEN": {"from": "GIVEN", "optional": True}, "MADE": {"generate": 32}}
    return app(secrets={"mine": {"usedBy": ["api"], "keys": keys}})


def step(**more: Any) -> dict[str, Any]:
    return {"name": "look", "service": "api", "path": "/x"} | more


def contradictions() -> Iterator[tuple[str, dict[str, Any], str]]:
    yield "group", app(services={"api": SERVICE | {"group": 7}}), "services.api.group: has no effect without user"
    kept = SERVICE | {"persistence": {"path": "/x"}, "replicas": 2}
    yield "pods of a volume", app(services={"api": kept}), "services.api.replicas: 2 beside persistence"
    worker = {"context": "app", "probes": {"startSeconds": 9}}
    yield "start of a worker", app(services={"w": worker}), "services.w.probes.startSeconds: has no effect without port"
    yield "database", app(services={"database": SERVICE}), "services.database: is the name of the local database"
    both = {"api": SERVICE | {"service": "b"}, "b": SERVICE}
    yield "one Service", app(services=both), "services.b.service: b is that of api already"
    both = {"api": SERVICE, "b": SERVICE | {"deployment": "api"}}
    yield "one Deployment", app(services=both), "services.b.deployment: api is that of api already"
    twice = [{"port": 9000, "service": "api"}, {"port": 9000, "service": "page"}]
    yield "one port", app(addresses=twice), "addresses.1.port: 9000 is that of addresses.0"
    yield "no source", own_secret(), "secrets.mine.keys.K: has no source"
    yield "two sources", own_secret(generate=16, placeholder="x"), "keys.K.placeholder: has no effect, since generate"
    yield "rotation", own_secret(**{"from": "K", "rotate": "prepend"}), "keys.K.rotate: has no effect without generate"
    yield "too short to generate", own_secret(generate=16, minLength=40), "keys.K.generate: 16 bytes make 22 characters"
    yield (
        "encoding of nothing",
        own_secret(**{"from": "K", "encoding": "hex"}),
        "keys.K.encoding: has no effect without",
    )
    hexed = own_secret(generate=16, minLength=40, encoding="hex")
    yield "too short in hex", hexed, "keys.K.generate: 16 bytes make 32 characters"
    yield "too short to stand in", own_secret(placeholder="x", minLength=4), "keys.K.placeholder: is shorter"
    yield "part", own_secret(database={"part": "host", "scheme": "postgresql"}), "database.scheme: has no effect"
    yield "nothing to be same as", own_secret(same="mine.NO"), "keys.K.same: there is no key mine.NO"
    yield "itself", own_secret(same="mine.K"), "keys.K.same: leads back to itself: mine.K → mine.K"
    own = {"database-credentials": {"keys": {"A": {"generate": 16}}}}
    yield "a Secret of the product", app(secrets=own), "secrets.database-credentials: is the product's own"
    named = {"image": {"tag": "v9", "pullPolicy": "Always"}}
    yield (
        "a tag",
        app(services={"api": SERVICE | {"values": named}}),
        "values: services.api.image.tag: v9 has no effect",
    )
    yield (
        "a repository",
        app(values={"services": {"api": {"image": {"repository": "my/own"}}}}),
        ("values: services.api.image.repository: my/own has no effect"),
    )
    yield "a registry", app(values={"global": {"imageRegistry": "r"}}), "values: global.imageRegistry: r: images come"
    mistyped = app(values={"services": {"wroker": {"replicaCount": 2}}})
    yield "a service that is not there", mistyped, "values: services.wroker: the app has no service there; correct"
    elsewhere = app(values={"global": {"namespace": "elsewhere"}})
    yield "another namespace", elsewhere, "values: global.namespace: elsewhere: the release's is todo-chatbot; set"
    unread = app(database={"tls": True})
    yield "a database of nobody", unread, "database.tls: has no effect, since no secret has a key with `database`"
    named = app(database={"aliases": ["api"]})
    yield "a database by a service's name", named, "database.aliases: api: is the name of a service; remove it"
    inner = app(services={"api": SERVICE | {"values": {"service": {"nodePort": 30001}}}})
    yield "a node port", inner, "services.api.values: services.api.service.nodePort: a Service of type ClusterIP has"
    scaled = app(services={"api": SERVICE | {"replicas": 3, "values": {"autoscaling": {"enabled": True}}}})
    yield "pods beside an autoscaler", scaled, "services.api.replicas: services.api.replicaCount: has no effect beside"
    idle = app(values={"front": {"replicaCount": 2}})
    yield "a service of the chart", idle, "values: front: has no effect: no service of the app is the chart's front"
    yield "two bodies", app(journey=[step(json={}, form={})]), "journey.0.form: has no effect beside json"
    yield "GET", app(journey=[step(json={}, method="GET")]), "journey.0.json: a GET has no body"
    yield "bearer", app(journey=[step(bearer="token")]), "journey.0.bearer: no step before keeps token"
    yield "placeholder", app(journey=[step(path="/{id}")]), "journey.0: {id} is filled by nothing"
    yield (
        "jobs",
        app(release={"chart": "own"}, jobs={"m": {"service": "api", "command": ["m"]}}),
        "jobs: have no effect",
    )
    yield "namespace", app(release={"namespace": "kube-system"}), "release.namespace: kube-system is Kubernetes' own"
    yield "default", app(release={"namespace": "default"}), "release.namespace: default is Kubernetes' own"
    yield "release", app(release={"name": "todo-database"}), "release.name: todo-database is that of the local database"
    for key, inner in (
        ("replicas", {"replicaCount": 9}),
        ("port", {"service": {"port": 9}}),
        ("environment", {"env": {"X": "2"}}),
        ("command", {"command": ["y"]}),
        ("user", {"podSecurityContext": {"runAsUser": 9}}),
        ("probes", {"probes": {"readinessPath": "/y"}}),
        ("resources", {"resources": {"limits": {"cpu": "2"}}}),
        ("persistence", {"persistence": {"enabled": False}}),
    ):
        both = {"api": SERVICE | {key: EVERY[key], "values": inner}}
        yield f"{key} twice", app(services=both), f"services.api.{key}: has no effect, since services.api.values."
        above = {"services": {"api": inner}}
        told = f"services.api.{key}: has no effect, since values.services.api."
        yield f"{key} in the app's values", app(services={"api": SERVICE | {key: EVERY[key]}}, values=above), told
    url = own_secret(database={}, generate=32)
    yield "a random URL", url, "secrets.mine.keys.K.generate: is no URL of a database"
    yield "a block of YAML", app(page="api\n"), 'page: "api\\n" does not fit'
    yield (
        "a float",
        app(services={"api": SERVICE | {"port": 80.0}}),
        "services.api.port: must be a whole number, is 80.0",
    )


@pytest.mark.parametrize(("data", "said"), [pytest.param(*case, id=name) for name, *case in contradictions()])
def test_what_would_be_ignored_is_refused(project: Path, data: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        effect(project, data)
    assert f"{APP}: {said}" in str(caught.value) or said in str(caught.value)
    assert all(line.startswith(f"{APP}: ") for line in str(caught.value).splitlines())


def test_a_service_that_an_app_lacks_is_named_with_the_persons_own_file(project: Path) -> None:
    more: dict[str, Any] = {"services": {"pgae": {"resources": {"limits": {"cpu": "2"}}}}}
    try:
        (project / "mine.yaml").write_text(yaml.safe_dump(more))
        told = r"^mine.yaml: services.pgae: the app has no service there; .*there are: services.api, services.page"
        with pytest.raises(SettingsError, match=told):
            effect(project, app(), {"release": {"values": ["mine.yaml"]}})
        more["services"]["pgae"]["image"] = {"repository": "redis", "tag": "8"}  # somebody's own addition
        (project / "mine.yaml").write_text(yaml.safe_dump(more))
        assert effect(project, app(), {"release": {"values": ["mine.yaml"]}})
    finally:
        (project / "mine.yaml").write_text("a: 1\n")


def test_what_another_environment_makes_use_of_is_told_and_not_refused(project: Path) -> None:
    """The chart's own values for `secure` switch it on; where none do, it is refused, by the file that says it."""
    folder = project / LIBRARY / "environments"
    folder.mkdir()
    own = {"services": {"api": {"autoscaling": {"maxReplicas": 9}}}}
    (project / "mine.yaml").write_text(yaml.safe_dump(own))
    (folder / "secure.yaml").write_text("services: {api: {autoscaling: {enabled: true}}}\n")
    why = "mine.yaml: services.api.autoscaling: has no effect without services.api.autoscaling.enabled"
    try:
        effect(project, app(), {"release": {"values": ["mine.yaml"]}})
        (line,) = read_settings(project).idle
        assert line.startswith(why)
        assert not read_settings(project, "secure").idle
        (folder / "secure.yaml").write_text("a: 1\n")
        with pytest.raises(SettingsError, match=why):
            effect(project, app(), {"release": {"values": ["mine.yaml"]}})
        own["services"]["api"]["autoscaling"]["enabled"] = False  # type: ignore[assignment]
        (project / "mine.yaml").write_text(yaml.safe_dump(own))
        assert effect(project, app(), {"release": {"values": ["mine.yaml"]}}), "switched off by hand, and kept"
    finally:
        shutil.rmtree(folder)
        (project / "mine.yaml").write_text("a: 1\n")


def test_values_for_a_service_of_another_app_are_told_and_not_refused(project: Path) -> None:
    """Whoever adopts a second app has a file for the first one, and goes back to it."""
    (project / "mine.yaml").write_text("front: {replicaCount: 2}\n")
    try:
        effect(project, app(), {"release": {"values": ["mine.yaml"]}})
        (line,) = read_settings(project).idle
        assert line.startswith("mine.yaml: front: has no effect: no service of the app is the chart's front")
    finally:
        (project / "mine.yaml").write_text("a: 1\n")


def test_the_database_is_stored_where_the_release_says(project: Path) -> None:
    keys = {"URL": {"from": "URL", "database": {"scheme": "postgresql"}}}
    data = app(secrets={"mine": {"usedBy": ["api"], "keys": keys}}, values={"global": {"storageClass": "fast"}})
    effect(project, data)
    (file,) = (file for file in read_settings(project).database_release.values if file.parent.name == ".pipeline")
    assert yaml.safe_load(file.read_text())["global"] == {"storageClass": "fast"}


@pytest.mark.parametrize(
    ("given", "target", "keys"),
    [
        ({"registry": "r.example/team"}, "minikube", ["registry"]),
        ({"context": "prod", "registry": "r.example/team", "target": "kind"}, "kind", ["context", "registry"]),
        ({"context": "prod", "registry": "r.example/team", "target": "context"}, "kind", []),
        ({"context": "prod", "registry": "r.example/team"}, "context", []),
        ({"targets": {"minikube": {"disk": "30g"}}}, "minikube", ["targets.minikube.disk"]),
        ({"targets": {"minikube": {"disk": "30g", "driver": "kvm2", "cpus": 3}}}, "minikube", []),
        ({"targets": {"minikube": {"driver": "none", "cpus": 3}}}, "minikube", ["targets.minikube.cpus"]),
        ({"targets": {"minikube": {"disk": "30g"}}}, "kind", []),
    ],
)  # fmt: skip
def test_what_this_kind_of_cluster_has_no_use_for_is_told(
    project: Path, given: dict[str, Any], target: str, keys: list[str]
) -> None:
    effect(project, app(), given)
    lines = idle.told(read_settings(project), target)
    assert [line.split(": ")[1] for line in lines] == keys and all(line.startswith(PIPELINE) for line in lines)


def test_packages_that_a_dockerfile_has_no_line_for_are_refused(project: Path) -> None:
    (project / "other/Dockerfile").write_text("FROM scratch\nRUN pip install .\n")
    try:
        with pytest.raises(SettingsError, match=r"services\.api\.addPackages: has no effect"):
            effect(project, app(services={"api": {"context": "other", "addPackages": ["a"]}}))
    finally:
        (project / "other/Dockerfile").write_text(DOCKERFILE)


def test_what_a_later_step_needs_is_kept_by_an_earlier_one(project: Path) -> None:
    steps = [
        step(keep={"token": "t", "id": "i"}),
        step(path="/{id}?by={email}", bearer="token", json={"a": ["{name}"]}),
    ]
    assert effect(project, app(journey=steps))


def test_the_database_is_built_with_the_extensions_that_the_app_wants(project: Path) -> None:
    for wanted, given in (({"extensions": ["vector"]}, {"EXTENSIONS": "vector"}), ({"first": True}, {})):
        effect(project, own_secret(database={}) | {"database": wanted})
        assert read_settings(project).database.build_args == given
