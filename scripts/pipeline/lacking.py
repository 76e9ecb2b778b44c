"""List what a run needs and has not, as far as known before its first effect: all at once, and not one a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.doctor import checks
from scripts.doctor.facts import holder_of, listens, local_facts
from scripts.errors import UserError
from scripts.images import plan
from scripts.pipeline import app_secrets, namespace
from scripts.settings import values


def refuse_unready(run: Run) -> None:
    """Raise UserError with all that is missing or unfit: on the machine, in the configuration, among the Secrets.

    One problem alone is raised as it is. In a dry run they are only told.
    """
    problems = list(_problems(run))
    if not problems:
        return
    told = problems[0]
    if len(problems) > 1:
        lines = [f"{problem}: {problem.hint}" if problem.hint else str(problem) for problem in problems]
        told = UserError("\n".join(["a run would fail for more than one reason:", *lines]), "look again: invoke doctor")
    if not run.dry:
        raise told
    run.display.line(f"{told}\n  {told.hint}" if told.hint else str(told))


def _problems(run: Run) -> Iterator[UserError]:
    looks: tuple[Callable[[Run], object], ...] = (_target, _machine, _sources, _namespace, _secrets, _ports)
    for look in looks:
        try:
            look(run)
        except UserError as problem:
            yield problem


def _target(run: Run) -> None:
    _ = run.session.target


def _machine(run: Run) -> None:
    session = run.session
    facts = local_facts(session.settings, session.shell, session.wanted)
    rows = checks.run_local_checks(replace(facts, may_install=run.may_install))
    if lacking := checks.blocking(rows):
        raise UserError("\n".join(["this machine lacks what a run needs:", *lacking]), "look again: invoke doctor")


def _sources(run: Run) -> None:
    plan.refuse_unused(run.session.settings, run.session.settings.services)


def _namespace(run: Run) -> None:
    namespace.read(run.session.settings.root / namespace.FILE, run.namespace)


def _secrets(run: Run) -> None:
    app_secrets.refuse_unfit(run.session)


def _ports(run: Run) -> None:
    """Raise UserError where somebody else answers at a node port, which on this target is a port of this machine.

    Both would seem to work: who opens the page may see the other's.
    """
    session, settings = run.session, run.session.settings
    if session.target != "embedded":
        return
    taken = [port for port in values.fixed_node_ports(values.merged(settings, settings.release)) if listens(port)]
    # This cluster answers there by the kernel's rules: a program that listens is none of it.
    holders = {port: found for port in taken if (found := holder_of(session.shell, port))}
    foreign = holders.keys() | (set(taken) - _served(session) if taken else set())
    for port in sorted(foreign):
        holder = holders.get(port, "something else, such as another embedded cluster of this machine")
        raise UserError(
            f"port {port} of this machine, a nodePort of {settings.app.name}, is taken by {holder}",
            "stop that, or lay another nodePort over the chart's values by a file under release.values in "
            "config/pipeline.yaml",
        )


def _served(session: Session) -> set[int]:
    """Return the node ports of this cluster; all where it does not tell, as one that is stopped goes on serving."""
    if not session.cluster.kubeconfig.is_file():
        return set()
    try:
        services = session.kubectl.get("services", "--all-namespaces")["items"]
    except UserError:
        return set(range(65536))
    return {port.get("nodePort", 0) for service in services for port in service["spec"].get("ports") or ()}
