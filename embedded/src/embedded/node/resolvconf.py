"""The resolv.conf of a pod. Pure."""

from __future__ import annotations

from typing import Any

SEARCH = "search {namespace}.svc.cluster.local svc.cluster.local cluster.local"


def render(pod: dict[str, Any], cluster_dns: str, host: str) -> str:
    """Return the resolver configuration of a pod, by its dnsPolicy; `host` is the machine's own."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy", "ClusterFirst")
    config = spec.get("dnsConfig") or {}
    if policy == "Default" or (policy == "ClusterFirst" and spec.get("hostNetwork")):
        kept = [line for line in host.splitlines() if line.startswith(("nameserver", "search", "options"))]
    elif policy == "None":
        kept = []
    else:
        kept = [SEARCH.format(namespace=pod["metadata"]["namespace"]), f"nameserver {cluster_dns}", "options ndots:5"]
    kept += [f"nameserver {server}" for server in config.get("nameservers") or ()]
    for word, more in (
        ("search", list(config.get("searches") or ())),
        ("options", [o["name"] + (f":{o['value']}" if o.get("value") else "") for o in config.get("options") or ()]),
    ):
        before = [line.split()[1:] for line in kept if line.startswith(f"{word} ")]
        whole = [*(before[-1] if before else []), *more]
        kept = [line for line in kept if not line.startswith(f"{word} ")] + (
            [" ".join([word, *whole])] if whole else []
        )
    return "\n".join(kept) + "\n"
