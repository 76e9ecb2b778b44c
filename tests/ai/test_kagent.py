# ruff: noqa: E501 tables are read along their lines
"""What is declared for kagent fits its CRDs, holds no key, and gives no agent more than it needs."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scripts.ai import consult, options, recipes
from scripts.ai.consult import Connection
from scripts.ai.kagent import install, live, objects
from scripts.ai.mcp import clients
from scripts.ai.tools import a2a
from scripts.ai.tools import kagent as kagent_tool
from scripts.errors import UserError
from scripts.host.paths import ROOT
from tests.support.kagent import A2A, READY, confirmation, served, standing, task
from tests.support.own_settings import own_settings

FILES = sorted((ROOT / "ai/kagent").glob("*.yaml"))
OBJECTS = [item for file in FILES for item in yaml.safe_load_all(file.read_text())]
SCHEMA = json.loads((ROOT / "tests/support/kagent.schema.json").read_text())
KEY = "sk-" + "test-0123456789abcdef"
READING = ("k8s_get_", "k8s_describe_")
Maker = Callable[..., Connection]
Calls = Callable[[], list[dict[str, Any]]]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(item for item in OBJECTS if item["kind"] == kind and item["metadata"]["name"] == name)


@pytest.mark.parametrize("item", OBJECTS, ids=lambda item: item["metadata"]["name"])
def test_every_resource_fits_its_schema(item: dict[str, Any]) -> None:
    jsonschema.validate(item, SCHEMA)


def installed() -> Iterator[dict[str, Any]]:
    """Every object that may be installed, and the entry that tells kagent of our own MCP server."""
    for variables in (
        {"OPENAI_API_KEY": KEY},
        {"ANTHROPIC_API_KEY": KEY},
        {"GEMINI_API_KEY": KEY},
        {"OLLAMA_HOST": "10.0.0.7:11434"},
        {"OPENAI_BASE_URL": "http://own.example/v1"},
    ):
        yield from objects.manifests(own_settings(), options.read(ROOT, variables))
    yield yaml.safe_load(clients.entry("kagent", ROOT)[1])


@pytest.mark.skipif("KAGENT_CRDS" not in os.environ, reason="KAGENT_CRDS names no folder with the CRDs of kagent-crds")
@pytest.mark.parametrize("item", list(installed()), ids=lambda item: item["metadata"]["name"])
def test_every_resource_fits_the_crds_of_the_chart(item: dict[str, Any]) -> None:
    for file in Path(os.environ["KAGENT_CRDS"]).glob("*.yaml"):
        for crd in yaml.safe_load_all(file.read_text()):
            if crd and crd.get("spec", {}).get("names", {}).get("kind") == item["kind"]:
                version = next(found for found in crd["spec"]["versions"] if found["name"] == "v1alpha2")
                jsonschema.validate(item, _strict(version["schema"]["openAPIV3Schema"]))
                return
    pytest.fail(f"no CRD for {item['kind']}")


def _strict(schema: Any) -> Any:
    """A CRD's schema that refuses unknown fields, as the API server does when it is asked to."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict(value) for key, value in schema.items()}
    if found.get("type") == "object" and found.get("properties") and "additionalProperties" not in found:
        found["additionalProperties"] = False
    return found


@pytest.mark.parametrize("agent", ["todo-operator"])
def test_what_an_agent_refers_to_is_there(agent: str) -> None:
    spec = named("Agent", agent)["spec"]["declarative"]
    assert named("ModelConfig", spec["modelConfig"])
    for tool in spec["tools"]:
        server = tool["mcpServer"]
        # The tool server comes with the chart kagent, named after its release.
        assert server["name"] == "kagent-tool-server" or named("RemoteMCPServer", server["name"])
        assert set(server.get("requireApproval", ())) <= set(server["toolNames"])


def test_the_operator_only_reads() -> None:
    (tool,) = named("Agent", "todo-operator")["spec"]["declarative"]["tools"]
    assert all(name.startswith(READING) for name in tool["mcpServer"]["toolNames"])
    values = yaml.safe_load((ROOT / "ai/kagent-values.yaml").read_text())
    assert values["kagent-tools"]["rbac"]["readOnly"] is True


@pytest.mark.parametrize(
    ("variables", "provider"),
    [
        ({"OPENAI_API_KEY": KEY}, "OpenAI"),
        ({"ANTHROPIC_API_KEY": KEY}, "Anthropic"),
        ({"GEMINI_API_KEY": KEY}, "Gemini"),
        ({"OLLAMA_HOST": "10.0.0.7:11434"}, "Ollama"),
        ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://own/v1"}, "OpenAI"),
    ],
)
def test_what_is_installed_fits_the_model(variables: dict[str, str], provider: str) -> None:
    found = objects.manifests(own_settings(), options.read(ROOT, variables))
    for item in found:
        jsonschema.validate(item, SCHEMA)
    text = json.dumps(found)
    assert KEY not in text
    model = next(item["spec"] for item in found if item["kind"] == "ModelConfig")
    assert model["provider"] == provider
    assert ("http://own/v1" in text) == ("OPENAI_BASE_URL" in variables)
    if provider == "Ollama":
        assert model["ollama"] == {"host": "http://10.0.0.7:11434", "options": {"num_ctx": "16384"}}
    else:
        assert model["apiKeySecret"] == "kagent-model"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1:1",
        "http://[::1]:11434",
        "LOCALHOST.",
        "ollama.localhost:1",
        "localhost.localdomain",
        "127.1",
        "0.0.0.0",  # noqa: S104 it is refused
        "http://2130706433:1",
        "http://[::]:1",
        "http://[::ffff:127.0.0.1]:1",
    ],
)
def test_a_model_on_this_machines_loopback_is_refused(host: str) -> None:
    with pytest.raises(UserError, match="the agent's own pod"):
        objects.manifests(own_settings(), options.read(ROOT, {"OLLAMA_HOST": host}))


