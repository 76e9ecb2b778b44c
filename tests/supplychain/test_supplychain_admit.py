"""An image is deployed only if the trusted key vouches for where it is from, and for a scan that is good enough."""

from __future__ import annotations

import base64
import json
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.ready import Ready
from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.images.base_images import ReadyBase
from scripts.images.docker import Docker
from scripts.pipeline.admission import check_admission
from scripts.pipeline.stages import chosen
from scripts.settings.model import Base, Image, Plan, Security, Service, Settings
from scripts.supplychain import attest, commands, cosign, keys
from scripts.supplychain.admit import Candidate, admit
from scripts.supplychain.model import Finding, Result
from scripts.supplychain.subjects import Subject
from tests.support.cluster_settings import configuration

ID = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
POLICY = Security(required=("hadolint",), max_age_days=30)
CLEAN = (Result("hadolint", "Dockerfile", "mcp"),)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/todo-chatbot"


def subject(image_id: str = ID, root: Path = ROOT) -> Subject:
    service = Service("mcp", root / "services", root / "services/mcp/Dockerfile", {"PYTHON_IMAGE": "python"})
    described = {"Id": image_id, "Created": "2026-05-20T10:00:00.123456789Z"} if image_id else {}
    return Subject(Image("mcp", "todo-chatbot/mcp", "0123456789abcdef"), service, described)


def settings(root: Path = ROOT, **changes: Any) -> Settings:
    return configuration(root, environment="secure", bases={"python": Base("python", "python:3.13-slim")}, **changes)


def scanned(image_id: str = ID, results: tuple[Result, ...] = CLEAN, finished: datetime = NOW) -> dict[str, Any]:
    when = finished.isoformat()
    return attest.scanned(subject(image_id), results, when, when, {"mcp": "c" * 64})


def provenance(image_id: str = ID) -> dict[str, Any]:
    bases = {"python": (Base("python", "python:3.13-slim"), "sha256:" + "d" * 64)}
    return attest.provenance(subject(image_id), settings(), bases, "e" * 40 + "+", "now")


