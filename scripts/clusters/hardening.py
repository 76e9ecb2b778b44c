"""Harden a minikube cluster for the environment `secure`: audit log, Secrets encrypted at rest, and the proof."""

from __future__ import annotations

import base64
import secrets
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from string import Template

from scripts.errors import UserError
from scripts.host.files import write_whole
from scripts.host.shell import Shell

AUDIT, ENCRYPTION = "audit-policy.yaml", "encryption.yaml"
PROBE = "encryption-probe"
ARGUMENTS = (
    f"--extra-config=apiserver.audit-policy-file=/etc/ssl/certs/{AUDIT}",
    "--extra-config=apiserver.audit-log-path=-",
    f"--extra-config=apiserver.encryption-provider-config=/etc/ssl/certs/{ENCRYPTION}",
)
ETCD_CERTIFICATES = tuple(
    f"--{flag}=/var/lib/minikube/certs/etcd/{file}"
    for flag, file in (("cacert", "ca.crt"), ("cert", "server.crt"), ("key", "server.key"))
)


def minikube_folder(home: Path) -> Path:
    """Return where minikube keeps its files: MINIKUBE_HOME itself only where that is named `.minikube`."""
    return home if home.name == ".minikube" else home / ".minikube"


def write_files(shell: Shell, home: Path, cluster: str = "") -> None:
    """Put the audit policy and the encryption configuration where minikube hands them to the API server.

    An encryption key that is there is kept: what is stored can be read with the same key only. Raises UserError where
    it is gone, and `cluster` is one that exists and has stored with it.
    """
    folder = minikube_folder(home) / "files/etc/ssl/certs"
    shell.say(f"audit policy and encryption configuration go to {folder}")
    if shell.dry:
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    source = Path(__file__).with_name("minikube_files")
    (folder / AUDIT).write_bytes((source / "audit-policy.yaml").read_bytes())
    target = folder / ENCRYPTION
    if target.is_file() and target.stat().st_size:
        return
    if cluster:
        raise UserError(
            f"{target}: is gone, and what {cluster} has stored can be read with the key in it only",
            f"the node has a copy: docker cp {cluster}:/etc/ssl/certs/{ENCRYPTION} {shlex.quote(str(target))}; "
            "or start afresh, with nothing of it: invoke cluster.down --environment secure",
        )
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    text = (source / "encryption.yaml").read_text(encoding="utf-8")
    write_whole(target, Template(text).safe_substitute(ENCRYPTION_KEY=key), mode=0o600)


def share_downloads(shell: Shell, theirs: Path, ours: Path) -> None:
    """Let the home of the hardened profile use what was downloaded into the person's, hundreds of megabytes of it.

    By a link for each of its folders: each of minikube's commands makes `cache` itself, and fails where that is a link
    that leads nowhere.
    """
    source, cache = minikube_folder(theirs) / "cache", minikube_folder(ours) / "cache"
    if shell.dry:
        return
    for link in cache.glob("*"):
        if link.is_symlink() and not link.exists():
            link.unlink()
    for folder in sorted(source.iterdir()) if source.is_dir() else ():
        link = cache / folder.name
        link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not any(path.is_file() for path in link.rglob("*")):
            shutil.rmtree(link, ignore_errors=True)
        if not link.exists():
            link.symlink_to(folder.resolve())


def prove_encryption(shell: Shell, kubectl: Sequence[str | Path], node: str, look: str) -> None:
    """Write a Secret and look at what etcd has of it. `kubectl` is aimed. Raises UserError if it can be read there."""
    probe = ["create", "secret", "generic", PROBE, "--namespace", "default", "--from-literal=probe=in-the-clear"]
    shell.effect([*kubectl, *probe], timeout=60)
    etcd = ["exec", "--namespace", "kube-system", f"etcd-{node}", "--", "etcdctl", *ETCD_CERTIFICATES]
    stored = shell.probe([*kubectl, *etcd, "get", f"/registry/secrets/default/{PROBE}", "--print-value-only"])
    shell.effect([*kubectl, "delete", "secret", PROBE, "--namespace", "default"], timeout=60)
    if shell.dry or stored.out.startswith("k8s:enc:"):
        return
    if not stored:
        raise UserError(
            f"whether the cluster stores Secrets encrypted cannot be told: {stored.err.strip()}", f"see: {look}"
        )
    raise UserError(
        "the cluster stores Secrets unencrypted, although --environment secure asked for encryption",
        f"start afresh: invoke cluster.down --environment secure; see: {look}",
    )
