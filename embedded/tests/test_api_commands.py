"""The recorded commands, live: the real helm and kubectl against a cluster print what they printed.

Compared line by line, less names, ages and addresses. What the node alone decides (logs, events of containers) is not
asked here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import hollow
import pytest

RECORDINGS = Path(__file__).parent / "recordings"
TOOLS = os.pathsep.join((str(Path(__file__).parents[2] / ".tools"), os.environ.get("PATH", ""), "/opt/k8s-tools"))
HELM, KUBECTL = shutil.which("helm", path=TOOLS), shutil.which("kubectl", path=TOOLS)
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: api-keys, namespace: chatbot-dev}
stringData: {OPENAI_API_KEY: %s}
"""
CLASH = """
apiVersion: v1
kind: Service
metadata: {name: clash}
spec: {type: NodePort, selector: {app: x}, ports: [{port: 80, nodePort: 30080}]}
"""
TYPO = """
apiVersion: v1
kind: Service
metadata: {name: typo}
spec: {typo: 1, ports: [{port: 80}]}
"""

# The recordings in an order in which each finds what it needs; the files a command reads come first.
STORY = (
    *("helm-install", "helm-upgrade-noop", "helm-upgrade-config", "kubectl-rollout-status"),
    *("helm-get-values", "helm-get-manifest", "helm-rollback", "helm-dry-run-server"),
    *("kubectl-get-nodes", "kubectl-get-pods", "kubectl-get-deploy", "kubectl-get-svc", "kubectl-get-cm"),
    *("kubectl-get-hpa", "kubectl-get-pdb", "kubectl-get-netpol", "kubectl-get-ingress", "kubectl-get-sa"),
    *("kubectl-get-role", "kubectl-get-rolebinding", "kubectl-get-quota", "kubectl-get-endpointslices"),
    *("kubectl-get-pods-label", "kubectl-jsonpath", "kubectl-scale", "kubectl-rollout-restart"),
    *("kubectl-wait", "kubectl-rollout-undo", "kubectl-wait", "kubectl-create-ns", "kubectl-label"),
    *("kubectl-annotate", "kubectl-patch", "kubectl-set-image", "kubectl-get-missing"),
    *("kubectl-apply-invalid", "kubectl-apply-nodeport-taken", "kubectl-apply-unknown-field", "kubectl-auth-can-i"),
    *("kubectl-cluster-info", "kubectl-version", "kubectl-create-secret-dry", "helm-test"),
    *("kubectl-apply-create", "kubectl-apply-update", "kubectl-diff", "kubectl-apply-serverside"),
    *("kubectl-apply-serverside-conflict", "helm-uninstall", "kubectl-delete-ns"),
)
FILES = {
    "kubectl-apply-create": ("sec.yaml", SECRET % "first"),
    "kubectl-apply-update": ("sec.yaml", SECRET % "second"),
    "kubectl-diff": ("sec.yaml", SECRET % "third"),
    "kubectl-apply-serverside-conflict": ("sec.yaml", SECRET % "fourth"),
    "kubectl-apply-nodeport-taken": ("clash.yaml", CLASH),
    "kubectl-apply-unknown-field": ("typo.yaml", TYPO),
}
NEUTRAL = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4}( UTC)?| UTC|Z)?"), "TIME"),
    (re.compile(r"\b\w{3},? +\w{3} +\d+ \d\d:\d\d:\d\d \d{4}|\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000"), "TIME"),
    (re.compile(r"https?://127\.0\.0\.1:\d+"), "SERVER"),
    (re.compile(r"\b10\.(96|244)\.\d+\.\d+\b"), "ADDRESS"),
    (re.compile(r"(?<= )(\d+[smhdy])+(?=( |$))"), "AGE"),
    (re.compile(r"(?<=todo\.local) +ADDRESS"), ""),  # the recorded cluster had nothing that serves Ingresses
    (re.compile(r"(?<=cpu: )\d+%(?=/)"), "<unknown>"),  # nor metrics
    (re.compile(r"\bbackend-[a-z0-9]{9,10}(-[a-z0-9]{5})?\b|\bbackend-service-[a-z0-9]{5}\b"), "NAME"),
    (re.compile(r"^\S+ +Ready +<none>"), "NODE Ready <none>"),
    (re.compile(r"\S*(LIVE|MERGED)-\d+/"), ""),
    (re.compile(r"^REVISION: \d+|^DESCRIPTION: .*"), ""),
    (re.compile(r"\(from .* to .*\)"), ""),
    (re.compile(r" +|\t"), " "),
)
# Lines of the recordings alone: downstream patches, a pod that had failed before, a chart that was older; and what helm
# says of its own watch where it ends it in the midst of an event, which a run in a hundred does.
ELSEWHERE = re.compile(
    r"openshift|^NAME 0/1 Error|restartPolicy: Never, containers: .*name: smoke|^I\d{4} .*watch ended.*context canceled"
)


