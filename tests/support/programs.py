"""Stand-ins for minikube, kind, k3d, docker and kubectl: one machine in a file, and what each makes of it.

Made from what the real programs printed and did (minikube 1.38.1, kind 0.33, Kubernetes 1.36.2): exit statuses, which
stream, which words; they refuse what the real ones refuse, and an option they do not know. The tests' side is
tests/support/machine.py; `main` is the stand-in. It imports little, for it is started at every call. Of k3d 5.8.3 what
it refuses, lists and leaves behind was measured, not a cluster that runs.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import sys
import time

TYPE_CHECKING = False  # as the type checker takes it; `typing` itself takes long to import
if TYPE_CHECKING:
    import json
    import re
    from collections.abc import Mapping
    from typing import Any, NoReturn
else:

    class Later:
        """A module that is imported when it is used: most calls need none, and each would take three times as long."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            return getattr(__import__(self._name), name)

    json, re = Later("json"), Later("re")

ADDRESS = "192.168.49.2"


class Opened:
    """The machine's state, alone; written back at the end, however that comes."""

    def __init__(self, folder: str) -> None:
        self._file = f"{folder}/machine"
        self._lock = open(f"{folder}/lock", "w")  # noqa: SIM115 until it is closed
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        with open(self._file, "rb") as file:
            self.state: dict[str, Any] = marshal.load(file)  # noqa: S302 our own

    def close(self) -> None:
        """Write it back, and let go of it."""
        with open(f"{self._file}.partial", "wb") as file:
            marshal.dump(self.state, file)
        os.replace(f"{self._file}.partial", self._file)
        self._lock.close()


def end(code: int, out: str = "", err: str = "") -> NoReturn:
    """Print and leave, as a program does."""
    sys.stdout.write(out)
    sys.stderr.write(err)
    raise SystemExit(code)


def options(words: list[str], known: Mapping[str, bool], refuse: int) -> tuple[dict[str, list[str]], list[str]]:
    """Options (name → whether it takes a value) and other words; all after `--` are such. Ends for an unknown one."""
    found: dict[str, list[str]] = {}
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return found, [*others, "--", *rest]
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        name, equals, value = word.partition("=")
        if name not in known:
            end(refuse, err=f"Error: unknown flag: {name}\n")
        if known[name] and not equals:
            if not rest:
                end(refuse, err=f"Error: flag needs an argument: {name}\n")
            value = rest.pop(0)
        found.setdefault(name, []).append(value)
    return found, others


# kubeconfigs, written as JSON, which is YAML


def kubeconfig_file() -> str:
    """The file that programs write to: the first of KUBECONFIG."""
    named = [item for item in os.environ.get("KUBECONFIG", "").split(os.pathsep) if item]
    return named[0] if named else os.environ["HOME"] + "/.kube/config"


def kubeconfig(file: str | os.PathLike[str]) -> dict[str, Any]:
    """What a kubeconfig holds."""
    blank = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": [], "current-context": ""}
    if not os.path.isfile(file) or not os.path.getsize(file):
        return blank
    with open(file) as text:
        return blank | json.load(text)


def write_kubeconfig(file: str | os.PathLike[str], config: Mapping[str, Any]) -> None:
    """Write a kubeconfig."""
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "w") as text:
        text.write(json.dumps(config))


def with_context(config: dict[str, Any], name: str, server: str) -> dict[str, Any]:
    """A kubeconfig with a context of that name."""
    entries = {"clusters": {"server": server}, "users": {"token": "x"}, "contexts": {"cluster": name, "user": name}}
    for kind, entry in entries.items():
        others = [item for item in config[kind] if item["name"] != name]
        config[kind] = [*others, {"name": name, kind[:-1]: entry}]
    return config


def without_context(config: dict[str, Any], name: str) -> dict[str, Any]:
    """A kubeconfig without what bears a name, as kubectl's library takes it out."""
    for kind in ("clusters", "users", "contexts"):
        config[kind] = [item for item in config[kind] if item["name"] != name]
    if config["current-context"] == name:
        config["current-context"] = ""
    return config


def has_context(file: str, name: str) -> bool:
    """Whether a kubeconfig has a context."""
    return any(item["name"] == name for item in kubeconfig(file)["contexts"])


# minikube

START = {
    "--driver": True, "--container-runtime": True, "--kubernetes-version": True, "--cpus": True, "--memory": True,
    "--disk-size": True, "--nodes": True, "--cni": True, "--wait": True, "--wait-timeout": True, "--addons": True,
    "--keep-context": False, "--interactive": True, "--force": False, "--extra-config": True, "--ports": True,
    "--output": True, "-o": True, "--feature-gates": True, "--apiserver-ips": True,
}  # fmt: skip
MINIKUBE: dict[str, dict[str, bool]] = {
    "version": {"--short": False, "--output": True, "-o": True},
    "status": {"--output": True, "-o": True},
    "start": START,
    "stop": {},
    "pause": {},
    "unpause": {},
    "delete": {"--all": False, "--purge": False},
    "update-context": {},
    "profile list": {"--output": True, "-o": True, "--light": False, "-l": False},
    "image ls": {"--format": True},
    "image load": {"--daemon": True, "--overwrite": True},
    "image rm": {},
    "ssh": {"--native-ssh": True, "--node": True, "-n": True},
    "service": {"--namespace": True, "-n": True, "--url": False, "--wait": True},
    "ip": {"--node": True, "-n": True},
    "addons list": {"--output": True, "-o": True},
    "addons enable": {},
    "logs": {"--problems": False},
}
NEWEST = "v1.35.1"  # that minikube 1.38.1 knows of without a network, and its default
DRIVERS = ("docker", "podman", "kvm2", "qemu", "virtualbox", "none")
KERNEL = "".join(f"\x1b[0;37mCONFIG_CHECK_{number}\x1b[0m: \x1b[0;32menabled\x1b[0m\n" for number in range(40))
KUBEADM = (
    "error: error execution phase wait-control-plane: cannot obtain client without bootstrap: could not bootstrap the "
    "admin user in file admin.conf: unable to create ClusterRoleBinding: client rate limiter Wait returned an error: "
    "context deadline exceeded\n"
)
NO_ENGINE = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
SAYS_NOT_FOUND = (
    'Profile "{0}" not found. Run "minikube profile list" to view all profiles.',
    'To start a cluster, run: "minikube start -p {0}"',
)


