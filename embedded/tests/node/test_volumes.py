"""What volumes hold, and how they change."""

import base64

import pytest

from embedded.node import claims, pause, volumes
from embedded.node.environment import Place
from embedded.node.volumes import VolumeError
from embedded.store import Store

PLACE = Place("node", "192.0.2.1", "10.0.0.5", 4, 8 << 30)
POD = {"metadata": {"name": "p", "namespace": "demo", "uid": "u", "labels": {"a": "b"}}, "spec": {"containers": []}}
OBJECTS = {
    ("configmaps", "demo", "cm"): {"data": {"a": "1", "b": "2"}, "binaryData": {"c": base64.b64encode(b"\0").decode()}},
    ("secrets", "demo", "sec"): {"data": {"pw": base64.b64encode(b"x").decode()}},
}


def files(**volume):
    found = {"name": "v"} | volume
    return volumes.files(POD, found, lambda *key: OBJECTS.get(key), PLACE, lambda pod, wanted: "token")


def test_config_map():
    assert files(configMap={"name": "cm"}) == {"a": (b"1", 0o644), "b": (b"2", 0o644), "c": (b"\0", 0o644)}
    some = {"name": "cm", "items": [{"key": "a", "path": "x/y", "mode": 0o600}], "defaultMode": 0o400}
    assert files(configMap=some) == {"x/y": (b"1", 0o600)}


def test_secret_and_projection():
    assert files(secret={"secretName": "sec", "defaultMode": 0o400}) == {"pw": (b"x", 0o400)}
    labels = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    sources = [{"serviceAccountToken": {"path": "token"}}, {"downwardAPI": {"items": [labels]}}]
    assert files(projected={"sources": sources}) == {"token": (b"token", 0o644), "labels": (b'a="b"', 0o644)}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "no"}}, 'configmap "no" not found'),
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        (
            {"configMap": {"name": "cm", "items": [{"key": "z", "path": "z"}]}},
            "references non-existent config key: z",
        ),
    ],
)
def test_missing_source(volume, message):
    with pytest.raises(VolumeError) as caught:
        files(**volume)
    assert str(caught.value) == f'MountVolume.SetUp failed for volume "v" : {message}'
    next(iter(volume.values()))["optional"] = True
    assert files(**volume) == {}


def test_written_in_one_step(tmp_path):
    folder = tmp_path / "v"
    assert volumes.write(folder, {"a": (b"1", 0o644), "d/e": (b"2", 0o600)}, None)
    assert not volumes.write(folder, {"a": (b"1", 0o644), "d/e": (b"2", 0o600)}, None)
    assert (folder / "a").read_bytes() == b"1"
    assert (folder / "d" / "e").stat().st_mode & 0o777 == 0o600
    before = (folder / "..data").readlink()
    assert volumes.write(folder, {"a": (b"9", 0o644)}, None)
    assert (folder / "a").read_bytes() == b"9"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["a", "..data", str((folder / "..data").readlink())]
    )
    assert not (folder / before).exists()


def test_path_that_leads_out_is_refused(tmp_path):
    (tmp_path / "v").mkdir()
    assert volumes.sub_path(tmp_path / "v", "a/b").is_dir()
    with pytest.raises(VolumeError):
        volumes.sub_path(tmp_path / "v", "../out")
    (tmp_path / "v" / "link").symlink_to("/etc")
    with pytest.raises(VolumeError):
        volumes.sub_path(tmp_path / "v", "link/passwd")


@pytest.mark.parametrize(("kind", "called"), [("Directory", "directory"), ("Socket", "socket")])
def test_host_path_of_another_type(tmp_path, kind, called):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(VolumeError, match=f"is not a {called}"):
        volumes._host("v", {"path": str(path), "type": kind})
    assert volumes._host("v", {"path": str(path), "type": "File"}) == path


def test_claim_is_bound_and_let_go(tmp_path):
    store = Store()
    store.create("namespaces", {"metadata": {"name": "demo"}})
    claims.ensure_class(store)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    store.create(claims.CLAIMS, {"metadata": {"name": "data", "namespace": "demo"}, "spec": spec})
    claims.bind_all(store, tmp_path)
    claim = store.get(claims.CLAIMS, "demo", "data")
    assert claim["status"]["phase"] == "Bound"
    (volume,) = store.list(claims.VOLUMES)
    assert volume["metadata"]["name"] == claim["spec"]["volumeName"]
    assert volume["spec"]["hostPath"]["path"].startswith(str(tmp_path))
    claims.bind_all(store, tmp_path)
    store.delete(claims.CLAIMS, "demo", "data")
    claims.bind_all(store, tmp_path)
    assert store.list(claims.VOLUMES) == []
    store.close()


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        ("fast", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'),
        ("", "FailedBinding", "no persistent volumes available for this claim and no storage class is set"),
        ("far", "ExternalProvisioning", "created either by the external provisioner 'example.com/far'"),
    ],
)
def test_a_claim_that_nobody_serves_says_why(tmp_path, name, reason, said):
    store = Store()
    store.create("namespaces", {"metadata": {"name": "demo"}})
    store.create(claims.CLASSES, {"metadata": {"name": "far"}, "provisioner": "example.com/far"})
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": name}
    store.create(claims.CLAIMS, {"metadata": {"name": "data", "namespace": "demo"}, "spec": asked})
    claims.bind_all(store, tmp_path)
    claims.bind_all(store, tmp_path)
    (event,) = store.list("events", "demo")
    assert (event["reason"], event["count"]) == (reason, 2) and said in event["message"]
    assert store.list(claims.VOLUMES) == []
    store.close()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_pause_is_a_small_executable(machine):
    program = pause.program(machine)
    assert program[:4] == b"\x7fELF"
    assert len(program) < 256


async def test_a_program_that_is_not_there_is_told_by_its_name() -> None:
    with pytest.raises(VolumeError, match="mount-nothing is not installed"):
        await volumes.command("mount-nothing")
    with pytest.raises(VolumeError, match="false: "):
        await volumes.command("false")
