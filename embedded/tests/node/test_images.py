"""Image references, and the words for images that cannot be had."""

import json
import pathlib

import pytest

from embedded.node import images

FAULTS = pathlib.Path(__file__).parents[1] / "recordings" / "faults"


@pytest.mark.parametrize(
    ("image", "canonical"),
    [
        ("bb:1", "docker.io/library/bb:1"),
        ("bb", "docker.io/library/bb:latest"),
        ("todo-chatbot/backend:x", "docker.io/todo-chatbot/backend:x"),
        ("ghcr.io/a/b/c:1.2", "ghcr.io/a/b/c:1.2"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("localhost/a:1", "localhost/a:1"),
        (f"a@sha256:{'0' * 64}", f"docker.io/library/a@sha256:{'0' * 64}"),
    ],
)
def test_canonical(image, canonical):
    assert images.parse(image).canonical == canonical


@pytest.mark.parametrize("image", ["", "Foo:1", "a b", "a:", "a:b:c", "-a", "a//b", "a@sha256:12"])
def test_invalid_name(image):
    with pytest.raises(images.ImageError) as caught:
        images.parse(image)
    assert caught.value.reason == "InvalidImageName"


def test_upper_case_is_named():
    with pytest.raises(images.ImageError, match=r"repository name \(Foo/Bar\) must be lowercase"):
        images.parse("Foo/Bar:1")


def test_unreachable_registry_as_recorded():
    recorded = (FAULTS / "bad-image.json").read_text()
    why = "dial tcp: lookup registry-1.docker.io on 10.255.255.53:53: no such host"
    answer = f'Get "https://registry-1.docker.io/v2/": {why}'
    made = images.pull_failure(images.parse("todo-chatbot/backend:does-not-exist"), answer)
    assert json.dumps(made)[1:-1] in recorded


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("manifest for a:1 not found: manifest unknown: manifest unknown", "docker.io/library/a:1: not found"),
        (
            "pull access denied for a, repository does not exist or may require 'docker login'",
            "server message: insufficient_scope: authorization failed",
        ),
    ],
)
def test_registry_that_refuses(answer, end):
    assert images.pull_failure(images.parse("a:1"), answer).endswith(end)


class Engine:
    """An engine that has some images."""

    def __init__(self, **have):
        self.have = have
        self.pulled = []

    async def image(self, reference):
        return self.have.get(reference)

    async def pull(self, repository, tag, seconds):
        self.pulled.append((repository, tag))
        self.have["new"] = {"Id": "x", "Size": 7}


async def had(engine, image, policy):
    said = []
    found = await images.ensure(engine, image, policy, lambda *words: said.append(words[1:]))
    return found, said


async def test_present_image_is_not_pulled():
    engine = Engine(bb={"Id": "i"})
    found, said = await had(engine, "bb", "IfNotPresent")
    assert found == {"Id": "i"}
    assert said == [("Pulled", 'Container image "bb" already present on machine and can be accessed by the pod')]
    assert not engine.pulled


async def test_absent_image_is_pulled():
    found, said = await had(Engine(), "new", "IfNotPresent")
    assert found["Id"] == "x"
    assert [reason for reason, _ in said] == ["Pulling", "Pulled"]
    assert said[1][1].endswith("Image size: 7 bytes.")


async def test_always_pulls_what_is_present():
    engine = Engine(new={"Id": "old"})
    assert (await had(engine, "new", "Always"))[0]["Id"] == "x"
    assert engine.pulled == [("docker.io/library/new", "latest")]


async def test_never_refuses_what_is_absent():
    with pytest.raises(images.ImageError) as caught:
        await had(Engine(), "gone", "Never")
    assert caught.value.reason == "ErrImageNeverPull"
    assert caught.value.message == 'Container image "gone" is not present with pull policy of Never'
