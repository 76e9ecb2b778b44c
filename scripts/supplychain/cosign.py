"""cosign, where it is installed: it signs and checks the same statements with the same key. Nothing leaves the machine:
no transparency log, no certificate authority, no registry."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.errors import UserError
from scripts.host.shell import Shell

# A key without a password: it lies beside the signing key it was made from, and is as readable as that.
NO_PASSWORD = {"COSIGN_PASSWORD": ""}
MINIMUM = 3  # before it, statements could not be signed into a bundle without a registry
OFFLINE = ("--use-signing-config=false", "--tlog-upload=false", "--yes")


def find(shell: Shell) -> Path | None:
    """Return cosign on PATH, if it is new enough."""
    program = shutil.which("cosign")
    if not program:
        return None
    for line in shell.probe([program, "version"]).out.splitlines():
        name, _, version = line.partition(":")
        if name.strip() == "GitVersion":
            major = version.strip().removeprefix("v").split(".")[0]
            return Path(program) if major.isdigit() and int(major) >= MINIMUM else None
    return None


def import_key(shell: Shell, program: Path, key: Path) -> Path:
    """Return the signing key in cosign's own form, made where it is missing. Raises CommandError if cosign fails."""
    prefix = key.with_name("cosign")
    file = prefix.with_suffix(".key")
    if not file.is_file():
        shell.effect(
            [program, "import-key-pair", "--key", key, "--output-key-prefix", prefix, "--yes"], env=NO_PASSWORD,
            timeout=60,
        )  # fmt: skip
    return file


def sign(shell: Shell, program: Path, key: Path, statement: Path, bundle: Path) -> None:
    """Sign a statement into a bundle. Raises CommandError if cosign fails."""
    files: list[str | Path] = ["--key", key, "--statement", statement, "--bundle", bundle]
    shell.effect([program, "attest-blob", *files, *OFFLINE], env=NO_PASSWORD, timeout=120)


def verify(shell: Shell, program: Path, public: Path, bundle: Path, kind: str, digest: str) -> None:
    """Verify a bundle by cosign. Raises UserError with what it says."""
    words = ["--type", kind, "--digest", digest, "--digestAlg", "sha256", "--insecure-ignore-tlog"]
    files: list[str | Path] = ["--key", public, "--bundle", bundle]
    answer = shell.probe([program, "verify-blob-attestation", *files, *words], timeout=60)
    if not answer:
        raise UserError(f"cosign refuses {bundle}: {answer.err.strip()}", "sign it anew: invoke security.sign")