def test_the_values_are_the_least_that_works() -> None:
    found = objects.values(own_settings(), options.read(ROOT, {"OPENAI_API_KEY": KEY}))
    assert found["rbac"] == {"namespaces": ["kagent"]} and found["ui"] == {"replicas": 0}
    tools = found["kagent-tools"]
    assert tools["rbac"] == {"readOnly": True, "namespaces": ["kagent", "chatbot-dev"]}
    assert tools["tools"] == {"enabledTools": ["k8s"], "args": ["--read-only"]}
    assert not any(found[name]["enabled"] for name in ("grafana-mcp", "querydoc", "kmcp", "helm-agent"))
    assert KEY not in json.dumps(found)


def own_endpoint(provider: str, endpoint: str) -> options.Options:
    """The options of a person who has named an endpoint of their own."""
    found = options.read(ROOT, {f"{provider.upper()}_API_KEY": KEY})
    assert found.model
    return replace(found, model=replace(found.model, endpoint=endpoint, own_endpoint=True))


@pytest.mark.parametrize(
    ("provider", "endpoint", "block", "there"),
    [
        ("openai", "http://own.example/v1", "openAI", "http://own.example/v1"),
        # Anthropic's library adds the path of the API, with its version, by itself.
        ("anthropic", "http://own.example/v1", "anthropic", "http://own.example"),
    ],
)
def test_an_endpoint_of_ones_own_reaches_the_model_and_the_charts_default(
    provider: str, endpoint: str, block: str, there: str
) -> None:
    given = own_endpoint(provider, endpoint)
    spec = next(item["spec"] for item in objects.manifests(own_settings(), given) if item["kind"] == "ModelConfig")
    assert spec[block] == {"baseUrl": there}
    assert objects.values(own_settings(), given)["providers"][block]["config"] == {"baseUrl": there}