def neutral(text: str) -> list[str]:
    """The lines of an output without what differs between any two clusters."""
    lines = []
    for line in text.replace("exit=", "\nexit=").splitlines():
        for pattern, word in NEUTRAL:
            line = pattern.sub(word, line)
        if line.strip() and not ELSEWHERE.search(line):
            lines.append(line.strip())
    return lines


# What works may take its time on a busy machine; and the autoscaler, which was without metrics when it was recorded,
# leaves the replicas alone.
CALM = {
    "progressDeadlineSeconds: 20": "progressDeadlineSeconds: 600",
    "port: http}, periodSeconds": "port: http}, timeoutSeconds: 60, periodSeconds",
    "  maxReplicas: 5": "  behavior: {scaleUp: {selectPolicy: Disabled}, scaleDown: {selectPolicy: Disabled}}\n"
    "  maxReplicas: 5",
}


def test_what_a_client_says_of_the_watch_that_it_ended_is_no_difference() -> None:
    """It comes or not, by the moment at which the watch is ended."""
    said = (
        'I1128 02:15:05.791742   22060 reflector.go:664] "Warning: watch ended with error" err="an error on the server '
    )
    assert neutral(said + '(\\"unable to decode an event from the watch stream: context canceled\\")"\nNAME: todo') == [
        "NAME: todo"
    ]


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A recorded text with the names that are used here."""
    for name, here in {**names, **CALM}.items():
        text = text.replace(name, here)
    return text


async def run(command: str, kubeconfig: Path, folder: Path) -> list[str]:
    """What a command line prints here, in the form of the recordings."""
    tool, _, rest = command.removeprefix("$ ").partition(" ")
    program = HELM if tool == "helm" else KUBECTL
    arguments = [part.strip("'") for part in re.findall(r"'[^']*'|\S+", rest)]
    environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(folder), "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 300)
    return neutral(f"{command}\n{output.decode()}\nexit={process.returncode}")


GOING = "$ kubectl get pods -n chatbot-dev -o jsonpath={.items[*].metadata.deletionTimestamp}"


async def settle(kubeconfig: Path, folder: Path, names: Mapping[str, str]) -> None:
    """Wait until no pod is on its way out, as it was when the lists were recorded."""
    question = renamed(GOING, names)
    for _ in range(100):
        if await run(question, kubeconfig, folder) == neutral(f"{question}\nexit=0"):
            return
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[tuple[Path, dict[str, str]]]:
    """The kubeconfig of a cluster, and what it calls the recorded names.

    A cluster that is given by CONFORMANCE_KUBECONFIG (whose context must be the one to use) may be somebody's: there
    CONFORMANCE_SPACE and CONFORMANCE_PORT are a name for namespaces and a node port that nobody else uses.
    """
    given = os.environ.get("CONFORMANCE_KUBECONFIG")
    if given:
        space = os.environ["CONFORMANCE_SPACE"]
        names = {"chatbot-dev": space, "scratch": f"{space}-scratch", "30080": os.environ["CONFORMANCE_PORT"]}
        yield Path(given), names
        return
    async with hollow.cluster(folder) as made:
        yield made, {}


@pytest.mark.engine
@pytest.mark.skipif(not (HELM and KUBECTL), reason="helm and kubectl are not there")
async def test_commands_print_what_they_printed(tmp_path: Path) -> None:
    """Every command of the story; all that differ are named at the end."""
    shutil.copytree(RECORDINGS / "timeline-chart", tmp_path / "todo")
    different = []
    async with cluster(tmp_path) as (kubeconfig, names):
        templates = tmp_path / "todo/templates/all.yaml"
        templates.write_text(renamed(templates.read_text(), names))
        for name in STORY:
            if name in FILES:
                file, content = FILES[name]
                (tmp_path / file).write_text(renamed(content, names))
            text = renamed((RECORDINGS / "wire" / f"{name}.out").read_text(), names)
            if name.startswith("kubectl-get-"):
                await settle(kubeconfig, tmp_path, names)
            have = await run(text.splitlines()[0], kubeconfig, tmp_path)
            want = neutral(text)
            if have != want:
                gone = [f"   - {line}" for line in want if line not in have]
                new = [f"   + {line}" for line in have if line not in want]
                different.append("\n".join([name, *gone, *new] if gone or new else [name, "   order", *have]))
    print(f"\ncommands: {len(STORY) - len(different)} of {len(STORY)} print the same")
    assert not different, "\n" + "\n".join(different)
