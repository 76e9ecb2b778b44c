"""What each path answers for the recorded fault workloads, by the rules and by a scripted model.

The offline path gets what the cluster said and nothing else. The scripted model stands for a model that reads: it knows
no rule of this repository and does not see its diagnosis; it names a cause only for a line that stands in the prompt.
So its column shows that the facts, after redaction and budget, still hold the line that proves the cause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scripts.ai.types import Question, Reply

# fault → words of the offline answer, and the cause that a reader should come to.
EXPECTED = {
    "bad-image": ("does-not-exist", "the image cannot be pulled"),
    "crash-on-start": ("DATABASE_URL", "the program ends at its start: DATABASE_URL is missing"),
    "init-container-failing": ("neon-db", "an init container cannot reach the database"),
    "liveness-failing": ("livenessProbe", "the liveness probe fails and kills the container"),
    "missing-configmap": ("backend-config", "a ConfigMap is missing"),
    "missing-secret-key": ("database-secrets", "a key of a Secret is missing"),
    "never-pulled-image": ("Never", "the image is not on the node and is never pulled"),
    "oom-killed": ("OOMKilled", "the container uses more memory than its limit"),
    "psa-restricted-violation": ("restricted", "Pod Security refuses the pods"),
    "quota-exceeded": ("chatbot-quota", "the ResourceQuota is used up"),
    "read-only-root-fs": ("create directory", "the program writes to a read-only file system"),
    "readiness-404": ("/nope", "the readiness probe asks for a path that is not there"),
    "readiness-wrong-port": ("9999", "the readiness probe asks on a port where nobody listens"),
    "run-as-root-refused": ("runAsUser", "the image runs as root, which runAsNonRoot forbids"),
    "service-selector-mismatch": ("back-end", "the Service selects no pod"),
    "unschedulable-cpu": ("cpu", "no node has enough cpu"),
}

# What a reader makes of a line, the plainest first.
_READING = (
    (r"exceeded quota", "the ResourceQuota is used up"),
    (r"violates PodSecurity", "Pod Security refuses the pods"),
    (r"Insufficient cpu", "no node has enough cpu"),
    (r'configmap \\?"[\w-]+\\?" not found', "a ConfigMap is missing"),
    (r"couldn't find key", "a key of a Secret is missing"),
    (r"ErrImageNeverPull", "the image is not on the node and is never pulled"),
    (r"ErrImagePull|ImagePullBackOff", "the image cannot be pulled"),
    (r"runAsNonRoot and image will run as root", "the image runs as root, which runAsNonRoot forbids"),
    (r"OOMKilled", "the container uses more memory than its limit"),
    (r"KeyError: DATABASE_URL", "the program ends at its start: DATABASE_URL is missing"),
    (r"neon-db", "an init container cannot reach the database"),
    (r"Read-only file system", "the program writes to a read-only file system"),
    (r"Liveness probe failed", "the liveness probe fails and kills the container"),
    (r"Readiness probe failed: HTTP probe failed with statuscode: 404",
     "the readiness probe asks for a path that is not there"),
    (r"Readiness probe failed.*connection refused", "the readiness probe asks on a port where nobody listens"),
    (r'"app": "back-end"', "the Service selects no pod"),
)  # fmt: skip


@dataclass(frozen=True)
class ScriptedModel:
    """A tool that names the cause of the first line it understands, and quotes that line."""

    name: str = "api"

    def missing(self) -> str:
        """It is always there."""
        return ""

    def command(self) -> str:
        """It has none."""
        return "scripted"

    def ask(self, question: Question) -> Reply:
        """Read the facts but for the repository's own diagnosis."""
        blocks = re.findall(r"\[DATA \w+: (.*?)\]\n(.*?)\n\[END", question.prompt, re.DOTALL)
        text = "\n".join(block for title, block in blocks if not title.startswith("What the rules"))
        for pattern, cause in _READING:
            match = re.search(pattern, text)
            if match:
                line = text[text.rfind("\n", 0, match.start()) + 1 :].split("\n")[0].removeprefix("| ").strip()
                return Reply(self.name, f"## Cause\n{cause}\n\n## Evidence\n{line[:200]}\n\n## What to do\nmend it")
        return Reply(self.name, "## Cause\nThe facts do not decide.")


def cause_of(answer: str) -> str:
    """The first line below the heading Cause."""
    return answer.partition("## Cause\n")[2].partition("\n")[0]
