# ruff: noqa: E501 the programs in here are read as they are run
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

from scripts.host.shell import CommandError, Result, Shell, render

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

_PARSE = r'''
import json, os, pathlib, sys, time
HERE = pathlib.Path(__file__).resolve().parent
def parse(words, flags):
    """What pflag makes of the words: (flags, positional arguments), or the end of the program."""
    given, plain = {}, []
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            return given, plain + words
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        if not word.startswith("--"):
            sys.exit(f"unknown shorthand flag: {word!r} in {word}")
        name, equals, value = word[2:].partition("=")
        if name not in flags:
            sys.exit(f"Error: unknown flag: --{name}")
        if not equals:
            if flags[name]:
                if not words:
                    sys.exit(f"Error: flag needs an argument: --{name}")
                value = words.pop(0)
            else:
                value = "true"
        elif not flags[name] and value not in ("true", "false"):
            sys.exit(f"Error: invalid argument {value!r} for --{name}")
        given[name] = value
    return given, plain
def record(name, **what):
    stdin = "" if sys.stdin.isatty() else sys.stdin.read()
    entry = {"argv": sys.argv[1:], "stdin": stdin, "env": dict(os.environ)} | what
    (HERE / f"{name}.called.json").write_text(json.dumps(entry))
    return entry
READING = {"get", "describe", "logs", "top", "explain", "api-resources", "api-versions", "version", "config", "auth",
           "events", "cluster-info", "wait", "diff"}
def post(messages):
    """One streamed question, as the real one asks it, pieced together."""
    import urllib.error, urllib.request
    base = os.environ["OPENAI_ENDPOINT"].rstrip("/")
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("bash", "kubectl")]
    body = json.dumps({"model": "m", "messages": messages, "tools": tools, "stream": True}).encode()
    headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        lines = opener.open(urllib.request.Request(base + "/chat/completions", body, headers)).read().decode().splitlines()
    except urllib.error.HTTPError as error:
        said = json.loads(error.read())["error"]
        sys.stdout.write(f"\x1b[31mError: OpenAI streaming error: POST: {error.code} {json.dumps(said)}\x1b[0m")
        sys.exit("running UI: OpenAI streaming error")
    text, calls = "", {}
    for line in lines:
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        for choice in json.loads(line[6:])["choices"]:
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                held = calls.setdefault(call["index"], {"id": call["id"], "name": "", "arguments": ""})
                held["name"] += call["function"].get("name") or ""
                held["arguments"] += call["function"].get("arguments") or ""
    return text, list(calls.values())
def loop(entry, given, rounds):
    """The real one's loop, with its own filter: what reads, or carries --dry-run or --as, runs unasked."""
    import subprocess, textwrap
    if (HERE / "kubectl-ai.silent").exists():
        answer("kubectl-ai")
    messages = [{"role": "system", "content": "just use the tool"},
                {"role": "user", "content": given.get("query", "") + "\n" + entry["stdin"]}]
    for _ in range(rounds):
        text, calls = post(messages)
        if not calls:
            shown = "\n".join(textwrap.wrap(text, 78)) or "Empty response from LLM"
            sys.stdout.write(f"\x1b[32m\n  {shown}   \n\n\x1b[0m")
            sys.stdout.flush()
            if (HERE / "kubectl-ai.hangs").exists():
                import signal
                signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
                subprocess.run(["sleep", "600"])
            sys.exit(0)
        shown = [{"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}} for c in calls]
        messages.append({"role": "assistant", "content": text, "tool_calls": shown})
        for call in calls:
            if call["name"] not in ("bash", "kubectl"):
                sys.exit(f'running UI: error parsing tool call: tool "{call["name"]}" not recognized')
            line = json.loads(call["arguments"])["command"]
            words = line.split()
            free = words[1:2] and words[1] in READING or "--dry-run" in line or "--as" in line
            if words[:1] != ["kubectl"] or not free:
                sys.stdout.write(f"RunOnce mode cannot handle permission requests. The following commands require approval:\n* {line}\n")
                sys.exit("RunOnce mode cannot handle permission requests")
            sys.stdout.write(f"\x1b[32m\n  Running: {line}\n\x1b[0m")
            done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
            result = {"command": line, "stdout": done.stdout, "stderr": done.stderr}
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})
    sys.stdout.write("Maximum number of iterations reached.\n")
    sys.exit(0)
def answer(name):
    file = HERE / f"{name}.answer.json"
    said = json.loads(file.read_text()) if file.exists() else {"out": "## Cause\nnothing\n"}
    time.sleep(said.get("sleep", 0))
    sys.stdout.write(said.get("out", ""))
    sys.stderr.write(said.get("err", ""))
    sys.exit(said.get("code", 0))
'''
_PROGRAMS = {
    "kubectl-ai": """
FLAGS = {flags}
given, plain = parse(sys.argv[1:], FLAGS)
if plain[:1] == ["version"]:
    print("version: {version}")
    sys.exit(0)
kubeconfig = pathlib.Path(given.get("kubeconfig", ""))
held = kubeconfig.read_text() if kubeconfig.is_file() else ""
entry = record("kubectl-ai", kubeconfig=held, mode=oct(kubeconfig.stat().st_mode & 0o777) if held else "")
if len(plain) > 1:
    sys.exit("Error: accepts at most 1 arg(s)")
if given.get("quiet") == "true" and not plain and not entry["stdin"]:
    sys.exit("RunOnce mode requires an initial query to be provided")
if any(len(line) > 65536 for line in entry["stdin"].splitlines()):
    sys.exit("failed to resolve query input reading stdin: bufio.Scanner: token too long")
if given.get("ui-type", "terminal") not in ("terminal", "web", "tui"):
    sys.exit("ui-type mode is not known")
if given.get("skip-permissions") != "false":
    sys.exit("this double insists on being told not to skip permissions")
loop(entry, given, int(given.get("max-iterations", "20")))
""",
    "kubectl": """
with (HERE / "kubectl.log").open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + chr(10))
said = HERE / "kubectl.says"
sys.stdout.write(said.read_text() if said.exists() else "nothing here")
""",
    "docker": """
FLAGS = {flags}
if sys.argv[1:2] != ["ai"]:
    sys.exit("docker: this double knows only docker ai")
if (HERE / "docker.absent").exists():
    sys.exit("docker: 'ai' is not a docker command.")
given, plain = parse(sys.argv[2:], FLAGS)
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
        return self._kubectl(words[4:], words[3])

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
    file.write_text(f"#!{sys.executable} -ES\n{_PARSE}\n{body}")
    file.chmod(0o755)
    return file


def says(folder: Path, name: str, out: str = "", err: str = "", code: int = 0, sleep: float = 0.0) -> None:
    """What the stand-in is going to answer."""
    data = {"out": out, "err": err, "code": code, "sleep": sleep}
    (folder / f"{name}.answer.json").write_text(json.dumps(data))


def called(folder: Path, name: str) -> dict:
    """How the stand-in was called: argv, stdin, env."""
    return json.loads((folder / f"{name}.called.json").read_text())
