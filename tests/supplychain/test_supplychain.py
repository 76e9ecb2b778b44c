"""What scanners print becomes one table with a verdict; what could not run is named and never counted as passed."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.settings.model import Security
from scripts.supplychain import parse, sarif, verdicts
from scripts.supplychain import scan as scanning
from scripts.supplychain.model import Finding, NotRun, Result, as_json, from_json

GOLDEN = ROOT / "tests/golden/supplychain/scan.sarif"

HADOLINT = """[{"code":"DL3006","column":1,"file":"/x/Dockerfile","level":"warning","line":1,
"message":"Always tag the version of an image explicitly"},{"code":"DL3015","column":1,"file":"/x/Dockerfile",
"level":"info","line":2,"message":"Avoid additional packages by specifying `--no-install-recommends`"}]"""

CHECKOV = {
    "check_type": "kubernetes",
    "results": {
        "failed_checks": [
            {
                "check_id": "CKV_K8S_12", "check_name": "Memory requests should be set", "severity": None,
                "check_result": {"result": "FAILED"}, "file_path": "/manifests/dev.yaml", "file_line_range": [1, 4],
                "resource": "Pod.default.x", "guideline": None,
            }
        ]
    },
    "summary": {"passed": 67, "failed": 1, "skipped": 0, "parsing_errors": 0, "resource_count": 1},
}  # fmt: skip
CHECKOV_EMPTY = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0}

PIP_AUDIT = {
    "dependencies": [
        {
            "name": "flask", "version": "0.5",
            "vulns": [{"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "aliases": ["CVE-2019-1010083"]}],
        },
        {"name": "jinja2", "version": "3.1.9", "vulns": []},
    ],
    "fixes": [],
}  # fmt: skip
PIP_AUDIT_BLIND = {
    "dependencies": [
        {
            "name": "aiohttp",
            "skip_reason": "Dependency not found on PyPI and could not be audited: aiohttp (3.14.5)",
        },
        {"name": "jinja2", "version": "3.1.9", "vulns": []},
    ],
    "fixes": [],
}

NPM_AUDIT = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "braces": {
            "name": "braces", "severity": "high", "isDirect": False, "effects": ["micromatch"], "range": "<3.0.3",
            "via": [
                {
                    "source": 1098094, "name": "braces", "title": "Uncontrolled resource consumption in braces",
                    "url": "https://github.com/advisories/GHSA-grv7-fg5c-xmjg", "severity": "high", "range": "<3.0.3",
                }
            ],
        },
        "micromatch": {
            "name": "micromatch", "severity": "moderate", "via": ["braces"], "effects": [], "range": "<=4.0.7",
        },
    },
    "metadata": {"vulnerabilities": {"high": 1, "moderate": 1, "total": 2}},
}  # fmt: skip
NPM_AUDIT_REFUSED = {
    "message": "405 Method Not Allowed - POST https://registry.example/-/npm/v1/security/advisories/bulk",
    "method": "POST", "statusCode": 405, "error": {"summary": "", "detail": ""},
}  # fmt: skip

TRIVY = {
    "SchemaVersion": 2,
    "Results": [
        {
            "Target": "debian", "Class": "os-pkgs",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2024-1", "PkgName": "libc6", "InstalledVersion": "2.41-1",
                    "FixedVersion": "2.41-2", "Severity": "CRITICAL", "Title": "overflow",
                    "PrimaryURL": "https://avd.aquasec.com/nvd/cve-2024-1",
                }
            ],
        },
        {"Target": "Python", "Class": "lang-pkgs"},
    ],
}  # fmt: skip
GRYPE = {
    "matches": [
        {
            "vulnerability": {
                "id": "CVE-2024-2", "severity": "Negligible", "fix": {"versions": [], "state": "wont-fix"},
                "dataSource": "https://security-tracker.debian.org/tracker/CVE-2024-2",
            },
            "artifact": {"name": "perl-base", "version": "5.40.1-6"},
        }
    ]
}  # fmt: skip


def test_every_scanner_is_read() -> None:
    first, second = parse.hadolint(HADOLINT, "", "services/x/Dockerfile")
    assert (first.id, first.severity, first.path, first.line) == ("DL3006", "medium", "services/x/Dockerfile", 1)
    assert second.severity == "low"
    [found] = parse.checkov(json.dumps([CHECKOV]), "", {"manifests/dev.yaml": "charts/x/values.yaml"})
    assert (found.id, found.severity, found.path, found.line) == ("CKV_K8S_12", "unknown", "charts/x/values.yaml", 0)
    [found] = parse.pip_audit(json.dumps(PIP_AUDIT), "", "requirements.txt")
    assert (found.id, found.package, found.message) == ("PYSEC-2019-179", "flask 0.5", "fixed in 1.0")
    [found] = parse.npm_audit(json.dumps(NPM_AUDIT), "", "package-lock.json")
    assert (found.id, found.severity, found.package) == ("GHSA-grv7-fg5c-xmjg", "high", "braces <3.0.3")
    [found] = parse.trivy(json.dumps(TRIVY), "", "todo-chatbot/mcp:1")
    assert (found.id, found.severity, found.message) == ("CVE-2024-1", "critical", "overflow; fixed in 2.41-2")
    [found] = parse.grype(json.dumps(GRYPE), "", "todo-chatbot/mcp:1")
    assert (found.id, found.severity, found.message) == ("CVE-2024-2", "low", "no fixed version")


@pytest.mark.parametrize(
    ("read", "text", "told", "reason"),
    [
        # Ends with status 0 and "No known vulnerabilities found" on the terminal.
        (parse.pip_audit, json.dumps(PIP_AUDIT_BLIND), "", "1 of 2 packages are unknown to the advisory service"),
        (parse.pip_audit, '{"dependencies": []}', "", "0 of 0 packages"),
        (parse.pip_audit, "", "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed", "not connect"),
        (parse.npm_audit, json.dumps(NPM_AUDIT_REFUSED), "", "405 Method Not Allowed"),
        (parse.npm_audit, "", "npm: not found", "npm: not found"),
        (parse.trivy, "", "FATAL\tfailed to download vulnerability DB", "failed to download vulnerability DB"),
        (parse.trivy, '{"SchemaVersion": 2}', "", "recognised nothing"),
        (parse.grype, "", "db could not be loaded", "db could not be loaded"),
        (parse.hadolint, "", "", "it printed nothing"),
    ],
)
def test_what_checked_nothing_has_not_run(read: Any, text: str, told: str, reason: str) -> None:
    with pytest.raises(NotRun, match=reason):
        read(text, told, "x")


@pytest.mark.parametrize("said", [CHECKOV_EMPTY, CHECKOV | {"results": {"parsing_errors": ["/manifests/ci.yaml"]}}])
def test_checkov_that_read_nothing_or_not_all_has_not_run(said: dict[str, Any]) -> None:
    with pytest.raises(NotRun):
        parse.checkov(json.dumps(said), "", {})


def found(severity: str, number: int = 1) -> Finding:
    return Finding(f"CVE-{number}", severity, "bad", "requirements.txt", package="flask 0.5")


@pytest.mark.parametrize(
    ("severity", "fail_on", "verdict"),
    [
        ("critical", "critical", "failed"),
        ("high", "critical", "passed"),
        ("high", "high", "failed"),
        ("unknown", "high", "failed"),
        ("unknown", "critical", "passed"),
        ("medium", "high", "passed"),
        ("low", "low", "failed"),
    ],
)
def test_the_threshold_decides(severity: str, fail_on: str, verdict: str) -> None:
    result = Result("pip-audit", "requirements.txt", findings=(found(severity),))
    assert verdicts.verdict(result, Security(fail_on=fail_on)) == verdict


def test_what_did_not_run_never_passes_and_fails_where_it_is_required() -> None:
    result = Result("image-scan", "todo-chatbot/mcp:1", reason="neither trivy nor grype is installed")
    assert verdicts.verdict(result, Security()) == "not run"
    assert verdicts.problems([result], Security(required=())) == []
    [problem] = verdicts.problems([result], Security(required=("image-scan",)))
    assert "image-scan is required, and did not run on todo-chatbot/mcp:1" in problem
    assert verdicts.problems([], Security(required=("sbom",))) == ["sbom is required, and there is no result of it"]


def test_an_accepted_finding_fails_nothing_and_is_counted() -> None:
    result = Result("pip-audit", "requirements.txt", findings=(found("high", 1), found("high", 2)))
    policy = Security(required=(), accepted={"CVE-1": "the function is not called"})
    [problem] = verdicts.problems([result], policy)
    assert problem == "pip-audit: high CVE-2 in flask 0.5: bad"
    table = verdicts.rows([result], policy)
    assert table[1] == ("pip-audit", "requirements.txt", "0", "1", "0", "0", "0", "failed: 1 accepted")


def test_the_table_names_why_something_did_not_run() -> None:
    table = verdicts.rows([Result("npm-audit", "package-lock.json", reason="no network")], Security())
    assert table[1] == ("npm-audit", "package-lock.json", *["-"] * 5, "not run: no network")


def test_only_scanners_that_exist_can_be_asked_for() -> None:
    assert scanning.chosen("") == scanning.NAMES
    assert scanning.chosen("sbom, checkov") == ("sbom", "checkov")
    with pytest.raises(UserError, match="no scanner snyk"):
        scanning.chosen("sbom,snyk")


def test_a_result_survives_being_written() -> None:
    result = Result("pip-audit", "requirements.txt", "mcp", (found("high"),), note="n", seconds=1.5)
    assert from_json(json.loads(json.dumps(as_json(result)))) == result


@pytest.mark.parametrize(
    "change",
    [
        {"ran": False},
        {"reason": "x"},
        {"findings": [{"id": "a", "severity": "none"}]},
        {"findings": [{"what": 1}]},
        {"ran": True, "findings": None},
    ],
)
def test_a_result_that_contradicts_itself_is_none(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json(as_json(Result("sbom", "x")) | change)


def example() -> list[Result]:
    return [
        Result("hadolint", "services/x/Dockerfile", "x", tuple(parse.hadolint(HADOLINT, "", "services/x/Dockerfile"))),
        Result(
            "pip-audit", "requirements.txt", "", tuple(parse.pip_audit(json.dumps(PIP_AUDIT), "", "my locks/a.txt"))
        ),
        Result("npm-audit", "package-lock.json", "frontend", reason="no network"),
        Result("sbom", "todo-chatbot/x:1", "x", note="12 components"),
    ]


def test_sarif_is_as_recorded() -> None:
    text = json.dumps(sarif.log(example(), {"DL3006": "a base image is a build argument"}), indent=1) + "\n"
    assert text == GOLDEN.read_text(encoding="utf-8"), "if this is meant, write the text above into the file"


# The parts of SARIF 2.1.0 that are used, as closed as the standard's own schema: an unknown property is an error there.
TEXT = {"type": "object", "additionalProperties": False, "required": ["text"], "properties": {"text": {"minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


RULE = closed(
    ["id"], id={"type": "string"}, shortDescription=TEXT, defaultConfiguration=closed([], level=LEVEL),
    helpUri={"type": "string", "format": "uri"}, properties={"type": "object"},
)  # fmt: skip
LOCATION = closed(
    [],
    artifactLocation=closed([], uri={"type": "string", "format": "uri-reference"}),
    region=closed([], startLine={"type": "integer", "minimum": 1}),
)
RESULT = closed(
    ["message"], ruleId={"type": "string"}, ruleIndex={"type": "integer", "minimum": 0}, level=LEVEL, message=TEXT,
    locations=many(closed([], physicalLocation=LOCATION)),
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    suppressions=many(closed(["kind"], kind={"enum": ["inSource", "external"]}, justification={"type": "string"})),
)  # fmt: skip
RUN = closed(
    ["tool"],
    tool=closed(["driver"], driver=closed(["name"], name={"type": "string"}, rules=many(RULE))),
    invocations=many(
        closed(
            ["executionSuccessful"],
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=many(closed(["message"], level=LEVEL, message=TEXT)),
        )
    ),
    results=many(RESULT),
)
SARIF = closed(
    ["version", "runs"], version={"const": "2.1.0"}, runs=many(RUN), **{"$schema": {"type": "string", "format": "uri"}}
)


def test_sarif_fits_the_standard() -> None:
    log = sarif.log(example(), {"DL3006": "a base image is a build argument"})
    jsonschema.validate(log, SARIF, format_checker=jsonschema.FormatChecker())
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[item["ruleIndex"]]["id"] == item["ruleId"] for item in run["results"])
    failed = [run["tool"]["driver"]["name"] for run in log["runs"] if not run["invocations"][0]["executionSuccessful"]]
    assert failed == ["npm-audit"]
