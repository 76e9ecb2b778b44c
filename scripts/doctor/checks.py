"""Whether this machine has what a run needs: facts are gathered side by side, then judged without asking anybody.

facts = gather(settings, shell)
rows = judge(facts)
print(render(rows))
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scripts import clusters
from scripts.errors import UserError
from scripts.host import toolchain
from scripts.host.shell import Shell
from scripts.host.toolchain import TOOLS, parse_version
from scripts.images import docker
from scripts.kube.kubectl import Kubectl
from scripts.settings.model import Settings
from scripts.settings.values import FRONTEND_PORT as NODE_PORT

if TYPE_CHECKING:
    from scripts.context.session import Session

Verdict = Literal["ok", "warn", "fail", "skip"]
SCHEMA = 1  # of the JSON; a change of meaning raises it
SIGNS: Mapping[Verdict, str] = {"ok": "+", "warn": "~", "fail": "!", "skip": "-"}

GIB = 2**30
NET_SECONDS = 3.0  # that a registry has to answer
ASK_SECONDS = 8.0  # that a local program has to answer
OLDEST_PYTHON = (3, 11)
OLDEST_ENGINE = (20, 10)
GOOD_DRIVERS = ("overlay2", "overlayfs", "overlay", "btrfs", "zfs", "stargz", "fuse-overlayfs")
# Memory in GiB and cores, less than which is too little, and enough, by target.
NEEDS = {"embedded": (2, 4, 1, 2), "context": (1, 2, 1, 2), "": (4, 8, 2, 4)}
DISK_FAIL, DISK_WARN = 4, 12  # GiB free where the engine keeps its images
REGISTRIES = {
    "Docker Hub": "https://registry-1.docker.io/v2/",
    "Python packages": "https://pypi.org/simple/pip/",
    "Node packages": "https://registry.npmjs.org/npm",
    "Debian packages": "http://deb.debian.org/debian/dists/stable/InRelease",
}
WITHOUT = {
    "Docker Hub": "base images that are missing are bootstrapped from Debian's packages instead",
    "Python packages": "images of changed Python services cannot be built",
    "Node packages": "the frontend's image cannot be built when its packages change",
    "Debian packages": "base images cannot be bootstrapped, and no system package installed",
}
AI_TOOLS = {
    "kubectl-ai": "https://github.com/GoogleCloudPlatform/kubectl-ai",
    "kagent": "https://kagent.dev",
    "k8sgpt": "https://k8sgpt.ai",
}


@dataclass(frozen=True)
class Client:
    """A docker client on PATH."""

    path: str
    version: str
    buildkit: bool


@dataclass(frozen=True)
class Facts:
    """What was found. Sizes are bytes; an empty text or None means that there is none, or that nobody could tell."""

    target: str = "embedded"
    python: tuple[int, int] = OLDEST_PYTHON
    system: str = "Linux"
    machine: str = "x86_64"
    root: bool = True
    apt: bool = True
    clients: tuple[Client, ...] = ()
    engine: Mapping[str, Any] = field(default_factory=dict)
    engine_error: str = ""
    disk_path: str = "/"
    disk_free: int | None = None
    memory: int | None = None
    cores: int = 1
    port_open: bool = False
    port_ours: bool = False
    port_holder: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)
    minikube: str = ""
    cluster: Mapping[str, str] = field(default_factory=dict)
    cluster_error: str = ""
    server: str = ""
    metrics: bool = False
    ingress: bool = False
    ai: Mapping[str, str] = field(default_factory=dict)
    gordon: bool = False
    registries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the table. `fix` names the safe repair that `--fix` would do, if there is one."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""
    fix: str = ""


def judge(facts: Facts) -> list[Row]:
    """The verdict on everything."""
    return [
        _python(facts),
        *_rights(facts),
        *_engine(facts),
        _disk(facts),
        *_machine(facts),
        *_tools(facts),
        _minikube(facts),
        *_cluster(facts),
        _port(facts),
        *_registries(facts),
        *_ai(facts),
    ]


def exit_code(rows: Sequence[Row]) -> int:
    """0 if nothing keeps a run from succeeding, else 1."""
    return int(any(row.verdict == "fail" for row in rows))


def fixable(rows: Sequence[Row]) -> list[str]:
    """The repairs that `--fix` does, in the order to do them."""
    wanted = {row.fix for row in rows if row.fix}
    return [name for name in ("tools", "engine", "cluster") if name in wanted]


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """The table for programs."""
    return {
        "schema": SCHEMA,
        "ok": exit_code(rows) == 0,
        "fixable": fixable(rows),
        "checks": [asdict(row) for row in rows],
    }


def render(rows: Sequence[Row]) -> str:
    """The table for people: a line a check, with the remedy below what is not well, and a summary."""
    width = max(len(row.name) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{SIGNS[row.verdict]} {row.name.ljust(width)}  {row.verdict.ljust(4)}  {row.detail}")
        if row.remedy:
            lines.append(f"  {' ' * width}        -> {row.remedy}")
    count = {verdict: sum(row.verdict == verdict for row in rows) for verdict in SIGNS}
    fixes = fixable(rows)
    lines += ["", ", ".join(f"{number} {verdict}" for verdict, number in count.items() if number)]
    if fixes:
        lines.append(f"--fix can mend: {', '.join(fixes)}")
    return "\n".join(lines)


def mend(session: Session, rows: Sequence[Row]) -> list[str]:
    """Do the safe repairs: fetch tools, start the engine, start the cluster. Nothing is removed. Returns what was done.

    Raises UserError where a repair fails.
    """
    from scripts.images import engine

    repairs: dict[str, Callable[[], str]] = {
        "tools": lambda: ", ".join(map(str, session.tools.values())),
        "engine": lambda: str(engine.ensure(session.shell, may_install=True, say=session.say).binary),
        "cluster": lambda: session.cluster.up().detail,
    }
    return [f"{name}: {repairs[name]()}" for name in fixable(rows)]


def _python(facts: Facts) -> Row:
    text = ".".join(map(str, facts.python))
    if facts.python < OLDEST_PYTHON:
        return Row("python", "fail", text, f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer")
    return Row("python", "ok", text)


def _rights(facts: Facts) -> list[Row]:
    here = f"{facts.system}/{facts.machine}"
    if facts.target != "embedded":
        return [Row("system", "ok", here)]
    if facts.system != "Linux":
        return [Row("system", "fail", f"{here}: the embedded cluster needs Linux", "install minikube, then use that")]
    if not facts.root:
        return [
            Row("system", "fail", f"{here}, not root: the embedded cluster needs it", "run as root, or use minikube")
        ]
    return [Row("system", "ok", f"{here}, root")]


def _engine(facts: Facts) -> list[Row]:
    installable = facts.root and facts.apt
    fit = [client for client in facts.clients if client.buildkit]
    if not facts.clients:
        missing: Verdict = "warn" if installable else "fail"
        how = "the pipeline installs docker.io" if installable else "install Docker Engine, or Docker Desktop"
        return [Row("engine", missing, "no docker client on PATH", how, "engine" if installable else "")]
    rows = []
    version = str(facts.engine.get("ServerVersion") or "")
    number = parse_version(version)
    if not version:
        start = "start it: sudo systemctl start docker, or Docker Desktop"
        able = facts.root and facts.system == "Linux"
        said = facts.engine_error or "does not answer"
        rows.append(Row("engine", "warn" if able else "fail", said, start, "engine" if able else ""))
    elif number and number < OLDEST_ENGINE:
        rows.append(Row("engine", "fail", f"Docker {version}", "install Docker 20.10 or newer"))
    else:
        rows.append(Row("engine", "ok", f"Docker {version}"))
    if fit:
        rows.append(Row("buildkit", "ok", f"{fit[0].path} {fit[0].version}"))
    else:
        names = ", ".join(client.path for client in facts.clients)
        rows.append(
            Row("buildkit", "fail", f"none of {names} can use it", "install docker-buildx, or Docker 20.10 to 22")
        )
    driver = str(facts.engine.get("Driver") or "")
    if not driver:
        rows.append(Row("storage driver", "skip", "the engine does not answer"))
    elif driver in GOOD_DRIVERS or "overlay" in driver:
        rows.append(Row("storage driver", "ok", driver))
    else:
        advice = "set overlay2 in /etc/docker/daemon.json: this one is slow, and copies every layer whole"
        rows.append(Row("storage driver", "warn", driver, advice))
    return rows


def _disk(facts: Facts) -> Row:
    if facts.disk_free is None:
        return Row("disk", "skip", f"{facts.disk_path} cannot be read")
    free = facts.disk_free / GIB
    detail = f"{free:.1f} GiB free in {facts.disk_path}"
    advice = "free some: docker builder prune, docker image prune"
    if free < DISK_FAIL:
        return Row("disk", "fail", detail, advice)
    return Row("disk", "warn", detail, advice) if free < DISK_WARN else Row("disk", "ok", detail)


def _machine(facts: Facts) -> list[Row]:
    least, enough, few, many = NEEDS.get(facts.target, NEEDS[""])
    rows = []
    if facts.memory is None:
        rows.append(Row("memory", "skip", "unknown"))
    else:
        have = facts.memory / GIB
        verdict: Verdict = "fail" if have < least else "warn" if have < enough else "ok"
        advice = f"give the machine {enough} GiB, or lower the limits in the values" if verdict != "ok" else ""
        rows.append(Row("memory", verdict, f"{have:.1f} GiB", advice))
    cores: Verdict = "fail" if facts.cores < few else "warn" if facts.cores < many else "ok"
    rows.append(Row("cores", cores, str(facts.cores), f"{many} cores are better" if cores != "ok" else ""))
    return rows


def _tools(facts: Facts) -> list[Row]:
    rows = []
    fetched = facts.system == "Linux" and facts.machine == "x86_64"
    for tool in TOOLS:
        text = facts.tools.get(tool.name, "")
        version = parse_version(text)
        least = ".".join(map(str, tool.minimum))
        how = "the pipeline fetches it" if fetched else f"install {tool.name} {least} or newer on PATH"
        lacking: Verdict = "warn" if fetched else "fail"
        if not text:
            rows.append(Row(tool.name, lacking, "not installed", how, "tools" if fetched else ""))
        elif version is None or version < tool.minimum:
            rows.append(Row(tool.name, lacking, f"{text} is too old", how, "tools" if fetched else ""))
        else:
            rows.append(Row(tool.name, "ok", text))
    return rows


def _minikube(facts: Facts) -> Row:
    if facts.minikube:
        return Row("minikube", "ok", facts.minikube)
    if facts.target == "minikube":
        return Row("minikube", "fail", "not installed", f"see {clusters.GUIDES['minikube']}, or use --target embedded")
    return Row("minikube", "skip", f"not installed; the target is {facts.target}")


def _cluster(facts: Facts) -> list[Row]:
    state = facts.cluster.get("state", "")
    name = facts.cluster.get("name", "")
    if facts.cluster_error:
        return [Row("cluster", "fail", facts.cluster_error, "correct config/pipeline.yaml, or choose another --target")]
    if not facts.server:
        detail = f"{facts.target} {name}: {state or 'does not answer'}"
        if facts.target == "context":
            return [Row("cluster", "fail", detail, "see: kubectl config get-contexts")]
        return [Row("cluster", "warn", detail, "the pipeline starts it, as does invoke cluster.up", "cluster")]
    rows = [Row("cluster", "ok", f"{facts.target} {name}: Kubernetes {facts.server}")]
    enable = "minikube addons enable {}" if facts.target == "minikube" else "install {} into the cluster"
    if facts.metrics:
        rows.append(Row("metrics", "ok", "the metrics API answers"))
    else:
        advice = enable.format("metrics-server")
        rows.append(Row("metrics", "warn", "no metrics API: no autoscaling, no kubectl top", advice))
    if facts.ingress:
        rows.append(Row("ingress", "ok", "there is an IngressClass"))
    else:
        rows.append(Row("ingress", "skip", "no IngressClass; the app is reached by its node port"))
    return rows


def _port(facts: Facts) -> Row:
    name = f"port {NODE_PORT}"
    if not facts.port_open:
        return Row(name, "ok", "free")
    if facts.port_ours:
        return Row(name, "ok", "answers, for the app")
    holder = facts.port_holder or "another program"
    return Row(name, "fail", f"taken by {holder}", f"stop it (ss -ltnp 'sport = :{NODE_PORT}'), or free the port")


def _registries(facts: Facts) -> list[Row]:
    rows = []
    for name, problem in facts.registries.items():
        if problem:
            advice = f"{WITHOUT.get(name, 'what is pushed there cannot be pulled')}; look at network and proxy settings"
            rows.append(Row(name, "warn", problem, advice))
        else:
            rows.append(Row(name, "ok", "answers"))
    return rows


def _ai(facts: Facts) -> list[Row]:
    rows = [
        Row(name, "ok", facts.ai[name]) if facts.ai.get(name) else Row(name, "skip", f"not installed (optional): {url}")
        for name, url in AI_TOOLS.items()
    ]
    gordon = "docker ai answers" if facts.gordon else "not there (optional): part of Docker Desktop"
    return [*rows, Row("gordon", "ok" if facts.gordon else "skip", gordon)]


def gather(settings: Settings, shell: Shell, target: str = "") -> Facts:
    """Ask everything at once. Nothing is changed, fetched or started."""
    facts = Facts(
        python=(sys.version_info.major, sys.version_info.minor),
        system=platform.system(),
        machine=platform.machine(),
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        apt=bool(shutil.which("apt-get")),
        memory=_memory(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        port_open=_listens(NODE_PORT),
    )
    registries = _Reachable(REGISTRIES | _own_registry(settings))
    with ThreadPoolExecutor(max_workers=16) as pool:
        engine = pool.submit(_ask_engine, shell)
        tools = {tool.name: pool.submit(_ask_tool, shell, tool, settings.root) for tool in TOOLS}
        minikube = pool.submit(_version, shell, "minikube", "version", "--short")
        ai = {name: pool.submit(_version, shell, name, "version") for name in AI_TOOLS}
        gordon = pool.submit(_gordon, shell)
        cluster = pool.submit(_ask_cluster, settings, shell, target)
        holder = pool.submit(_holder, shell) if facts.port_open else None
    found = replace(
        facts,
        tools={name: job.result() for name, job in tools.items()},
        minikube=minikube.result(),
        ai={name: job.result() for name, job in ai.items()},
        gordon=gordon.result(),
        port_holder=holder.result() if holder else "",
        registries=registries.result(),
        **engine.result(),
        **cluster.result(),
    )
    path = Path(str(found.engine.get("DockerRootDir") or settings.root))
    return replace(found, disk_path=str(path), disk_free=_free(path))


def _ask_engine(shell: Shell) -> dict[str, Any]:
    found = [
        Client(str(path), _version(shell, str(path), "version", "--format", "{{.Client.Version}}"), buildkit)
        for path in docker.find_clients()
        for buildkit in [docker.has_buildkit(shell, path)]
    ]
    best = next((client for client in found if client.buildkit), next(iter(found), None))
    if best is None:
        return {"clients": ()}
    answer = shell.probe([best.path, "info", "--format", "{{json .}}"], timeout=ASK_SECONDS)
    engine = _json(answer.out)
    said = answer.err.strip() or " ".join(engine.get("ServerErrors") or ())
    return {"clients": tuple(found), "engine": engine, "engine_error": said.splitlines()[0] if said else ""}


def _ask_tool(shell: Shell, tool: toolchain.Tool, root: Path) -> str:
    pinned = root / ".tools" / tool.name
    path = str(pinned) if pinned.is_file() else shutil.which(tool.name)
    if not path:
        return ""
    match = re.search(
        r"v?\d+\.\d+\.\d+\S*?(?=[\"\s]|$)", shell.probe([path, *tool.version_arguments], timeout=ASK_SECONDS).out
    )
    return match[0] if match else "an unknown version"


def _version(shell: Shell, program: str, *words: str) -> str:
    if not shutil.which(program):
        return ""
    answer = shell.probe([program, *words], timeout=ASK_SECONDS)
    return (answer.out.strip() or answer.err.strip() or "installed").splitlines()[0][:60]


def _gordon(shell: Shell) -> bool:
    return bool(shutil.which("docker")) and bool(shell.probe(["docker", "ai", "version"], timeout=ASK_SECONDS))


def _ask_cluster(settings: Settings, shell: Shell, target: str) -> dict[str, Any]:
    wanted = target or settings.target
    try:
        chosen = clusters.choose(wanted, clusters.force_root(settings))
        pinned = settings.root / ".tools" / "kubectl"
        binary = pinned if pinned.is_file() else Path(shutil.which("kubectl") or "kubectl")
        cluster = clusters.select(settings, shell, binary, chosen)
        status = dict(cluster.status())
    except UserError as error:
        return {"target": wanted, "cluster_error": str(error).splitlines()[0]}
    known = {"target": chosen, "cluster": status}
    if not cluster.kubeconfig.is_file():
        return known
    kubectl = Kubectl(binary, cluster.kubeconfig, cluster.context, shell)
    version = _json(kubectl.ask("get", "--raw", "/version", timeout=ASK_SECONDS).out).get("gitVersion", "")
    if not version:
        return known
    name = settings.page.address if settings.page else ""
    words = ("get", "service", name, "--namespace", settings.release.namespace, "--output", "json")
    ports = _json(kubectl.ask(*words, timeout=ASK_SECONDS).out).get("spec", {}).get("ports") or ()
    classes = _json(kubectl.ask("get", "ingressclasses", "--output", "json", timeout=ASK_SECONDS).out)
    return known | {
        "server": version,
        "metrics": bool(kubectl.ask("get", "--raw", "/apis/metrics.k8s.io/v1beta1", timeout=ASK_SECONDS)),
        "ingress": bool(classes.get("items")),
        "port_ours": any(port.get("nodePort") == NODE_PORT for port in ports),
    }


def _own_registry(settings: Settings) -> dict[str, str]:
    host = settings.registry.split("/")[0]
    return {f"registry {host}": f"https://{host}/v2/"} if host else {}


class _Reachable:
    """Whether addresses answer, each asked by a thread of its own, so that one that hangs holds up nothing."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._problems = dict.fromkeys(addresses, f"no answer within {NET_SECONDS:g} s")
        self._threads = [
            threading.Thread(target=self._ask, args=(name, url), daemon=True) for name, url in addresses.items()
        ]
        for thread in self._threads:
            thread.start()

    def result(self) -> dict[str, str]:
        """Name → what is wrong, or nothing."""
        for thread in self._threads:
            thread.join(NET_SECONDS + 0.5)
        return dict(self._problems)

    def _ask(self, name: str, url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=NET_SECONDS):  # noqa: S310 an address from this file or the settings
                self._problems[name] = ""
        except urllib.error.HTTPError:
            self._problems[name] = ""  # whoever refuses is there
        except (urllib.error.URLError, OSError, ValueError) as error:
            self._problems[name] = f"cannot be reached: {getattr(error, 'reason', error)}"


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _holder(shell: Shell) -> str:
    answer = shell.probe(["ss", "-ltnpH", f"sport = :{NODE_PORT}"], timeout=ASK_SECONDS)
    match = re.search(r'\(\("([^"]+)",pid=(\d+)', answer.out)
    return f"{match[1]} (process {match[2]})" if match else ""


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _free(path: Path) -> int | None:
    for folder in (path, *path.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
