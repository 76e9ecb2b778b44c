"""Check whether this machine has what a run needs, by facts, without asking anybody.

rows = run_checks(gather(settings, shell))
print(render(rows))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Literal

from scripts import clusters
from scripts.clusters import machine, privileged
from scripts.doctor.facts import AI_TOOLS, OLDEST_PYTHON, PLAIN, Facts
from scripts.errors import UserError
from scripts.host.parsing import from_url
from scripts.host.toolchain import TOOLS, parse_version
from scripts.images import docker

if TYPE_CHECKING:
    from scripts.context.session import Session

Verdict = Literal["ok", "warn", "fail", "skip"]
SCHEMA = 1  # of the JSON; a change of meaning raises it
MARKS: Mapping[Verdict, str] = {"ok": "+", "warn": "~", "fail": "!", "skip": "-"}

GIB = 2**30
OLDEST_ENGINE = (20, 10)
GOOD_DRIVERS = ("overlay2", "overlayfs", "overlay", "btrfs", "zfs", "stargz", "fuse-overlayfs")
# Memory in GiB and cores, less than which is too little, and enough, by target. What minikube asks for is judged apart.
NEEDS = {"embedded": (2, 4, 1, 2), "context": (1, 2, 1, 2), "": (2, 6, 2, 4)}
REQUIRED = ("python", "system", "engine", "buildkit", "memory", "start")  # checks without which no run succeeds
ON_THIS_MACHINE = ("embedded", "kind", "k3d")  # targets whose node port is a port of this machine
LOOPBACK = ("127.0.0.0/8", "::1/128")
DISK_FAIL, DISK_WARN = 4, 12  # GiB free where the engine keeps its images
UNREACHABLE_EFFECTS = {
    "Docker Hub": "base images that are missing are bootstrapped from Debian's packages instead",
    "Python packages": "images of changed Python services cannot be built",
    "Node packages": "images of changed Node services cannot be built",
    "Debian packages": "base images cannot be bootstrapped, and no system package installed",
}


@dataclass(frozen=True)
class Row:
    """One line of the table. `fix` names the safe repair that `--fix` would do, if there is one."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""
    fix: str = ""


def run_checks(facts: Facts) -> list[Row]:
    """Return the verdict on everything."""
    rows = [
        _python(facts),
        *_rights(facts),
        *_engine(facts),
        _disk(facts),
        *_machine(facts),
        *_start(facts),
        *_tools(facts),
        _program(facts),
        *_cluster(facts),
        _secrets(facts),
        *(Row("settings", "warn", *line.rsplit(": ", 1)) for line in facts.idle),
        _port(facts),
        *_registries(facts),
        *_ai(facts),
    ]
    return [replace(row, detail=_safe(row.detail), remedy=_safe(row.remedy)) for row in rows]


def _safe(words: str) -> str:
    """Return what is told without the credentials of the addresses in it."""
    if "://" not in words:
        return words
    from scripts.secrets.redact import redact  # a run that asks for some of these rows seldom needs it

    return redact(words)[0]


def blocking(rows: Sequence[Row]) -> list[str]:
    """Return what keeps a run from succeeding for certain, a line each with its remedy."""
    bad = [row for row in rows if row.verdict == "fail" and row.name in REQUIRED]
    return [f"{row.name}: {row.detail}: {row.remedy}" for row in bad]


def run_local_checks(facts: Facts) -> list[Row]:
    """Return the verdict on what `local_facts` saw."""
    return [_python(facts), *_rights(facts), *_engine(facts), _disk(facts), *_machine(facts), *_start(facts)]


def exit_code(rows: Sequence[Row]) -> int:
    """Return 0 if nothing keeps a run from succeeding, else 1."""
    return int(any(row.verdict == "fail" for row in rows))


