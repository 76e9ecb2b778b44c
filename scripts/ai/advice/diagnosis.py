"""The diagnosis of the pipeline: what is wrong, why, and what to do."""

from __future__ import annotations

from dataclasses import asdict

from scripts.ai.live_release import LiveRelease, Section


def collect(live: LiveRelease) -> Section:
    """Return the findings, the most likely cause first."""
    from scripts import diagnose

    findings = list(live.findings)
    if not findings:
        names = ", ".join(live.services)
        return Section("Diagnosis", (f"No rule finds anything wrong with {names}.",), data=[])
    lines = tuple(diagnose.render(findings).splitlines())
    commands = tuple(dict.fromkeys(item.command for item in findings if item.command.startswith(("kubectl ", "helm "))))
    urgency = 9 if any(item.terminal for item in findings) else 5
    return Section("Diagnosis", lines, [asdict(item) for item in findings], commands[:4], urgency=urgency)