class Minikube:
    """minikube, on a machine."""

    def __init__(self, state: dict[str, Any], words: list[str]) -> None:
        self.state = state
        verb = next((verb for verb in MINIKUBE if words[: len(verb.split())] == verb.split()), "")
        # The profile may stand before the verb.
        if not verb and words[:1] and words[0].split("=")[0] in ("-p", "--profile"):
            cut = 1 if "=" in words[0] else 2
            words = [*words[cut:], *words[:cut]]
            verb = next((verb for verb in MINIKUBE if words[: len(verb.split())] == verb.split()), "")
        if not verb:
            end(14, err=f'Error: unknown command "{words[:1]}" for "minikube"\n')
        known = MINIKUBE[verb] | {"-p": True, "--profile": True}
        self.options, self.words = options(words[len(verb.split()) :], known, 14)
        self.verb = verb
        self.name = (self.options.get("-p") or self.options.get("--profile") or ["minikube"])[-1]
        home = os.environ.get("MINIKUBE_HOME") or os.environ["HOME"]
        self.home = home if os.path.basename(home) == ".minikube" else os.path.join(home, ".minikube")
        self.profiles = state["profiles"].setdefault(self.home, {})
        self.profile = self.profiles.get(self.name)
        self.json = "json" in (self.options.get("-o") or self.options.get("--output") or [])

    @property
    def node(self) -> dict[str, Any] | None:
        """The profile's container, where there is one that is this profile's."""
        found: dict[str, Any] | None = self.state["containers"].get(self.name)
        return found if found and found["home"] == self.home else None

    def run(self) -> None:
        """Do what was asked."""
        for folder in ("cache", "config", "files", "logs"):  # whatever the command is
            os.makedirs(f"{self.home}/{folder}", exist_ok=True)
        getattr(self, "do_" + self.verb.replace(" ", "_").replace("-", "_"))()

    def do_version(self) -> None:
        if "--short" in self.options:
            end(0, "v1.38.1\n")
        end(
            0,
            '{"commit":"eb25","minikubeVersion":"v1.38.1"}'
            if self.json
            else "minikube version: v1.38.1\ncommit: eb25\n",
        )

    def do_status(self) -> None:
        if self.profile is None:
            self._not_found()
        if self.node is None:
            gone = (
                f'status error: host: state: unknown state "{self.name}": docker container inspect {self.name} '
                "--format={{.State.Status}}: exit status 1\nstdout:\n\nstderr:\n"
            )
            why = f"Error response from daemon: No such container: {self.name}\n"
            if not self.state["engine"]:
                why = NO_ENGINE
            end(7, "null", (gone + why) * 2)
        host, kubelet, server, pointed, code = self._parts()
        words = {"Name": self.name, "Host": host, "Kubelet": kubelet, "APIServer": server, "Kubeconfig": pointed}
        nodes = [words | {"Worker": False}]
        nodes += [
            words | {"Name": f"{self.name}-m{i:02d}", "Worker": True} for i in range(2, self.profile["nodes"] + 1)
        ]
        end(code, json.dumps(nodes[0] if len(nodes) == 1 else nodes, separators=(",", ":")))

    def _parts(self) -> tuple[str, str, str, str, int]:
        node = self.node or {}
        if node["state"] == "paused":
            return "Paused", "Paused", "Paused", "Paused", 7
        if node["state"] != "running":
            return "Stopped", "Stopped", "Stopped", "Stopped", 7
        if self.profile["paused"]:
            return "Running", "Stopped", "Paused", "Configured", 2
        config = kubeconfig(kubeconfig_file())
        server = next((item["cluster"]["server"] for item in config["clusters"] if item["name"] == self.name), "")
        if not server:
            return "Running", "Running", "Stopped", "Misconfigured", 6
        if ADDRESS not in server:
            return "Running", "Running", "Running", "Misconfigured", 4
        if self.profile["server"] != "Running":
            return "Running", "Stopped", "Stopped", "Configured", 2
        return "Running", "Running", "Running", "Configured", 0

    def do_start(self) -> None:
        given = {name: values[-1] for name, values in self.options.items()}
        self._event("step", f"[{self.name}] minikube v1.38.1 on {self.state['system']}")
        fresh = self.profile is None
        if fresh and int(given.get("--cpus", 2)) > self.state["cpus"]:
            text = f"Requested cpu count {given['--cpus']} is greater than the available cpus of {self.state['cpus']}"
            self._exit(29, "RSRC_INSUFFICIENT_CORES", text)
        memory = _megabytes(given.get("--memory", "2g"))
        if fresh and memory < 1800:
            text = f"Requested memory allocation {memory}MiB is less than the usable minimum of 1800MB"
            self._exit(23, "RSRC_INSUFFICIENT_REQ_MEMORY", text)
        if fresh and _megabytes(given.get("--disk-size", "20000mb")) < 2000:
            text = f"Requested disk size {_megabytes(given['--disk-size'])} is less than minimum of 2000"
            self._exit(14, "MK_USAGE", text)
        if len(self.name) < 2:
            text = "Only alphanumeric and dashes '-' are permitted. Minimum 2 characters, starting with alphanumeric."
            self._exit(14, "MK_USAGE", text)
        asked = given.get("--kubernetes-version") or (self.profile or {}).get("kubernetes", NEWEST)
        if _version(asked) > _version(NEWEST) and not self.state["network"] and "--force" not in self.options:
            address = f"https://api.github.com/repos/kubernetes/kubernetes/releases/tags/{asked}"
            text = f'Get "{address}": dial tcp: lookup api.github.com on 10.0.0.53:53: no such host'
            self._exit(48, "INET_LOOKUP_HOST", text)
        driver = given.get("--driver") or (self.profile or {}).get("driver", "docker")
        if driver not in DRIVERS:
            self._exit(56, "DRV_UNSUPPORTED_OS", f"The driver '{driver}' is not supported on linux/amd64")
        if driver == "podman":
            text = "The 'podman' provider was not found: exec: \"podman\": executable file not found in $PATH"
            self._exit(65, "PROVIDER_PODMAN_NOT_FOUND", text)
        if self.state["root"] and driver == "docker" and "--force" not in self.options:
            text = 'The "docker" driver should not be used with root privileges.'
            self._event("error", f"{text} If you wish to continue as root, use --force.")
            self._exit(57, "DRV_AS_ROOT", text)
        if self.profile and self.profile["finished"] and self.node is None:
            err = f"dial tcp {ADDRESS}:8443: connect: connection refused\n"
            self._exit(80, "GUEST_START", "wait 10m0s for node: apiserver healthz never reported healthy", err)
        was_stopped = bool(self.node and self.node["state"] != "running")
        self._make(given, driver)
        if not self.state["network"] and not self.state["cached"]:
            self.state["containers"].pop(self.name, None)
            err = (
                "! The image 'registry.k8s.io/kube-apiserver:v1.36.2' was not found; unable to add it to cache.\n"
                "! minikube cannot pull kicbase image from any docker registry, and is trying to download kicbase "
                "tarball from github release page via HTTP.\n! StartHost failed, but will try again: creating host\n"
            )
            again = (
                f'Failed to start docker container. Running "minikube delete -p {self.name}" may fix it: creating host'
            )
            self._event("error", again)
            why = "docker: Error response from daemon: Get https://gcr.io/v2/: dial tcp: lookup gcr.io: no such host"
            advice = "Verify that your HTTP_PROXY and HTTPS_PROXY environment variables are set correctly."
            self._exit(48, "INET_LOOKUP_HOST", f"Failed to start host: recreate: creating host: {why}", err, advice)
        if self.state["volumes"].count(self.name) > 1:
            self.state["volumes"].remove(self.name)
            text = "certificate apiserver-kubelet-client not signed by CA certificate ca: x509: unknown authority"
            self._exit(
                80, "GUEST_START", "failed to start node", f"error: error execution phase certs: [certs] {text}\n"
            )
        if not self._extra_config_is_there():
            self._exit(80, "GUEST_START", "failed to start node: kubeadm init timed out", KERNEL + KUBEADM)
        self.profile |= {
            "finished": True,
            "paused": False,
            "server": "Running",
            "addons": self.profile.get("addons") or [],
        }
        self.profile["encrypted"] = any(
            "encryption-provider" in item for item in self.options.get("--extra-config", [])
        )
        if self.node:
            self.node["state"] = "running"
        config = with_context(kubeconfig(kubeconfig_file()), self.name, f"https://{ADDRESS}:8443")
        if was_stopped or "--keep-context" not in self.options:
            config["current-context"] = self.name
        write_kubeconfig(kubeconfig_file(), config)
        self._event("step", "Verifying Kubernetes components...")
        err = ""
        for addon in [item for given in self.options.get("--addons", []) for item in given.split(",")]:
            err += self._enable(addon)
        sys.stderr.write(err)
        self._event("step", f'Done! kubectl is now configured to use "{self.name}" cluster')

    def _make(self, given: Mapping[str, str], driver: str) -> None:
        """The profile, its volume, network and container; one of another home is deleted without a word."""
        if self.profile is None:
            self.profile = {
                "driver": driver, "cpus": int(given.get("--cpus", 2)),
                "memory": _megabytes(given.get("--memory", "3072m")),
                "kubernetes": given.get("--kubernetes-version", NEWEST), "cni": given.get("--cni", ""),
                "runtime": given.get("--container-runtime", "docker"), "nodes": int(given.get("--nodes", 1)),
                "finished": False, "paused": False, "server": "Running", "addons": None,
            }  # fmt: skip
            self.profiles[self.name] = self.profile
            self.state["volumes"].append(self.name)
            if self.name not in self.state["networks"]:
                self.state["networks"].append(self.name)
        for option, key in (("--cpus", "CPUs"), ("--memory", "memory size")):
            if self.profile["finished"] and option in given:
                sys.stderr.write(
                    f"! You cannot change the {key} for an existing minikube cluster. "
                    "Please first delete the cluster.\n"
                )
        other = self.state["containers"].get(self.name)
        if other and other["home"] != self.home:
            self.state["destroyed"].append(self.name)
            del self.state["containers"][self.name]
        if self.node is None:
            ports = {
                item.split(":")[-1]: item.rsplit(":", 1)[0] for item in given.get("--ports", "").split(",") if item
            }
            for number in range(1, self.profile["nodes"] + 1):
                name = self.name if number == 1 else f"{self.name}-m{number:02d}"
                labels = {"name.minikube.sigs.k8s.io": self.name}
                self.state["containers"][name] = {
                    "state": "running", "labels": labels, "ports": ports, "images": [], "home": self.home,
                }  # fmt: skip

    def _extra_config_is_there(self) -> bool:
        """Whether the files that the API server is told to read are on the node: they come from the home's `files`."""
        for item in self.options.get("--extra-config", []):
            _, _, path = item.rpartition("=")
            if path.startswith("/etc/") and not os.path.isfile(f"{self.home}/files{path}"):
                return False
        return True

    def do_stop(self) -> None:
        self._require()
        if self.node:
            self.node["state"] = "exited"
        write_kubeconfig(kubeconfig_file(), without_context(kubeconfig(kubeconfig_file()), self.name))
        end(0, f'* Stopping node "{self.name}"  ...\n* 1 node stopped.\n')

    def do_pause(self) -> None:
        self._require(running=True)
        self.profile["paused"] = True
        end(0, "* Paused 10 containers in: kube-system, kubernetes-dashboard, istio-operator\n")

    def do_unpause(self) -> None:
        self._require(running=True)
        self.profile["paused"] = False
        end(0, "* Unpaused 10 containers in: kube-system, kubernetes-dashboard, istio-operator\n")

    def do_delete(self) -> None:
        err = "" if self.profile else f'! "{self.name}" profile does not exist, trying anyways.\n'
        for name in [name for name in self.state["containers"] if re.fullmatch(rf"{self.name}(-m\d\d)?", name)]:
            if self.state["containers"][name]["home"] != self.home:
                self.state["destroyed"].append(name)
            del self.state["containers"][name]
        for kind in ("volumes", "networks"):
            self.state[kind] = [name for name in self.state[kind] if name != self.name]
        self.profiles.pop(self.name, None)
        write_kubeconfig(kubeconfig_file(), without_context(kubeconfig(kubeconfig_file()), self.name))
        end(0, f'* Removed all traces of the "{self.name}" cluster.\n', err)

    def do_update_context(self) -> None:
        self._require(running=True)
        config = with_context(kubeconfig(kubeconfig_file()), self.name, f"https://{ADDRESS}:8443")
        write_kubeconfig(kubeconfig_file(), config | {"current-context": self.name})
        end(
            0,
            f'* "{self.name}" context has been updated to point to {ADDRESS}:8443\n'
            f'* Current context is "{self.name}"\n',
        )

    def do_profile_list(self) -> None:
        if not self.json:
            end(14, err="* Exiting due to MK_USAGE_NO_PROFILE: No minikube profile was found.\n")
        valid = []
        for name, profile in self.profiles.items():
            kubernetes = {
                "KubernetesVersion": profile["kubernetes"],
                "ContainerRuntime": profile["runtime"],
                "CNI": profile["cni"],
            }
            addons = None if profile["addons"] is None else dict.fromkeys(profile["addons"], True)
            config = {"Name": name, "Driver": profile["driver"], "CPUs": profile["cpus"], "Memory": profile["memory"]}
            config |= {"KubernetesConfig": kubernetes, "Addons": addons}
            first = {"Name": "", "IP": ADDRESS, "Port": 8443, "ControlPlane": True, "Worker": True}
            others = [one for one in sorted(self.state["containers"]) if re.fullmatch(rf"{name}-m\d\d", one)]
            more = [first | {"Name": one.removeprefix(f"{name}-"), "ControlPlane": False} for one in others]
            config["Nodes"] = [first, *more]
            status = "Skipped" if "--light" in self.options else "" if name not in self.state["containers"] else "OK"
            valid.append({"Name": name, "Status": status, "Config": config})
        end(0, json.dumps({"invalid": [], "valid": valid}))

    def do_image_ls(self) -> None:
        if self.profile is None:
            end(14, err=f'X Exiting due to MK_USAGE: loading profile: cluster "{self.name}" does not exist\n')
        if not self.node or self.node["state"] != "running":
            end(0, "[]\n")
        end(0, _image_list(self.node["images"]))

    def do_image_load(self) -> None:
        for ref in self.words:
            if ref not in self.state["images"]:
                sys.stderr.write(f"! The image '{ref}' was not found; unable to add it to cache.\n")
            elif self.node and self.node["state"] == "running":
                self.node["images"] = sorted({*self.node["images"], _full(ref)})

    def do_image_rm(self) -> None:
        if self.node:
            self.node["images"] = [ref for ref in self.node["images"] if ref not in map(_full, self.words)]

    def do_ssh(self) -> None:
        self._require(running=True)
        name = (self.options.get("--node") or self.options.get("-n") or [self.name])[-1]
        words = self.words[1:] if self.words[:1] == ["--"] else self.words
        inside(self.state, name, words[1:] if words[:1] == ["sudo"] else words, failure=1)

    def do_service(self) -> None:
        self._require(running=True)
        if self._parts()[2] != "Running":
            end(103, f"* The control-plane node {self.name} apiserver is not running: (state=Stopped)\n")
        namespace = (self.options.get("-n") or self.options.get("--namespace") or ["default"])[-1]
        name = f"{namespace}/{self.words[0]}"
        service = self.state["services"].get(name)
        if service is None:
            text = f"Service '{self.words[0]}' was not found in '{namespace}' namespace."
            end(115, "\n\n", f"X Exiting due to SVC_NOT_FOUND: {text}\n")
        if not service.get("nodePort"):
            warning = (
                f'! Services [{name}] have type "ClusterIP" not meant to be exposed, however for local development\n'
            )
            end(0, f"* service {name} has no node port\n", warning)
        end(0, f"http://{ADDRESS}:{service['nodePort']}\n")

    def do_ip(self) -> None:
        self._require(running=True)
        end(0, f"{ADDRESS}\n")

    def do_addons_list(self) -> None:
        self._require()
        names = ("metrics-server", "ingress")
        enabled = self.profile["addons"] or []
        status = {
            name: {"Profile": self.name, "Status": "enabled" if name in enabled else "disabled"} for name in names
        }
        end(0, json.dumps(status))

    def do_addons_enable(self) -> None:
        self._require(running=True)
        for addon in self.words:
            if addon not in ("metrics-server", "ingress", "dashboard"):
                text = f"enable failed: run callbacks: {addon} is not a valid addon"
                end(10, err=f"X Exiting due to MK_ADDON_ENABLE: {text}\n* \n{BOX}")
            if said := self._enable(addon):  # in a start it is a warning, alone a failure
                why = said.partition("error: ")[2].strip()
                end(10, err=f"X Exiting due to MK_ADDON_ENABLE: enable failed: run callbacks: {why}\n* \n{BOX}")

    def _enable(self, addon: str) -> str:
        """Enable an addon; the words of one whose image cannot be pulled, which is no failure to minikube."""
        if addon == "ingress" and not self.state["network"]:
            why = (
                "running callbacks: [waiting for app.kubernetes.io/name=ingress-nginx pods: context deadline exceeded]"
            )
            self.state["deployments"]["ingress-nginx-controller"] = 0
            return f"! Enabling 'ingress' returned an error: {why}\n"
        self.profile["addons"] = sorted({*(self.profile["addons"] or []), addon})
        name = {"ingress": "ingress-nginx-controller"}.get(addon, addon)
        self.state["deployments"][name] = int(self.state["network"])  # it counts as enabled when it cannot be pulled
        return ""

    def do_logs(self) -> None:
        end(0, "==> Audit <==\n")

    def _require(self, running: bool = False) -> None:
        if self.profile is None:
            self._not_found()
        if running and (self.node is None or self.node["state"] != "running"):
            said = f"* The control-plane node {self.name} host is not running: state=Stopped\n"
            end(83, f'{said}  To start a cluster, run: "minikube start -p {self.name}"\n')

    def _not_found(self) -> NoReturn:
        lines = [line.format(self.name) for line in SAYS_NOT_FOUND]
        if self.json:
            lines = [json.dumps(_cloud_event("info", {"message": line})) for line in lines]
        end(85, "\n".join(lines) + "\n")

    def _event(self, kind: str, message: str) -> None:
        if self.json:
            sys.stdout.write(
                json.dumps(_cloud_event(kind, {"currentstep": "0", "message": message, "totalsteps": "19"})) + "\n"
            )
        else:
            sys.stdout.write(f"* {message}\n")
        sys.stdout.flush()

    def _exit(self, code: int, name: str, text: str, err: str = "", advice: str = "") -> NoReturn:
        sys.stderr.write(err)
        if self.json:
            data = {"advice": advice, "exitcode": str(code), "issues": "", "message": text, "name": name, "url": ""}
            end(code, json.dumps(_cloud_event("error", data)) + "\n")
        end(code, err=f"X Exiting due to {name}: {text}\n")