def fixable(rows: Sequence[Row]) -> list[str]:
    """Return the repairs that `--fix` does, in the order to do them."""
    wanted = {row.fix for row in rows if row.fix}
    return [name for name in ("tools", "engine", "cluster") if name in wanted]


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the table for programs."""
    return {
        "schema": SCHEMA,
        "ok": exit_code(rows) == 0,
        "fixable": fixable(rows),
        "checks": [asdict(row) for row in rows],
    }


def render(rows: Sequence[Row]) -> str:
    """Return the table for people: a line a check, with the remedy below what is not well, and a summary."""
    width = max(len(row.name) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{MARKS[row.verdict]} {row.name.ljust(width)}  {row.verdict.ljust(4)}  {row.detail}")
        if row.remedy:
            lines.append(f"  {' ' * width}        -> {row.remedy}")
    count = {verdict: sum(row.verdict == verdict for row in rows) for verdict in MARKS}
    fixes = fixable(rows)
    lines += ["", ", ".join(f"{number} {verdict}" for verdict, number in count.items() if number)]
    if fixes:
        lines.append(f"--fix can mend: {', '.join(fixes)}")
    return "\n".join(lines)


def repair(session: Session, rows: Sequence[Row]) -> list[str]:
    """Make safe repairs: fetch tools, start the engine, start the cluster. Nothing is removed. Returns what was done.

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
        how = "install minikube (invoke install --target minikube), then use that"
        return [Row("system", "fail", f"{here}: the embedded cluster needs Linux", how)]
    who = f"{here}, root" if facts.root else f"{here}, not root"
    if not facts.root and not facts.engine.get("ServerVersion"):  # which gives the cluster its rights
        how = f"{docker.how_to_reach(facts.engine_error)}; or run as root"
        return [Row("system", "fail", f"{who}: the embedded cluster needs an engine that you may use", how)]
    try:
        privileged.check(machine.read(facts.engine, facts.root))
    except UserError as problem:
        return [Row("system", "fail", f"{who}: {problem}", problem.hint)]
    return [Row("system", "ok", who if facts.root else f"{who}: the embedded cluster runs in one privileged container")]


def _engine(facts: Facts) -> list[Row]:
    installable = facts.root and facts.apt and facts.may_install
    missing: Verdict = "warn" if installable else "fail"  # of a client that can build: the pipeline brings one
    brought, fix = ("the pipeline installs docker.io", "engine") if installable else ("", "")
    fit = [client for client in facts.clients if client.buildkit]
    if not facts.clients:
        how = brought or "install Docker Engine, or Docker Desktop"
        return [Row("engine", missing, "no docker client on PATH", how, fix)]
    rows = []
    version = str(facts.engine.get("ServerVersion") or "")
    number = parse_version(version)
    if not version:
        place, otherwise = facts.engine_place
        said = facts.engine_error or "does not answer"
        start = f"start the engine at {place}, or {otherwise}" if place else docker.how_to_reach(said)
        if brought and not fit and not place:
            start = brought
        able = facts.root and facts.system == "Linux" and not place
        rows.append(Row("engine", "warn" if able else "fail", said, start, "engine" if able else ""))
    elif number and number < OLDEST_ENGINE:
        rows.append(Row("engine", "fail", f"Docker {version}", "install Docker 20.10 or newer"))
    else:
        rows.append(Row("engine", "ok", f"Docker {version}"))
    if fit:
        rows.append(Row("buildkit", "ok", f"{fit[0].path} {fit[0].version}"))
    else:
        names = ", ".join(client.path for client in facts.clients)
        how = brought or "install docker-buildx, or Docker 20.10 to 22"
        rows.append(Row("buildkit", missing, f"none of {names} can use it", how, fix))
    driver = str(facts.engine.get("Driver") or "")
    if not driver:
        rows.append(Row("storage driver", "skip", "the engine does not answer"))
    elif driver in GOOD_DRIVERS or "overlay" in driver:
        rows.append(Row("storage driver", "ok", driver))
    else:
        advice = "set overlay2 in /etc/docker/daemon.json: this one is slow, and copies every layer whole"
        rows.append(Row("storage driver", "warn", driver, advice))
    return [*rows, *_packets(facts)]


def _packets(facts: Facts) -> list[Row]:
    """Tell of containers whose packets are too large for this machine's way outward."""
    if facts.containers_mtu is None:
        return []
    if facts.containers_mtu <= facts.mtu:
        return [Row("packets", "ok", f"of {facts.containers_mtu} bytes from containers")]
    told = f"of {facts.containers_mtu} bytes from containers, {facts.mtu} from here: downloads in them stand still"
    return [Row("packets", "warn", told, f'set "mtu": {facts.mtu} in /etc/docker/daemon.json, restart the engine')]


def _disk(facts: Facts) -> Row:
    if facts.disk_free is None:
        return Row("disk", "skip", f"{facts.disk_path} is not of this machine, or cannot be read")
    free = facts.disk_free / GIB
    detail = f"{free:.1f} GiB free in {facts.disk_path}"
    advice = "free some: docker builder prune, docker image prune"
    if free < DISK_FAIL:
        return Row("disk", "fail", detail, advice)
    return Row("disk", "warn", detail, advice) if free < DISK_WARN else Row("disk", "ok", detail)


