"""The volumes of pods: folders below the state directory that are bound into the containers.

A ConfigMap, Secret or projected volume is written the way a kubelet does it: the files go into a new folder, and the
link `..data` is moved to it in one step, so that a process in the container sees all of the old or all of the new.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded.node import programs
from embedded.node.environment import ConfigError, Get, Place, field, resource_field
from embedded.objects import quantity

Files = dict[str, tuple[bytes, int]]
"""Path below the volume → content and mode."""

Token = Callable[[dict[str, Any], dict[str, Any]], str]
"""The token of a pod for one serviceAccountToken projection: pod, projection."""

MOUNTS = Path("/proc/mounts")
WRITTEN = ("configMap", "secret", "downwardAPI", "projected")
HOST_TYPES = {
    "Directory": (stat.S_ISDIR, "directory"),
    "File": (stat.S_ISREG, "file"),
    "Socket": (stat.S_ISSOCK, "socket"),
    "CharDevice": (stat.S_ISCHR, "character device"),
    "BlockDevice": (stat.S_ISBLK, "block device"),
}


class VolumeError(Exception):
    """A volume cannot be set up; the text is that of the FailedMount event."""


def files(pod: dict[str, Any], volume: dict[str, Any], get: Get, place: Place, token: Token) -> Files:
    """Return what a written volume holds; raises VolumeError when something it refers to is missing."""
    kind = next(kind for kind in WRITTEN if kind in volume)
    source = volume[kind]
    mode = source.get("defaultMode", 0o644)
    sources = source.get("sources", []) if kind == "projected" else [{kind: source}]
    found: Files = {}
    try:
        for part in sources:
            found |= _part(pod, part, mode, get, place, token)
    except (VolumeError, ConfigError) as error:
        raise VolumeError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from error
    return found


def _part(pod: dict[str, Any], part: dict[str, Any], mode: int, get: Get, place: Place, token: Token) -> Files:
    if "serviceAccountToken" in part:
        wanted = part["serviceAccountToken"]
        return {wanted["path"]: (token(pod, wanted).encode(), mode)}
    if "downwardAPI" in part:
        return {
            item["path"]: (_told(pod, item, place), item.get("mode", mode)) for item in part["downwardAPI"]["items"]
        }
    kind = "configMap" if "configMap" in part else "secret"
    source = part[kind]
    name = source.get("name") or source.get("secretName", "")
    obj = get(f"{kind.lower()}s", pod["metadata"]["namespace"], name)
    if obj is None:
        if source.get("optional"):
            return {}
        raise VolumeError(f'{kind.lower()} "{name}" not found')
    data = payload(kind, obj)
    if not source.get("items"):
        return {key: (value, mode) for key, value in data.items()}
    chosen: Files = {}
    for item in source["items"]:
        if item["key"] in data:
            chosen[item["path"]] = (data[item["key"]], item.get("mode", mode))
        elif not source.get("optional"):
            raise VolumeError(
                f"references non-existent {'config' if kind == 'configMap' else 'secret'} key: {item['key']}"
            )
    return chosen


def payload(kind: str, obj: dict[str, Any]) -> dict[str, bytes]:
    """Return the data of a ConfigMap ("configMap") or Secret ("secret") as bytes."""
    if kind == "secret":
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    plain = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    return plain | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def _told(pod: dict[str, Any], item: dict[str, Any], place: Place) -> bytes:
    if "resourceFieldRef" in item:
        return resource_field(pod, item["resourceFieldRef"], place).encode()
    return field(pod, item["fieldRef"]["fieldPath"], place).encode()


def write(folder: Path, wanted: Files, group: int | None) -> bool:
    """Make the folder hold exactly these files; False when it did already. `group` is the pod's fsGroup."""
    link = folder / "..data"
    if link.is_symlink() and _present(link) == {path: content for path, (content, _) in wanted.items()}:
        return False
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    before = folder / link.readlink() if link.is_symlink() else None
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    fresh.chmod(0o755)
    for path, (content, mode) in wanted.items():
        target = fresh / path
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
    if group is not None:
        own(fresh, group, 0o440)
    aside = folder / "..data_tmp"
    aside.unlink(missing_ok=True)
    aside.symlink_to(fresh.name)
    aside.rename(link)
    tops = {path.split("/", 1)[0] for path in wanted}
    for top in tops:
        if not (folder / top).is_symlink():
            (folder / top).symlink_to(f"..data/{top}")
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in tops:
            entry.unlink()
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)
    return True


def _present(link: Path) -> dict[str, bytes]:
    root = link.resolve()
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def own(root: Path, group: int, bits: int) -> None:
    """Give a tree to a group that may do `bits` (0o440 or 0o660) with the files; folders hand the group on."""
    for path in [root, *root.rglob("*")]:
        if path.is_symlink():
            continue
        os.chown(path, -1, group)
        extra = bits | 0o2110 if path.is_dir() else bits
        path.chmod(stat.S_IMODE(path.stat().st_mode) | extra)


