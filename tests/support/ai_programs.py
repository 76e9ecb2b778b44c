"""Programs that stand in for the real ones: each checks its whole command line against what upstream accepts.

The flags were read in the sources: GoogleCloudPlatform/kubectl-ai cmd/main.go at v0.0.20, v0.0.25, v0.0.28 and the tip
of December 2025; docker ai as documented at
docs.docker.com/ai/gordon. A flag that is not in the table ends the program as pflag would end it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.host.paths import ROOT
from scripts.host.shell import CommandError, Result, Shell, render
from tests.support import kagent

# flag → whether it takes a value. A flag without a value may still be given as --flag=false.
_KUBECTL_AI = {
    "custom-tools-config": True, "enable-tool-use-shim": False, "external-tools": False, "extra-prompt-paths": True,
    "kubeconfig": True, "llm-provider": True, "max-iterations": True, "mcp-client": False, "mcp-server": False,
    "mcp-server-mode": True, "model": True, "prompt-template-file-path": True, "quiet": False,
    "remove-workdir": False, "skip-permissions": False, "skip-verify-ssl": False, "trace-path": True,
    "ui-listen-address": True, "ui-type": True, "v": True, "alsologtostderr": False, "help": False,
}  # fmt: skip
_SESSIONS = {
    "delete-session": True, "list-sessions": False, "new-session": False, "resume-session": True,
    "show-tool-output": False,
}  # fmt: skip
KUBECTL_AI = {
    "v0.0.20": _KUBECTL_AI | {"sse-endpoint-port": True},
    "v0.0.25": _KUBECTL_AI | _SESSIONS | {"sse-endpoint-port": True},
    "v0.0.28": _KUBECTL_AI | _SESSIONS | {"http-port": True},
    "tip": _KUBECTL_AI | _SESSIONS | {
        "http-port": True, "sandbox": True, "sandbox-image": True, "session-backend": True,
    },
}  # fmt: skip
GORDON = {"working-dir": True, "help": False}

_PROGRAMS = {
    "kubectl-ai": "from tests.support.kubectl_ai import main\nmain({flags}, '{version}')",
    "kubectl": """
import json, sys
from tests.support.doubled import HERE
with (HERE / "kubectl.log").open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + chr(10))
said, fails = HERE / "kubectl.says", HERE / "kubectl.fails"
sys.stdout.write(said.read_text() if said.exists() else "nothing here")
if fails.exists():
    sys.exit(fails.read_text())
""",
    "docker": """
import pathlib, sys
from tests.support.doubled import HERE, answer, parse, record
if sys.argv[1:2] != ["ai"]:
    sys.exit("docker: this double knows only docker ai")
if (HERE / "docker.absent").exists():
    sys.exit("docker: 'ai' is not a docker command.")
given, plain = parse(sys.argv[2:], {flags})
if plain[:1] == ["version"]:
    print("Gordon {version}")
    sys.exit(0)
record("docker")
if len(plain) != 1:
    sys.exit("docker ai takes one prompt")
if "working-dir" in given and not pathlib.Path(given["working-dir"]).is_dir():
    sys.exit("no such folder")