def _machine(facts: Facts) -> list[Row]:
    least, enough, few, many = NEEDS.get(facts.target, NEEDS[""])
    rows = [_memory(facts, least, enough)]
    cores: Verdict = "fail" if facts.cores < few else "warn" if facts.cores < many else "ok"
    rows.append(Row("cores", cores, str(facts.cores), f"{many} cores are better" if cores != "ok" else ""))
    return rows


def _memory(facts: Facts, least: int, enough: int) -> Row:
    """Return what there is for pods: the machine's memory, or the limit of the container that this runs in.

    Nodes that are containers of an engine may be outside of that container: there its limit keeps no run back.
    """
    if facts.memory is None:
        return Row("memory", "skip", "unknown")
    limited = facts.memory_limit is not None and facts.memory_limit < facts.memory
    whole = facts.memory / GIB
    have = (facts.memory_limit or 0) / GIB if limited else whole
    certain = not limited or facts.target in ("embedded", "context") or whole < least
    verdict: Verdict = "ok" if have >= enough else "fail" if have < least and certain else "warn"
    reason = f" of {whole:.1f}, by the limit of the container that this runs in" if limited else ""
    what = "the container" if limited else "the machine"
    advice = f"give {what} {enough} GiB, or lower the limits in the values"
    return Row("memory", verdict, f"{have:.1f} GiB{reason}", "" if verdict == "ok" else advice)


def _start(facts: Facts) -> list[Row]:
    """Return whether the start of a cluster that does not run would be refused, by the very limits that
    the start has.
    """
    if facts.target not in clusters.GUIDES or not facts.program:
        return []
    if facts.cluster.get("state") == "running":
        return [Row("start", "skip", "the cluster runs")]
    if facts.objections:
        return [Row("start", "fail", f"{item.text} ({item.code})", item.remedy) for item in facts.objections]
    return [Row("start", "ok", facts.node)] if facts.target == "minikube" else []


def _tools(facts: Facts) -> list[Row]:
    rows = []
    fetched = facts.system == "Linux" and facts.machine == "x86_64"
    for tool in TOOLS:
        text = facts.tools.get(tool.name, "")
        version = parse_version(text)
        least = ".".join(map(str, tool.minimum))
        how = "the pipeline fetches it" if fetched else f"install {tool.name} {least} or newer on PATH"
        lacking: Verdict = "warn" if fetched else "fail"
        if version and version >= tool.minimum:
            rows.append(Row(tool.name, "ok", text))
            continue
        wrong = f"{text} is too old" if version else f"{text}: no version that can be read" if text else "not installed"
        rows.append(Row(tool.name, lacking, wrong, how, "tools" if fetched else ""))
    return rows


def _program(facts: Facts) -> Row:
    """Return the program that makes the cluster, where the target has one."""
    name = facts.target if facts.target in clusters.GUIDES else "minikube"
    if facts.program:
        return Row(name, "ok", facts.program)
    if facts.target == name:
        how = f"invoke install --target {name}, or see {clusters.GUIDES[name]}, or use --target embedded"
        return Row(name, "fail", "not installed", how)
    return Row(name, "skip", f"not installed; the target is {facts.target}")


def _cluster(facts: Facts) -> list[Row]:
    state = facts.cluster.get("state", "")
    name = facts.cluster.get("name", "")
    if facts.cluster_error:
        remedy = facts.cluster_remedy or "correct config/pipeline.yaml, or choose another --target"
        return [Row("cluster", "fail", facts.cluster_error, remedy)]
    if not facts.server:
        why = f" ({facts.cluster['why']})" if facts.cluster.get("why") else ""
        detail = f"{facts.target} {name}: {state or 'does not answer'}{why}"
        if facts.target == "context":
            return [Row("cluster", "fail", detail, "see: kubectl config get-contexts")]
        if state == "unknown":
            return [Row("cluster", "fail", detail, f"see: invoke cluster.status --target {facts.target}")]
        return [Row("cluster", "warn", detail, "the pipeline starts it, as does invoke cluster.up", "cluster")]
    rows = [Row("cluster", "ok", f"{facts.target} {name}: Kubernetes {facts.server}")]
    profile = f" -p {name}" if name else ""
    enable = f"minikube{profile} addons enable {{}}" if facts.target == "minikube" else "install {} into the cluster"
    if facts.metrics is None:
        rows.append(Row("metrics", "skip", f"whether there is a metrics API is not told: {facts.metrics_why}"))
    elif facts.metrics:
        rows.append(Row("metrics", "ok", "the metrics API answers"))
    else:
        advice = enable.format("metrics-server")
        rows.append(Row("metrics", "warn", "no metrics API: no autoscaling, no kubectl top", advice))
    if facts.ingress:
        rows.append(Row("ingress", "ok", "there is an IngressClass, and its controller is ready"))
    elif facts.ingress_why:
        rows.append(Row("ingress", "warn", facts.ingress_why, "see: kubectl get pods --all-namespaces"))
    else:
        rows.append(Row("ingress", "skip", "no IngressClass; the app is reached by its node port"))
    return rows