class Volumes:
    """The volumes of all pods, below `root`."""

    def __init__(self, root: Path, get: Get, token: Token) -> None:
        self._root = root
        self._get = get
        self._token = token

    def folder(self, uid: str) -> Path:
        """Return where everything of one pod lies."""
        return self._root / uid

    async def prepare(self, pod: dict[str, Any], place: Place) -> dict[str, Path]:
        """Set up every volume: name → host path. Raises VolumeError."""
        return {volume["name"]: await self._prepare(pod, volume, place) for volume in pod["spec"].get("volumes") or ()}

    async def _prepare(self, pod: dict[str, Any], volume: dict[str, Any], place: Place) -> Path:
        name: str = volume["name"]
        path = self.folder(pod["metadata"]["uid"]) / "volumes" / name
        group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        if any(kind in volume for kind in WRITTEN):
            write(path, files(pod, volume, self._get, place, self._token), group)
            return path
        if "emptyDir" in volume:
            source = volume["emptyDir"] or {}
            _empty(path, group)
            if source.get("medium") == "Memory":
                await _in_memory(path, source, group)
            return path
        if "hostPath" in volume:
            return _host(name, volume["hostPath"])
        if "persistentVolumeClaim" in volume:
            return self._claimed(pod, volume, group)
        kind = next((key for key in volume if key != "name"), "nothing")
        raise VolumeError(f'MountVolume.SetUp failed for volume "{name}" : no volume plugin matched: {kind}')

    def _claimed(self, pod: dict[str, Any], volume: dict[str, Any], group: int | None) -> Path:
        name = volume["persistentVolumeClaim"]["claimName"]
        claim = self._get("persistentvolumeclaims", pod["metadata"]["namespace"], name)
        bound = self._get("persistentvolumes", "", claim["spec"].get("volumeName", "")) if claim else None
        if bound is None:
            what = "not bound" if claim else "not found"
            raise VolumeError(f'Unable to attach or mount volumes: persistentvolumeclaim "{name}" {what}')
        source = bound["spec"].get("hostPath") or bound["spec"].get("local")
        if not source:
            raise VolumeError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : no volume plugin matched')
        path = Path(source["path"])
        path.mkdir(mode=0o777, parents=True, exist_ok=True)
        if group is not None:
            own(path, group, 0o660)
        return path

    def refresh(self, pod: dict[str, Any], place: Place) -> None:
        """Bring the written volumes of a running pod up to date; what is missing now stays as it was."""
        group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        for volume in pod["spec"].get("volumes") or ():
            path = self.folder(pod["metadata"]["uid"]) / "volumes" / volume["name"]
            if path.exists() and any(kind in volume for kind in WRITTEN):
                try:
                    write(path, files(pod, volume, self._get, place, self._token), group)
                except VolumeError:
                    continue

    async def remove(self, uid: str) -> None:
        """Take away everything of a pod."""
        await unmount_all(self.folder(uid))
        await asyncio.to_thread(shutil.rmtree, self.folder(uid), True)


def _empty(path: Path, group: int | None) -> None:
    """Make the folder of an emptyDir, once."""
    if path.exists():
        return
    path.mkdir(parents=True)
    _open_to(path, group)


def _open_to(path: Path, group: int | None) -> None:
    path.chmod(0o777)
    if group is not None:
        os.chown(path, -1, group)
        path.chmod(0o2777)


async def _in_memory(path: Path, source: dict[str, Any], group: int | None) -> None:
    """Lay a file system in memory over the folder of an emptyDir, once; an engine restart leaves it, a reboot not."""
    if os.path.ismount(path):  # noqa: ASYNC240 - a stat of a local folder
        return
    options = f"size={int(quantity.parse(source['sizeLimit']))}" if source.get("sizeLimit") else "size=50%"
    await command("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path))
    _open_to(path, group)


def _host(name: str, source: dict[str, Any]) -> Path:
    path, kind = Path(source["path"]), source.get("type", "")
    if kind == "DirectoryOrCreate":
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch(mode=0o644)
    elif kind in HOST_TYPES:
        test, called = HOST_TYPES[kind]
        if not path.exists() or not test(path.stat().st_mode):
            text = f"hostPath type check failed: {path} is not a {called}"
            raise VolumeError(f'MountVolume.SetUp failed for volume "{name}" : {text}')
    elif not path.exists():
        path.mkdir(mode=0o755, parents=True)  # as container runtimes do for an unchecked path
    return path


def sub_path(root: Path, inner: str) -> Path:
    """Return a path below a volume, made a folder when it is not there; raises VolumeError when it leads out of it."""
    target = (root / inner).resolve()
    if not target.is_relative_to(root.resolve()):
        raise VolumeError(f"subPath {inner!r} leads out of the volume")
    if not target.exists():
        target.mkdir(mode=0o750, parents=True)
        os.chown(target, -1, root.stat().st_gid)
        target.chmod(stat.S_IMODE(root.stat().st_mode))
    return target


async def unmount_all(root: Path) -> None:
    """Take away every file system mounted below a folder."""
    for point in _mounted_below(root):
        await command("umount", "--lazy", point)


def _mounted_below(root: Path) -> list[str]:
    points = [line.split()[1] for line in MOUNTS.read_text().splitlines()]
    return [point for point in points if Path(point).is_relative_to(root)]


async def command(*argv: str) -> None:
    """Run a program; raises VolumeError with what it said."""
    try:
        await programs.run(*argv)
    except programs.ProgramFailed as error:
        raise VolumeError(str(error)) from error
