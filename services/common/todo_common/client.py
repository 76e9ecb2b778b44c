"""HTTP clients between the services: request id and trace travel along, the cluster's authority is trusted."""

from pathlib import Path

import httpx2

from todo_common import tls, tracing
from todo_common.context import REQUEST_ID_HEADER, request_id
from todo_common.repeat import RepeatingTransport


async def _add_context(request: httpx2.Request) -> None:
    if current := request_id.get():
        request.headers[REQUEST_ID_HEADER] = current
    tracing.inject(request.headers)


def make_client(
    ca_file: Path | None = None,
    *,
    base_url: str = "",
    timeout: httpx2.Timeout | float = 10.0,
    headers: dict[str, str] | None = None,
    repeat_seconds: float = 0.0,
) -> httpx2.AsyncClient:
    """A pooled client. `timeout` in seconds; redirects are never followed, proxies of the environment are ignored.

    For `repeat_seconds` a call is sent again that was lost with the replica it went to.
    """
    transport = httpx2.AsyncHTTPTransport(
        verify=tls.client_context(ca_file),
        trust_env=False,
        # Shorter than the servers' keep-alive, so that the client never reuses a connection the server is closing.
        limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=15),
    )
    return httpx2.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        headers=headers,
        trust_env=False,
        transport=RepeatingTransport(transport, repeat_seconds) if repeat_seconds else transport,
        event_hooks={"request": [_add_context]},
    )