def _secrets(facts: Facts) -> Row:
    """Return whether a run takes the values that are given here for the app's Secrets."""
    problem, remedy = facts.secrets_problem
    if problem:
        return Row("secrets", "fail", "; ".join(problem.splitlines()), remedy)
    return Row("secrets", "ok", "every value has a source, and is one that a run takes")


def _port(facts: Facts) -> Row:
    name = f"port {facts.port}"
    if facts.target not in ON_THIS_MACHINE and not facts.node_hidden:
        return Row(name, "skip", "the node port is one of the node's, not of this machine")
    if not facts.port_open:
        return Row(name, "ok", "free")
    if facts.port_ours:
        return Row(name, "ok", "answers, for the app")
    if facts.port_ours is None:
        return Row(name, "skip", "answers; whether for the app, the cluster does not tell")
    holder = facts.port_holder or "another program"
    return Row(name, "fail", f"taken by {holder}", f"stop it (ss -ltnp 'sport = :{facts.port}'), or free the port")


def _registries(facts: Facts) -> list[Row]:
    rows = []
    for name, problem in facts.registries.items():
        if problem == PLAIN:
            rows.append(_plain(facts, name))
        elif problem:
            effect = UNREACHABLE_EFFECTS.get(name, "what is pushed there cannot be pulled")
            if name == "Docker Hub" and not _bootstraps(facts):
                effect = "base images that are missing cannot be made: as root, apt-get install mmdebstrap uidmap"
            advice = f"{effect}; look at network and proxy settings"
            rows.append(Row(name, "warn", problem, advice))
        else:
            rows.append(Row(name, "ok", "answers"))
    return rows


def _bootstraps(facts: Facts) -> bool:
    """Return whether base images can be made of Debian's packages by whoever asks."""
    return facts.mmdebstrap or (facts.root and facts.apt and facts.may_install)


def _plain(facts: Facts, name: str) -> Row:
    """Return a registry without TLS: no fault where the engine is told so, as its pushes show."""
    host = name.removeprefix("registry ")
    told = facts.engine.get("RegistryConfig")
    told = told if isinstance(told, Mapping) else {}
    indexes = told.get("IndexConfigs")
    index = indexes.get(host) if isinstance(indexes, Mapping) else None
    if _within(host, told.get("InsecureRegistryCIDRs")) or (
        isinstance(index, Mapping) and index.get("Secure") is False
    ):
        return Row(name, "ok", f"{PLAIN}; the engine is told so, and the nodes have to be")
    advice = f'add "insecure-registries": ["{host}"] to the engine\'s daemon.json, and tell the nodes'
    return Row(name, "warn", f"{PLAIN}, and the engine asks for it", advice)


def _within(host: str, ranges: object) -> bool:
    """Return whether a host is this machine, or one of the addresses that the engine speaks to without TLS."""
    name = from_url(f"http://{host}").hostname or ""
    with suppress(ValueError):
        address = ip_address(name)
        given = ranges if isinstance(ranges, list) else []
        return any(address in ip_network(str(one), strict=False) for one in (*LOOPBACK, *given))
    return name == "localhost"


def _ai(facts: Facts) -> list[Row]:
    rows = [
        Row(name, "ok", facts.ai[name]) if facts.ai.get(name) else Row(name, "skip", f"not installed (optional): {url}")
        for name, url in AI_TOOLS.items()
    ]
    gordon = "docker ai answers" if facts.gordon else "not there (optional): part of Docker Desktop"
    return [*rows, Row("gordon", "ok" if facts.gordon else "skip", gordon)]
