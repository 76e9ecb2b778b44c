"""The way from the task to the server, which runs in an environment of its own."""

from __future__ import annotations

import secrets
import sys
import sysconfig
from pathlib import Path

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import virtualenvs
from scripts.host.files import write_whole
from scripts.host.paths import state_folder
from scripts.kube import forward

LOCK = str(Path(__file__).parent / "lock/requirements.txt")
SERVER = Path(__file__).with_name("server.py")


def argv(session: Session, port: int = 0) -> list[str]:
    """Return the command line of the server, its environment made where it is missing. Raises CommandError."""
    root = session.settings.root
    python = virtualenvs.ensure(session.shell, root, LOCK, "mcp") / "python"
    words = [str(python), "-P", str(SERVER), str(root), sysconfig.get_path("purelib"), session.settings.environment]
    words.append(session.settings.target)
    return [*words, str(port), str(token_file())] if port else words


def token_file() -> Path:
    """Return a file with a token that only this user reads, made where it is missing."""
    file = state_folder("ai", "mcp-token")
    # One that is empty, after a run that was killed or a full disk, would let everybody in.
    if not (file.is_file() and file.read_bytes().strip()):
        write_whole(file, secrets.token_urlsafe(32), mode=0o600)
    return file


def serve(session: Session, port: int = 0) -> None:
    """Serve until the client ends it, or Ctrl-C. Standard output belongs to the protocol. Raises UserError."""
    if port and not 1 <= port <= 65_535:
        raise UserError(f"--http={port}: no port", "choose one from 1024 to 65535")
    if port and forward.free_port(port) != port:
        raise UserError(f"--http={port}: another program has this port", "end it, or choose another port")
    words = argv(session, port)
    if port:
        print(f"http://127.0.0.1:{port}/mcp, with the token of {token_file()}", file=sys.stderr)
    code = session.shell.attach(words)
    if code not in (0, 130, -2):
        raise UserError(f"the MCP server ended with status {code}", "its own words stand above")
