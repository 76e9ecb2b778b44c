"""One run's connection to the world: settings, processes, tools and the cluster they are aimed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from scripts import clusters
from scripts.context import size
from scripts.host import toolchain
from scripts.host.shell import Shell
from scripts.kube.helm import Helm
from scripts.kube.kubectl import Kubectl
from scripts.secrets import secrecy, sync
from scripts.settings.model import Cluster, Settings

_LOOKED_UP = ("target", "tools", "cluster", "kubectl", "helm", "variables", "local_database")  # whatever is deployed


class Session:
    """The tools and settings that tasks share.

    Each is looked up when it is first needed, and only once; nothing here changes anything but `fetch_tools`.
    """

    def __init__(
        self,
        settings: Settings,
        shell: Shell,
        *,
        target: str = "",
        say: Callable[[str], None] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`target` is the kind of cluster that was asked for, if any; `variables` takes the place of the environment,
        `.env` and the encrypted file. Raises UserError if there is no such kind of cluster.
        """
        self.settings = settings
        self.shell = shell
        self.say = say or shell.say
        self.wanted = target or settings.target
        self._variables = variables
        clusters.check_name(self.wanted)

    def with_variables(self, variables: Mapping[str, str]) -> Session:
        """Return the same session with other values for Secrets."""
        return Session(self.settings, self.shell, target=self.wanted, say=self.say, variables=variables)

    def with_settings(self, settings: Settings) -> Session:
        """Return a session with other settings of the same app, aimed at the same cluster: what was looked up holds."""
        made = Session(settings, self.shell, target=self.wanted)
        for name in _LOOKED_UP:
            setattr(made, name, getattr(self, name))
        return made

    def fetch_tools(self) -> list[str]:
        """Fetch helm and kubectl where they are missing. Returns the names of those fetched.

        Raises UserError naming what to install, where nothing fits this machine.
        """
        return toolchain.fetch_missing(self.shell, self.settings.root, self.say)

    @cached_property
    def target(self) -> str:
        """Return the kind of cluster. Raises UserError if its program is missing."""
        chosen = clusters.choose(self.wanted, clusters.force_root(self.settings))
        if reason := clusters.chosen_because(self.wanted, chosen):
            self.say(reason)
        return chosen

    @cached_property
    def tools(self) -> dict[str, Path]:
        """Return the paths where helm and kubectl are, or will be once `fetch_tools` has fetched them."""
        return toolchain.find(self.shell, self.settings.root)

    @cached_property
    def cluster(self) -> Cluster:
        """Return the cluster of this run, which need not be up."""
        return clusters.select(self.settings, self.shell, self.tools["kubectl"], self.target)

    @cached_property
    def sized(self) -> Settings:
        """Return the settings, with smaller requests where the one node is too small for the release's."""
        return size.sized(self.settings, self.cluster, self.say)

    @cached_property
    def kubectl(self) -> Kubectl:
        """Return kubectl aimed at the cluster."""
        cluster = self.cluster
        return Kubectl(self.tools["kubectl"], cluster.kubeconfig, cluster.context, self.shell, cluster.require)

    @cached_property
    def helm(self) -> Helm:
        """Return helm aimed at the cluster."""
        return Helm(self.tools["helm"], self.cluster.kubeconfig, self.cluster.context, self.shell)

    @cached_property
    def variables(self) -> dict[str, str]:
        """Return the sources of Secrets' values: the environment over `.env` over the encrypted file."""
        found = sync.known_variables(self.settings.root) if self._variables is None else dict(self._variables)
        secrecy.remember({name: found[name] for name in sync.variable_names(self.settings) & found.keys()})
        return found

    @cached_property
    def local_database(self) -> bool:
        """Return whether the local database is part of this run."""
        return sync.uses_local_database(self.variables, self.settings.app.wants_database)
