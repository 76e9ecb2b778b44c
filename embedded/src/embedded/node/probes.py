"""Probes: whether a container answers, in the words the kubelet uses when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import ssl
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

from embedded.node.docker import Docker, EngineError

BODY = 10 * 1024
REDIRECTS = 10
AGENT = "kube-probe/1.36"


@dataclasses.dataclass(frozen=True)
class Result:
    """One outcome. `error` marks a probe that could not be made: it changes nothing, but is told."""

    ok: bool
    message: str = ""
    error: bool = False


class Counter:
    """Turns single outcomes into a verdict by the probe's thresholds."""

    def __init__(self, probe: dict[str, Any], *, initial: bool | None) -> None:
        self._success = probe.get("successThreshold", 1)
        self._failure = probe.get("failureThreshold", 3)
        self._last: bool | None = None
        self._run = 0
        self.verdict = initial

    def add(self, ok: bool) -> bool:
        """Count one outcome; True when the verdict changed or a failing one was reached again."""
        self._run = self._run + 1 if ok == self._last else 1
        self._last = ok
        if self._run < (self._success if ok else self._failure):
            return False
        changed = self.verdict != ok or not ok
        self.verdict = ok
        return changed


def port_of(port: int | str, container: dict[str, Any]) -> int:
    """Return a port number or the number of a named port; raises ValueError when the container has none of
    that name.
    """
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for candidate in container.get("ports") or ():
        if candidate.get("name") == port:
            number: int = candidate["containerPort"]
            return number
    raise ValueError(f"couldn't find port: {port}")


def action(
    probe: dict[str, Any], container: dict[str, Any], ip: str, docker: Docker, container_id: str
) -> Callable[[], Awaitable[Result]]:
    """Return the probe as something to be run again and again; raises ValueError when it names a port
    there is none of.
    """
    seconds = float(probe.get("timeoutSeconds", 1))
    if "httpGet" in probe:
        get = probe["httpGet"]
        host, port = get.get("host") or ip, port_of(get["port"], container)
        scheme = get.get("scheme", "HTTP").lower()
        url = f"{scheme}://{host}:{port}{_path(get.get('path', '/'))}"
        headers = {h["name"]: h.get("value", "") for h in get.get("httpHeaders") or ()}
        return lambda: http(url, headers, seconds)
    if "tcpSocket" in probe:
        host, port = probe["tcpSocket"].get("host") or ip, port_of(probe["tcpSocket"]["port"], container)
        return lambda: tcp(host, port, seconds)
    if "grpc" in probe:
        return lambda: tcp(ip, probe["grpc"]["port"], seconds)  # as far as a probe without HTTP/2 can see
    command = probe["exec"].get("command") or []
    return lambda: execute(docker, container_id, command, seconds)


def _path(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def refusal(error: OSError) -> str:
    """Return what Go says of a failed connect."""
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    if isinstance(error, socket.gaierror):
        return "lookup: no such host"
    text = (error.strerror or str(error)).lower()
    return f"connect: {text}"


async def tcp(host: str, port: int, seconds: float) -> Result:
    """Return whether a connection can be opened."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Result(False, f"dial tcp {host}:{port}: i/o timeout")
    except OSError as error:
        return Result(False, f"dial tcp {host}:{port}: {refusal(error)}")
    writer.close()
    return Result(True)


async def http(url: str, headers: dict[str, str], seconds: float) -> Result:
    """Return whether a GET is answered with 2xx or 3xx; redirects on the same host are followed, certificates not
    verified.
    """
    first = urllib.parse.urlsplit(url)
    try:
        async with asyncio.timeout(seconds):
            for _ in range(REDIRECTS):
                status, location = await _get(url, headers)
                target = urllib.parse.urljoin(url, location)
                if status not in (301, 302, 303, 307, 308) or urllib.parse.urlsplit(target).hostname != first.hostname:
                    break
                url = target
    except TimeoutError:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Result(False, f'Get "{url}": {why}')
    except ssl.SSLError as error:
        return Result(False, f'Get "{url}": tls: {error.reason or error}')
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return Result(False, f'Get "{url}": EOF')
    except _Malformed as error:
        return Result(False, f'Get "{url}": net/http: HTTP/1.x transport connection broken: {error}')
    except OSError as error:
        return Result(False, f'Get "{url}": dial tcp {first.hostname}:{first.port}: {refusal(error)}')
    return Result(True) if 200 <= status < 400 else Result(False, f"HTTP probe failed with statuscode: {status}")


class _Malformed(Exception):
    """The answer is not HTTP."""


async def _get(url: str, headers: dict[str, str]) -> tuple[int, str]:
    """Return status and Location of one GET; the body is read as far as a kubelet would."""
    parts = urllib.parse.urlsplit(url)
    secure = _unverified() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    try:
        sent = {"Host": parts.netloc, "User-Agent": AGENT, "Accept": "*/*"} | headers | {"Connection": "close"}
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        line = (await reader.readuntil(b"\n")).split()
        if len(line) < 2 or not line[0].startswith(b"HTTP/") or not line[1].isdigit():
            raise _Malformed(f'malformed HTTP response "{b" ".join(line)[:60].decode(errors="replace")}"')
        location = ""
        while header := (await reader.readuntil(b"\n")).strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"location":
                location = value.strip().decode(errors="replace")
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readexactly(BODY)
        return int(line[1]), location
    finally:
        writer.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def execute(docker: Docker, container_id: str, command: list[str], seconds: float) -> Result:
    """Return whether a command in the container ends with 0."""
    try:
        code, output = await docker.run(container_id, command, seconds)
    except TimeoutError:
        return Result(False, f'command timed out: "{" ".join(command)}" timed out after {seconds:g}s')
    except EngineError as error:
        return Result(
            False, f"rpc error: code = Unknown desc = failed to exec in container: {error.message}", error=True
        )
    return Result(code == 0, output.decode(errors="replace").rstrip("\n"))