def _cloud_event(kind: str, data: Mapping[str, str]) -> dict[str, Any]:
    source = "https://minikube.sigs.k8s.io/"
    head = {"specversion": "1.0", "id": "x", "source": source, "type": f"io.k8s.sigs.minikube.{kind}"}
    return head | {"datacontenttype": "application/json", "data": data}


def _version(text: str) -> list[int]:
    return [int(part) for part in text.lstrip("v").split(".")]


def _megabytes(text: str) -> int:
    number = int(re.match(r"\d+", text)[0])  # type: ignore[index]
    return number * 1024 if text.lower().endswith(("g", "gb")) else number


def _full(ref: str) -> str:
    return ref if "." in ref.split("/")[0] else f"docker.io/{ref}"


def _image_list(refs: list[str]) -> str:
    return json.dumps([{"id": "sha256:1", "repoDigests": [], "repoTags": [ref], "size": "1"} for ref in refs]) + "\n"


def inside(state: dict[str, Any], name: str, words: list[str], failure: int) -> None:
    """A program in a node."""
    node = state["containers"].get(name)
    if node is None:
        end(1, err=f"Error response from daemon: No such container: {name}\n")
    if node["state"] != "running":
        end(1, err=f"Error response from daemon: container {name} is not running\n")
    if words[:1] == ["ctr"] and "content" in words:
        end(0, "".join(f"{digest}\n" for digest in node.get("contents", ())))
    if words[:2] == ["crictl", "images"]:
        end(0, json.dumps({"images": [{"id": ref, "repoTags": [ref]} for ref in node["images"]]}))
    if (words[:1] == ["crictl"] and "rmi" in words) or (words[:1] == ["ctr"] and words[-2:-1] == ["rm"]):
        gone = [word for word in words if ":" in word]
        node["images"] = [ref for ref in node["images"] if ref not in gone]
        return
    if (words[:1] == ["ctr"] and words[-2:] == ["import", "-"]) or words[:2] == ["docker", "load"]:
        if state["fail"].get("silent load"):
            return
        sent = imported(node, FED[0], strict=words[:1] == ["ctr"])
        node["images"] = sorted({*node["images"], *map(_full, sent)})
        end(0, "".join(f"unpacking {_full(ref)}...done\n" for ref in sent))
    end(failure, err=f"sh: 1: {words[0] if words else ''}: not found\n")


