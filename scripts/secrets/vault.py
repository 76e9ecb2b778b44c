"""An encrypted file of NAME=value lines that may lie in the tree; its key lies with the user, outside of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from scripts.errors import UserError

FILE = "config/secrets.enc"
KEY_VARIABLE = "TODO_SECRETS_KEY"


def key_file() -> Path:
    """Where the key is kept: the user's configuration folder."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "todo-chatbot" / "secrets.key"


def read(root: Path) -> str:
    """The decrypted lines, nothing if there is no such file. Raises UserError if there is no key, or a wrong one."""
    file = root / FILE
    if not file.is_file():
        return ""
    from cryptography.fernet import Fernet, InvalidToken  # a tenth of a second to import

    try:
        return Fernet(_key(create=False)).decrypt(file.read_bytes()).decode()
    except (InvalidToken, ValueError):
        raise UserError(
            f"{FILE}: cannot be decrypted with this key", f"set {KEY_VARIABLE}, or put the right key in {key_file()}"
        ) from None


def write(root: Path, text: str) -> None:
    """Encrypt and keep lines; the file is whole or as it was."""
    from cryptography.fernet import Fernet

    file = root / FILE
    partial = file.with_suffix(".partial")
    partial.write_bytes(Fernet(_key(create=True)).encrypt(text.encode()))
    partial.rename(file)


def edit(root: Path, editor: Callable[[Path], int]) -> bool:
    """Let the user edit the lines, in memory and not on a disk. Whether they changed. Raises UserError if it failed."""
    before = read(root) or "# NAME=value, a line each; see config/apps/todo-chatbot.yaml for the names\n"
    memory = Path("/dev/shm")  # noqa: S108 never on a disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        draft = Path(folder) / "secrets.env"
        draft.touch(mode=0o600)
        draft.write_text(before, encoding="utf-8")
        if editor(draft):
            raise UserError("the editor failed: nothing was changed", "set EDITOR to an editor that runs here")
        after = draft.read_text(encoding="utf-8")
    if after == before:
        return False
    write(root, after)
    return True


def _key(*, create: bool) -> bytes:
    given = os.environ.get(KEY_VARIABLE)
    if given:
        return given.encode()
    file = key_file()
    if file.is_file():
        return file.read_bytes().strip()
    if not create:
        raise UserError(f"{FILE}: no key for it", f"set {KEY_VARIABLE}, or put the key in {file}")
    from cryptography.fernet import Fernet

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    file.write_bytes(Fernet.generate_key())
    return file.read_bytes()
