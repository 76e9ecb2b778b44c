"""`ai.debug` takes whatever runs in the namespace, also what has no pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scripts.ai import consult, recipes
from scripts.ai.consult import Connection
from scripts.errors import UserError
from scripts.host.paths import ROOT

DEBUG = recipes.pick(ROOT, "debug")


@pytest.mark.parametrize("given", ["service", "pod"])
def test_a_deployment_whose_pods_were_refused_is_diagnosed(
    make_desk: Callable[..., Connection], state_of: Callable[[str], Any], given: str
) -> None:
    state = state_of("psa-restricted-violation")
    name = next(item["metadata"]["name"] for item in state["items"] if item["kind"] == "Deployment")
    found = consult.consult(make_desk(state), DEBUG, {given: name}, tool="offline")
    assert "restricted" in found.answer.text and name in found.answer.text


def test_a_workload_that_is_not_the_apps_is_diagnosed_by_its_name(
    make_desk: Callable[..., Connection], state_of: Callable[[str], Any]
) -> None:
    state = state_of("quota-exceeded")
    for item in state["items"]:
        if item["kind"] == "Deployment":
            item["metadata"]["name"] = "somebody-elses"
    found = consult.consult(make_desk(state), DEBUG, {"service": "somebody-elses"}, tool="offline")
    assert "somebody-elses" in found.answer.text


def test_what_is_not_there_is_named_with_what_is(
    make_desk: Callable[..., Connection], state_of: Callable[[str], Any]
) -> None:
    with pytest.raises(UserError, match="no service nope"):
        consult.consult(make_desk(state_of("quota-exceeded")), DEBUG, {"service": "nope"}, tool="offline")