LAYER_BYTES = 3000


def saved(refs: list[str]) -> bytes:
    """What an engine before version 25 writes: layers under numbers of its own, a base shared by all as a link."""
    import hashlib
    import io
    import tarfile

    out = io.BytesIO()
    images = []
    with tarfile.open(fileobj=out, mode="w") as archive:

        def put(name: str, data: bytes, link: str = "") -> None:
            entry = tarfile.TarInfo(name)
            entry.size = 0 if link else len(data)
            if link:
                entry.type, entry.linkname = tarfile.SYMTYPE, link
            archive.addfile(entry, io.BytesIO(data))

        for number, ref in enumerate(refs):
            own, base = f"own{number}", f"base{number}"
            put(f"{base}/layer.tar", b"B" * LAYER_BYTES, "../base0/layer.tar" if number else "")
            put(f"{own}/layer.tar", ref.encode().ljust(LAYER_BYTES, b"."))
            config = json.dumps({"image": ref}).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            put(name, config)
            images.append({"Config": name, "RepoTags": [ref], "Layers": [f"{base}/layer.tar", f"{own}/layer.tar"]})
        put("manifest.json", json.dumps(images).encode())
    return out.getvalue()


def imported(node: dict[str, Any], stream: bytes, strict: bool) -> list[str]:
    """The references in a stream that a node takes, as containerd does: every layer has to be in it or be held."""
    import hashlib
    import io
    import tarfile

    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        for member in archive:
            target = member.linkname.removeprefix("../") if member.issym() else ""
            source = archive.extractfile(member) if member.isfile() else None
            files[member.name] = files[target] if target else source.read() if source else b""
    held = set() if node.get("lost") else set(node.get("contents", ()))
    node["received"] = node.get("received", 0) + len(stream)
    node["last"] = " ".join(files)
    if "oci-layout" not in files:
        images = json.loads(files["manifest.json"])
        layers = [files[name] for image in images for name in image["Layers"]]
        node["contents"] = sorted(held | {f"sha256:{hashlib.sha256(data).hexdigest()}" for data in layers})
        return [ref for image in images for ref in image["RepoTags"]]
    come = {}
    for name, data in files.items():
        if name.startswith("blobs/sha256/"):
            digest = "sha256:" + name.removeprefix("blobs/sha256/")
            if digest != f"sha256:{hashlib.sha256(data).hexdigest()}":
                end(1, err=f"ctr: unexpected commit digest, expected {digest}: failed precondition\n")
            come[digest] = data
    entries = json.loads(files["index.json"])["manifests"]
    for entry in entries:
        for layer in json.loads(come[entry["digest"]])["layers"]:
            if layer["digest"] not in held | set(come):
                end(1, err=f"ctr: content digest {layer['digest']}: not found\n")
    node["contents"] = sorted(held | set(come))
    return [entry["annotations"]["io.containerd.image.name"] for entry in entries]


