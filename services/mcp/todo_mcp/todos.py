"""The backend's REST API, called as the user whose token came with the tool call."""

from typing import Any

import httpx2
from mcp.server.mcpserver.exceptions import ToolError

from todo_common.client import make_client
from todo_mcp.settings import Settings


class Todos:
    """A pooled client. It holds no right of its own: without a caller's token nothing can be read or changed."""

    def __init__(self, settings: Settings) -> None:
        self._http = make_client(
            settings.tls_ca_file, base_url=settings.backend_url, timeout=settings.backend_timeout_seconds
        )

    async def check(self) -> None:
        """Raise unless the backend is alive."""
        (await self._http.get("/healthz", timeout=2)).raise_for_status()

    async def call(self, token: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request. Raises ToolError in words a model can pass on to the user."""
        if not token:
            raise ToolError("not signed in: the call carried no bearer token")
        try:
            answer = await self._http.request(
                method, f"/api{path}", json=body, headers={"authorization": f"Bearer {token}"}
            )
        except httpx2.HTTPError:
            raise ToolError("the todo list cannot be reached right now, try again in a moment") from None
        if answer.is_success:
            return answer.json() if answer.content else None
        raise ToolError(_words(answer))

    async def close(self) -> None:
        """Close the pool."""
        await self._http.aclose()


def _words(answer: httpx2.Response) -> str:
    if answer.status_code == 401:
        return "the session has expired: sign in again"
    if answer.status_code == 404:
        return "there is no such todo"
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the todo list answered {answer.status_code}"
