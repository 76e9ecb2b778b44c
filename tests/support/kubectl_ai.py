"""A stand-in of kubectl-ai 0.0.28 as it was measured, asked once (`--quiet`): it does what the real one does.

It pieces streams together as the real one's library (openai-go 1.11) does, runs by a shell what the real one's filter
takes for reading, prints for a terminal, and leaves its log behind. What the real one refuses, it refuses too.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tests.support.doubled import HERE, answer, parse, record

# Environment that a provider cannot do without, and what is said where it is missing.
PROVIDERS = {
    "openai": ("OPENAI_API_KEY", "OpenAI API key not found. Set via OPENAI_API_KEY env var"),
    "gemini": ("GEMINI_API_KEY", "GEMINI_API_KEY environment variable not set"),
}
NO_CLIENT = "failed to get agent for new session: creating agent: creating llm client"
READING = {
    "get", "describe", "logs", "top", "explain", "api-resources", "api-versions", "version", "config", "auth", "events",
    "cluster-info", "wait", "diff", "kustomize", "help", "options", "completion", "convert",
}  # fmt: skip
INTERACTIVE = "interactive mode not supported for kubectl, please use non-interactive commands"
RED, GREEN, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"
USAGE = "Usage:\n  kubectl-ai [flags]\n" + "\n".join(f"      --flag-{number}" for number in range(38))


def main(flags: Mapping[str, bool], version: str) -> NoReturn:
    """Answer one call."""
    given, plain = parse(sys.argv[1:], flags)
    if plain[:1] == ["version"]:
        print(f"version: {version}\ncommit: none\ndate: unknown")
        sys.exit(0)
    entry = record("kubectl-ai", config=_config(), **_kubeconfig(given.get("kubeconfig", "")))
    _log(entry["stdin"])
    _refuse(given, plain, entry["stdin"])
    if (HERE / "kubectl-ai.silent").exists():
        answer("kubectl-ai")
    if given.get("remove-workdir") != "true":
        Path(_temporary(), "agent-workdir-1").mkdir()
    _loop("\n".join([*plain, entry["stdin"]]).strip(), int(given.get("max-iterations", "20")))


def _temporary() -> str:
    return os.environ.get("TMPDIR", "/tmp")  # noqa: S108 as Go does


def _log(text: str) -> None:
    """Append to the log that the real one keeps, for everybody to read."""
    with Path(_temporary(), "kubectl-ai.log").open("a") as log:
        log.write(text + "\n")


def _config() -> str:
    """Return the defaults of the person who runs it, which count unless a flag says otherwise."""
    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    file = Path(folder, "kubectl-ai/config.yaml")
    return file.read_text() if file.is_file() else ""


def _kubeconfig(name: str) -> dict[str, str]:
    file = Path(name)
    if not name or not file.is_file():
        return {"kubeconfig": "", "mode": ""}
    return {"kubeconfig": file.read_text(), "mode": oct(file.stat().st_mode & 0o777)}


def _refuse(given: Mapping[str, str], plain: list[str], stdin: str) -> None:
    """End where the real one does before it asks anything."""
    if len(plain) > 1:
        sys.exit(f"Error: accepts at most 1 arg(s), received {len(plain)}")
    if given.get("quiet") == "true" and not plain and not stdin:
        sys.exit("RunOnce mode requires an initial query to be provided")
    if plain and any(len(line) > 65_536 for line in stdin.splitlines()):
        sys.exit("failed to resolve query input reading stdin: bufio.Scanner: token too long")
    if given.get("ui-type", "terminal") not in ("terminal", "web", "tui"):
        sys.exit(f"ui-type mode {given['ui-type']!r} is not known")
    provider = given.get("llm-provider", "gemini")
    if provider not in PROVIDERS:
        sys.exit(f"{NO_CLIENT}: provider {provider!r} not registered")
    variable, words = PROVIDERS[provider]
    if not os.environ.get(variable):
        sys.stderr.write(USAGE + "\n")
        sys.exit(f"{NO_CLIENT}: {words}")
    if given.get("skip-permissions") != "false":
        sys.exit("this double insists on being told not to skip permissions")
    if given.get("trace-path", "there is a default") != "":
        sys.exit("this double insists on being told to leave no trace")


def _loop(query: str, rounds: int) -> NoReturn:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "DO NOT ask the user to create the resource, just use the tool"},
        {"role": "user", "content": query},
    ]
    for _ in range(rounds):
        text, calls = _asked(messages)
        if not calls:
            _end(text)
        if text:
            sys.stdout.write(f"\n  {text}  \n")
        messages.append({"role": "assistant", "content": text, "tool_calls": [_call(call) for call in calls]})
        for call in calls:
            _refuse_call(call["name"], _arguments(call), calls)
        for call in calls:
            result = _run(_arguments(call)["command"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})
            _log(json.dumps(result))
    sys.stdout.write("Maximum number of iterations reached.\n")
    sys.exit(0)


def _end(text: str) -> NoReturn:
    import textwrap

    shown = "\n".join(textwrap.wrap(text, 78))
    sys.stdout.write(f"\n  {shown}   \n\n" if text else f"{GREEN}\n  Empty response from LLM   \n\n{PLAIN}")
    sys.stdout.flush()
    if (HERE / "kubectl-ai.hangs").exists():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.run(["sleep", "600"], check=False)
    sys.exit(0)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]},
    }  # fmt: skip


def _arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given to a tool; what is no JSON is nothing, as the real one has it."""
    try:
        found = json.loads(call["arguments"] or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_call(name: str, arguments: Mapping[str, Any], calls: Iterable[Mapping[str, Any]]) -> None:
    if name not in ("bash", "kubectl"):
        sys.stdout.write(f'{RED}Error: error parsing tool call: tool "{name}" not recognized{PLAIN}')
        sys.exit(f'running UI: error parsing tool call: tool "{name}" not recognized')
    line = arguments.get("command")
    if isinstance(line, str) and (_reads(line) or _interactive(line)):
        return
    shown = "".join(f"\n* {_described(call)}" for call in calls)
    said = f"RunOnce mode cannot handle permission requests. The following commands require approval:{shown}"
    said += "\nUse --skip-permissions flag to bypass permission checks in RunOnce mode."
    sys.stdout.write(f"{RED}{said}{PLAIN}")
    sys.exit(f"running UI: {said}")


def _described(call: Mapping[str, Any]) -> str:
    given = _arguments(call)
    if "command" in given:
        return str(given["command"])
    return f"{call['name']}({', '.join(f'{key}={value}' for key, value in sorted(given.items()))})"


def _reads(line: str) -> bool:
    """Return what the real one's filter takes for reading: one kubectl, whose verb reads or that carries --dry-run."""
    if any(mark in line for mark in ("|", ";", "&", "$(", "`", "\n")):
        return False
    try:
        words = shlex.split(line)
    except ValueError:
        return False
    if not words or "kubectl" not in words[0]:
        return False
    for word in words[1:]:
        if not word.startswith("-"):
            break
        if "=" not in word:  # a flag before the verb
            return False
    plain = [word for word in words[1:] if not word.startswith("-")]
    reading = plain[:1] and (plain[0] in READING or plain[:2] in (["rollout", "status"], ["rollout", "history"]))
    return bool(reading) or any(word.startswith("--dry-run") for word in words)


def _interactive(line: str) -> bool:
    return any(word in f"{line} " for word in (" port-forward ", " edit ")) or (" exec " in line and " -it" in line)


def _run(line: str) -> dict[str, Any]:
    """Run a command by a shell; what is empty is not told."""
    if _interactive(line):
        sys.stdout.write(f"{RED}  {INTERACTIVE}\n{PLAIN}")
        return {"error": INTERACTIVE}
    sys.stdout.write(f"{GREEN}\n  Running: {line}\n{PLAIN}")
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    error = f"exit status {done.returncode}" if done.returncode else ""
    told = {
        "command": line, "error": error, "stdout": done.stdout, "stderr": done.stderr, "exit_code": done.returncode,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value}


def _asked(messages: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """Return (words, calls) of one streamed answer."""
    import urllib.error  # these two take longer than all the rest: not where only a version is asked for
    import urllib.request

    base = (os.environ.get("OPENAI_ENDPOINT") or os.environ["OPENAI_API_BASE"]).rstrip("/")
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("bash", "kubectl")]
    body = json.dumps({"model": "m", "messages": messages, "tools": tools, "stream": True}).encode()
    headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = base + "/chat/completions"
    try:
        text = opener.open(urllib.request.Request(url, body, headers)).read().decode()  # noqa: S310
    except urllib.error.HTTPError as error:
        said = json.loads(error.read())["error"]
        _fail(f'OpenAI streaming error: POST "{url}": {error.code} {error.reason} {json.dumps(said)}')
    except urllib.error.URLError as error:
        _fail(f'OpenAI streaming error: Post "{url}": {error.reason}')
    return pieced(text.splitlines())


def _fail(said: str) -> NoReturn:
    sys.stdout.write(f"{RED}Error: {said}{PLAIN}")
    sys.exit(f"running UI: {said}")


def pieced(lines: Iterable[str]) -> tuple[str, list[dict[str, Any]]]:
    """Return (words, calls) of a stream.

    Words count wherever they stand. The rest of a piece whose id is not that of the first is dropped. A call counts
    when the piece after it is of something else: words make a piece one of words, whatever else is in it, and of the
    calls in one piece the first is what it is about.
    """
    text, first, state = "", None, ("", 0)
    held: dict[int, dict[str, Any]] = {}
    calls = []
    for line in lines:
        if not line.startswith("data:") or line[5:].strip() == "[DONE]":
            continue
        chunk = json.loads(line[5:])
        if "error" in chunk:
            _fail(f"OpenAI streaming error: received error while streaming: {json.dumps(chunk['error'])}")
        choice = next(iter(chunk.get("choices") or ()), None)
        delta: Mapping[str, Any] = choice["delta"] if choice else {}
        text += delta.get("content") or ""
        first = first or chunk.get("id", "")
        if choice is None or chunk.get("id", "") != first:
            continue
        for call in delta.get("tool_calls") or ():
            mine = held.setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
            mine["id"] = call.get("id") or mine["id"]
            mine["name"] += call["function"].get("name") or ""
            mine["arguments"] += call["function"].get("arguments") or ""
        now = _about(delta)
        if state != now and state[0] == "call":
            calls.append(held[state[1]])
        if state != now and state[0] == "refusal":
            _fail("model refused to respond")
        state = now
    return text, [call for call in calls if call["name"]]


def _about(delta: Mapping[str, Any]) -> tuple[str, int]:
    """Return what a piece is about, and of which call."""
    if delta.get("content") is not None:
        return "words", 0
    if delta.get("refusal") is not None:
        return "refusal", 0
    if delta.get("tool_calls") is not None:
        return "call", delta["tool_calls"][0]["index"]
    return "end", 0