BOX = """╭──────────────────────────────────────────────────────────────────────────────────────────╮
│    * If the above advice does not help, please let us know:                              │
│      https://github.com/kubernetes/minikube/issues/new/choose                            │
╰──────────────────────────────────────────────────────────────────────────────────────────╯
"""


# kind and k3d


def kind(state: dict[str, Any], words: list[str]) -> None:
    """kind, on a machine."""
    known = {"--name": True, "--kubeconfig": True, "--wait": True, "--config": True, "--image": True, "--retain": False}
    given, rest = options(words, known, 1)
    name = given.get("--name", ["kind"])[-1]
    node = f"{name}-control-plane"
    label = "io.x-k8s.kind.cluster"
    names = {item["labels"].get(label) for item in state["containers"].values()} - {None}
    file = given["--kubeconfig"][-1] if "--kubeconfig" in given else kubeconfig_file()
    if not state["engine"]:
        end(1, err='ERROR: failed to list clusters: command "docker ps" failed with error: exit status 1\n')
    if os.environ.get("KIND_EXPERIMENTAL_PROVIDER", "docker") != "docker":  # which sees nothing of docker's containers
        err = "using podman due to KIND_EXPERIMENTAL_PROVIDER\n"
        if rest == ["get", "clusters"]:
            end(0, err=f"{err}No kind clusters found.\n")
        end(1, err=f'{err}ERROR: failed to create cluster: exec: "podman": executable file not found in $PATH\n')
    if rest == ["get", "clusters"]:
        end(0, "".join(f"{item}\n" for item in sorted(names)), "" if names else "No kind clusters found.\n")
    if rest == ["create", "cluster"]:
        if name in names:
            end(1, err=f"ERROR: failed to create cluster: node(s) already exist for a cluster with the name {name!r}\n")
        config = json.loads(FED[0]) if given.get("--config") == ["-"] else {"nodes": [{}]}
        sys.stderr.write(" ✓ Ensuring node image (kindest/node:v1.36.2) 🖼️\n ✓ Preparing nodes 📦\n")
        for number, spec in enumerate(config["nodes"]):
            one = node if number == 0 else f"{name}-worker{'' if number == 1 else number}"
            ports = {str(item["containerPort"]): str(item["hostPort"]) for item in spec.get("extraPortMappings", ())}
            image = given.get("--image", ["kindest/node:v1.36.2@sha256:0a"])[-1]
            blank = {"state": "running", "labels": {label: name}, "ports": ports, "images": [], "home": ""}
            state["containers"][one] = blank | {"image": image}
        write_kubeconfig(
            file,
            with_context(kubeconfig(file), f"kind-{name}", "https://127.0.0.1:4321")
            | {"current-context": f"kind-{name}"},
        )
        end(0, err=f'Set kubectl context to "kind-{name}"\n')
    if rest == ["delete", "cluster"]:
        state["containers"] = {
            key: item for key, item in state["containers"].items() if item["labels"].get(label) != name
        }
        end(0, err=f'Deleting cluster "{name}" ...\n')
    if rest == ["export", "kubeconfig"]:
        if name not in names:
            why = f"ERROR: could not locate any control plane nodes for cluster named '{name}'. "
            end(1, err=f"{why}Use the --name option to select a different cluster\n")
        write_kubeconfig(
            file,
            with_context(kubeconfig(file), f"kind-{name}", "https://127.0.0.1:4321")
            | {"current-context": f"kind-{name}"},
        )
        end(0, err=f'Set kubectl context to "kind-{name}"\n')
    end(1, err=f'ERROR: unknown command "{" ".join(rest)}" for "kind"\n')


