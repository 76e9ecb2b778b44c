"""An encrypted file of NAME=value lines that may lie in the tree, in the age format; its key lies outside of it."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.errors import UserError
from scripts.host import lock
from scripts.host.files import write_whole
from scripts.host.paths import config_folder, state_folder
from scripts.secrets import key

FILE = key.VARIABLES_FILE
OLD_KEY_VARIABLE = "TODO_SECRETS_KEY"  # of the format before, Fernet, which is read and written anew as age


def old_key_file() -> Path:
    """Return where the key of the format before was kept."""
    return config_folder() / "secrets.key"


def read(root: Path) -> str:
    """Return the decrypted lines, nothing if there is no such file. Raises UserError if no key opens it."""
    try:
        content = (root / FILE).read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UserError(f"{FILE}: cannot be read: {error.strerror}", "make it a readable file") from None
    return _opened(content) if content.startswith(key.AGE_FORMAT) else _opened_as_before(content)


def is_outdated(root: Path) -> bool:
    """Return whether the file is there in the format before."""
    file = root / FILE
    return file.is_file() and not key.is_age(file)


def migrate(root: Path, say: Callable[[str], None]) -> bool:
    """Write a file of the format before anew, in the age format with the one key. Returns whether there was one.

    The old key is left where it is. Raises UserError where that key is missing, and then nothing was changed.
    """
    if not is_outdated(root):
        return False
    write(root, read(root), say)
    say(f"{FILE}: now in the age format, opened by {key.key_file()}; the old key is needed no more: {old_key_file()}")
    return True


def write(root: Path, text: str, say: Callable[[str], None]) -> None:
    """Encrypt and keep lines; the file is whole or as it was. Raises UserError if the key is missing or none."""
    from pyrage import encrypt

    file = root / FILE
    identity = key.find_or_make(say, key.encrypted_files(root))
    write_whole(file, encrypt(text.encode(), [identity.to_public()], armored=True))


# Editors with a window of their own: they hand the file on to it, and end at once where they are not told to wait.
_WINDOWS = ("code", "code-insiders", "codium", "cursor", "windsurf", "zed", "subl", "atom", "mate", "bbedit")


def editor(environ: Mapping[str, str], *, terminal: bool) -> list[str]:
    """Return the words of the person's editor. Raises UserError for one that is not there, or does not wait, and where
    none is named and there is no terminal for `vi`.

    VISUAL goes before EDITOR, and both may have options, as git and crontab take them.
    """
    name = next((name for name in ("VISUAL", "EDITOR") if environ.get(name, "").strip()), "")
    if not (name or terminal):
        raise UserError("there is no terminal to edit in", "run it in one, or set EDITOR to what needs none")
    given = environ.get(name, "vi")
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise UserError(f"{name}={given}: {error}", "write it as for a shell, such as EDITOR='code --wait'") from None
    if not words or shutil.which(words[0]) is None:
        told = f"{name}={given}: there is no such program" if name else "no editor is named, and vi is not installed"
        raise UserError(told, "set EDITOR to an editor that is installed, such as EDITOR=nano")
    if Path(words[0]).name in _WINDOWS and not {"-w", "--wait"} & set(words):
        text = f"{name}={given}: goes on before you have written, and what you write would be lost"
        raise UserError(text, f"let it wait: EDITOR='{given} --wait'")
    return words


def edit(root: Path, editor: Callable[[Path], int], say: Callable[[str], None]) -> bool:
    """Let the user edit the lines, in memory and not on a disk. Whether they changed.

    Raises UserError if it failed, and where the file is being edited already: the second to end would lose the other's.
    """
    mark = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]
    with lock.hold(state_folder("locks", f"secrets-{mark}.lock")):
        return _edit(root, editor, say)


def _edit(root: Path, editor: Callable[[Path], int], say: Callable[[str], None]) -> bool:
    before = read(root) or "# NAME=value, a line each; see config/apps/ for the names\n"
    memory = Path("/dev/shm")  # noqa: S108 never on a disk
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    draft = folder / "secrets.env"
    draft.touch(mode=0o600)
    draft.write_text(before, encoding="utf-8")
    try:
        if editor(draft):
            raise UserError("the editor failed: nothing was changed", "set EDITOR to an editor that runs here")
        after = draft.read_text(encoding="utf-8", errors="surrogateescape")
        if changed := after != before or is_outdated(root):
            _write_edited(root, after, draft, say)
    except _Kept:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return changed


class _Kept(UserError):
    """A problem for which what a person wrote stays where the editor put it."""


def _write_edited(root: Path, text: str, draft: Path, say: Callable[[str], None]) -> None:
    where = f"what you wrote is in {draft}: take it from there, then delete it"
    try:
        text.encode()
        write(root, text, say)
    except UnicodeEncodeError:
        raise _Kept("what was written is not UTF-8: nothing was changed", f"save it as UTF-8; {where}") from None
    except UserError as problem:
        raise _Kept(str(problem), f"{problem.hint}; {where}") from None
    except OSError as problem:
        raise _Kept(f"{root / FILE}: cannot be written: {problem.strerror}", where) from None


def _opened(content: bytes) -> str:
    from pyrage import DecryptError, decrypt

    try:
        opened: bytes = decrypt(content, [key.find()])
        return opened.decode()
    except (DecryptError, ValueError):
        remedy = f"set {key.VARIABLE}, or put the right key in {key.key_file()}"
        raise UserError(f"{FILE}: cannot be decrypted with this key", remedy) from None
    except UserError as problem:
        raise UserError(f"{FILE}: {problem}: no key for it", problem.hint) from None


def _opened_as_before(content: bytes) -> str:
    from cryptography.fernet import Fernet, InvalidToken  # a tenth of a second to import

    file = old_key_file()
    given = os.environ.get(OLD_KEY_VARIABLE, "").encode() or (file.read_bytes().strip() if file.is_file() else b"")
    remedy = f"set {OLD_KEY_VARIABLE}, or put the key it was written with in {file}"
    if not given:
        raise UserError(f"{FILE}: in the format before, and no key for it", remedy)
    try:
        return Fernet(given).decrypt(content).decode()
    except (InvalidToken, ValueError):
        raise UserError(f"{FILE}: cannot be decrypted with this key", remedy) from None
