"""Kinds of the Prometheus operator (monitoring.coreos.com/v1): the fields that the charts use, and no others.

Names and types as in the operator's own definitions, version 0.93.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
DURATION: Schema = {"type": "string", "pattern": r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def exactly(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these fields alone."""
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def kind(name: str, spec: Schema) -> tuple[tuple[str, str], Schema]:
    """A kind as a whole."""
    metadata = exactly({"name": TEXT, "namespace": TEXT, "labels": TEXTS})
    version = "monitoring.coreos.com/v1"
    whole = {"apiVersion": {"const": version}, "kind": {"const": name}, "metadata": metadata, "spec": spec}
    return (version, name), exactly(whole)


TLS = exactly({"serverName": TEXT, "ca": exactly({"secret": exactly({"name": TEXT, "key": TEXT})})})
ENDPOINT = exactly(
    {"port": TEXT, "path": TEXT, "interval": DURATION},
    {"scheme": {"enum": ["http", "https", "HTTP", "HTTPS"]}, "tlsConfig": TLS},
)
MONITOR = exactly({
    "jobLabel": TEXT,
    "selector": exactly({"matchLabels": TEXTS}),
    "namespaceSelector": exactly({"matchNames": {"type": "array", "items": TEXT, "minItems": 1}}),
    "endpoints": {"type": "array", "items": ENDPOINT, "minItems": 1},
})  # fmt: skip
ALERT = exactly({"alert": TEXT, "expr": TEXT, "labels": TEXTS, "annotations": TEXTS}, {"for": DURATION})
GROUP = exactly({"name": TEXT, "rules": {"type": "array", "items": ALERT, "minItems": 1}})
RULE = exactly({"groups": {"type": "array", "items": GROUP, "minItems": 1}})
CUSTOM = dict([kind("ServiceMonitor", MONITOR), kind("PrometheusRule", RULE)])