def test_an_endpoint_that_kagent_would_not_ask_is_refused() -> None:
    with pytest.raises(UserError, match="kagent asks Gemini only at its own address"):
        objects.manifests(own_settings(), own_endpoint("gemini", "http://own.example/v1"))
    given = options.read(ROOT, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://bob:s3cr3t@own.example/v1"})
    with pytest.raises(UserError, match="for everybody to read") as refused:
        objects.manifests(own_settings(), given)
    assert "s3cr3t" not in str(refused.value)


def test_a_mirror_and_values_of_ones_own_are_laid_over() -> None:
    given = replace(
        options.read(ROOT, {"OPENAI_API_KEY": KEY}),
        kagent_registry="mirror.example",
        kagent_values={"ui": {"replicas": 1}},
    )
    found = objects.values(own_settings(), given)
    assert found["registry"] == "mirror.example" and found["ui"] == {"replicas": 1}


@pytest.fixture
def place(make_desk: Maker, bin_folder: Path, lines: list[str]) -> Callable[..., install.Place]:
    """Where kagent goes, with a helm that notes how it was called and what came on its standard input."""

    def make(
        answers: list[dict[str, Any]] | None = None, *, releases: str = "[]", show: int = 0, up: int = 0
    ) -> install.Place:
        helm = bin_folder / "helm"
        helm.write_text(
            "#!/bin/sh\n"
            f"case \" $* \" in *' list '*) echo '{releases}'; exit;;\n"
            f"*' show '*) echo 'dial tcp: lookup ghcr.io: no such host' >&2; exit {show};; esac\n"
            f'echo "$@" >> "$0.called"\ncat >> "$0.stdin"\nexit {up}\n'
        )
        helm.chmod(0o755)
        connection = make_desk(
            variables={"OPENAI_API_KEY": KEY},
            answers=[*(answers or [*NOTHING, *standing({"OPENAI_API_KEY": KEY})]), HELD],
        )
        return install.Place(
            connection.settings,
            connection.options,
            connection.kubectl,
            connection.helm,
            lines.append,
            lambda seconds: None,
        )

    return make


def crds(*versions: str) -> dict[str, Any]:
    """What kubectl answers of kagent's CRDs where they are served in these versions."""
    served = [{"name": version, "served": True} for version in versions]
    items = [{"metadata": {"name": "agents.kagent.dev"}, "spec": {"versions": served}}]
    return {"starts": "get crd", "out": json.dumps({"kind": "List", "items": items}) if versions else ""}


def controllers(*namespaces: str) -> dict[str, Any]:
    items = [{"metadata": {"name": "kagent-controller", "namespace": name}} for name in namespaces]
    selector = "app.kubernetes.io/part-of=kagent,app.kubernetes.io/component=controller"
    starts = f"get deployments --all-namespaces --selector {selector}"
    return {"starts": starts, "out": json.dumps({"items": items})}


HELD = {
    "starts": "get secret kagent-model",
    "out": json.dumps({"data": {"OPENAI_API_KEY": base64.b64encode(KEY.encode()).decode()}}),
}
MARKER = {"starts": "get configmap todo-ai-installed", "out": json.dumps({"data": {"version": "0.9.12"}})}
NOTHING = [crds(), controllers(), MARKER | {"out": ""}]
THEIRS = [crds("v1alpha2"), controllers("kagent"), NOTHING[2]]
OURS = [crds("v1alpha2"), controllers("kagent"), MARKER, HELD]
STANDING = standing({"OPENAI_API_KEY": KEY})


def applied(calls: Calls) -> list[dict[str, Any]]:
    """Every object that was applied, in its order."""
    texts = [call["stdin"] for call in calls() if call["words"][0] == "apply"]
    return [json.loads(part) for text in texts for part in text.split("\n---\n")]


@pytest.mark.slow
def test_the_key_goes_by_standard_input_and_is_not_shown(
    place: Any, bin_folder: Path, calls: Calls, lines: list[str]
) -> None:
    install.install(place())
    made = applied(calls)
    kinds = [item["kind"] for item in made]
    assert kinds == ["Namespace", "ConfigMap", "NetworkPolicy", "Secret", "ModelConfig", "Agent"]
    assert base64.b64decode(made[3]["data"]["OPENAI_API_KEY"]).decode() == KEY
    shown = "\n".join(lines)
    assert KEY not in shown and base64.b64encode(KEY.encode()).decode() not in shown
    charts = (bin_folder / "helm.called").read_text() + (bin_folder / "helm.stdin").read_text()
    assert KEY not in charts and "--version 0.9.12" in charts and "readOnly: true" in charts
    assert "kagent can be asked" in shown


@pytest.mark.slow
def test_charts_that_cannot_be_had_are_told_before_anything_is_changed(place: Any, calls: Calls) -> None:
    with pytest.raises(UserError, match="cannot be had: dial tcp"):
        install.install(place(show=1))
    assert not [call for call in calls() if call["words"][0] == "apply"]


@pytest.mark.slow
def test_somebody_elses_kagent_is_left_alone(place: Any, bin_folder: Path, calls: Calls, lines: list[str]) -> None:
    where = place([*THEIRS, *STANDING], releases='[{"name": "kagent", "namespace": "kagent"}]')
    install.install(where)
    assert not (bin_folder / "helm.called").exists()
    assert [item["kind"] for item in applied(calls)] == ["Namespace", "Secret", "ModelConfig", "Agent"]
    assert "did not install" in "\n".join(lines)
    install.uninstall(where)
    assert not (bin_folder / "helm.called").exists()
    gone = [call["words"][1:3] for call in calls() if call["words"][0] == "delete"]
    assert gone == [
        ["agents.kagent.dev", "todo-operator"],
        ["modelconfigs.kagent.dev", "todo-model"],
        ["secret", "kagent-model"],
    ]


@pytest.mark.slow
def test_what_cannot_be_told_stops_before_anything(place: Any, calls: Calls) -> None:
    with pytest.raises(UserError, match="it cannot be told whether a kagent is there: timed out"):
        install.install(place([{"starts": "get crd", "code": 1, "err": "timed out"}, *STANDING]))
    unknown = {"starts": "get endpointslices --namespace default", "code": 1, "err": "etcdserver: request timed out"}
    with pytest.raises(UserError, match=r"get endpointslices .*request timed out"):  # the API server would be kept out
        install.install(place([unknown, *OURS, *STANDING]))
    assert not [call for call in calls() if call["words"][0] == "apply"]


@pytest.mark.slow
@pytest.mark.parametrize("act", [install.install, install.uninstall])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"code": 1, "err": "net/http: TLS handshake timeout"}, "cannot be told .*: net/http: TLS handshake timeout"),
        ({"out": json.dumps({"data": {"objects": '[{"kind": "Ag'}})}, "cannot be read"),
        ({"out": json.dumps({"data": {"objects": '["Agent"]'}})}, "cannot be read"),
        ({"out": json.dumps({"data": {"objects": "3"}})}, "cannot be read"),
        ({"out": "{}"}, "cannot be read"),
    ],
)
def test_a_marker_that_does_not_tell_is_no_empty_one(
    place: Any, calls: Calls, act: Any, answer: dict[str, Any], told: str
) -> None:
    unread = {"starts": "get configmap todo-ai-installed --namespace kagent --ignore-not-found --output json"} | answer
    with pytest.raises(UserError, match=told) as problem:
        act(place([unread, *OURS, *STANDING]))
    assert "nothing was changed" in problem.value.hint
    assert not [call for call in calls() if call["words"][0] in ("apply", "delete", "replace")]


@pytest.mark.slow
def test_ours_is_taken_away_with_its_key(place: Any, bin_folder: Path, calls: Calls) -> None:
    install.uninstall(place([*OURS, *STANDING]))
    assert "uninstall kagent --namespace kagent" in (bin_folder / "helm.called").read_text()
    gone = {call["words"][1] for call in calls() if call["words"][0] == "delete"}
    assert {"secret", "configmap", "networkpolicy", "agents.kagent.dev"} <= gone


def marked(*items: tuple[str, str]) -> dict[str, Any]:
    """The marker as an earlier version of ours left it."""
    made = [{"kind": kind, "metadata": {"name": name}} for kind, name in items]
    starts = "get configmap todo-ai-installed --namespace kagent --ignore-not-found --output json"
    return {"starts": starts, "out": json.dumps({"data": {"objects": json.dumps(made)}})}


EARLIER = marked(("Agent", "todo-operator"), ("Agent", "todo-assistant"), ("RemoteMCPServer", "todo-mcp"))


@pytest.mark.slow
@pytest.mark.parametrize("act", [install.install, install.uninstall])
def test_what_an_earlier_version_of_ours_made_goes_too(place: Any, calls: Calls, act: Any) -> None:
    act(place([EARLIER, *OURS, *STANDING]))
    gone = [call["words"][1:3] for call in calls() if call["words"][0] == "delete"]
    assert ["agents.kagent.dev", "todo-assistant"] in gone and ["remotemcpservers.kagent.dev", "todo-mcp"] in gone
    assert (["agents.kagent.dev", "todo-operator"] in gone) is (act is install.uninstall)
    made = [json.loads(item["data"]["objects"]) for item in applied(calls) if item["kind"] == "ConfigMap"]
    names = [{item["metadata"]["name"] for item in one} for one in made]
    # Until all of it is gone, the marker knows of it.
    assert not names or ("todo-assistant" in names[0] and "todo-assistant" not in names[-1])


