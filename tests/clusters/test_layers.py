"""A layer that a node has is not sent again, whatever the engine writes; all are sent where that does not work."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.clusters import layers
from scripts.clusters.loading import normalised
from scripts.settings.model import Image
from tests.support.cluster_settings import MADE_HERE, NAME, Make
from tests.support.machine import Machine
from tests.support.programs import LAYER_BYTES, saved

NODE = {"minikube": NAME, "kind": f"{NAME}-control-plane", "k3d": f"k3d-{NAME}-server-0"}
BASE = "sha256:" + hashlib.sha256(b"B" * LAYER_BYTES).hexdigest()
BACKEND, MCP = Image("backend", "todo-chatbot/backend", "1"), Image("mcp", "todo-chatbot/mcp", "2")


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def files(stream: bytes) -> dict[str, bytes]:
    """The files of a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        return {member.name: source.read() for member in archive if (source := archive.extractfile(member))}


def digests(found: dict[str, bytes]) -> set[str]:
    return {name.replace("blobs/sha256/", "sha256:") for name in found if name.startswith("blobs/")}


def new_format(refs: list[str]) -> bytes:
    """What an engine from version 25 on writes: the layout itself, every blob by its digest."""
    return b"".join(layers.without_blobs(pieces(saved(refs)), set(), normalised))


def test_an_older_engines_stream_becomes_a_layout_in_which_every_blob_is_what_its_name_says() -> None:
    found = files(new_format([BACKEND.ref, MCP.ref]))
    assert all(digest == "sha256:" + hashlib.sha256(found[digest.replace("sha256:", "blobs/sha256/")]).hexdigest()
               for digest in digests(found))  # fmt: skip
    index = json.loads(found["index.json"])["manifests"]
    names = [entry["annotations"]["io.containerd.image.name"] for entry in index]
    assert names == [f"docker.io/{BACKEND.ref}", f"docker.io/{MCP.ref}"]
    for entry in index:
        manifest = json.loads(found[entry["digest"].replace("sha256:", "blobs/sha256/")])
        told = {layer["digest"]: layer["size"] for layer in manifest["layers"]}
        assert set(told) <= digests(found) and BASE in told and set(told.values()) == {LAYER_BYTES}


@pytest.mark.parametrize("form", [saved, new_format])
def test_a_layer_that_is_there_is_left_out_of_either_format(form: object) -> None:
    stream = form([BACKEND.ref, MCP.ref])  # type: ignore[operator]
    whole = files(b"".join(layers.without_blobs(pieces(stream), set(), normalised)))
    less = files(b"".join(layers.without_blobs(pieces(stream), {BASE}, normalised)))
    assert digests(whole) - digests(less) == {BASE} and less["index.json"] == whole["index.json"]


def test_what_an_older_engine_calls_a_layer_is_hashed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert layers.known_layers() == {}
    known = layers.known_layers()
    whole = list(layers.without_blobs(pieces(saved([BACKEND.ref])), set(), normalised, known))
    layers.keep_layers(known)
    assert known and layers.known_layers() == known
    with monkeypatch.context() as patch:
        patch.setattr(layers.tempfile, "SpooledTemporaryFile", lambda **_: pytest.fail("a layer is hashed again"))
        again = list(layers.without_blobs(pieces(saved([BACKEND.ref])), set(), normalised, known))
        assert files(b"".join(again)) == files(b"".join(whole))
        less = list(layers.without_blobs(pieces(saved([BACKEND.ref])), {BASE}, normalised, known))
        assert digests(files(b"".join(whole))) - digests(files(b"".join(less))) == {BASE}
    changed = {name: (digest, size + 1) for name, (digest, size) in known.items()}
    anew = list(layers.without_blobs(pieces(saved([BACKEND.ref])), set(), normalised, changed))
    assert changed == known and files(b"".join(anew)) == files(b"".join(whole))


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1}', '{"a": ["b"]}', '{"a": [1, "c"]}', "\ud800"])
def test_a_record_of_layers_that_is_none_is_no_hindrance(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    layers.keep_layers({"a": ("b", 1)})
    next(file for file in tmp_path.rglob("*.json")).write_bytes(text.encode(errors="surrogatepass"))
    assert layers.known_layers() == {}


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_another_stream_is_refused_in_words(data: bytes, size: int) -> None:
    with pytest.raises((tarfile.TarError, ValueError, KeyError)):
        list(layers.without_blobs(pieces(data, size), set()))


@given(st.integers(0, 16000), st.integers(1, 5000))
def test_a_stream_that_breaks_off_is_never_taken_for_a_whole_one(cut: int, size: int) -> None:
    stream = saved([BACKEND.ref])
    broken = stream[: min(cut, stream.index(b"manifest.json"))]
    with pytest.raises((tarfile.TarError, ValueError, KeyError)):
        list(layers.without_blobs(pieces(broken, size), set()))


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_the_second_image_brings_only_what_is_new(target: str, machine: Machine, cluster: Make) -> None:
    cluster(target).up()
    machine.change(images=[BACKEND.ref, MCP.ref])
    cluster(target).load([BACKEND])
    before = machine.state["containers"][NODE[target]]["received"]
    assert [outcome.status for outcome in cluster(target).load([BACKEND, MCP])] == ["unchanged", "done"]
    node = machine.state["containers"][NODE[target]]
    assert f"docker.io/{MCP.ref}" in node["images"]
    assert BASE.removeprefix("sha256:") not in node["last"] and node["received"] > before


@pytest.mark.slow
def test_where_the_node_has_lost_a_layer_after_all_everything_is_sent(
    machine: Machine, cluster: Make, said: list[str]
) -> None:
    cluster("kind").up()
    machine.change(images=[BACKEND.ref])
    machine.container(NODE["kind"], contents=[BASE], lost=True)
    assert cluster("kind").load([BACKEND])[0].status == "done"
    assert [line for line in said if "sending all" in line]
