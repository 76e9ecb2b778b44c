"""kubectl-ai, one question at a time, with rights that only read.

The flags exist since v0.0.23. The prompt goes by standard input, after the one line that has to be an argument.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from scripts.ai.budget import clean
from scripts.ai.model import Reply
from scripts.ai.options import Options
from scripts.ai.tools.environment import seen, without
from scripts.host.shell import Shell, render

INSTALL = "install it: https://github.com/GoogleCloudPlatform/kubectl-ai#installation"
QUERY = "Carry out the task that follows."
# Providers of config/ai.yaml by the names kubectl-ai has for them, with the variables each one reads.
PROVIDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "openai": ("openai", ("OPENAI_API_KEY", "OPENAI_ENDPOINT")),
    "gemini": ("gemini", ("GEMINI_API_KEY",)),
    "ollama": ("ollama", ("OLLAMA_HOST",)),
    "grok": ("grok", ("GROK_API_KEY", "GROK_ENDPOINT")),
    "azopenai": ("azopenai", ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")),
    "llamacpp": ("llamacpp", ("LLAMACPP_HOST",)),
}
_APPROVAL = "require approval"
_GAVE_UP = "Maximum number of iterations reached."


@dataclass(frozen=True)
class KubectlAi:
    """The program, asked about one cluster. `access` gives a kubeconfig of least rights for as long as it is used."""

    shell: Shell
    options: Options
    variables: Mapping[str, str]
    access: Callable[[], AbstractContextManager[Path]]
    path: str | None = None
    name: str = "kubectl-ai"

    def missing(self) -> str:
        """Why it cannot be used here; empty if it can."""
        if not shutil.which("kubectl-ai", path=self.path):
            return f"kubectl-ai is not installed; {INSTALL}"
        model = self.options.model
        if model is None:
            return "no key for a model is there; set OPENAI_API_KEY or GEMINI_API_KEY in the environment or in .env"
        if model.provider not in PROVIDERS:
            known = ", ".join(PROVIDERS)
            return (
                f"kubectl-ai knows no provider {model.provider}; set model.provider in config/ai.yaml to one of {known}"
            )
        return "" if model.usable else f"{model.key_name} has no value; set it in the environment or in .env"

    def argv(self, kubeconfig: str) -> list[str]:
        """The whole command line."""
        model = self.options.model
        provider = PROVIDERS[model.provider][0] if model and model.provider in PROVIDERS else "PROVIDER"
        return [
            shutil.which("kubectl-ai", path=self.path) or "kubectl-ai",
            "--quiet",
            "--kubeconfig", kubeconfig,
            "--llm-provider", provider,
            "--model", model.name if model else "MODEL",
            "--max-iterations", str(self.options.max_iterations),
            # Said whatever the user's own defaults are: nothing is changed without asking, no trace is left
            # where others may read it, no other server gets to see what is asked.
            "--skip-permissions=false",
            "--mcp-client=false",
            "--ui-type", "terminal",
            "--trace-path", "",
            QUERY,
        ]  # fmt: skip

    def command(self) -> str:
        """The command line as a person reads it."""
        return render(self.argv("KUBECONFIG_OF_LEAST_RIGHTS")) + " < PROMPT"

    def ask(self, prompt: str) -> Reply:
        """Ask, and judge the answer by more than its exit status, which is 0 for an empty one too."""
        started = time.monotonic()
        model = self.options.model
        names = PROVIDERS[model.provider][1] if model else ()
        env = seen(self.variables, names)
        if model and model.provider == "openai" and model.own_endpoint:
            env["OPENAI_ENDPOINT"] = model.endpoint
        with self.access() as kubeconfig:
            argv = self.argv(str(kubeconfig))
            kept = (*env, "KUBECONFIG")
            result = self.shell.probe(
                without(argv, kept),
                stdin=prompt,
                timeout=self.options.timeout,
                env=env | {"KUBECONFIG": str(kubeconfig), "NO_COLOR": "1"},
            )
        text = clean(result.out).strip()
        error = ""
        if result.code == 124:
            error = f"kubectl-ai gave no answer within {self.options.timeout} s"
        elif not result:
            asked = _APPROVAL in result.out or _APPROVAL in result.err
            last = (result.err.strip() or text or "no word").splitlines()[-1]
            error = "kubectl-ai wanted to change something, which it may not" if asked else f"kubectl-ai failed: {last}"
        elif not text or text.endswith(_GAVE_UP):
            error = "kubectl-ai gave up without an answer" if text else "kubectl-ai answered nothing"
        return Reply(self.name, text, error, self.command(), time.monotonic() - started)