K3D_FAILS = (
    "\x1b[31mERRO\x1b[0m[0001] failed Cluster Creation: failed setup of server/agent node k3d-{0}-server-0: failed to "
    "create node: runtime failed to create node 'k3d-{0}-server-0': docker failed to pull image 'rancher/k3s:v1': no "
    "such host\n\x1b[31mERRO\x1b[0m[0001] Failed to create cluster >>> Rolling Back    \n"
    "\x1b[31mERRO\x1b[0m[0001] failed to get cluster: No nodes found for given cluster \n"
    "\x1b[31mFATA\x1b[0m[0001] Cluster creation FAILED, also FAILED to rollback changes! \n"
)


def k3d(state: dict[str, Any], words: list[str]) -> None:
    """k3d, on a machine."""
    known = {
        "--output": True, "-o": True, "--wait": False, "--timeout": True, "--port": True, "--agents": True,
        "--image": True, "--kubeconfig-update-default": True, "--kubeconfig-switch-context": True, "--overwrite": False,
    }  # fmt: skip
    given, rest = options(words, known, 1)
    verb, name = rest[:2], (rest[2:] or [""])[0]
    label = "k3d.cluster"
    nodes: dict[str, dict[str, dict[str, Any]]] = {}
    for one, item in state["containers"].items():
        if label in item["labels"]:
            nodes.setdefault(item["labels"][label], {})[one] = item
    if not state["engine"]:
        end(1, err="FATA[0000] runtime failed to list nodes: docker failed to get containers\n")
    if verb == ["cluster", "list"]:
        found = []
        for cluster, some in nodes.items():
            if name in ("", cluster):
                listed = [
                    {"name": one, "State": {"Running": item["state"] == "running", "Status": item["state"]}}
                    for one, item in some.items()
                ]
                running = sum(item["State"]["Running"] for item in listed)
                found.append({"name": cluster, "nodes": listed, "serversCount": 1, "serversRunning": min(running, 1)})
        if name and not found:
            end(1, err="FATA[0000] No nodes found for given cluster\n")
        end(0, json.dumps(found) + "\n")
    if verb == ["cluster", "create"]:
        if name in nodes:
            end(
                1, err=f"FATA[0000] Failed to create cluster '{name}' because a cluster with that name already exists\n"
            )
        ports = {item.split("@")[0].split(":")[-1]: item.split(":")[-2] for item in given.get("--port", [])}
        if not state["network"] and not state["cached"]:  # and `cluster list` is empty afterwards
            state["networks"].append(f"k3d-{name}")
            state["volumes"].append(f"k3d-{name}-images")
            end(1, "\x1b[36mINFO\x1b[0m[0000] Prep: Network\n", K3D_FAILS.format(name))
        agents = int(given.get("--agents", ["0"])[-1])
        for role in ["server-0", *(f"agent-{number}" for number in range(agents)), "serverlb"]:
            blank = {"state": "running", "labels": {label: name}, "ports": ports, "images": [], "home": ""}
            image = given.get("--image", ["rancher/k3s:v1.31.5-k3s1"])[-1]
            state["containers"][f"k3d-{name}-{role}"] = blank | {"image": image}
        state["networks"].append(f"k3d-{name}")
        state["volumes"].append(f"k3d-{name}-images")
        end(0, f"INFO[0010] Cluster '{name}' created successfully!\n")
    if name not in nodes and verb == ["cluster", "delete"]:
        end(0, f"\x1b[36mINFO\x1b[0m[0000] No nodes found for cluster '{name}', nothing to delete. \n")
    if name not in nodes:
        end(1, err="\x1b[31mFATA\x1b[0m[0000] No nodes found for given cluster             \n")
    if verb == ["cluster", "start"]:
        for item in nodes[name].values():
            item["state"] = "running"
        end(0, f"INFO[0003] Started cluster '{name}'\n")
    if verb == ["cluster", "delete"]:
        for one in nodes[name]:
            del state["containers"][one]
        state["networks"].remove(f"k3d-{name}")
        state["volumes"].remove(f"k3d-{name}-images")
        end(0, f"INFO[0001] Successfully deleted cluster {name}!\n")
    if verb == ["kubeconfig", "write"]:
        file = given["--output"][-1]
        write_kubeconfig(
            file,
            with_context(kubeconfig(file), f"k3d-{name}", "https://0.0.0.0:6550") | {"current-context": f"k3d-{name}"},
        )
        end(0, f"{file}\n")
    end(1, err=f'FATA[0000] unknown command "{" ".join(rest)}"\n')


