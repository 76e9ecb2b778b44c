"""AI operations: recipes asked of the tool that is there, or of the rules."""

from typing import Any

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, print_table

WHERE = {name: HELP[name] for name in ("environment", "target")}
ASK = WHERE | {
    "tool": "gordon, kubectl-ai, kagent, api, offline or auto",
    "dry": "print the prompt and the command, send nothing",
    "json": "print the answer as JSON",
}
LOOK = {"observe": "seconds to look on first, for a baseline"}
CHANGE = ASK | {"apply": "make the proposed change, after its diff", "yes": "do not ask after the diff"}
SERVICE = {"service": "frontend, backend, agent, mcp or database"}


def _ask(c: Context, name: str, inputs: dict[str, str], **how: Any) -> None:
    from scripts.tasks.asking import ask

    with errors_explained():
        ask(c, name, inputs, **how)


@task(help=ASK | LOOK | SERVICE | {"pod": "a pod, the beginning of its name, or a service"})
def debug(
    c: Context,
    pod: str = "",
    service: str = "",
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    observe: float = 0.0,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Find out why a pod or a service is not well."""
    how = {"tool": tool, "dry": dry, "json": json, "observe": observe, "environment": environment, "target": target}
    _ask(c, "debug", {"pod": pod, "service": service}, **how)


@task(
    help=CHANGE
    | {
        "name": "name of the Deployment",
        "image": "image to run",
        "port": "port it listens on",
        "replicas": "how many pods",
        "path": "HTTP path of its probes",
    }
)
def deploy(
    c: Context,
    name: str,
    image: str,
    port: int = 8080,
    replicas: int = 1,
    path: str = "/healthz",
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    apply: bool = False,
    yes: bool = False,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Create a Deployment with probes, limits, few rights."""
    inputs = {"name": name, "image": image, "port": str(port), "replicas": str(replicas), "path": path}
    how = {"tool": tool, "dry": dry, "json": json, "apply": apply, "yes": yes}
    _ask(c, "deploy", inputs, **how, environment=environment, target=target)


@task(help=CHANGE | LOOK | SERVICE | {"replicas": "a number you have in mind"})
def scale(
    c: Context,
    service: str = "backend",
    replicas: str = "",
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    apply: bool = False,
    yes: bool = False,
    observe: float = 0.0,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Say how many pods a service needs, by the trend."""
    how = {"tool": tool, "dry": dry, "json": json, "apply": apply, "yes": yes, "observe": observe}
    _ask(c, "scale", {"service": service, "replicas": replicas}, **how, environment=environment, target=target)


@task(help=ASK | LOOK)
def analyze(
    c: Context,
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    observe: float = 0.0,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Look over the whole release and rank what to mend."""
    how = {"tool": tool, "dry": dry, "json": json, "observe": observe, "environment": environment, "target": target}
    _ask(c, "analyze", {}, **how)


@task(help=CHANGE | LOOK | SERVICE)
def optimize(
    c: Context,
    service: str = "",
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    apply: bool = False,
    yes: bool = False,
    observe: float = 0.0,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Fit requests and limits to what is used."""
    how = {"tool": tool, "dry": dry, "json": json, "apply": apply, "yes": yes, "observe": observe}
    _ask(c, "optimize", {"service": service}, **how, environment=environment, target=target)


@task(help=ASK | SERVICE)
def image(
    c: Context,
    service: str = "backend",
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Review a service's Dockerfile and image."""
    how = {"tool": tool, "dry": dry, "json": json, "environment": environment, "target": target}
    _ask(c, "image", {"service": service}, **how)


@task(help=ASK | LOOK | SERVICE)
def anomalies(
    c: Context,
    service: str = "",
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    observe: float = 0.0,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Find what departs from its own baseline."""
    how = {"tool": tool, "dry": dry, "json": json, "observe": observe, "environment": environment, "target": target}
    _ask(c, "anomalies", {"service": service}, **how)


@task(help=ASK | {"question": "your question, in quotes"})
def ask(
    c: Context,
    question: str,
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Ask anything about the release."""
    how = {"tool": tool, "dry": dry, "json": json, "environment": environment, "target": target}
    _ask(c, "ask", {"question": question}, **how)


@task(help=CHANGE | LOOK | {"name": "the recipe, see ai.list", "input": "NAME=VALUE, repeatable"}, iterable=["input"])
def run(
    c: Context,
    name: str,
    input: list[str],  # the option is called so
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    apply: bool = False,
    yes: bool = False,
    observe: float = 0.0,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Ask any recipe, also one of your own."""
    with errors_explained():
        from scripts.tasks.asking import pairs

        inputs = pairs(input)
    how = {"tool": tool, "dry": dry, "json": json, "apply": apply, "yes": yes, "observe": observe}
    _ask(c, name, inputs, **how, environment=environment, target=target)


@task(name="list")
def list_recipes(c: Context) -> None:
    """Show every recipe."""
    with errors_explained():
        from scripts.ai.recipes import load_all
        from scripts.settings.loading import ROOT

        rows = [(item.name, item.safety, item.title) for item in load_all(ROOT).values()]
        print_table([("RECIPE", "SAFETY", "WHAT IT DOES"), *rows])


@task(help={"name": "the recipe, see ai.list"})
def show(c: Context, name: str) -> None:
    """Show one recipe: inputs, facts, tools and prompt."""
    with errors_explained():
        from scripts.ai.recipes import pick
        from scripts.settings.loading import ROOT
        from scripts.tasks.asking import described

        print(described(pick(ROOT, name)))


@task(help=WHERE)
def doctor(c: Context, environment: str = "dev", target: str = "") -> None:
    """Say which AI tools work, and how to get the others."""
    with errors_explained():
        from scripts.ai import setup
        from scripts.tasks.support import session

        checks = setup.doctor(setup.desk(session(c, environment, target)))
        print_table([("TOOL", "STATE", "ABOUT"), *((item.name, item.state, item.text) for item in checks)])


@task(help=WHERE)
def install(c: Context, environment: str = "dev", target: str = "") -> None:
    """Install kagent with its agents and its model."""
    with errors_explained():
        from scripts.ai import setup
        from scripts.tasks.support import session

        s = session(c, environment, target)
        setup.install(setup.desk(s), s.say)
