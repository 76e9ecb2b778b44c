"""The backend's REST API, called as the user whose token came with the tool call."""

from typing import Any

import httpx2

from todo_common.client import make_client
from todo_common.repeat import IDEMPOTENCY_KEY
from todo_mcp.settings import Settings
from todo_mcp.tools import Call


class Refused(Exception):
    """Nothing was done. The text is in words a model can pass on to the user."""


class Todos:
    """A pooled client. It holds no right of its own: without a caller's token nothing can be read or changed."""

    def __init__(self, settings: Settings) -> None:
        self._http = make_client(
            settings.tls_ca_file,
            base_url=settings.backend_url,
            timeout=settings.backend_timeout_seconds,
            repeat_seconds=settings.repeat_seconds,
        )
        # A connection of its own for each look: a pooled one may lead to a replica that has just left.
        self._probe = make_client(
            settings.tls_ca_file, base_url=settings.backend_url, timeout=2, headers={"connection": "close"}
        )

    async def check(self) -> None:
        """Raise unless the backend is alive. Alive, not ready: its database going away must not take the tools away."""
        (await self._probe.get("/healthz")).raise_for_status()

    async def send(self, call: Call, token: str, key: str) -> dict[str, Any]:
        """One request, which under one key is done once, however often it is sent. Raises Refused."""
        if not token:
            raise Refused("not signed in: the call carried no bearer token")
        try:
            headers = {"authorization": f"Bearer {token}", IDEMPOTENCY_KEY: key}
            answer = await self._http.request(call.method, f"/api{call.path}", json=call.body, headers=headers)
        except httpx2.HTTPError:
            raise Refused("the todo list cannot be reached right now, try again in a moment") from None
        if not answer.is_success:
            raise Refused(_words(answer))
        return answer.json() if answer.content else {"deleted": True}

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        await self._probe.aclose()


def _words(answer: httpx2.Response) -> str:
    if answer.status_code == 401:
        return "the session has expired: sign in again"
    if answer.status_code == 404:
        return "there is no such todo"
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the todo list answered {answer.status_code}"
