"""A program that ends with 0 and says that it failed has failed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.host import false_success
from scripts.host.shell import CommandError, Shell

NOT_FOUND = "! The image 'x:1' was not found; unable to add it to cache."
INGRESS = "! Enabling 'ingress' returned an error: running callbacks: context deadline exceeded"


@pytest.mark.parametrize(
    ("argv", "out", "err", "told"),
    [
        (["/usr/bin/minikube", "image", "load", "--daemon", "x:1"], "", f"{NOT_FOUND}\n", NOT_FOUND),
        (["minikube", "addons", "enable", "ingress"], "* fine\n", f"{INGRESS}\n", INGRESS),
        (
            ["minikube", "service", "s", "--url"],
            "* service n/s has no node port\n",
            "",
            "* service n/s has no node port",
        ),
        (["minikube", "image", "load", "x:1"], "", "", ""),
        (["minikube", "start"], "", INGRESS, ""),
        (["minikube", "delete"], "", '! "p" profile does not exist, trying anyways.', ""),
        (["helm", "upgrade"], "unable to add it to cache", "", ""),
        (
            ["env", "-u", "A", "docker", "ai", "why?"],
            "Please sign in to Docker Desktop",
            "",
            "Please sign in to Docker Desktop",
        ),
        (["docker", "ai", "why?"], "The page asks people to sign in to Docker. " * 20, "", ""),
        (["docker", "ai", "why?"], "The page asks people to sign in to Docker first.", "", ""),
        (["docker", "ai", "why?"], "The rate limit of the API is hit: raise it.", "", ""),
        (["docker", "ai", "why?"], "Use a smaller image.", "Tip: sign in to Docker for more", ""),
        (["docker", "ai", "why?"], "Use a smaller image.", "Please sign in to Docker Desktop", ""),
        (["docker", "ai", "why?"], "", "Error: login required\n", "Error: login required"),
        (["docker", "ai", "why?"], "You have reached your usage limit.\n", "", "You have reached your usage limit."),
        (["docker", "ps"], "sign in", "", ""),
        (["kubectl-ai", "--quiet"], "\n  Empty response from LLM   \n", "", "Empty response from LLM"),
        (
            ["kagent", "invoke", "--agent", "a"],
            "",
            "Error getting agent metadata: HTTP 404: Request failed",
            "Error getting agent metadata: HTTP 404: Request failed",
        ),
    ],
)
def test_what_is_said_against_the_exit_status(argv: list[str], out: str, err: str, told: str) -> None:
    assert false_success.contradicted_by(argv, out, err) == told


@given(st.text(), st.text())
def test_any_words_are_read(out: str, err: str) -> None:
    for known in false_success.KNOWN:
        assert "\n" not in false_success.contradicted_by([known.program, *known.verb], out, err)


@pytest.mark.slow
def test_an_effect_fails_by_its_words_and_shows_them(tmp_path: Path) -> None:
    program = tmp_path / "minikube"
    program.write_text(f'#!/bin/sh\necho "{NOT_FOUND}" >&2\n')
    program.chmod(0o755)
    with pytest.raises(CommandError, match="unable to add it to cache"):
        Shell(echo=lambda _: None).effect([program, "image", "load", "x:1"])
    assert Shell(echo=lambda _: None).effect([program, "version"])


@pytest.mark.slow
def test_whoever_asks_and_however_the_words_are_judged(tmp_path: Path) -> None:
    program = tmp_path / "minikube"
    program.write_text(f'#!/bin/sh\ncat >/dev/null\necho "{NOT_FOUND}" >&2\n')
    program.chmod(0o755)
    shell, argv = Shell(echo=lambda _: None), [program, "image", "load", "x:1"]
    for result in (shell.probe(argv), shell.converse(argv, stop=threading.Event())):
        assert not result and result.code == 0 and result.contradicted_by == NOT_FOUND
    with pytest.raises(CommandError, match="says that it failed, though with exit status 0"):
        shell.feed(argv, [b"x"])
    with pytest.raises(CommandError, match="says that it failed"):
        shell.pipe(["true"], argv)
