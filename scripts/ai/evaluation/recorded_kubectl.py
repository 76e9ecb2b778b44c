"""A kubectl whose cluster is a file: `state.json` beside it. It notes every call in `calls.jsonl`, and changes nothing.

It is run by itself, so that a tool which starts kubectl finds the same cluster as the product does.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False  # as the type checker takes it: `typing` takes long to import, and this is started at every call
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Said = tuple[int, str, str]  # exit status, output, and what is said of a failure

SHORT = {"po": "pod", "deploy": "deployment", "svc": "service", "cm": "configmap", "ev": "event", "rs": "replicaset"}


def main(words: list[str]) -> int:
    """Answer one call."""
    code, out, err = answer(os.path.dirname(os.path.realpath(__file__)), words)  # noqa: PTH120
    sys.stdout.write(out)
    sys.stderr.write(err)
    return code


def answer(folder: str, words: Sequence[str]) -> Said:
    """Return what kubectl answers from the state in a folder; the call is noted there."""
    while words[:1] and words[0] in ("--kubeconfig", "--context"):
        words = words[2:]
    with open(f"{folder}/calls.jsonl", "a") as log:  # noqa: PTH123
        log.write(json.dumps(words) + "\n")
    with open(f"{folder}/state.json") as file:  # noqa: PTH123
        state = json.load(file)
    output = _value(words, "--output") or _value(words, "-o")
    plain = _plain(words)
    verb = plain[0] if plain else ""
    if verb in ("get", "describe"):
        found = _show(state, plain[1:], output if verb == "get" else "yaml")
        return (0, "", "") if found[0] and "--ignore-not-found" in words else found
    if verb == "logs":
        name = plain[1].rpartition("/")[2] if len(plain) > 1 else ""
        text = next((text for pod, text in state["logs"].items() if pod == name or pod.startswith(name + "-")), "")
        return _say(text) if text else _fail("Error from server (BadRequest): container is waiting to start")
    if plain[:2] == ["create", "token"]:
        return _say("a.token.of.the.evaluation")
    if plain[:2] == ["config", "view"]:
        cluster = {"name": "recorded", "cluster": {"server": "https://127.0.0.1:1"}}
        context = {"name": "recorded", "context": {"cluster": "recorded", "user": "u"}}
        user = {"name": "u", "user": {"client-key-data": state["canary"]}}
        return _say(json.dumps({"clusters": [cluster], "contexts": [context], "users": [user]}))
    if verb == "top":
        return _fail("error: Metrics API not available")
    return _say("")


def _plain(words: Sequence[str]) -> list[str]:
    """Return the words that are no flags and no values of one."""
    found = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("--namespace", "-n", "--output", "-o", "--container", "--filename", "-f", "--selector", "-l"):
            skip = True
        elif not word.startswith("-"):
            found.append(word)
    return found


def _value(words: Sequence[str], flag: str) -> str:
    for number, word in enumerate(words):
        if word == flag and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(flag + "="):
            return word.partition("=")[2]
    return ""


def _show(state: dict[str, Any], plain: list[str], output: str) -> Said:
    kinds = plain[0] if plain else ""
    name = plain[1] if len(plain) > 1 else ""
    if "/" in kinds:
        kinds, _, name = kinds.partition("/")
    words = [word.split(".")[0] for word in kinds.lower().split(",")]
    wanted = {SHORT.get(word, word.rstrip("s")) for word in words}
    found = [item for item in state["items"] if item["kind"].lower() in wanted or wanted == {"all"}]
    if name:
        found = [item for item in found if item["metadata"]["name"] == name]
        if not found:
            return _fail(f'Error from server (NotFound): "{name}" not found')
        return _say(json.dumps(found[0], indent=1))
    if output == "json":
        return _say(json.dumps({"kind": "List", "items": found}))
    return _say("\n".join(json.dumps(item) for item in found))


def _say(text: str) -> Said:
    return 0, text, ""


def _fail(text: str) -> Said:
    return 1, "", text + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
