"""Parse the output of scanners. Pure functions; each raises NotRun where the output shows that nothing was checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scripts.host import parsing
from scripts.supplychain.model import Finding, NotRun

HADOLINT = {"error": "high", "warning": "medium", "info": "low", "style": "low"}
WORDS = {"moderate": "medium", "info": "low", "negligible": "low", "none": "low"}


def severity(word: object) -> str:
    """Return a scanner's word for it as one of ours; `unknown` where there is none."""
    text = str(word or "").lower()
    text = WORDS.get(text, text)
    return text if text in ("critical", "high", "medium", "low") else "unknown"


def _json(text: str, told: str) -> Any:
    try:
        return parsing.from_json(text)
    except ValueError:
        lines = [line.strip() for line in (told or text).splitlines() if line.strip()]
        raise NotRun(lines[-1][:200] if lines else "it printed nothing") from None


def hadolint(text: str, told: str, path: str) -> list[Finding]:
    """Return the findings in `hadolint --format json`, about the Dockerfile `path`."""
    return [
        Finding(
            item["code"], HADOLINT.get(item["level"], "unknown"), item["message"], path, item["line"],
            help=f"https://github.com/hadolint/hadolint/wiki/{item['code']}",
        )
        for item in _json(text, told)
    ]  # fmt: skip


def checkov(text: str, told: str, names: Mapping[str, str]) -> list[Finding]:
    """Return the findings in `checkov -o json`; `names` maps the paths it was given to what they are called here."""
    data = _json(text, told)
    reports = data if isinstance(data, list) else [data]
    if not any(report.get("resource_count") or report.get("summary", {}).get("resource_count") for report in reports):
        raise NotRun("it found nothing to check")
    broken = [file for report in reports for file in report.get("results", {}).get("parsing_errors", [])]
    if broken or any(report.get("summary", {}).get("parsing_errors") for report in reports):
        raise NotRun(f"it could not read {', '.join(broken) or 'a file'}")
    found = []
    for report in reports:
        for item in report["results"]["failed_checks"]:
            path = item["file_path"].lstrip("/")
            line = 0 if path.startswith("manifests/") else item["file_line_range"][0]
            message = f"{item['check_name']}: {item['resource']}"
            found.append(
                Finding(
                    item["check_id"], severity(item["severity"]), message, names.get(path, path), line,
                    help=item.get("guideline") or "",
                )
            )  # fmt: skip
    return found


def pip_audit(text: str, told: str, path: str) -> list[Finding]:
    """Return the findings in `pip-audit --format json`.

    It ends well where it could look nothing up: that is no result.
    """
    packages = _json(text, told)["dependencies"]
    skipped = [item["name"] for item in packages if "skip_reason" in item]
    if skipped or not packages:
        raise NotRun(f"{len(skipped)} of {len(packages)} packages are unknown to the advisory service")
    return [
        Finding(
            vuln["id"], "unknown", _fixed(vuln["fix_versions"]), path, package=f"{item['name']} {item['version']}",
            help=f"https://osv.dev/vulnerability/{vuln['id']}",
        )
        for item in packages
        for vuln in item["vulns"]
    ]  # fmt: skip


def npm_audit(text: str, told: str, path: str) -> list[Finding]:
    """Return the findings in `npm audit --json`: each advisory once, where it enters."""
    data = _json(text, told)
    if "vulnerabilities" not in data:
        raise NotRun(str(data.get("message") or data.get("error", {}).get("summary") or "npm gave no answer")[:200])
    found = {}
    for name, item in data["vulnerabilities"].items():
        for cause in item["via"]:
            if isinstance(cause, dict):  # a text names another package of the same list
                advisory = re.search(r"GHSA-[\w-]+", cause.get("url", ""))
                key = advisory[0] if advisory else str(cause["source"])
                found[key, name] = Finding(
                    key, severity(cause["severity"]), cause["title"], path, package=f"{name} {item['range']}".strip(),
                    help=cause.get("url", ""),
                )  # fmt: skip
    return list(found.values())


def trivy(text: str, told: str, path: str) -> list[Finding]:
    """Return the findings in `trivy image --format json`, in the image called `path`."""
    data = _json(text, told)
    if "Results" not in data:
        raise NotRun("trivy recognised nothing in the image")
    return [
        Finding(
            item["VulnerabilityID"], severity(item.get("Severity")),
            "; ".join(filter(None, [item.get("Title", ""), _fixed([item.get("FixedVersion", "")])])), path,
            package=f"{item['PkgName']} {item['InstalledVersion']}", help=item.get("PrimaryURL", ""),
        )
        for result in data["Results"]
        for item in result.get("Vulnerabilities") or []
    ]  # fmt: skip


def grype(text: str, told: str, path: str) -> list[Finding]:
    """Return the findings in `grype -o json`, in the image called `path`."""
    data = _json(text, told)
    if "matches" not in data:
        raise NotRun("grype gave no list of matches")
    return [
        Finding(
            item["vulnerability"]["id"], severity(item["vulnerability"].get("severity")),
            _fixed(item["vulnerability"].get("fix", {}).get("versions", [])), path,
            package=f"{item['artifact']['name']} {item['artifact']['version']}",
            help=item["vulnerability"].get("dataSource", ""),
        )
        for item in data["matches"]
    ]  # fmt: skip


def _fixed(versions: list[str]) -> str:
    known = [version for version in versions if version]
    return f"fixed in {', '.join(known)}" if known else "no fixed version"