# docker


def docker(state: dict[str, Any], words: list[str]) -> None:
    """docker, on a machine."""
    if words[:2] == ["version", "--format"]:
        end(0 if state["engine"] else 1, "28.0.0\n")
    if words[:2] == ["buildx", "version"]:
        end(0, "github.com/docker/buildx v0.20.0\n")
    if not state["engine"]:
        end(1, err=NO_ENGINE)
    containers = state["containers"]
    if words[:1] == ["info"]:
        told = {
            "NCPU": state["cpus"], "MemTotal": state["memory"], "OperatingSystem": state["system"],
            "SecurityOptions": state["security"], "CgroupVersion": state["cgroup"], "ServerVersion": "28.0.0",
            "Driver": "overlay2", "RegistryConfig": {"IndexConfigs": {}},
        }  # fmt: skip
        end(0, json.dumps(told) + "\n")
    if words[:1] == ["ps"]:
        given, _ = options(words[1:], {"--all": False, "--filter": True, "--format": True}, 125)
        key, _, value = given["--filter"][-1].removeprefix("label=").partition("=")
        found = {name: item for name, item in containers.items() if item["labels"].get(key) == value}
        if "--all" not in given:
            found = {name: item for name, item in found.items() if item["state"] == "running"}
        column = {"{{.Names}}\t{{.State}}": "state", "{{.Names}}\t{{.Image}}": "image"}[given["--format"][-1]]
        end(0, "".join(f"{name}\t{item[column]}\n" for name, item in found.items()))
    if words[1:2] == ["inspect"] and words[0] in ("container", "volume", "network"):
        there = containers if words[0] == "container" else state[words[0] + "s"]
        if words[-1] in there:
            end(0, f"{words[-1]}\n")
        said = {
            "container": f"Error response from daemon: No such container: {words[-1]}\n",
            "volume": f"Error response from daemon: get {words[-1]}: no such volume\n",
            "network": f"Error response from daemon: network {words[-1]} not found\n",
        }
        end(1, "[]\n", said[words[0]])
    if words[1:2] == ["rm"] and words[0] in ("volume", "network"):
        state[words[0] + "s"].remove(words[2])
        end(0, f"{words[2]}\n")
    if words[:1] == ["port"]:
        item = containers.get(words[1])
        if item is None:
            end(1, err=f"Error response from daemon: No such container: {words[1]}\n")
        port = words[2].removesuffix("/tcp")
        if port not in item["ports"]:
            end(1, err=f"Error: No public port '{words[2]}' published for {words[1]}\n")
        end(0, f"127.0.0.1:{port}\n")
    if words[:1] in (["start"], ["unpause"], ["stop"], ["pause"]):
        item = containers.get(words[1])
        if item is None:
            end(
                1,
                err=f"Error response from daemon: No such container: {words[1]}\n",
            )
        if words[0] == "unpause" and item["state"] != "paused":
            end(1, err=f"Error response from daemon: Container {words[1]} is not paused\n")
        if words[0] == "start" and item["state"] == "paused":
            end(1, err="Error response from daemon: cannot start a paused container, try unpause instead\n")
        item["state"] = {"start": "running", "unpause": "running", "stop": "exited", "pause": "paused"}[words[0]]
        end(0, f"{words[1]}\n")
    if words[:1] == ["exec"]:
        given, rest = options(words[1:2], {"--interactive": False, "-i": False}, 125)
        rest = [*rest, *words[2:]]
        inside(state, rest[0], rest[1:], failure=127)
        return
    if words[:1] == ["save"]:
        missing = [ref for ref in words[1:] if ref not in state["images"]]
        if missing:
            end(1, err=f"Error response from daemon: reference does not exist: {missing[0]}\n")
        sys.stdout.buffer.write(saved(words[1:]))
        return
    if words[:2] == ["image", "inspect"]:
        missing = [ref for ref in words[4:] if ref not in state["images"]]
        end(int(bool(missing)), "", "".join(f"Error response from daemon: No such image: {ref}\n" for ref in missing))
    if words[:2] == ["manifest", "inspect"]:
        if not state["network"]:
            end(1, err='Get "https://registry.example.org/v2/": dial tcp: lookup registry.example.org: no such host\n')
        end(0, "{}\n") if words[-1] in state["registry"] else end(1, err=f"no such manifest: {words[-1]}\n")
    if words[:1] == ["tag"]:
        if words[1] not in state["images"]:
            end(1, err=f"Error response from daemon: No such image: {words[1]}\n")
        state["images"].append(words[2])
        return
    if words[:1] == ["push"]:
        if words[-1] not in state["images"]:
            end(1, err=f"An image does not exist locally with the tag: {words[-1]}\n")
        if not state["fail"].get("silent push"):
            state["registry"].append(words[-1])
        end(0, f"{words[-1]}\n")
    if words[:2] == ["image", "rm"]:
        for ref in words[2:]:
            if ref not in state["images"]:
                end(1, err=f"Error response from daemon: No such image: {ref}\n")
            state["images"].remove(ref)
        return
    if words[:2] == ["image", "ls"]:
        end(0, "".join(f"{ref}\n" for ref in state["images"]))
    end(125, err=f"docker: '{' '.join(words[:2])}' is not a docker command.\n")


