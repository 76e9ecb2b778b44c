"""A minikube profile. What is known of its behaviour was read in its sources, version 1.38."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from scripts.clusters.containers import normalised
from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.settings.model import Image, Outcome, Settings

KUBERNETES = "v1.36.2"
AUDIT, ENCRYPTION = "audit-policy.yaml", "encryption.yaml"
PROBE = "encryption-probe"
HARDENED = (
    f"--extra-config=apiserver.audit-policy-file=/etc/ssl/certs/{AUDIT}",
    "--extra-config=apiserver.audit-log-path=-",
    f"--extra-config=apiserver.encryption-provider-config=/etc/ssl/certs/{ENCRYPTION}",
)
ETCD_CERTIFICATES = tuple(
    f"--{flag}=/var/lib/minikube/certs/etcd/{file}"
    for flag, file in (("cacert", "ca.crt"), ("cert", "server.crt"), ("key", "server.key"))
)
MISSING_PROFILE = 85  # the exit status of `minikube status` for a profile that does not exist


class Minikube:
    """One profile, named like the cluster in the configuration. Its context has the same name."""

    target = "minikube"

    def __init__(self, settings: Settings, shell: Shell, binary: Path, kubectl: Path) -> None:
        self._shell = shell
        self._binary = binary
        self._profile = settings.cluster
        self._kubectl = kubectl
        self._root = settings.root
        self._timeout = settings.timeouts.cluster
        self._hardened = settings.environment == "secure"
        # Files for the node are shared by all profiles of one MINIKUBE_HOME, so the hardened one has its own.
        self._env = {"MINIKUBE_HOME": str(state_folder("minikube", settings.cluster))} if self._hardened else {}
        self.context = settings.cluster
        self.kubeconfig = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube/config")

    def up(self) -> Outcome:
        """Start the profile, creating it where there is none. The current context is left as it is."""
        started = time.monotonic()
        state = self.status()
        if state["state"] == "Running":
            if state["kubeconfig state"] == "Misconfigured":
                self._shell.effect(self._command("update-context"), timeout=60, env=self._env)
            text = ", ".join(["minikube", *self.drift()])
            return Outcome("prepare", f"cluster {self._profile}", "unchanged", time.monotonic() - started, text)
        if self._hardened:
            self._harden()
        self._shell.effect(
            self.start_command(), timeout=self._timeout, env=self._env, hint="see: minikube logs --problems"
        )
        if self._hardened:
            self._prove_encryption()
        return Outcome("prepare", f"cluster {self._profile}", "done", time.monotonic() - started, "minikube, started")

    def drift(self) -> list[str]:
        """How an existing profile differs from what would be made today; minikube changes none of it by itself."""
        listed = _json(self._shell.probe(self._command("profile", "list", "--output", "json"), env=self._env).out) or {}
        found = next((item for item in listed.get("valid", []) if item.get("Name") == self._profile), None)
        config = (found or {}).get("Config") or {}
        kubernetes = config.get("KubernetesConfig") or {}
        seen = {
            "driver": (config.get("Driver"), "docker"),
            "container runtime": (kubernetes.get("ContainerRuntime"), "containerd"),
            "CNI": (kubernetes.get("CNI"), "calico"),
            "Kubernetes": (kubernetes.get("KubernetesVersion"), KUBERNETES),
        }
        return [f"{name} is {is_}, not {wanted}" for name, (is_, wanted) in seen.items() if is_ and is_ != wanted]

    def _harden(self) -> None:
        """Put the audit policy and the encryption configuration where minikube hands them to the API server."""
        folder = Path(self._env["MINIKUBE_HOME"]) / "files/etc/ssl/certs"
        self._shell.say(f"audit policy and encryption configuration go to {folder}")
        if self._shell.dry:
            return
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = Path(__file__).with_name("minikube_files")
        (folder / AUDIT).write_bytes((source / "audit-policy.yaml").read_bytes())
        target = folder / ENCRYPTION
        if not target.is_file():  # what is stored can be read with the same key only
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            text = (source / "encryption.yaml").read_text(encoding="utf-8")
            target.touch(mode=0o600)
            target.write_text(Template(text).safe_substitute(ENCRYPTION_KEY=key), encoding="utf-8")

    def _prove_encryption(self) -> None:
        """Write a Secret and look at what etcd has of it. Raises UserError if it can be read there."""
        aimed: list[str | Path] = [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]
        probe = ["create", "secret", "generic", PROBE, "--namespace", "default", "--from-literal=probe=in-the-clear"]
        self._shell.effect([*aimed, *probe], timeout=60)
        look = ["exec", "--namespace", "kube-system", f"etcd-{self._profile}", "--", "etcdctl", *ETCD_CERTIFICATES]
        stored = self._shell.probe([*aimed, *look, "get", f"/registry/secrets/default/{PROBE}", "--print-value-only"])
        self._shell.effect([*aimed, "delete", "secret", PROBE, "--namespace", "default"], timeout=60)
        if not self._shell.dry and not stored.out.startswith("k8s:enc:"):
            raise UserError(
                "the cluster stores Secrets unencrypted, although --environment secure asked for encryption",
                f"start afresh: invoke cluster.down --environment secure; see: minikube -p {self._profile} logs",
            )

    def start_command(self) -> list[str]:
        """The argv that makes or starts the profile."""
        return self._command(
            "start", "--driver=docker", "--container-runtime=containerd", f"--kubernetes-version={KUBERNETES}",
            "--cpus=4", "--memory=6g",
            "--cni=calico",  # the default network does not enforce NetworkPolicies
            "--addons=metrics-server,ingress", "--wait=all", "--wait-timeout=10m", "--keep-context",
            "--interactive=false", *(HARDENED if self._hardened else ()),
        )  # fmt: skip

    def down(self) -> Outcome:
        """Delete the profile."""
        started = time.monotonic()
        if self.status()["state"] == "absent":
            return Outcome("down", f"cluster {self._profile}", "unchanged", 0.0, "there is none")
        self._shell.effect(self._command("delete"), timeout=300, env=self._env)
        return Outcome("down", f"cluster {self._profile}", "done", time.monotonic() - started, "removed")

    def status(self) -> Mapping[str, str]:
        """The host's state as minikube calls it, or `absent`."""
        answer = self._shell.probe(self._command("status", "--output", "json"), timeout=60, env=self._env)
        words = {"target": self.target, "name": self._profile, "kubeconfig": str(self.kubeconfig)}
        nodes = _json(answer.out)
        node = nodes[0] if isinstance(nodes, list) and nodes else nodes
        if answer.code == MISSING_PROFILE or not isinstance(node, dict):
            return words | {"state": "absent", "kubeconfig state": ""}
        state = str(node.get("Host") or "Stopped")
        if state == "Running" and node.get("APIServer") != "Running":
            state = "Degraded"
        return words | {"state": state, "kubeconfig state": str(node.get("Kubeconfig", ""))}

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Load what the nodes lack, then prove it by listing: the load itself exits 0 even when it failed."""
        started = time.monotonic()
        present = self._images()
        missing = [image for image in images if normalised(image.ref) not in present]
        if missing:
            refs = [image.ref for image in missing]
            self._shell.effect(
                self._command("image", "load", "--daemon", "--overwrite=false", *refs),
                timeout=self._timeout,
                env=self._env,
            )
            present = self._images()
            lost = [image.ref for image in missing if normalised(image.ref) not in present]
            if lost and not self._shell.dry:
                raise UserError(
                    f"minikube image load reported success, but the node lacks {', '.join(lost)}",
                    f"is its disk full? minikube --profile {self._profile} ssh -- df -h /var",
                )
        seconds = time.monotonic() - started
        return [
            Outcome("load", image.service, "done" if image in missing else "unchanged", seconds, image.tag)
            for image in images
        ]

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Where a NodePort Service answers."""
        answer = self._shell.probe(
            self._command("service", service, "--namespace", namespace, "--url"), timeout=30, env=self._env
        )
        lines = answer.out.split()
        return lines[0] if answer and lines else f"http://localhost:{node_port}"

    def _images(self) -> set[str]:
        found = _json(
            self._shell.probe(self._command("image", "ls", "--format", "json"), timeout=60, env=self._env).out
        )
        return {tag for item in found or [] for tag in item.get("repoTags") or []}

    def _command(self, *words: str) -> list[str]:
        return [str(self._binary), "--profile", self._profile, *words]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