NO_NAMESPACE = {"starts": "get namespace", "code": 1, "err": 'namespaces "kagent" not found'}
OUR_NAMESPACE = {
    "starts": "get namespace", "out": json.dumps({"metadata": {"labels": {"app.kubernetes.io/managed-by": "todo-ai"}}})
}  # fmt: skip


@pytest.mark.slow
def test_a_namespace_that_was_made_here_goes_when_it_is_empty(place: Any, calls: Calls, lines: list[str]) -> None:
    install.install(place([NO_NAMESPACE, *NOTHING, *STANDING]))
    assert applied(calls)[0]["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "todo-ai"}
    left = {"starts": "get deployments,", "outs": ["pod/going\n", "configmap/kube-root-ca.crt\n"]}
    install.uninstall(place([left, OUR_NAMESPACE, *OURS, *STANDING]))
    assert ["delete", "namespace", "kagent"] in [call["words"][:3] for call in calls()]


@pytest.mark.slow
@pytest.mark.parametrize("there", [{"starts": "get namespace", "out": "{}"}, OUR_NAMESPACE])
def test_a_namespace_of_others_or_with_something_of_theirs_stays(
    place: Any, calls: Calls, lines: list[str], there: dict[str, Any]
) -> None:
    left = {"starts": "get deployments,", "out": "secret/theirs\n"}
    install.uninstall(place([left, there, *OURS, *STANDING]))
    assert ["delete", "namespace", "kagent"] not in [call["words"][:3] for call in calls()]
    assert there is not OUR_NAMESPACE or "the namespace kagent is left, with secret/theirs" in "\n".join(lines)


@pytest.mark.slow
def test_an_installation_that_does_not_become_ready_names_its_pods(place: Any, calls: Calls) -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}
    pod = {"kind": "Pod", "metadata": {"name": "postgres-0"}, "status": {"conditions": [condition]}}
    answers = [{"starts": "get pods --namespace kagent", "out": json.dumps({"items": [pod]})}, *NOTHING, *STANDING]
    with pytest.raises(UserError, match="postgres-0: 0/1 nodes are available"):
        install.install(place(answers, up=1))
    # What was begun is ours when it is tried again, and no key waits in a cluster that has no use for it.
    assert [item["kind"] for item in applied(calls)] == ["Namespace", "ConfigMap", "NetworkPolicy"]


ELSEWHERE = '[{"name": "kagent", "namespace": "tools", "chart": "kagent-0.9.12"}]'
NEWER = '[{"name": "kagent", "namespace": "kagent", "chart": "kagent-0.10.1"}]'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "releases", "words"),
    [
        (THEIRS[:1] + NOTHING[1:], ELSEWHERE, "a kagent is in the namespace tools, and kagent.namespace is kagent"),
        ([crds("v1alpha2"), controllers("tools"), NOTHING[2]], "[]", "a kagent is in the namespace tools"),
        ([crds("v1alpha3"), controllers("kagent"), NOTHING[2]], "[]", "serves v1alpha3, and not kagent.dev/v1alpha2"),
        ([crds("v1alpha2"), controllers(), NOTHING[2]], "[]", "CRDs of kagent are there .* but no controller"),
        (OURS, NEWER, "kagent 0.10.1 is there, which 0.9.12 would take back"),
        ([crds() | {"out": "no"}, *NOTHING[1:]], "[]", "get crd answered nothing that can be read"),
        ([crds(), controllers() | {"code": 1, "err": "timed out"}, NOTHING[2]], "[]", "cannot be told"),
        (NOTHING, "nonsense", "helm list answered nothing that can be read"),
    ],
)
def test_a_kagent_that_ours_would_clash_with_is_named_before_anything(
    place: Any, calls: Calls, bin_folder: Path, answers: list[Any], releases: str, words: str
) -> None:
    with pytest.raises(UserError, match=words) as raised:
        install.install(place([*answers, *STANDING], releases=releases))
    assert "nothing was changed" in raised.value.hint
    assert not applied(calls) and not (bin_folder / "helm.called").exists()


@pytest.mark.slow
def test_ours_is_renewed_where_an_older_one_is(place: Any, bin_folder: Path) -> None:
    older = '[{"name": "kagent", "namespace": "kagent", "chart": "kagent-0.9.9"}]'
    install.install(place([*OURS, *STANDING], releases=older))
    assert "upgrade kagent " in (bin_folder / "helm.called").read_text()


@pytest.mark.slow
def test_ours_is_taken_away_though_its_crds_are_gone(place: Any, calls: Calls) -> None:
    gone = {"starts": "delete agents.kagent.dev", "code": 1, "err": "error: the server doesn't have a resource type"}
    install.uninstall(place([*NOTHING[:2], MARKER, gone, *STANDING]))
    assert ["secret", "kagent-model"] in [call["words"][1:3] for call in calls() if call["words"][0] == "delete"]


@pytest.mark.slow
def test_a_model_without_a_key_leaves_no_key_of_another_behind(place: Any, calls: Calls) -> None:
    none = {"starts": "get secret", "code": 1, "err": "not found"}
    where = place([none, *OURS, *standing({"OLLAMA_HOST": "10.0.0.7"})])
    install.install(replace(where, options=options.read(ROOT, {"OLLAMA_HOST": "10.0.0.7"})))
    assert "Secret" not in [item["kind"] for item in applied(calls)]
    assert ["secret", "kagent-model"] in [call["words"][1:3] for call in calls() if call["words"][0] == "delete"]


