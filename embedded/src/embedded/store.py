"""The objects of the cluster: kept in memory, written to SQLite before a call returns, told to watchers in order.

Everything here is synchronous and meant for one thread (the event loop). What an object must look like (defaults,
values, admission) is asked of `embedded.objects.lifecycle` and of the admission plug-ins given to the store; who may
keep which revision, when an object is really gone and who hears of it is decided here.

Deletion: an object goes at once unless it has finalizers, is a namespace with `spec.finalizers`, or is a scheduled
pod with a grace period left. Those get a deletionTimestamp, stay, and go with the write that takes away the last
reason to stay (the node's `delete(grace=0)`, an emptied list of finalizers, `update(subresource="finalize")`).
"""

from __future__ import annotations

import bisect
import collections
import contextlib
import json
import random
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from embedded import definitions, errors, kinds
from embedded.errors import ApiError
from embedded.objects import lifecycle, managed
from embedded.objects.values import clone, share, timestamp
from embedded.watch import Event, Watch

__all__ = ["ApiError", "Event", "Store", "Watch"]

RING = 1024  # events kept for watchers that come back with an older revision; each holds its object in memory
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # what generateName appends: no vowels, no look-alikes

Admission = Callable[["Store", str, str, dict[str, Any], dict[str, Any] | None, str], "list[str] | None"]
"""(store, operation "CREATE" | "UPDATE", resource, object to change in place or refuse, old object, subresource);
returns warnings for whoever writes"""


