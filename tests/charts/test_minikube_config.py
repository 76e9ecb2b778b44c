"""The audit policy and the encryption configuration of the `secure` environment on minikube."""

from __future__ import annotations

import base64
import re
from string import Template
from typing import Any

import pytest
import yaml

from tests.support.charts import ROOT

FOLDER = ROOT / "scripts/clusters/minikube_files"


def audit_level(policy: Any, user: str, verb: str, group: str, resource: str, groups: tuple[str, ...] = ()) -> str:
    """The level of the first rule that fits a request for a resource."""
    for rule in policy["rules"]:
        listed = rule.get("resources")
        if (
            "nonResourceURLs" not in rule
            and user in rule.get("users", [user])
            and (not rule.get("userGroups") or set(groups) & set(rule["userGroups"]))
            and verb in rule.get("verbs", [verb])
            and (not listed or any(item["group"] == group and resource in item["resources"] for item in listed))
        ):
            return str(rule["level"])
    return "None"


@pytest.mark.parametrize(
    ("request_", "level"),
    [
        (("minikube-user", "create", "", "secrets"), "Metadata"),
        (("minikube-user", "patch", "", "configmaps"), "Metadata"),
        (("minikube-user", "get", "", "secrets"), "Metadata"),
        (("minikube-user", "create", "", "serviceaccounts/token"), "Metadata"),
        (("minikube-user", "create", "", "pods/exec"), "Request"),
        (("minikube-user", "patch", "apps", "deployments"), "RequestResponse"),
        (("minikube-user", "delete", "", "pods"), "RequestResponse"),
        (("minikube-user", "list", "", "pods"), "Metadata"),
        (("system:kube-scheduler", "update", "coordination.k8s.io", "leases"), "None"),
        (("minikube-user", "create", "", "events"), "None"),
    ],
)
def test_audit_levels(request_: tuple[str, str, str, str], level: str) -> None:
    policy = yaml.safe_load((FOLDER / "audit-policy.yaml").read_text(encoding="utf-8"))
    assert audit_level(policy, *request_) == level


def test_audit_policy_has_known_levels_and_keys_only() -> None:
    policy = yaml.safe_load((FOLDER / "audit-policy.yaml").read_text(encoding="utf-8"))
    assert (policy["apiVersion"], policy["kind"]) == ("audit.k8s.io/v1", "Policy")
    keys = {"level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages"}
    for rule in policy["rules"]:
        assert rule.keys() <= keys
        assert rule["level"] in ("None", "Metadata", "Request", "RequestResponse")
        # The API server refuses a rule that has both.
        assert not {"resources", "nonResourceURLs"} <= rule.keys()


def test_secrets_are_encrypted_with_a_key_that_is_not_in_the_tree() -> None:
    text = (FOLDER / "encryption.yaml").read_text(encoding="utf-8")
    settings = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert re.findall(r"secret: (.+)", settings) == ["${ENCRYPTION_KEY}"]
    key = base64.b64encode(bytes(32)).decode()
    filled = yaml.safe_load(Template(settings).substitute(ENCRYPTION_KEY=key))
    assert (filled["apiVersion"], filled["kind"]) == ("apiserver.config.k8s.io/v1", "EncryptionConfiguration")
    (entry,) = filled["resources"]
    assert "secrets" in entry["resources"]
    first, last = entry["providers"]
    assert len(base64.b64decode(first["secretbox"]["keys"][0]["secret"])) == 32
    assert last == {"identity": {}}