def signed(**changes: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Valid attestations of the image, but for what is changed."""
    statements = {attest.PROVENANCE: provenance(), attest.SCANNED: scanned()}
    names = {"provenance": attest.PROVENANCE, "scan": attest.SCANNED}
    statements |= {names[name]: statement for name, statement in changes.items()}
    return {ID: {kind: keys.sign(statement, keys.ensure()) for kind, statement in statements.items()}}


def reasons(attestations: dict[str, dict[str, str]], policy: Security = POLICY, image_id: str = ID) -> list[str]:
    candidate = Candidate("mcp", "todo-chatbot/mcp:1", image_id)
    refused = admit([candidate], attestations, keys.read_public(keys.public_file()), policy, NOW)
    return [reason for item in refused for reason in item.reasons]


def test_a_signed_and_scanned_image_is_let_in() -> None:
    assert reasons(signed()) == []


def test_an_image_nobody_vouches_for_is_refused() -> None:
    keys.ensure()
    assert reasons({}) == ["no signature", "no scan"]
    assert reasons({ID: {attest.PROVENANCE: signed()[ID][attest.PROVENANCE]}}) == ["no scan"]
    assert reasons(signed(), image_id="") == ["the engine does not have it"]


def test_attestations_of_another_image_do_not_count() -> None:
    assert reasons(signed(), image_id=OTHER) == ["no signature", "no scan"]
    moved = {OTHER: signed()[ID]}
    assert reasons(moved, image_id=OTHER) == [
        "its signature does not hold: it is about another image",
        "its scan does not hold: it is about another image",
    ]


def test_another_key_does_not_count(state: Path) -> None:
    forged = signed()
    keys.private_file().unlink()
    keys.public_file().unlink()
    keys.ensure()
    assert all("not of the trusted key" in reason for reason in reasons(forged)) and len(reasons(forged)) == 2


def edited(envelope: str, change: Callable[[dict[str, Any]], None]) -> str:
    """The envelope with another statement in it."""
    data = json.loads(envelope)
    statement = json.loads(base64.b64decode(data["payload"]))
    change(statement)
    return json.dumps(data | {"payload": base64.b64encode(json.dumps(statement).encode()).decode()})


def test_an_altered_statement_does_not_count() -> None:
    found = Finding("CVE-1", "critical", "bad")
    honest = signed(scan=scanned(results=(Result("hadolint", "Dockerfile", "mcp", (found,)),)))
    assert reasons(honest) == ["hadolint: critical CVE-1 in Dockerfile: bad"]
    honest[ID][attest.SCANNED] = edited(
        honest[ID][attest.SCANNED], lambda statement: statement["predicate"]["results"][0].update(findings=[])
    )
    [reason] = reasons(honest)
    assert "it was altered" in reason


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"payload": 1}', '{"payload": "e30=", "payloadType": "x", "signatures": []}',
     '{"payload": "e30=", "payloadType": "x", "signatures": [{"sig": "AAAA"}]}',
     '{"payload": "e30=", "payloadType": "x", "signatures": [1]}', '{"dsseEnvelope": null}'],
)  # fmt: skip
def test_what_is_no_envelope_does_not_count(text: str) -> None:
    attestations = signed()
    attestations[ID][attest.PROVENANCE] = text
    [reason] = reasons(attestations)
    assert reason.startswith("its signature does not hold")


def test_one_statement_cannot_stand_for_the_other() -> None:
    attestations = signed()
    attestations[ID][attest.SCANNED] = attestations[ID][attest.PROVENANCE]
    [reason] = reasons(attestations)
    assert "a statement of another kind" in reason


def test_a_scan_that_is_old_or_incomplete_does_not_count() -> None:
    old = signed(scan=scanned(finished=NOW - timedelta(days=31)))
    assert reasons(old) == ["its scan is 31 days old, 30 are allowed"]
    assert reasons(signed(), replace(POLICY, required=("image-scan",))) == [
        "image-scan is required, and there is no result of it"
    ]
    blind = signed(scan=scanned(results=(Result("hadolint", "Dockerfile", reason="not installed"),)))
    assert reasons(blind) == ["hadolint is required, and did not run on Dockerfile: not installed"]
    empty = scanned()
    empty["predicate"] = {}
    assert reasons(signed(scan=empty)) == ["its scan does not hold: it holds no scan that can be read"]


def test_todays_policy_judges_yesterdays_scan() -> None:
    finding = Finding("CVE-1", "medium", "bad")
    attestations = signed(scan=scanned(results=(Result("hadolint", "Dockerfile", "mcp", (finding,)),)))
    assert reasons(attestations) == []
    strict = replace(POLICY, fail_on="medium")
    assert len(reasons(attestations, strict)) == 1
    assert reasons(attestations, replace(strict, accepted={"CVE-1": "not reachable"})) == []


def test_the_signing_key_is_the_owners_alone_and_stays_the_same() -> None:
    file = keys.ensure()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert keys.ensure().read_bytes() == before
    public = keys.public_file().read_bytes()
    assert b"PRIVATE" not in public
    keys.public_file().unlink()
    keys.ensure()
    assert keys.public_file().read_bytes() == public
    file.rename(file.with_suffix(".away"))
    with pytest.raises(UserError, match="is gone, and its public key"):
        keys.ensure()
    assert keys.public_file().read_bytes() == public and not file.exists()


def test_a_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no public key in"):
        keys.read_public(tmp_path / "none.pub")
    broken = tmp_path / "broken.pub"
    broken.write_text("x")
    with pytest.raises(UserError, match=r"broken\.pub: no public key in PEM"):
        keys.read_public(broken)
    with pytest.raises(UserError, match="no usable signing key"):
        keys.sign({}, broken)


def test_statements_have_the_form_of_in_toto_and_slsa() -> None:
    statement = provenance()
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "todo-chatbot/mcp", "digest": {"sha256": "a" * 64}}]
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert definition["externalParameters"]["dockerfile"] == "services/mcp/Dockerfile"
    source, base = definition["resolvedDependencies"]
    assert source["digest"] == {"gitCommit": "e" * 40}
    assert source["annotations"] == {"inputs": "0123456789abcdef", "changed": True}
    assert base == {"name": "python", "uri": "docker:python:3.13-slim", "digest": {"sha256": "d" * 64}}
    assert details["builder"]["id"] and details["metadata"]["finishedOn"] == "2026-05-20T10:00:00Z"
    scan = scanned()
    assert scan["predicate"]["sbom"] == {"sha256": "c" * 64}
    assert scan["predicate"]["inputs"] == {"todo-chatbot": "0123456789abcdef"}


def test_only_a_deploy_is_guarded_and_only_where_it_is_asked_for() -> None:
    def names(*asked: str, admission: bool) -> list[str]:
        return [stage.name for stage in chosen(asked, admission=admission)]

    wanted = ["build", "load", "admit", "deploy", "health"]
    assert names("build", "load", "deploy", "health", admission=True) == wanted
    assert names("build", "deploy", admission=False) == ["build", "deploy"]
    assert names("build", admission=True) == ["build"]


READY = Ready(
    Docker(Path("/usr/bin/docker")),
    {"python": ReadyBase("python:3", "sha256:" + "d" * 64)},
    Plan((), (), "embedded"),
)


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_id: str = ID, *, dry: bool = False) -> Any:
    """A run whose plan is one image."""
    monkeypatch.setattr(commands, "planned", lambda run, ready: [subject(image_id, tmp_path)])
    monkeypatch.setattr(commands, "get_ready", lambda run: READY)
    lines: list[str] = []
    security = replace(POLICY, admission=True, max_age_days=3650)
    session = SimpleNamespace(
        settings=settings(tmp_path, security=security), shell=Shell(dry=dry, echo=lines.append), say=lines.append
    )
    return SimpleNamespace(session=session, lines=lines)


def test_a_deploy_says_which_image_it_refuses_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError) as refused:
        list(check_admission(run(tmp_path, monkeypatch), READY))
    assert str(refused.value) == "mcp: image todo-chatbot/mcp:0123456789abcdef is refused: no signature; no scan"
    assert "./run invoke security.scan security.sign --environment secure" in refused.value.hint
    [outcome] = check_admission(run(tmp_path, monkeypatch, dry=True), READY)
    assert (outcome.status, outcome.detail) == ("skipped", "would be refused: no signature; no scan")


@pytest.mark.slow
def test_scan_sign_verify_deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = run(tmp_path, monkeypatch)
    with pytest.raises(UserError, match="never scanned: the images of mcp"):
        commands.sign(one)
    attest.keep(ID, attest.UNSIGNED, json.dumps(scanned(finished=datetime.now(UTC))))
    monkeypatch.setattr(cosign, "find", lambda shell: None)
    assert commands.sign(one)[1][2] == "own key"
    rows, problems = commands.check_images(one)
    assert rows[1][3] == "signed and scanned" and problems == []
    assert [outcome.detail for outcome in check_admission(one, READY)] == ["signed and scanned"]
    assert not any("PRIVATE" in line for line in one.lines)


def test_an_image_that_is_not_built_cannot_be_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="not built: todo-chatbot/mcp"):
        commands.sign(run(tmp_path, monkeypatch, image_id=""))


COSIGN = """#!{python}
import json, os, pathlib, sys
sys.path.insert(0, {root!r})
from scripts.supplychain import keys
own, argv = keys.private_file(), sys.argv[1:]
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(argv) + "\\n")
if argv == ["version"]:
    print("GitVersion:    v3.1.2\\nGitCommit:     abc")
    sys.exit()
