"""Settings of the MCP server."""

from pydantic import Field

from todo_common.settings import ServiceSettings


class Settings(ServiceSettings):
    """Each field is read from the variable of its name in upper case."""

    port: int = Field(default=8002, ge=1, le=65535)
    backend_url: str = "http://backend-service:8000"
    backend_timeout_seconds: float = Field(default=10, gt=0, le=60)
    repeat_seconds: float = Field(default=8.0, ge=0, le=60)
    """Less than the callers of this service wait for an answer."""