# kubectl


def kubectl(state: dict[str, Any], words: list[str]) -> None:
    """kubectl, on a machine; what it says of objects is little."""
    if words[:1] == ["config"]:
        _kubectl_config(words[1:])
    known = {"--kubeconfig": True, "--context": True, "--namespace": True, "--output": True, "--raw": True}
    known |= {"--address": True, "--print-value-only": False, "--from-literal": True}
    known |= {f"--{name}": True for name in ("cacert", "cert", "key")}
    aimed = words.index("exec") if "exec" in words else len(words)
    given, rest = options(words[:aimed], known, 1)
    rest += words[aimed:]
    file = given["--kubeconfig"][-1] if "--kubeconfig" in given else kubeconfig_file()
    context = given["--context"][-1] if "--context" in given else kubeconfig(file)["current-context"]
    if not has_context(file, context):
        end(1, err=f'error: context "{context}" does not exist\n')
    name = context.removeprefix("kind-").removeprefix("k3d-")
    node = {f"kind-{name}": f"{name}-control-plane", f"k3d-{name}": f"k3d-{name}-server-0"}.get(context, name)
    item = state["containers"].get(node)
    if item is None or item["state"] != "running" or item.get("server") == "down":
        end(
            1, err="The connection to the server 127.0.0.1:8443 was refused - did you specify the right host or port?\n"
        )
    if given.get("--raw") == ["/readyz"]:
        end(0, "ok")
    if rest[:2] == ["get", "service"]:
        service = state["services"].get(f"{given['--namespace'][-1]}/{rest[2]}")
        if service is None:
            end(1, err=f'Error from server (NotFound): services "{rest[2]}" not found\n')
        end(0, str(service["port"]))
    if rest[:2] == ["get", "deployment"]:
        if rest[2] not in state["deployments"]:
            end(1, err=f'Error from server (NotFound): deployments.apps "{rest[2]}" not found\n')
        end(0, json.dumps({"status": {"readyReplicas": state["deployments"][rest[2]]}}))
    if rest[:2] == ["get", "pods"]:
        waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}
        pods = [name for name, ready in state["deployments"].items() if not ready]
        status = {"containerStatuses": [waiting]}
        end(0, json.dumps({"items": [{"metadata": {"name": f"{name}-1"}, "status": status} for name in pods]}))
    if rest[:2] == ["get", "nodes"]:
        end(0, ADDRESS)
    if rest[:2] in (["create", "secret"], ["delete", "secret"]):
        return
    if "exec" in rest:
        encrypted = any(some.get(name, {}).get("encrypted") for some in state["profiles"].values())
        end(0, "k8s:enc:secretbox:v1:key1:x" if encrypted else "k8s-v1-Secret in-the-clear")
    if rest[:1] == ["port-forward"]:
        _forward(rest[-1])
    end(1, err=f'error: unknown command "{" ".join(rest[:2])}" for "kubectl"\n')


def _kubectl_config(words: list[str]) -> NoReturn:
    given, rest = options(
        words, {"--kubeconfig": True, "--raw": False, "--minify": False, "--flatten": False, "--context": True}, 1
    )
    file = given["--kubeconfig"][-1] if "--kubeconfig" in given else kubeconfig_file()
    if rest[:1] == ["view"]:
        merged: dict[str, Any] = {"clusters": [], "users": [], "contexts": []}
        for name in os.environ.get("KUBECONFIG", "").split(os.pathsep):
            for key, found in merged.items():
                have = {item["name"] for item in found}
                found += [item for item in kubeconfig(name)[key] if item["name"] not in have]
        end(0, json.dumps(merged | {"current-context": given["--context"][-1]}))
    if rest[:2] == ["set", "current-context"]:
        write_kubeconfig(file, kubeconfig(file) | {"current-context": rest[2]})
        end(0, 'Property "current-context" set.\n')
    if rest == ["unset", "current-context"]:
        write_kubeconfig(file, kubeconfig(file) | {"current-context": ""})
        end(0, 'Property "current-context" unset.\n')
    end(1, err=f"error: unknown config command {rest}\n")


def _forward(ports: str) -> NoReturn:
    """Listen as kubectl does, until killed."""
    import socket

    local, _, remote = ports.partition(":")
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", int(local or 0)))
        except OSError:
            end(
                1,
                err=f"Unable to listen on port {local}: Listeners failed to create: [address already in use]\n",
            )
        server.listen()
        sys.stdout.write(f"Forwarding from 127.0.0.1:{server.getsockname()[1]} -> {remote}\n")
        sys.stdout.flush()
        release()
        while True:
            time.sleep(3600)


_OPEN: list[Opened] = []
FED: list[bytes] = []


def release() -> None:
    """Let go of the machine, for a program that stays."""
    _OPEN.pop().close()


def main(argv: list[str]) -> None:
    """Be a program: its name, the machine's folder, and its arguments."""
    program, folder, words = argv[1], argv[2], argv[3:]
    with open(f"{folder}/calls", "a") as calls:
        calls.write(f"{[program, *words]!r}\n")
    if "-" in words or words[-2:] == ["docker", "load"]:  # read before the machine is held: who writes needs it too
        FED.append(sys.stdin.buffer.read())
    held = Opened(folder)
    state = held.state
    _OPEN.append(held)
    try:
        plain = [word for word in words if not word.startswith("-")]
        for command, (code, out, err) in state["fail"].items():
            name, *verb = command.split()
            starts = range(len(plain) - len(verb) + 1)
            if name == program and any(plain[start : start + len(verb)] == verb for start in starts):
                end(code, out, err)
        if program == "minikube":
            Minikube(state, words).run()
        else:
            {"kind": kind, "k3d": k3d, "docker": docker, "kubectl": kubectl}[program](state, words)
    finally:
        if _OPEN:
            release()