if argv[0] == "verify-blob-attestation":
    sys.exit("{refusal}" or 0)
assert os.environ["COSIGN_PASSWORD"] == ""
if argv[0] == "import-key-pair":
    pathlib.Path(argv[4] + ".key").write_text("cosign's form of the key")
if argv[0] == "attest-blob":
    statement, bundle = pathlib.Path(argv[4]), pathlib.Path(argv[6])
    envelope = json.loads(keys.sign(json.loads(statement.read_text()), own))
    del envelope["signatures"][0]["keyid"]
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    bundle.write_text(json.dumps({{"mediaType": kind, "verificationMaterial": {{}}, "dsseEnvelope": envelope}}))
"""


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: str = "") -> Path:
    """A cosign that notes how it is called, first on PATH; the file of its calls."""
    program, calls = tmp_path / "bin/cosign", tmp_path / "calls"
    program.parent.mkdir(exist_ok=True)
    program.write_text(COSIGN.format(python=sys.executable, root=str(ROOT), calls=str(calls), refusal=refusal))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return calls


@pytest.mark.slow
def test_cosign_signs_and_checks_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, one = stand_in(tmp_path, monkeypatch), run(tmp_path, monkeypatch)
    attest.keep(ID, attest.UNSIGNED, json.dumps(scanned(finished=datetime.now(UTC))))
    assert commands.sign(one)[1][2] == "cosign"
    rows, problems = commands.check_images(one)
    assert rows[1][3] == "signed and scanned" and problems == []
    folder, key = attest.folder(ID), str(keys.private_file().parent / "cosign.key")
    offline = ["--use-signing-config=false", "--tlog-upload=false", "--yes"]

    def attested(name: str) -> list[str]:
        files = ["--statement", f"{folder}/{name}.statement", "--bundle", f"{folder}/{name}.bundle"]
        return ["attest-blob", "--key", key, *files, *offline]

    def checked(name: str, kind: str) -> list[str]:
        words = ["--key", str(keys.public_file()), "--bundle", f"{folder}/{name}", "--type", kind]
        words += ["--digest", "a" * 64, "--digestAlg", "sha256", "--insecure-ignore-tlog"]
        return ["verify-blob-attestation", *words]

    assert [json.loads(line) for line in calls.read_text().splitlines()] == [
        ["version"],
        [
            "import-key-pair",
            "--key",
            str(keys.private_file()),
            "--output-key-prefix",
            key.removesuffix(".key"),
            "--yes",
        ],
        attested("provenance.json"),
        attested("scan.json"),
        ["version"],
        checked("provenance.json", attest.PROVENANCE),
        checked("scan.json", attest.SCANNED),
    ]
    assert {file.name for file in folder.iterdir()} == {"provenance.json", "scan.json", attest.UNSIGNED}


@pytest.mark.slow
def test_what_cosign_refuses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, refusal="Error: invalid signature")
    one = run(tmp_path, monkeypatch)
    attest.keep(ID, attest.UNSIGNED, json.dumps(scanned(finished=datetime.now(UTC))))
    commands.sign(one)
    [problem] = commands.check_images(one)[1]
    assert problem.startswith("mcp: cosign refuses") and "invalid signature" in problem
