"""How a service is worked on follows from its image and Dockerfile, whatever it is called."""

from pathlib import Path

import pytest

from scripts.dev import service
from scripts.dev.rules import Rule
from scripts.errors import UserError
from scripts.kube.releases import DEV
from scripts.settings.model import Dev, Release, Service

OURS = ("--check-hash-based-pycs", "always", "-c", "…")
RECIPE = (
    "FROM python AS base\nWORKDIR /app\nFROM base AS dev\nCOPY src src\nFROM base\nCOPY src /app/src\nCOPY x.py /app/\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Service:
    """A service that somebody else wrote."""
    (tmp_path / "src").mkdir()
    (tmp_path / "x.py").write_text("")
    (tmp_path / "Dockerfile").write_text(RECIPE)
    return Service("shop", tmp_path, tmp_path / "Dockerfile")


def with_dev(one: Service, **given: object) -> Service:
    return Service(one.name, one.context, one.dockerfile, dev=Dev(**given))  # type: ignore[arg-type]


def library(one: Service) -> Release:
    """A release of a chart that is made with the library chart."""
    chart = one.context / "chart"
    (chart / "charts/common").mkdir(parents=True, exist_ok=True)
    (chart / "charts/common/Chart.yaml").write_text("name: common\n")
    return Release("shop", "shop", chart, images={"shop": {"repository": "services.shop.image.repository"}})


def test_in_somebody_elses_chart_every_change_is_built(shop: Service) -> None:
    release = library(shop)
    assert service.place(release, "shop") == ("services", "shop")
    assert service.dev_service(shop, ["python", "-m", "shop"], release).rules
    (release.chart / "charts/common/Chart.yaml").unlink()
    assert service.place(release, "shop") == ()
    assert service.dev_service(shop, ["python", "-m", "shop"], release).rules == ()


@pytest.mark.parametrize(
    ("argv", "command", "reload"),
    [
        (["python", "-m", "shop"], ["python", *OURS, "-m", "shop"], "signal"),
        (
            ["/venv/bin/python3.13", "-u", "-X", "dev", "main.py", "--port=1"],
            ["/venv/bin/python3.13", "-u", "-X", "dev", *OURS, "main.py", "--port=1"],
            "signal",
        ),
        (["uvicorn", "shop:app"], ["python3", *OURS, "uvicorn", "shop:app"], "signal"),
        (["/usr/bin/gunicorn", "shop"], ["python3", *OURS, "/usr/bin/gunicorn", "shop"],
         "signal"),
        (["node", "server.js"], ["node", "--watch", "--watch-preserve-output", "server.js"], "itself"),
        (["node", "--watch-path=src", "server.js"], ["node", "--watch-path=src", "server.js"], "itself"),
        (["python", "-c", "print(1)"], [], "none"),
        (["sh", "-c", "exec ./run"], [], "none"),
        (["/shop"], [], "none"),
        ([], [], "none"),
    ],
)  # fmt: skip
def test_what_runs(shop: Service, argv: list[str], command: list[str], reload: str) -> None:
    found = service.program(shop, argv)
    text = service.RELOADER.read_text()
    assert ["…" if word == text else word for word in found.command] == command
    assert found.reload == reload


def test_a_command_of_ones_own_reloads_by_itself(shop: Service) -> None:
    assert service.program(with_dev(shop, command=("air",)), ["/shop"]) == service.Program(("air",), "itself")


def test_a_program_that_cannot_reload_is_built_for_every_change(shop: Service) -> None:
    assert service.dev_service(shop, ["/shop"], library(shop)).rules == ()


def test_the_stage_called_dev_is_taken_where_there_is_one(shop: Service) -> None:
    staged = service.with_dev_stage(shop)
    assert staged.stage == "dev"
    assert service.sync_rules(staged) == (Rule("src", "/app/src"),)
    assert service.sync_rules(shop) == (Rule("src", "/app/src"), Rule("x.py", "/app/x.py", folder=False))


def test_a_stage_that_there_is_not_is_named(shop: Service) -> None:
    with pytest.raises(UserError, match=r"services.shop.dev.stage: .* has no stage 'nope'") as caught:
        service.with_dev_stage(with_dev(shop, stage="nope"))
    assert caught.value.hint == "its stages: base, dev"


def test_rules_of_ones_own(shop: Service) -> None:
    given = with_dev(shop, sync=((".", "/code"), ("x.py", "/other/y.py")))
    assert service.sync_rules(given) == (Rule("", "/code"), Rule("x.py", "/other/y.py", folder=False))
    with pytest.raises(UserError, match=r"services.shop.dev.sync.0.from: '../out' is outside of"):
        service.sync_rules(with_dev(shop, sync=(("../out", "/code"),)))


def test_the_pods_are_marked_and_stay_hardened(shop: Service) -> None:
    given = with_dev(shop, values={"replicaCount": 1, "writablePaths": ["/cache"]})
    laid = service.values(
        service.dev_service(given, ["python", "-m", "shop"], library(shop)), {"writablePaths": ["/spool"]}
    )
    assert laid["podLabels"] == {DEV: "true"}
    assert laid["writablePaths"] == ["/spool", "/cache", {"path": "/app", "seed": True, "size": service.SIZE}]
    assert laid["replicaCount"] == 1
    assert laid["command"] == ["python"]
    assert not {"containerSecurityContext", "podSecurityContext", "networkPolicy", "secretEnv"} & laid.keys()
    assert laid["livenessProbe"] == {"failureThreshold": service.PATIENT}, "asked as before, with more patience"