@pytest.mark.slow
def test_an_endpoint_that_wants_no_key_gets_one_that_says_nothing(place: Any, calls: Calls) -> None:
    own = {"OPENAI_BASE_URL": "http://models.example/v1"}
    none = {"starts": "get secret", "out": json.dumps({"data": {"OPENAI_API_KEY": "bm9uZQ=="}})}
    install.install(replace(place([none, *OURS, *standing(own)]), options=options.read(ROOT, own)))
    made = {item["kind"]: item for item in applied(calls)}
    assert base64.b64decode(made["Secret"]["data"]["OPENAI_API_KEY"]) == b"none"
    assert made["ModelConfig"]["spec"]["apiKeySecret"] == "kagent-model"
    assert made["ModelConfig"]["spec"]["openAI"] == {"baseUrl": "http://models.example/v1"}


def deployment(generation: int) -> str:
    status = {"observedGeneration": generation, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}
    return json.dumps({"metadata": {"generation": generation}, "spec": {"replicas": 1}, "status": status})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("held", "looks"),
    [
        ("b2xkLWtleQ==", 4),  # another key: until the pods are renewed, the old ones answer with it
        (base64.b64encode(KEY.encode()).decode(), 1),
    ],
)
def test_a_change_of_key_is_done_when_the_old_pods_are_gone(place: Any, calls: Calls, held: str, looks: int) -> None:
    secret = {"starts": "get secret kagent-model", "out": json.dumps({"data": {"OPENAI_API_KEY": held}})}
    pods = {"starts": "get deployment todo-operator", "outs": [deployment(n) for n in (3, 3, 3, 4)]}
    install.install(place([secret, pods, *OURS, *STANDING]))
    assert len([call for call in calls() if call["words"][:3] == ["get", "deployment", "todo-operator"]]) >= looks


@pytest.mark.slow
def test_what_others_have_added_to_our_model_is_taken_out(
    place: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "READY_SECONDS", 0)
    tampered = standing({"OPENAI_API_KEY": KEY}, ModelConfig_spec=MODEL | {"openAI": {"baseUrl": "http://evil/v1"}})
    with pytest.raises(UserError, match="kagent is not ready"):  # the stand-in stays as it is
        install.install(place([*OURS, *tampered]))
    (replaced,) = (json.loads(call["stdin"]) for call in calls() if call["words"][0] == "replace")
    assert replaced["kind"] == "ModelConfig" and "openAI" not in replaced["spec"]


@pytest.mark.slow
def test_pods_of_others_are_kept_out_and_the_api_server_is_not(place: Any, calls: Calls) -> None:
    ends = {"starts": "get endpointslices --namespace default", "out": served_by("10.0.0.1", "fd00::1")}
    install.install(place([ends, *OURS, *STANDING]))
    (policy,) = (item for item in applied(calls) if item["kind"] == "NetworkPolicy")
    assert policy["spec"]["podSelector"] == {}
    assert policy["spec"]["ingress"] == [
        {
            "from": [
                {"podSelector": {}},
                {"ipBlock": {"cidr": "10.0.0.1/32"}},
                {"ipBlock": {"cidr": "fd00::1/128"}},
            ]
        }
    ]


def served_by(*addresses: str) -> str:
    return json.dumps({"items": [{"metadata": {}, "endpoints": [{"addresses": [address]} for address in addresses]}]})


def test_without_a_model_nothing_is_installed() -> None:
    with pytest.raises(UserError, match="needs a model"):
        objects.manifests(own_settings(), options.read(ROOT, {}))


# what is checked before anything is sent

SPEC = named("Agent", "todo-operator")["spec"]
DECLARATIVE = SPEC["declarative"]
(TOOL,) = DECLARATIVE["tools"]
MODEL = named("ModelConfig", "todo-model")["spec"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"Agent": {"conditions": [{"type": "Accepted", "status": "False", "message": "no such ModelConfig"}]}}, "no such ModelConfig"),
        ({"Agent": {"observedGeneration": 0.5, "conditions": READY}}, "has not seen its latest change"),
        ({"ModelConfig_spec": {"provider": "OpenAI", "model": "gpt-4.1-mini", "apiKeySecret": "kagent-model",
                               "apiKeySecretKey": "OPENAI_API_KEY", "openAI": {"baseUrl": "http://evil/v1"}}},
         "spec.openAI was added"),
        ({"ModelConfig_spec": {"provider": "OpenAI", "model": "other", "apiKeySecret": "kagent-model",
                               "apiKeySecretKey": "OPENAI_API_KEY"}}, "spec.model differs"),
        ({"RemoteMCPServer": {"conditions": [{"type": "Accepted", "status": "False", "message": "no such host"}]}}, "could not look at the cluster"),
        ({"RemoteMCPServer": {"conditions": READY[:1], "discoveredTools": []}}, "lacks k8s_describe_resource"),
        ({"pods": {"replicas": 2, "readyReplicas": 2, "updatedReplicas": 1, "observedGeneration": 3}}, "old ones beside them"),
        ({"pods": {"observedGeneration": 3}}, "0 of 1 pods ready"),
        ({"pods": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 2}}, "is being changed"),
        ({"Agent": {}}, "has not said whether it is Accepted"),
        ({"Agent": {"conditions": READY[:1]}}, "has not said whether it is Ready"),
        ({"Agent": {"conditions": [READY[0], {"type": "Ready", "status": "False", "message": "Deployment is not ready, 0/1 pods are ready"}]}}, "0/1 pods are ready"),
        ({"ModelConfig": {"conditions": [{"type": "Accepted", "status": "False", "message": "1 error occurred:\n\t* failed to get secret kagent/kagent-model"}]}},
         "is not ready: 1 error occurred: * failed to get secret"),
        ({"Agent_spec": SPEC | {"skills": {"gitRefs": [{"url": "http://evil/x.git"}]}}}, "spec.skills was added"),
        ({"Agent_spec": SPEC | {"declarative": DECLARATIVE | {"executeCodeBlocks": True}}}, "spec.declarative.executeCodeBlocks was added"),
        ({"Agent_spec": SPEC | {"declarative": DECLARATIVE | {"deployment": {"env": [{"name": "OPENAI_BASE_URL", "value": "http://evil"}]}}}}, "spec.declarative.deployment was added"),
        ({"Agent_spec": SPEC | {"declarative": DECLARATIVE | {"tools": [TOOL | {"mcpServer": TOOL["mcpServer"] | {"namespace": "evil"}}]}}}, "mcpServer.namespace was added"),
        ({"Agent_spec": SPEC | {"declarative": DECLARATIVE | {"runtime": "python"}}}, ""),
        ({"ModelConfig_spec": MODEL | {"defaultHeaders": {"X": "y"}}}, "spec.defaultHeaders was added"),
        ({"ModelConfig_spec": MODEL | {"apiKeyPassthrough": False}}, ""),
        ({"url": "http://evil.example:8084/mcp"}, "outside of the namespace kagent: nothing is sent"),
        ({"url": "http://kagent-tools.other:8084/mcp"}, "outside of the namespace kagent: nothing is sent"),
        ({"url": "http://kagent-tools.kagent.svc.cluster.local:8084/mcp"}, ""),
        ({"endpoints": [served()]}, "kagent-tools has no pod that is ready"),
        ({"endpoints": [served(False, False)]}, "kagent-tools has no pod that is ready"),
        ({"endpoints": [served(False, True)]}, ""),
        ({"endpoints": ["no"]}, "nothing that can be read"),
    ],
)  # fmt: skip
def test_nothing_is_sent_to_an_agent_that_is_not_as_it_was_installed(
    make_desk: Maker, changes: dict[str, Any], words: str
) -> None:
    variables = {"OPENAI_API_KEY": KEY}
    connection = make_desk(variables=variables, answers=standing(variables, **changes))
    found = live.problem(
        connection.kubectl, connection.options, lambda: objects.manifests(connection.settings, connection.options)
    )
    assert words in found and bool(found) is bool(words)