answer("docker")
""",
}


KNOWN = {
    "get", "logs", "describe", "top", "events", "api-resources", "config", "create", "apply", "diff", "patch", "scale",
    "set", "rollout", "replace", "delete",
}  # fmt: skip


class Kube(Shell):
    """Starts processes, but for kubectl: that is answered here, from a state and from what a test wants it to say.

    `answers` are tried first: the words have to begin with `starts` and hold all of `has`.
    """

    def __init__(self, state: dict[str, Any], answers: list[dict[str, Any]], echo: Callable[[str], None]) -> None:
        super().__init__(echo=echo)
        self.state = state
        self.answers = answers
        self.calls: list[dict[str, Any]] = []

    def probe(self, argv: Any, *, stdin: str = "", timeout: float = 30.0, env: Any = None) -> Result:
        if Path(argv[0]).name != "kubectl":
            return super().probe(argv, stdin=stdin, timeout=timeout, env=env)
        words = [str(word) for word in argv[1:]]
        assert words[0] == "--kubeconfig" and words[2] == "--context", words
        self.calls.append({"words": words[4:], "stdin": stdin, "kubeconfig": words[1]})
        if words[4:6] == ["create", "--raw"]:
            assert words[6].endswith("/") and not (why := kagent.refuse(stdin)), why
        return self._kubectl(words[4:], words[3])

    def converse(self, argv: Any, *, stop: Any, seconds: Any = None, stdin: str = "", **rest: Any) -> Result:
        if Path(argv[0]).name != "kubectl":
            return super().converse(argv, stop=stop, seconds=seconds, stdin=stdin, **rest)
        return self.probe(argv, stdin=stdin)

    def effect(self, argv: Any, *, stdin: str = "", shown_stdin: str = "", **rest: Any) -> Result:
        if Path(argv[0]).name != "kubectl":
            return super().effect(argv, stdin=stdin, shown_stdin=shown_stdin, **rest)
        self.say("$ " + render(argv, stdin=shown_stdin))
        result = self.probe(argv, stdin=stdin)
        if not result:
            raise CommandError([str(word) for word in argv], result)
        return result

    def _kubectl(self, words: list[str], context: str) -> Result:
        assert words[0] in KNOWN, words
        line = " ".join(words)
        for entry in self.answers:
            if line.startswith(entry["starts"]) and all(part in line for part in entry.get("has", [])):
                if "outs" in entry:
                    return Result(0, entry["outs"].pop(0) if len(entry["outs"]) > 1 else entry["outs"][0])
                return Result(entry.get("code", 0), entry.get("out", ""), entry.get("err", ""))
        if words[0] == "get":
            return self._get(words)
        if words[0] == "describe":
            found = [item for item in self._listed(words[1]) if item["metadata"]["name"] in words[2:3]]
            return Result(0, json.dumps(found[0], indent=1)) if found else Result(1, "", "Error: NotFound")
        if words[0] == "logs":
            log = self.state["logs"].get(words[1], "")
            return Result(0, log) if log else Result(1, "", "Error from server (BadRequest): waiting to start")
        if line.startswith("create token"):
            return Result(0, "a.token.of.the.tests\n")
        if line.startswith("config view"):
            user = {"name": "admin", "user": {"client-key-data": "YWRtaW4="}}
            view = {
                "kind": "Config", "apiVersion": "v1", "current-context": "other", "users": [user],
                "clusters": [{"name": context, "cluster": {"server": "https://127.0.0.1:1"}}],
                "contexts": [{"name": context, "context": {"cluster": context, "user": "admin"}}],
            }  # fmt: skip
            return Result(0, json.dumps(view))
        if words[0] == "top":
            return Result(1, "", "error: Metrics API not available")
        return Result(0, "")

    def _get(self, words: list[str]) -> Result:
        found = self._listed(words[1].split("/")[0])
        if "/" in words[1]:
            found = [item for item in found if item["metadata"]["name"] == words[1].split("/")[1]]
            return Result(0, json.dumps(found[0]) if found else "")
        if "json" in words:
            return Result(0, json.dumps({"kind": "List", "items": found}))
        # What kubectl prints for people is made from the same fields.
        rows = [json.dumps({key: item[key] for key in item if key != "metadata"}) for item in found]
        return Result(0, "\n".join(rows))

    def _listed(self, kinds: str) -> list[dict[str, Any]]:
        names = {kind.split(".")[0].rstrip("s").lower() for kind in kinds.split(",")}
        return [item for item in self.state["items"] if item["kind"].lower().rstrip("s") in names]


def program(folder: Path, name: str, flags: dict[str, bool] | None = None, version: str = "") -> Path:
    """Write one stand-in into `folder` and return its path."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    body = _PROGRAMS[name].replace("{flags}", repr(flags or {})).replace("{version}", version)
    file.write_text(f"#!{sys.executable} -ES\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n{body}\n")
    file.chmod(0o755)
    return file


def says(folder: Path, name: str, out: str = "", err: str = "", code: int = 0, sleep: float = 0.0) -> None:
    """What the stand-in is going to answer."""
    data = {"out": out, "err": err, "code": code, "sleep": sleep}
    (folder / f"{name}.answer.json").write_text(json.dumps(data))


def called(folder: Path, name: str) -> dict:
    """How the stand-in was called: argv, stdin, env."""
    return json.loads((folder / f"{name}.called.json").read_text())
