"""Reads of a cluster over one connection that is kept: no process a question.

Made from the kubeconfig as kubectl reads it, on urllib3, which is loaded in a fraction of what Kubernetes clients take
(lightkube 0.2 s, the official one 0.4 s, kr8s 0.6 s, against less than 0.1 s). Where a kubeconfig asks for what is not
done here (a program that logs in, a proxy), or no connection comes about, kubectl is asked instead.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import getproxies, proxy_bypass

from scripts.host import parsing

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

CONNECT_SECONDS = 3.0  # for the connection, and for the handshake on it
CONNECTIONS = 16  # that are kept; more may be open for a while
CHUNK_BYTES = 1 << 16
WHOLE = timedelta(seconds=1)  # to which the date of an answer is told


class Unreachable(Exception):
    """The cluster cannot be read from here over HTTP."""


class Silent(Unreachable):
    """Something takes the connection, and says nothing in time, as a node that is paused."""


class Refused(Exception):
    """The API server's own no: `reason` is its word, as NotFound, and the message what kubectl would say."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"Error from server ({reason}): {message}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Access:
    """A way into a cluster, as a kubeconfig has it. Credentials never show in its repr."""

    server: str
    headers: Mapping[str, str]
    context: ssl.SSLContext | None
    server_name: str = ""

    def __repr__(self) -> str:
        return f"Access(server={self.server!r})"


class Api:
    """One cluster. All methods may be called from several threads."""

    def __init__(self, access: Access) -> None:
        from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
        from urllib3.exceptions import TimeoutError as Late

        class Once(Retry):
            """Tries what was cut off once more, and never what had its time."""

            def increment(
                self,
                method: str | None = None,
                url: str | None = None,
                response: Any = None,
                error: Exception | None = None,
                _pool: Any = None,
                _stacktrace: Any = None,
            ) -> Once:
                if isinstance(error, Late):
                    raise error
                return super().increment(method, url, response, error, _pool, _stacktrace)

        url = parsing.from_url(access.server)
        self._prefix = url.path.rstrip("/")
        self.ahead = timedelta()  # by how much the server's clock is before this machine's
        self._headers = {"Accept": "application/json", "User-Agent": "todo-chatbot", **access.headers}
        options: dict[str, Any] = {
            "maxsize": CONNECTIONS,
            # A server that closes an idle connection just now is asked again; nothing here changes anything.
            "retries": Once(total=2, connect=1, read=1, redirect=0, status=0, other=0, raise_on_status=False),
        }
        host = url.hostname or ""
        self._pool: HTTPConnectionPool
        if url.scheme == "https":
            options |= {"ssl_context": access.context}
            if access.server_name:
                options |= {"server_hostname": access.server_name, "assert_hostname": access.server_name}
            self._pool = HTTPSConnectionPool(host, url.port or 443, **options)
        else:
            self._pool = HTTPConnectionPool(host, url.port or 80, **options)

    def get(self, path: str, query: Mapping[str, str] | None = None, *, timeout: float = 30.0) -> bytes:
        """Return what the server answers a GET. Raises Refused for its no, and Unreachable where there is no answer."""
        return self._ask(path, query, timeout, preload=True).data

    def json(self, path: str, query: Mapping[str, str] | None = None, *, timeout: float = 30.0) -> Any:
        """Return the JSON document at a path. Raises as `get` does."""
        content = self.get(path, query, timeout=timeout)
        try:
            return parsing.from_json(content)
        except ValueError:
            raise Unreachable(f"{path}: answered no JSON") from None

    def _ask(self, path: str, query: Mapping[str, str] | None, timeout: float, *, preload: bool) -> BaseHTTPResponse:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError
        from urllib3.exceptions import TimeoutError as Late

        url = f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")
        limits = Timeout(connect=CONNECT_SECONDS, read=timeout)
        asked = datetime.now(UTC)
        try:
            answer = self._pool.request("GET", url, headers=self._headers, timeout=limits, preload_content=preload)
            if "/proxy/" not in path:  # where a pod answers
                self.ahead = clock_difference(answer.headers.get("Date", ""), asked, datetime.now(UTC))
            if answer.status >= 400:
                raise _refusal(answer.status, answer.data)
        except Late as problem:
            raise Silent(str(problem)) from None
        except (HTTPError, OSError) as problem:
            raise Unreachable(str(problem)) from None
        return answer

    def watch(self, path: str, query: Mapping[str, str], timeout: float) -> Watch:
        """Return the changes of a list from a version on, as long as the server tells of them."""
        words = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(max(1, int(timeout)))}
        return Watch(self._ask(path, words, timeout + CONNECT_SECONDS, preload=False))


