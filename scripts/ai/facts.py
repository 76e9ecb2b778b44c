"""Facts: read-only commands, run side by side, and what is computed here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scripts.ai.advice import collect
from scripts.ai.commands import ServedKinds, block_fact
from scripts.ai.live_release import LiveRelease
from scripts.ai.types import Fact, Gathered, Inputs, Recipe
from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.images.docker import engine_answers, find_clients
from scripts.kube.helm import Helm
from scripts.kube.objects import app_of, name_of, workload_of

USUAL = "*"  # as the default of a service: the one that most is asked about, whatever the app
SECONDS = 20.0  # for one command
_WORD = re.compile(r"\{([a-z_]+)\}")
_TYPES: Mapping[str, tuple[str, str]] = {
    "name": (r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "small letters, digits, dashes and dots"),
    "service": (r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "a service's name"),
    "pod": (r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "a pod's name or its beginning"),
    "image": (r"[a-z0-9][\w./:@-]{0,250}", "an image reference such as shop/api:1"),
    "integer": (r"\d{1,6}", "a whole number"),
    "quantity": (r"\d+(\.\d+)?[a-zA-Z]{0,2}", "a quantity such as 200m or 512Mi"),
    "text": (r"[\s\S]{0,4000}", "at most 4000 characters"),
}


def check_inputs(recipe: Recipe, given: Inputs, services: Sequence[str], usual: str = "") -> dict[str, str]:
    """Return the recipe's inputs with defaults, `usual` for the service. Raises UserError for what is not allowed."""
    unknown = [name for name, value in given.items() if value and recipe.input(name) is None]
    if unknown:
        known = ", ".join(item.name for item in recipe.inputs) or "none"
        raise UserError(f"recipe {recipe.name}: no input {', '.join(unknown)}", f"its inputs are: {known}")
    found: dict[str, str] = {}
    for item in recipe.inputs:
        value = given.get(item.name, "") or (usual if item.default == USUAL else item.default)
        if item.required and not value.strip():
            raise UserError(f"recipe {recipe.name}: input {item.name} is missing", item.description)
        if item.type in ("pod", "service"):
            # As kubectl prints and takes it: pod/backend-0, deployment.apps/backend.
            value = value.rpartition("/")[2] or value
        pattern, meaning = _TYPES[item.type]
        if value and not re.fullmatch(pattern, value):
            raise UserError(f"input {item.name}: {value[:60]!r} is not possible", f"give {meaning}")
        if item.type == "service" and value and value not in services:
            raise UserError(
                f"input {item.name}: no service {value}", f"choose one of: {', '.join(dict.fromkeys(services))}"
            )
        found[item.name] = value
    return found


def resolve_pod(pods: Sequence[Mapping[str, Any]], text: str) -> tuple[str, str]:
    """Return (pod, its workload) for a pod's name, a workload, a service, or how a name begins: of several pods the
    one in most trouble.

    Raises UserError with the pods there are.
    """
    runs = re.compile(rf"{re.escape(text)}(-\d+)?")  # a CronJob numbers its Jobs
    ways: Sequence[Callable[[Mapping[str, Any]], bool]] = (
        lambda pod: name_of(pod) == text,
        lambda pod: runs.fullmatch(workload_of(pod)) is not None,
        lambda pod: app_of(pod) == text,
        lambda pod: name_of(pod).startswith(f"{text}-"),
    )
    matching = next(filter(None, ([pod for pod in pods if way(pod)] for way in ways)), [])
    if not matching:
        raise UserError(f"no pod {text}", f"there are: {', '.join(sorted(map(name_of, pods))) or 'none'}")
    worst = max(matching, key=_trouble)
    return name_of(worst), workload_of(worst)


def _trouble(pod: Mapping[str, Any]) -> tuple[bool, int, str]:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    ready = bool(statuses) and all(status.get("ready") for status in statuses)
    restarts = sum(status.get("restartCount", 0) for status in statuses)
    return not ready, restarts, str(pod["metadata"].get("creationTimestamp", ""))


def words(fact: Fact, inputs: Inputs) -> list[str] | None:
    """Return the command of a fact with its inputs, or None where one of them was not given."""
    wanted = {name for word in fact.run for name in _WORD.findall(word)}
    if any(not inputs.get(name) for name in wanted):
        return None
    return [_WORD.sub(lambda match: inputs[match[1]], word) for word in fact.run]


def gather(recipe: Recipe, inputs: Inputs, live: LiveRelease, helm: Helm) -> list[Gathered]:
    """Return every fact of a recipe, in its order. One that cannot be had says why, and stops nothing."""
    served = ServedKinds.default(live.namespace)
    with ThreadPoolExecutor(max_workers=4) as pool:
        jobs = {}
        for fact in recipe.facts:
            argv = words(fact, inputs) if fact.run else None
            if argv and not block_fact(argv, served):
                jobs[fact.id] = (argv, pool.submit(_run, argv, live, helm))
        found = []
        for fact in recipe.facts:
            if fact.collect:
                found.append(_collected(fact, live))
            elif fact.id in jobs:
                argv, job = jobs[fact.id]
                result = job.result()
                text = result.out if result else f"(not available: {_last(result.err) or 'no answer'})"
                found.append(Gathered(fact, " ".join(argv), text.strip("\n") or "(nothing)", bool(result)))
    return found


def _collected(fact: Fact, live: LiveRelease) -> Gathered:
    try:
        return Gathered(fact, "", collect(fact.collect, live).text())
    except UserError as error:
        return Gathered(fact, "", f"(not available: {error})", ok=False)


def _run(argv: Sequence[str], live: LiveRelease, helm: Helm) -> Result:
    if argv[0] == "kubectl":
        return live.kubectl.ask(*argv[1:], "--namespace", live.namespace, timeout=SECONDS)
    if argv[0] == "helm":
        return helm.shell.probe(helm.command(*argv[1:], "--namespace", live.namespace), timeout=SECONDS)
    shell = live.kubectl.shell
    client = next((item for item in find_clients() if engine_answers(shell, item)), "docker")
    return shell.probe([client, *argv[1:]], timeout=SECONDS)


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
