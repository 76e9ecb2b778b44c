"""OpenTelemetry traces, only when an endpoint is set: without one nothing is imported and every call is a no-op."""

import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

EXPORT_SECONDS = 1
"""Time for one export with its retries: a collector that is away must not hold up the end of the process."""

_tracer: Any = None


def configure(service: str, endpoint: str | None) -> None:
    """Start exporting spans to an OTLP/HTTP collector. `endpoint` is its base address, as in the OpenTelemetry spec."""
    global _tracer
    if not endpoint:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    _tracer = trace.get_tracer("todo_common")


def shutdown() -> None:
    """Send what is still queued."""
    if _tracer is not None:
        from opentelemetry import trace

        trace.get_tracer_provider().shutdown()


@contextmanager
def server_span(name: str, headers: Mapping[str, str], attributes: Mapping[str, str]) -> Iterator[Any]:
    """A span for a request being served, child of the caller's. Yields None when tracing is off."""
    if _tracer is None:
        yield None
        return
    from opentelemetry import propagate, trace

    parent = propagate.extract(headers)
    with _tracer.start_as_current_span(name, context=parent, kind=trace.SpanKind.SERVER, attributes=attributes) as span:
        yield span


def inject(headers: MutableMapping[str, str]) -> None:
    """Add `traceparent` to the headers of an outgoing call."""
    if _tracer is not None:
        from opentelemetry import propagate

        propagate.inject(headers)


def current_trace_id() -> str | None:
    """The trace id in hexadecimal, for log lines."""
    if _tracer is None or "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