def clock_difference(date: str, asked: datetime, answered: datetime) -> timedelta:
    """Return by how much a server's clock is before ours, by the date in its answer; 0 where it does not tell.

    It tells whole seconds, and wrote them at some time between the question and the answer.
    """
    from email.utils import parsedate_to_datetime

    try:
        told = parsedate_to_datetime(date)
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return timedelta()
    before, after = told - answered, told + WHOLE - asked
    found = max(before, timedelta()) or min(after, timedelta())
    return found if abs(found) > WHOLE else timedelta()


class Watch:
    """Watch events as they come, for one reader; any thread may close it, which ends it."""

    def __init__(self, answer: BaseHTTPResponse) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[dict[str, Any]]:
        from urllib3.exceptions import HTTPError

        held = b""
        # How a connection ends, and what is cut off then, is no event.
        with suppress(HTTPError, OSError, ValueError, AttributeError):
            while piece := self._answer.read1(CHUNK_BYTES):
                *lines, held = (held + piece).split(b"\n")
                yield from (parsing.from_json(line) for line in lines if line.strip())

    def close(self) -> None:
        """End the stream, also for a thread that waits in it."""
        connection: Any = getattr(self._answer, "connection", None)
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._answer.close()


def _refusal(status: int, content: bytes) -> Refused:
    """Return the server's no in kubectl's words."""
    try:
        said = parsing.from_json(content)
        return Refused(status, str(said.get("reason") or status), str(said.get("message") or "no message"))
    except (ValueError, AttributeError):
        text = content.decode(errors="replace").strip()
        return Refused(status, str(status), text or f"the server answered {status}")


_lock = threading.Lock()


def connect(kubeconfig: Path, context: str) -> Api | None:
    """Return the cluster of a context, the same for the same file; None where only kubectl can reach it."""
    try:
        state = kubeconfig.stat()
    except OSError:
        return None
    with _lock:
        return _connect(kubeconfig, context, state.st_mtime_ns, state.st_ino)


@cache
def _connect(kubeconfig: Path, context: str, changed: int, inode: int) -> Api | None:
    access = read_access(kubeconfig, context)
    return Api(access) if access else None


def read_access(kubeconfig: Path, context: str) -> Access | None:
    """Return the way into a context's cluster; None where the file asks for what is not done here."""
    try:
        config = parsing.from_yaml(kubeconfig.read_text(encoding="utf-8"))
        chosen = _entry(config, "contexts", context)
        cluster, user = _entry(config, "clusters", chosen["cluster"]), _entry(config, "users", chosen.get("user", ""))
        server = str(cluster["server"])
        folder = kubeconfig.parent
        plain = not user.keys() & {"exec", "auth-provider", "as", "as-groups", "as-uid", "as-user-extra"}
        if not plain or cluster.get("proxy-url") or not parsing.from_url(server).hostname or _is_proxied(server):
            return None
        secure = server.startswith("https:")
        made = _ssl_context(cluster, user, folder) if secure else None
        return Access(server, _headers(user, folder), made, str(cluster.get("tls-server-name", "")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError):  # kubectl says what is wrong
        return None


def _entry(config: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next((one for one in config.get(kind) or () if one["name"] == name), {})
    return found.get(kind[:-1]) or {}


def _is_proxied(server: str) -> bool:
    parts = parsing.from_url(server)
    host = parts.hostname or ""
    local = host in ("localhost", "::1") or host.startswith("127.")
    return parts.scheme in getproxies() and not local and not proxy_bypass(host)


def _headers(user: Mapping[str, Any], folder: Path) -> dict[str, str]:
    token = user.get("token") or ((folder / user["tokenFile"]).read_text().strip() if user.get("tokenFile") else "")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = base64.b64encode(f"{user['username']}:{user.get('password', '')}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}


def _ssl_context(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", folder)
    made = ssl.create_default_context(cadata=authority.decode() if authority else None)
    # Authorities of clusters are often made without the extensions that this flag, new in Python 3.13, insists on.
    made.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if cluster.get("insecure-skip-tls-verify"):
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    certificate = _content(user, "client-certificate", folder)
    if certificate:
        key = _content(user, "client-key", folder)
        memory = Path("/dev/shm")  # noqa: S108 OpenSSL takes files alone; never on a disk
        with tempfile.NamedTemporaryFile(dir=memory if os.access(memory, os.W_OK) else None) as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            made.load_cert_chain(file.name)
    return made


def _content(part: Mapping[str, Any], key: str, folder: Path) -> bytes:
    if part.get(f"{key}-data"):
        return base64.b64decode(part[f"{key}-data"])
    return (folder / part[key]).read_bytes() if part.get(key) else b""
