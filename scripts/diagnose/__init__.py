"""Diagnose an unhealthy release: symptoms in the cluster's state, and what the catalogue says of them.

state = take_snapshot(kubectl, namespace, services)     asks the cluster
findings = diagnose(state, read_rules())         decides, without asking anybody
print(render(findings))
"""

from scripts.diagnose.failure import explain_failure
from scripts.diagnose.model import Finding, Rule, Snapshot, Symptom
from scripts.diagnose.rendering import describe, render
from scripts.diagnose.rule_engine import diagnose
from scripts.diagnose.rules import read_rules
from scripts.diagnose.snapshot import take_snapshot

__all__ = [
    "Finding",
    "Rule",
    "Snapshot",
    "Symptom",
    "describe",
    "diagnose",
    "explain_failure",
    "read_rules",
    "render",
    "take_snapshot",
]
