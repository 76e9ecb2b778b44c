"""Why a release does not become healthy: signs in the cluster's state, and what the catalogue says of them.

state = gather(kubectl, namespace, services)     asks the cluster
findings = diagnose(state, load_rules())         decides, without asking anybody
print(render(findings))
"""

from scripts.diagnose.failure import explain_failure
from scripts.diagnose.gather import gather
from scripts.diagnose.judge import diagnose
from scripts.diagnose.model import Finding, Rule, Sign, State
from scripts.diagnose.rendering import describe, render
from scripts.diagnose.rules import load_rules

__all__ = [
    "Finding",
    "Rule",
    "Sign",
    "State",
    "describe",
    "diagnose",
    "explain_failure",
    "gather",
    "load_rules",
    "render",
]
