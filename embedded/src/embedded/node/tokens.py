"""Tokens of pods. The API server identifies clients by certificate, so these name the pod but prove nothing."""

from __future__ import annotations

import base64
import json
import time

AUDIENCE = "https://kubernetes.default.svc.cluster.local"


def unsigned(pod: dict, projection: dict) -> str:
    """A JSON Web Token of the pod's ServiceAccount, without a signature."""
    meta = pod["metadata"]
    account = pod["spec"].get("serviceAccountName", "default")
    issued = int(time.time())
    claims = {
        "aud": [projection.get("audience") or AUDIENCE],
        "exp": issued + int(projection.get("expirationSeconds", 3600)),
        "iat": issued,
        "sub": f"system:serviceaccount:{meta['namespace']}:{account}",
        "kubernetes.io": {"namespace": meta["namespace"], "pod": {"name": meta["name"], "uid": meta["uid"]}},
    }
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