# asking


def ask(
    make_desk: Maker, outs: list[str], *, person: Any = None, extra: Any = (), given: Any = None, **changes: Any
) -> consult.Consultation:
    variables = given or {"OPENAI_API_KEY": KEY}
    answers = [*extra, {"starts": A2A, "outs": outs}, *standing(variables)]
    connection = make_desk(variables=variables, answers=answers, **changes)
    return consult.consult(connection, recipes.pick(ROOT, "debug"), {}, tool="kagent", person=person)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks at a task follow one another at once."""
    real = consult.tools

    def tools(connection: Connection, folder: Path) -> dict[str, Any]:
        found = real(connection, folder)
        return found | {"kagent": replace(found["kagent"], wait=lambda seconds: None)}  # type: ignore[type-var]

    monkeypatch.setattr(consult, "tools", tools)


def test_an_agent_is_followed_as_it_works_and_its_session_is_deleted(make_desk: Maker, calls: Calls) -> None:
    outs = [
        task("submitted"),
        task("working", calls=("k8s_get_resources",)),
        task("completed", "## Cause\nfound", calls=("k8s_get_resources",)),
    ]
    found = ask(make_desk, outs)
    assert (found.tool, found.tried, found.answer.text) == ("kagent", (), "## Cause\nfound")
    assert "kagent looked at: k8s_get_resources(namespace=chatbot-dev)" in found.notes
    sent = [json.loads(call["stdin"]) for call in calls() if call["words"][0] == "create" and "--raw" in call["words"]]
    assert [item["method"] for item in sent] == ["message/send", "tasks/get", "tasks/get"]
    assert sent[0]["params"]["configuration"] == {"blocking": False}
    context = sent[0]["params"]["message"]["contextId"]
    assert any(
        call["words"][:1] == ["delete"] and call["words"][2].endswith(f"/api/sessions/{context}") for call in calls()
    )


@pytest.mark.parametrize(
    ("outs", "words"),
    [
        ([task("failed", said="Error code: 401 - {'error': 'bad key'}")], "the agent failed: Error code: 401"),
        ([task("completed")], "model answered nothing"),
        ([task("completed", "Error code: 429 - too many")], "answer is an error: Error code: 429"),
        ([task("input-required", said=confirmation("ask_user", {"questions": [{"question": "Which pod?", "choices": ["a", "b"]}]}, "Which pod?"))],
         "waits for a person: Which pod? (a, b)"),
        ([task("input-required", said=confirmation("delete_todo", {"id": 1}, "Tool 'delete_todo' requires approval"))], "requires approval"),
        ([task("canceled")], "ended as canceled"),
        ([json.dumps({"jsonrpc": "2.0", "error": {"code": -32603, "message": "Internal error"}})], "kagent: Internal error"),
        (["not json"], "nothing that can be read"),
        (["[1]"], "nothing that can be read"),
        ([""], "answered nothing"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_by_its_cause(make_desk: Maker, outs: list[str], words: str) -> None:
    found = ask(make_desk, outs)
    assert found.tool == "offline" and words in found.tried[-1][1], found.tried


def test_a_question_of_the_agent_is_answered_by_the_person(make_desk: Maker, calls: Calls) -> None:
    waits = task("input-required", said=confirmation("ask_user", {"questions": [{"question": "Which pod?"}]}, "?"))
    done = task("completed", "## Cause\nthat pod", calls=("ask_user", "k8s_get_events"))
    found = ask(make_desk, [waits, done], person=lambda text: "backend-1")
    assert found.answer.text == "## Cause\nthat pod"
    assert [note for note in found.notes if "looked at" in note] == [
        "kagent looked at: k8s_get_events(namespace=chatbot-dev)"
    ]
    sent = [json.loads(call["stdin"]) for call in calls() if call["words"][:2] == ["create", "--raw"]]
    message = sent[1]["params"]["message"]
    assert (message["taskId"], message["contextId"]) == ("t1", "c1")
    assert message["parts"] == [
        {"kind": "data", "data": {"decision_type": "approve", "ask_user_answers": [{"answer": ["backend-1"]}]}}
    ]


@pytest.mark.parametrize(("word", "decision"), [("yes", "approve"), ("no", "reject"), ("", "reject")])
def test_an_approval_is_the_persons(make_desk: Maker, calls: Calls, word: str, decision: str) -> None:
    waits = task("input-required", said=confirmation("delete_todo", {"id": 1}, "requires approval"))
    ask(make_desk, [waits, task("completed", "ok")], person=lambda text: word)
    sent = [json.loads(call["stdin"]) for call in calls() if call["words"][:2] == ["create", "--raw"]]
    assert sent[1]["params"]["message"]["parts"][0]["data"]["decision_type"] == decision


BOTH = [
    confirmation("delete_todo", {"id": 1}, "requires approval", "call-a"),
    confirmation("add_todo", {"id": 2}, "requires approval", "call-b"),
]


def test_calls_that_wait_together_are_allowed_one_by_one(make_desk: Maker, calls: Calls) -> None:
    """kagent allows every call that it is given no decision for, and all of them on a bare yes."""
    shown: list[str] = []

    def person(text: str) -> str:
        shown.append(text)
        return "yes" if "add_todo" in text else "not that one"

    ask(make_desk, [task("input-required", said=BOTH), task("completed", "ok", calls=("x",))], person=person)
    assert "delete_todo" in shown[0] and "add_todo" in shown[1]
    sent = [json.loads(call["stdin"]) for call in calls() if call["words"][:2] == ["create", "--raw"]]
    assert sent[1]["params"]["message"]["parts"][0]["data"] == {
        "decision_type": "batch",
        "decisions": {"call-a": "reject", "call-b": "approve"},
        "rejection_reasons": {"call-a": "not that one"},
    }


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ([BOTH[0], confirmation("add_todo", {}, "")], {"decision_type": "reject", "rejection_reason": "one at a time"}),
        ([BOTH[0], BOTH[0]], {"decision_type": "reject", "rejection_reason": "one at a time"}),
        (
            [confirmation("ask_user", {"questions": [{"question": "Which?"}]}, "Which?", "q"), BOTH[0]],
            {
                "decision_type": "batch",
                "decisions": {"q": "reject", "call-a": "approve"},
                "rejection_reasons": {"q": "ask again"},
            },
        ),
    ],
)
def test_nothing_is_allowed_that_was_not_shown(make_desk: Maker, calls: Calls, said: Any, data: dict[str, Any]) -> None:
    ask(make_desk, [task("input-required", said=said), task("completed", "ok")], person=lambda text: "yes")
    sent = [json.loads(call["stdin"]) for call in calls() if call["words"][:2] == ["create", "--raw"]]
    assert sent[1]["params"]["message"]["parts"][0]["data"] == data


def test_without_a_terminal_all_that_is_asked_is_told(make_desk: Maker) -> None:
    found = ask(make_desk, [task("input-required", said=BOTH)])
    assert "delete_todo" in found.tried[-1][1] and "add_todo" in found.tried[-1][1]


def test_an_answer_without_a_look_is_none_where_the_tools_are_gone(make_desk: Maker) -> None:
    gone = {"starts": "get endpointslices --namespace kagent", "outs": [served(True), served()]}
    found = ask(make_desk, [task("completed", "## Cause\nall is well")], extra=[gone])
    assert found.tool == "offline" and "answered without looking" in found.tried[-1][1]
    looked = {"starts": gone["starts"], "outs": [served(True), served()]}
    found = ask(make_desk, [task("completed", "## Cause\nfound", calls=("k8s_get_events",))], extra=[looked])
    assert found.tool == "kagent"


@pytest.mark.parametrize("second", ["not json", json.dumps({"error": {"code": -32603, "message": "Internal error"}})])
def test_a_task_that_can_no_longer_be_followed_is_ended(make_desk: Maker, calls: Calls, second: str) -> None:
    found = ask(make_desk, [task("submitted"), second])
    assert found.tool == "offline" and [call for call in calls() if call["words"][:2] == ["delete", "pods"]]


def test_work_that_cannot_be_ended_is_told_and_the_rules_answer(make_desk: Maker) -> None:
    no = {"starts": "delete pods", "code": 1, "err": "Error from server (Forbidden): pods is forbidden"}
    found = ask(make_desk, [task("submitted"), "not json"], extra=[no])
    assert "may go on in the cluster" in found.tried[-1][1] and "is forbidden" in found.tried[-1][1]
    assert found.tool == "offline" and found.answer.text


def test_what_a_failed_agent_says_is_redacted(make_desk: Maker) -> None:
    said = f"Error code: 401 - {{'error': {{'message': 'Incorrect API key provided: {KEY}'}}}}"
    found = ask(make_desk, [task("failed", said=said)])
    assert "Error code: 401" in found.tried[-1][1] and KEY not in json.dumps(consult.as_json(found, ["kubectl"], "x"))


def test_giving_up_ends_the_work_in_the_cluster(make_desk: Maker, calls: Calls) -> None:
    many = tuple(f"k8s_get_events_{n}" for n in range(40))
    found = ask(make_desk, [task("submitted"), task("working", calls=many)])
    assert "stopped after 40 tool calls" in found.tried[-1][1]
    (ended,) = (call["words"] for call in calls() if call["words"][:2] == ["delete", "pods"])
    assert ended[2:6] == ["--selector", "app=kagent,kagent=todo-operator", "--namespace", "kagent"]
    assert [call for call in calls() if call["words"][:2] == ["delete", "--raw"]]


def test_no_time_left_ends_the_work_too(make_desk: Maker, calls: Calls) -> None:
    found = ask(make_desk, [task("submitted"), task("working")], timeout=0)
    assert "gave no answer within 0 s; the work was ended" in found.tried[-1][1]
    assert [call for call in calls() if call["words"][:2] == ["delete", "pods"]]


def test_ctrl_c_ends_the_work_and_keeps_what_was_said(make_desk: Maker, calls: Calls) -> None:
    def person(text: str) -> str:
        raise KeyboardInterrupt

    spoken = [{"role": role, "parts": [{"kind": "text", "text": role}]} for role in ("user", "agent")]
    found = ask(make_desk, [task("failed", said="agent", history=spoken)])
    assert not [note for note in found.notes if "said before it failed" in note]  # it is the error itself
    waits = task("input-required", said=BOTH, history=spoken)
    found = ask(make_desk, [task("submitted"), waits], person=person)
    assert isinstance(found.ended_by, KeyboardInterrupt) and found.answer.text == "agent"
    assert [call for call in calls() if call["words"][:2] == ["delete", "pods"]]
    assert [call for call in calls() if call["words"][:2] == ["delete", "--raw"]]


def test_whatever_ends_a_question_ends_its_work(make_desk: Maker, calls: Calls) -> None:
    def person(text: str) -> str:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        ask(make_desk, [task("submitted"), task("input-required", said=BOTH)], person=person)
    assert [call for call in calls() if call["words"][:2] == ["delete", "pods"]]


def test_the_work_ends_though_nobody_reads_our_lines(make_desk: Maker, calls: Calls, shells: list[Any]) -> None:
    def person(text: str) -> str:
        def gone(line: str) -> None:
            raise BrokenPipeError

        shells[-1]._echo = gone
        raise KeyboardInterrupt

    ask(make_desk, [task("input-required", said=BOTH)], person=person)
    assert [call for call in calls() if call["words"][:2] == ["delete", "pods"]]


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        ({"code": 124, "err": "no answer within 30 s"}, True),
        ({"code": -2, "err": "stopped after 16777216 bytes of output"}, True),
        ({"code": 1, "err": "error: unexpected EOF"}, True),
        ({"out": "<html>gateway</html>"}, True),
        ({"code": 1, "err": "Error from server (ServiceUnavailable): no endpoints available for service"}, False),
        ({"out": json.dumps({"error": {"code": -32602, "message": "Invalid parameters"}})}, False),
    ],
)
def test_a_question_that_may_have_reached_the_agent_is_ended(
    make_desk: Maker, calls: Calls, answer: dict[str, Any], ends: bool
) -> None:
    found = ask(make_desk, [""], extra=[{"starts": A2A} | answer])
    assert found.tool == "offline"
    assert bool([call for call in calls() if call["words"][:2] == ["delete", "pods"]]) is ends


@pytest.mark.parametrize(
    ("variables", "answered"),
    [
        ({"OPENAI_API_KEY": KEY}, False),
        ({"OLLAMA_HOST": "10.0.0.7"}, True),
        ({"OPENAI_BASE_URL": "http://own/v1"}, True),
    ],
)
def test_a_slow_model_of_ones_own_has_all_of_the_time(
    make_desk: Maker, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], answered: bool
) -> None:
    monkeypatch.setattr(kagent_tool, "STANDSTILL", -1.0)
    outs = [task("working"), task("working"), task("completed", "## Cause\nfound")]
    found = ask(make_desk, outs, given=variables)
    assert (found.tool == "kagent") is answered
    assert answered or "stands still" in found.tried[-1][1]


def test_a_controller_that_is_gone_is_named(make_desk: Maker) -> None:
    down = {
        "starts": A2A,
        "code": 1,
        "err": 'Error from server (ServiceUnavailable): no endpoints available for service "kagent-controller:8083"',
    }
    found = ask(make_desk, [""], extra=[down])
    assert "no endpoints available" in found.tried[-1][1]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "result",
                        "status",
                        "message",
                        "parts",
                        "history",
                        "artifacts",
                        "data",
                        "args",
                        "name",
                        "metadata",
                        "state",
                        "kind",
                        "text",
                        "error",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_kagent_answers_is_read_without_a_traceback(data: Any) -> None:
    found = a2a.read(json.dumps(data))
    assert isinstance(found, str) or a2a.verdict(found, []) is not None


@pytest.mark.parametrize(
    ("response", "looked"),
    [
        ({"content": [{"type": "text", "text": "NAME READY"}]}, ("k8s_get_pod_logs(pod_name=a)",)),
        ({"result": "Tool call was rejected by user. Reason: no"}, ()),
        ({"error": "This tool call requires confirmation, please approve or reject."}, ()),
        (None, ()),
    ],
)
def test_a_call_that_nobody_has_allowed_is_no_look_at_anything(response: Any, looked: tuple[str, ...]) -> None:
    call = {"id": "7", "name": "k8s_get_pod_logs", "args": {"pod_name": "a"}}
    waits = confirmation("k8s_get_pod_logs", {"pod_name": "a"}, "requires approval", id="7")
    kinds = [(call, "function_call"), (waits, "function_call")]
    kinds += [({"id": "7", "name": "k8s_get_pod_logs", "response": response}, "function_response")] if response else []
    parts = [{"kind": "data", "data": data, "metadata": {"kagent_type": kind}} for data, kind in kinds]
    found = a2a.read(
        json.dumps({"result": {"id": "t", "status": {"state": "completed"}, "history": [{"parts": parts}]}})
    )
    assert isinstance(found, a2a.Task) and found.calls == looked
