"""Three contestants on one app: the plain command list, the pipeline, and the pipeline without its caches."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench import plain, skaffold
from bench.statistics import PIPELINE
from scripts.host.shell import Shell
from scripts.images.docker import engine_answers, find_clients, has_buildkit
from scripts.settings.configuration import read_settings
from scripts.settings.model import Settings
from tests.support.project import Project

PLAIN = "plain"
COLD = "cold"
SKAFFOLD = "skaffold"
MARKS = {".py": "#", ".tsx": "//"}


class Contest:
    """One app, and how each contestant brings it to the cluster."""

    def __init__(self, project: Project, sources: Mapping[str, Path], one: str) -> None:
        """`sources` names a file to edit for each service, `one` the service that changes alone."""
        quiet = Shell(echo=lambda _: None)
        self.docker = next(item for item in find_clients() if has_buildkit(quiet, item) and engine_answers(quiet, item))
        self.project = project
        self.sources = sources
        self.one = one
        self._bases: dict[str, dict[str, str]] = {}  # service → build argument → base image
        self._made: list[str] = []
        self._tag = "plain"
        self._take_over = plain.Tools.take_over

    def configure(self, **release: Any) -> None:
        """Aim the copy at a cluster of its own, and make that with all that is deployed first."""
        self._edit(lambda config: config | {"target": "embedded", "cluster": self.project.cluster})
        self._edit(lambda config: config | {"release": config["release"] | release})
        outcomes = self.project.pipeline()["outcomes"]
        refs = next(item["detail"] for item in outcomes if item["target"] == "base images").split(", ")
        for service in read_settings(self.project.folder).services:
            self._bases[service.name] = {
                argument: next(ref for ref in refs if base in ref) for argument, base in service.bases.items()
            }
        self._pin()
        version = subprocess.run([self._tools().helm, "version", "--short"], check=True, capture_output=True, text=True)
        self._take_over = () if version.stdout.startswith("v3.") else plain.Tools.take_over

    def contestants(self) -> tuple[str, ...]:
        """Who takes part: Skaffold where it is on PATH and gets on with this helm."""
        everywhere = (PLAIN, PIPELINE, COLD)
        if not skaffold.is_here():
            return everywhere
        try:
            self.run(SKAFFOLD)
        except RuntimeError as error:
            print(f"skaffold is left out: {error}", flush=True)
            return everywhere
        return (*everywhere, SKAFFOLD)

    def run(self, contestant: str) -> None:
        """Bring the app to the cluster as it is now."""
        if contestant == PLAIN:
            plain.run(self._commands())
        elif contestant == SKAFFOLD:
            self._skaffold()
        else:
            self.project.pipeline()

    def remove(self) -> None:
        """Take the app from the cluster. Its database, which both contestants take as given, stays."""
        argv = [self._tools().helm, "uninstall", plain.REPOSITORY, "--wait", "--namespace", "chatbot-dev"]
        subprocess.run([*argv, "--kubeconfig", str(self._kubeconfig())], check=True, capture_output=True)

    def change(self, names: Iterable[str]) -> None:
        """Add a line that no earlier run had to a source file of each service."""
        for name in names:
            file = self.sources[name]
            file.write_text(f"{file.read_text()}\n{MARKS[file.suffix]} {secrets.token_hex(8)}\n")
        self._tag = f"plain-{secrets.token_hex(4)}"

    def chill(self, names: Sequence[str], *, cluster: bool = False) -> None:
        """Forget what a run of the pipeline can reuse: Python's bytecode, the clients' caches, the layers of images.

        Layers go by another base image, so that nobody else's are lost; packages that were fetched once stay.
        With `cluster`, the cluster is removed as well.
        """
        for folder in self.project.folder.rglob("__pycache__"):
            shutil.rmtree(folder)
        for folder in (Path.home() / ".kube/cache", Path.home() / ".cache/helm"):
            shutil.rmtree(folder, ignore_errors=True)
        renewed: dict[str, str] = {}
        for name in names:
            for argument, ref in self._bases[name].items():
                if ref not in renewed:
                    renewed[ref] = self._twin(ref)
                self._bases[name] = self._bases[name] | {argument: renewed[ref]}
        self._pin()
        if cluster:
            self.project.invoke("cluster.down")

    def end(self) -> None:
        """Remove the cluster and what was built."""
        self.project.invoke("cluster.down")
        for name in self.sources:
            found = self._ask("image", "ls", "--format", "{{.Tag}}", f"{plain.REPOSITORY}/{name}").split()
            self._made += [f"{plain.REPOSITORY}/{name}:{tag}" for tag in found if tag.startswith("plain")]
        with contextlib.suppress(subprocess.CalledProcessError):
            self._ask("image", "rm", *self._made)

    def _twin(self, ref: str) -> str:
        """The same image under another id."""
        made = f"{ref.rpartition(':')[0]}:bench-{secrets.token_hex(4)}"
        dockerfile = f"FROM {ref}\nLABEL bench={made}\n"
        env = os.environ | {"DOCKER_BUILDKIT": "1"}
        argv = [self.docker, "build", "--quiet", "--tag", made, "-"]
        subprocess.run(argv, input=dockerfile, env=env, text=True, check=True, capture_output=True)
        self._made.append(made)
        return made

    def _pin(self) -> None:
        def pinned(config: dict[str, Any]) -> dict[str, Any]:
            services = {
                name: {**{key: value for key, value in spec.items() if key != "bases"}, "buildArgs": self._bases[name]}
                for name, spec in config["services"].items()
            }
            return config | {"services": services}

        self._edit(pinned, read_settings(self.project.folder).app.file)

    def _edit(self, change: Callable[[dict[str, Any]], dict[str, Any]], name: str = "config/pipeline.yaml") -> None:
        file = self.project.folder / name
        file.write_text(yaml.safe_dump(change(yaml.safe_load(file.read_text())), sort_keys=False))

    def _skaffold(self) -> None:
        settings = read_settings(self.project.folder)
        chart, values = settings.release.chart, settings.release.values
        file = skaffold.write(self.project.folder, _builds(settings), chart, values)
        argv, env = skaffold.command(self._tools(), file)
        plain.run([argv], env, self.project.folder)

    def _commands(self) -> list[list[str]]:
        settings = read_settings(self.project.folder)
        services = _builds(settings)
        images = {item.name: {"image": {"repository": f"{plain.REPOSITORY}/{item.name}", "tag": self._tag}}
                  for item in settings.services}  # fmt: skip
        values = self.project.folder / "plain.yaml"
        values.write_text(yaml.safe_dump(images))
        files = (*settings.release.values, values)
        return plain.commands(self._tools(), services, settings.release.chart, files, self._tag)

    def _tools(self) -> plain.Tools:
        folder = str(self.project.folder / ".tools")
        helm, kubectl = (shutil.which(tool, path=folder) or tool for tool in ("helm", "kubectl"))
        return plain.Tools(self.docker, helm, kubectl, self._kubeconfig(), self._take_over)

    def _kubeconfig(self) -> Path:
        return self.project.state / f"todo-chatbot/clusters/{self.project.cluster}/kubeconfig"

    def _ask(self, *words: str) -> str:
        return subprocess.run([self.docker, *words], check=True, capture_output=True, text=True).stdout


def _builds(settings: Settings) -> list[plain.Build]:
    return [plain.Build(item.name, item.context, item.dockerfile, item.build_args) for item in settings.services]


def cpu() -> float:
    """CPU seconds of every process that this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(contest: Contest, rounds: int, title: str) -> dict[str, dict[str, list[float]]]:
    """Every scenario, all contestants in turn in each round: scenario → contestant → seconds a round.

    A second entry a scenario holds CPU seconds: of the command and all it started, without the engine and the cluster,
    which outlive it.
    """
    names = list(contest.sources)

    def first(cold: bool) -> None:
        if cold:
            contest.chill(names, cluster=True)
        else:
            contest.remove()

    def unchanged(cold: bool) -> None:
        if cold:
            contest.chill([])

    def one(cold: bool) -> None:
        contest.change([contest.one])
        if cold:
            contest.chill([contest.one])

    def every(cold: bool) -> None:
        contest.change(names)
        if cold:
            contest.chill(names)

    scenarios = {
        "first deploy": first,
        "unchanged": unchanged,
        "one service changed": one,
        "all changed": every,
    }
    measured: dict[str, dict[str, list[float]]] = {}
    contestants = contest.contestants()
    for scenario, prepare in scenarios.items():
        results, work = ({contestant: [] for contestant in contestants} for _ in range(2))
        measured |= {f"{title}: {scenario}": results, f"{title}: {scenario}, CPU": work}
        for number in range(rounds):
            for contestant in contestants:
                contest.run(contestant)  # so that its own work is on the cluster, and nothing left to do
                prepare(contestant == COLD)
                started, used = time.monotonic(), cpu()
                contest.run(contestant)
                results[contestant].append(time.monotonic() - started)
                work[contestant].append(cpu() - used)
            told = ", ".join(f"{name} {seconds[-1]:.1f} s" for name, seconds in results.items())
            print(f"{scenario}, round {number + 1}: {told}", flush=True)
    return measured
