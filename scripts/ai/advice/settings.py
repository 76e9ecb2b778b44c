"""Settings that work today and invite trouble: what an experienced reviewer points at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.ai.live_release import LiveRelease, Section

_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|API_?KEY|CREDENTIAL|DATABASE_URL", re.IGNORECASE)
Finding = tuple[int, str, str]  # urgency, what, what to do


def collect(live: LiveRelease) -> Section:
    """Return what to mend, the most urgent first."""
    others = list(live.objects("poddisruptionbudgets,networkpolicies"))
    found = sorted(
        (
            (urgency, str(deployment["metadata"]["name"]), what, remedy)
            for deployment in live.state.kind("Deployment")
            if deployment["metadata"]["name"] in live.services
            for urgency, what, remedy in review(deployment, others)
        ),
        key=lambda item: (-item[0], item[1]),
    )
    if not found:
        return Section("Settings", ("Nothing in the Deployments' settings invites trouble.",), data=[])
    lines = tuple(f"- {service}: {what}; {remedy}" for _, service, what, remedy in found)
    data = [dict(zip(("urgency", "service", "what", "remedy"), item, strict=True)) for item in found]
    return Section("Settings", lines, data, urgency=found[0][0])


def review(deployment: Mapping[str, Any], others: Sequence[Mapping[str, Any]] = ()) -> Iterator[Finding]:
    """Yield what is doubtful about one Deployment."""
    template = deployment["spec"]["template"]
    labels = template["metadata"].get("labels", {})
    pod = template["spec"]
    replicas = int(deployment["spec"].get("replicas", 1))
    for container in pod["containers"]:
        yield from _container(container, pod)
    if replicas == 1 and (deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
        yield 2, "runs one pod, so a lost node is downtime", "set replicaCount to 2 if it may run twice"
    budgets = [item for item in others if item["kind"] == "PodDisruptionBudget"]
    if replicas > 1 and not any(_selects(item["spec"].get("selector"), labels) for item in budgets):
        yield (
            3,
            "has no PodDisruptionBudget, so a drain may take all its pods at once",
            "add one with maxUnavailable: 1",
        )
    policies = [item for item in others if item["kind"] == "NetworkPolicy"]
    if not any(_selects(item["spec"].get("podSelector"), labels) for item in policies):
        yield 3, "no NetworkPolicy selects its pods, so anybody may call them", "add one that allows its callers alone"
    if pod.get("automountServiceAccountToken") is not False:
        yield 2, "mounts a ServiceAccount token", "set automountServiceAccountToken: false unless it calls the API"


def _container(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[Finding]:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    if (tag in ("", "latest")) and "@sha256:" not in image:
        yield 5, f"runs {image}, which may be another image tomorrow", "deploy a fixed tag or digest"
    resources = container.get("resources") or {}
    missing = [f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory")
               if name not in (resources.get(kind) or {}) and (kind, name) != ("limits", "cpu")]  # fmt: skip
    if missing:
        yield 5, f"sets no {', '.join(missing)}", "set them; see invoke ai.optimize"
    if "readinessProbe" not in container:
        yield 5, "has no readinessProbe, so requests reach it before it can answer", "add one on its /readyz"
    if "livenessProbe" not in container:
        yield 3, "has no livenessProbe, so a hung process stays", "add one on its /healthz"
    both = dict(pod.get("securityContext") or {}) | dict(container.get("securityContext") or {})
    if not both.get("runAsNonRoot"):
        yield 6, "may run as root", "set securityContext.runAsNonRoot: true"
    if both.get("privileged"):
        yield 9, "runs privileged, which is root on the node", "remove securityContext.privileged"
    if both.get("allowPrivilegeEscalation") is not False:
        yield 4, "may gain privileges", "set allowPrivilegeEscalation: false"
    if not both.get("readOnlyRootFilesystem"):
        yield 3, "writes to its own root file system", "set readOnlyRootFilesystem: true and mount an emptyDir on /tmp"
    for item in container.get("env", ()):
        if item.get("value") and _SECRET_NAME.search(item["name"]):
            yield 7, f"has {item['name']} in plain text in its Deployment", "move it into a Secret"


def _selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    wanted = (selector or {}).get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and not (selector or {}).get(
        "matchExpressions"
    )