class Store:
    """All objects of one cluster."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        admission: Sequence[Admission] = (),
    ) -> None:
        self.clock = clock
        self.admission = list(admission)
        self.revision = 1
        self.warnings: list[str] = []  # what admission had to say about the last write
        self._objects: dict[str, dict[tuple[str, str], dict[str, Any]]] = {kind.resource: {} for kind in kinds.KINDS}
        self._keys: dict[str, list[tuple[str, str]]] = {kind.resource: [] for kind in kinds.KINDS}
        self._ring: collections.deque[tuple[str, Event]] = collections.deque(maxlen=RING)
        self._watches: dict[str, set[Watch]] = {}
        self._callbacks: list[Callable[[str, Event], None]] = []
        self._undelivered: collections.deque[tuple[str, Event]] = collections.deque()
        self._delivering = False
        self._dormant: dict[str, list[tuple[str, str, str]]] = {}  # objects of kinds that are not served, or not yet
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._load()
        definitions.attach(self)

    def _load(self) -> None:
        self._db.execute("PRAGMA auto_vacuum=FULL")  # only heeded by a new file: it shrinks as objects go
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS objects (resource TEXT, namespace TEXT, name TEXT, body TEXT,"
            " PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS revision (id INTEGER PRIMARY KEY CHECK (id = 0), value INTEGER)")
        rows = self._db.execute("SELECT resource, namespace, name, body FROM objects ORDER BY 1, 2, 3")
        for resource, namespace, name, body in rows:
            if resource not in self._objects:
                self._dormant.setdefault(resource, []).append((namespace, name, body))
                continue
            self._objects[resource][namespace, name] = json.loads(body)
            self._keys[resource].append((namespace, name))
        found = self._db.execute("SELECT value FROM revision").fetchone()
        self.revision = found[0] if found else 1
        self._oldest = self.revision

    def hold(self, resource: str) -> None:
        """Prepare to hold the objects of a custom kind; those that were stored before are there again."""
        if resource in self._objects:
            return
        rows = self._dormant.pop(resource, [])
        self._objects[resource] = {(namespace, name): json.loads(body) for namespace, name, body in rows}
        self._keys[resource] = sorted(self._objects[resource])

    def end_watches(self) -> None:
        """End every watch, so that whoever iterates one comes to an end."""
        for watch in [watch for watches in self._watches.values() for watch in watches]:
            watch.close()

    def close(self) -> None:
        """Close the file; every acknowledged write is already in it."""
        self.end_watches()
        definitions.detach(self)
        self._db.close()

    # reading

    def get(self, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Return the object, read-only, or None. The namespace of cluster-scoped objects is ""."""
        return self._objects[resource].get((namespace, name))

    def list(
        self, resource: str, namespace: str = "", where: Callable[[dict[str, Any]], bool] | None = None
    ) -> list[dict[str, Any]]:
        """Return the objects ordered by namespace and name, read-only; namespace "" means all."""
        objects, keys = self._objects[resource], self._keys[resource]
        if namespace:
            first = bisect.bisect_left(keys, (namespace, ""))
            keys = keys[first : bisect.bisect_left(keys, (namespace + "\0", ""))]
        found = [objects[key] for key in keys]
        return [obj for obj in found if where(obj)] if where else found

    # writing

    def create(self, resource: str, obj: dict[str, Any], *, manager: str = "", dry_run: bool = False) -> dict[str, Any]:
        """Store a new object and return it as stored; raises ApiError when it is refused."""
        kind = kinds.BY_RESOURCE[resource]
        obj = clone(obj)
        meta = obj.setdefault("metadata", {})
        namespace = meta.get("namespace", "") if kind.namespaced else ""
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = self._generate(resource, namespace, meta["generateName"])
        name = meta.get("name", "")
        if (namespace, name) in self._objects[resource]:
            raise errors.already_exists(resource, name)
        now = self.clock()
        lifecycle.prepare_create(kind, obj)
        if manager:
            managed.record_update(kind, obj, None, manager, "", now)
        lifecycle.start(kind, obj)
        self._admit("CREATE", resource, obj, None, "")
        lifecycle.check(kind, obj, None)
        meta["uid"] = str(uuid.uuid4())
        meta["creationTimestamp"] = timestamp(now)
        if kind.generation:
            meta["generation"] = 1
        lifecycle.finish_create(kind, obj)
        return self._put(resource, "ADDED", obj, dry_run)

    def update(
        self,
        resource: str,
        obj: dict[str, Any],
        *,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
        recorded_as: str = "",
    ) -> dict[str, Any]:
        """Replace an object; raises 404 when it is gone and 409 when obj names an older resourceVersion.

        `recorded_as` is the subresource shown in managedFields where it is not the one written (scale).
        """
        kind = kinds.BY_RESOURCE[resource]
        obj = clone(obj)
        meta = obj["metadata"]
        name, namespace = meta["name"], meta.get("namespace", "") if kind.namespaced else ""
        old = self.get(resource, namespace, name)
        if old is None:
            raise errors.not_found(resource, name)
        before = old["metadata"]
        if meta.get("uid", before["uid"]) != before["uid"]:
            why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {before['uid']}"
            raise errors.conflict(resource, name, why)
        if meta.get("resourceVersion") and meta["resourceVersion"] != before["resourceVersion"]:
            raise errors.stale(resource, name)
        now = self.clock()
        lifecycle.prepare_update(kind, obj, old, subresource)
        if manager and subresource != "binding":  # nobody owns what the scheduler decides
            managed.record_update(kind, obj, old, manager, recorded_as or subresource, now)
        self._admit("UPDATE", resource, obj, old, subresource)
        lifecycle.check(kind, obj, old, subresource)
        if lifecycle.equal(obj, old):
            return old
        if "deletionTimestamp" in before and not lifecycle.held(kind, obj):
            return self._remove(resource, obj, dry_run)
        return self._put(resource, "MODIFIED", obj, dry_run)

    def modify(
        self,
        resource: str,
        namespace: str,
        name: str,
        change: Callable[[dict[str, Any]], None],
        *,
        subresource: str = "",
        manager: str = "",
    ) -> dict[str, Any] | None:
        """Update by a function that changes a copy in place; None when the object is gone."""
        old = self.get(resource, namespace, name)
        if old is None:
            return None
        obj = clone(old)
        change(obj)
        if obj == old:
            return old
        return self.update(resource, obj, subresource=subresource, manager=manager)

    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        grace: int | None = None,
        propagation: str = "Background",
        uid: str | None = None,
        revision: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Delete, or begin to. Returns the object as it is left, or was.

        `propagation` Foreground and Orphan leave a finalizer for the garbage collector. Raises 404, and 409 when
        `uid` or `revision` is given and differs.
        """
        kind = kinds.BY_RESOURCE[resource]
        old = self.get(resource, namespace, name)
        if old is None:
            raise errors.not_found(resource, name)
        lifecycle.check_deletion(kind, old, uid, revision)
        obj = lifecycle.mark_deleted(kind, old, grace, propagation, self.clock())
        if lifecycle.held(kind, obj):
            return old if obj == old else self._put(resource, "MODIFIED", obj, dry_run)
        with self._quiet():  # nobody may act on a pod between the two
            if kind.kind == "Pod" and obj != old:  # watchers see a pod marked before they see it gone
                obj = clone(self._put(resource, "MODIFIED", obj, dry_run))
            gone = self._remove(resource, obj, dry_run)
        self._deliver()
        return gone

    def _admit(
        self, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
    ) -> None:
        said: list[str] = []
        for plugin in self.admission:
            said += plugin(self, operation, resource, obj, old, subresource) or ()
        if not self._delivering:  # what a callback writes is none of the writer's
            self.warnings = said

    def _generate(self, resource: str, namespace: str, prefix: str) -> str:
        while True:
            name = prefix[:58] + "".join(random.choices(SUFFIX, k=5))  # noqa: S311 - a name, not a secret
            if (namespace, name) not in self._objects[resource]:
                return name

    def _put(self, resource: str, change: str, obj: dict[str, Any], dry_run: bool) -> dict[str, Any]:
        if dry_run:
            return obj
        revision = self.revision + 1
        meta = obj["metadata"]
        meta["resourceVersion"] = str(revision)
        key = (meta.get("namespace", ""), meta["name"])
        body = json.dumps(obj, separators=(",", ":"))
        self._commit(revision, "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (resource, *key, body))
        old = self._objects[resource].get(key)
        if old is None:
            bisect.insort(self._keys[resource], key)
        else:
            obj = share(obj, old)
        self._objects[resource][key] = obj
        self._tell(resource, Event(change, obj, revision, old))
        return obj

    def _remove(self, resource: str, obj: dict[str, Any], dry_run: bool) -> dict[str, Any]:
        if dry_run:
            return obj
        revision = self.revision + 1
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        sql = "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
        self._commit(revision, sql, (resource, *key))
        meta["resourceVersion"] = str(revision)
        old = self._objects[resource].pop(key)
        keys = self._keys[resource]
        keys.pop(bisect.bisect_left(keys, key))
        self._tell(resource, Event("DELETED", obj, revision, old))
        return obj

    def _commit(self, revision: int, sql: str, values: tuple[Any, ...]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.execute(sql, values)
            self._db.execute("INSERT OR REPLACE INTO revision VALUES (0, ?)", (revision,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self.revision = revision

    # telling

    def watch(self, resource: str, namespace: str = "", since: int | None = None) -> Watch:
        """Return changes after revision `since` (None: from now on); raises 410 when those are no longer known."""
        backlog: list[Event] = []
        if since is not None:
            oldest = self._ring[0][1].revision if len(self._ring) == RING else self._oldest + 1
            if since + 1 < oldest:
                message = f"too old resource version: {since} ({oldest - 1})"
                raise ApiError(410, message)
            backlog = [
                event
                for changed, event in self._ring
                if changed == resource
                and event.revision > since
                and (not namespace or event.object["metadata"].get("namespace") == namespace)
            ]
        watch = Watch(resource, namespace, backlog, self._forget)
        self._watches.setdefault(resource, set()).add(watch)
        return watch

    def _forget(self, watch: Watch) -> None:
        self._watches.get(watch.resource, set()).discard(watch)

    def on_event(self, callback: Callable[[str, Event], None]) -> None:
        """Call `callback(resource, event)` after every commit, in order of commits, on the writer's stack."""
        self._callbacks.append(callback)

    def _tell(self, resource: str, event: Event) -> None:
        self._ring.append((resource, event))
        for watch in list(self._watches.get(resource, ())):
            watch.push(event)
        self._undelivered.append((resource, event))
        self._deliver()

    def _deliver(self) -> None:
        """Tell the callbacks; the event of a callback that writes follows the one being delivered."""
        if self._delivering:
            return
        with self._quiet():
            while self._undelivered:
                pair = self._undelivered.popleft()
                for callback in self._callbacks:
                    callback(*pair)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """Deliver nothing until the end of the block."""
        before, self._delivering = self._delivering, True
        try:
            yield
        finally:
            self._delivering = before
