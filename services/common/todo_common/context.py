"""What is known about the request being served; follows it through tasks, logs and outgoing calls."""

import re
import uuid
from contextvars import ContextVar

REQUEST_ID_HEADER = "x-request-id"
request_id: ContextVar[str] = ContextVar("request_id", default="")

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def accept_request_id(given: str | None) -> str:
    """Keep the caller's request id if it is harmless in a log line, else make a new one."""
    return given if given and _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
