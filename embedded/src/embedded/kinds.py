"""The table of kinds: what is served, under which names, with which verbs and subresources.

A *resource* string names a row everywhere else: the plural, followed by the group where there is one
("pods", "deployments.apps").
"""

from __future__ import annotations

import dataclasses
from typing import Any

ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ = ("get", "list", "watch")
CREATE = ("create",)


@dataclasses.dataclass(frozen=True, eq=False)
class Custom:
    """One version of a CustomResourceDefinition: its schema, printer columns and paths of its scale.

    `schema` names the type that `objects.schema` made of `openapi`.
    """

    schema: str
    openapi: dict[str, Any]
    columns: tuple[dict[str, Any], ...] = ()
    scale: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Kind:
    """One served kind.

    `generation`: metadata.generation counts changes of the object outside metadata and status.
    `subresources` holds the words served below an object; "status" also separates status from other writes.
    `storage`: the resource whose objects are shown (events.k8s.io shows core events); own resource by default.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL
    subresources: tuple[str, ...] = ()
    generation: bool = False
    categories: tuple[str, ...] = ()
    stored_as: str = ""
    singular_name: str = ""
    custom: Custom | None = None

    @property
    def resource(self) -> str:
        """Return the name of the row: "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def storage(self) -> str:
        """Return the resource that holds the objects."""
        return self.stored_as or self.resource

    @property
    def singular(self) -> str:
        """Return the singular name: the kind in lower case, unless its definition says otherwise."""
        return self.singular_name or self.kind.lower()

    @property
    def api_version(self) -> str:
        """Return the apiVersion that objects carry."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """Return the root path of the group version on the server."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


def _table() -> list[Kind]:
    status = ("status",)
    scaled = ("scale", "status")
    in_all = ("all",)
    pod = ("binding", "eviction", "exec", "log", "portforward", "proxy", "status")
    rbac, net, auth = "rbac.authorization.k8s.io", "networking.k8s.io", "authorization.k8s.io"
    return [
        Kind("", "v1", "Binding", "bindings", verbs=CREATE),
        Kind("", "v1", "ConfigMap", "configmaps", short_names=("cm",)),
        Kind("", "v1", "Endpoints", "endpoints", short_names=("ep",)),
        Kind("", "v1", "Event", "events", short_names=("ev",)),
        Kind("", "v1", "LimitRange", "limitranges", short_names=("limits",)),
        Kind(
            "",
            "v1",
            "Namespace",
            "namespaces",
            namespaced=False,
            short_names=("ns",),
            verbs=tuple(v for v in ALL if v != "deletecollection"),
            subresources=("finalize", "status"),
        ),
        Kind("", "v1", "Node", "nodes", namespaced=False, short_names=("no",), subresources=status),
        Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short_names=("pvc",), subresources=status),
        Kind("", "v1", "PersistentVolume", "persistentvolumes", False, short_names=("pv",), subresources=status),
        Kind("", "v1", "Pod", "pods", True, ("po",), subresources=pod, generation=True, categories=in_all),
        Kind("", "v1", "ReplicationController", "replicationcontrollers", True, ("rc",), READ, categories=in_all),
        Kind("", "v1", "ResourceQuota", "resourcequotas", short_names=("quota",), subresources=status),
        Kind("", "v1", "Secret", "secrets"),
        Kind("", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",), subresources=("token",)),
        Kind("", "v1", "Service", "services", True, ("svc",), subresources=("proxy", "status"), categories=in_all),
        Kind(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            False,
            ("crd", "crds"),
            subresources=status,
            generation=True,
            categories=("api-extensions",),
        ),
        Kind("apps", "v1", "ControllerRevision", "controllerrevisions", verbs=READ),
        Kind("apps", "v1", "DaemonSet", "daemonsets", True, ("ds",), ALL, status, True, in_all),
        Kind("apps", "v1", "Deployment", "deployments", True, ("deploy",), ALL, scaled, True, in_all),
        Kind("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), ALL, scaled, True, in_all),
        Kind("apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), ALL, scaled, True, in_all),
        Kind("events.k8s.io", "v1", "Event", "events", True, ("ev",), READ, stored_as="events"),
        Kind("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=CREATE),
        Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False, verbs=CREATE),
        Kind(auth, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=CREATE),
        Kind(auth, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=CREATE),
        Kind(auth, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=CREATE),
        Kind(auth, "v1", "SubjectAccessReview", "subjectaccessreviews", False, verbs=CREATE),
        Kind(
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            short_names=("hpa",),
            subresources=status,
            categories=in_all,
        ),
        Kind("batch", "v1", "CronJob", "cronjobs", True, ("cj",), ALL, status, True, in_all),
        Kind("batch", "v1", "Job", "jobs", subresources=status, generation=True, categories=in_all),
        Kind(net, "v1", "IngressClass", "ingressclasses", False, generation=True),
        Kind(net, "v1", "Ingress", "ingresses", True, ("ing",), ALL, status, True),
        Kind(net, "v1", "NetworkPolicy", "networkpolicies", short_names=("netpol",), generation=True),
        Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), ALL, status, True),
        Kind(rbac, "v1", "ClusterRoleBinding", "clusterrolebindings", False),
        Kind(rbac, "v1", "ClusterRole", "clusterroles", False),
        Kind(rbac, "v1", "RoleBinding", "rolebindings"),
        Kind(rbac, "v1", "Role", "roles"),
        Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, ("sc",)),
        Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, ("pc",), generation=True),
        Kind("coordination.k8s.io", "v1", "Lease", "leases"),
        Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", generation=True),
    ]


KINDS: tuple[Kind, ...] = tuple(_table())
BY_RESOURCE: dict[str, Kind] = {kind.resource: kind for kind in KINDS}
BY_GVK: dict[tuple[str, str], Kind] = {(kind.api_version, kind.kind): kind for kind in KINDS}
BY_GROUP_KIND: dict[tuple[str, str], Kind] = {(kind.group, kind.kind): kind for kind in KINDS}
BY_PATH: dict[tuple[str, str, str], Kind] = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
changes = 0  # how often kinds came or went, for whoever keeps what follows from the table


def every() -> list[Kind]:
    """Return all kinds in all served versions: those of the table, then those that definitions added."""
    return list(BY_PATH.values())


def define(served: list[Kind], storage: Kind) -> None:
    """Serve a custom kind in some versions; `storage` is the one its objects are kept in."""
    global changes
    forget(storage.resource)
    BY_RESOURCE[storage.resource] = BY_GROUP_KIND[storage.group, storage.kind] = storage
    for kind in served:
        BY_GVK[kind.api_version, kind.kind] = BY_PATH[kind.group, kind.version, kind.plural] = kind
    changes += 1


def forget(resource: str) -> None:
    """Serve a custom kind no more."""
    global changes
    tables: tuple[dict[Any, Kind], ...] = (BY_RESOURCE, BY_GVK, BY_GROUP_KIND, BY_PATH)
    for table in tables:
        for key in [key for key, kind in table.items() if kind.resource == resource]:
            del table[key]
    changes += 1


def of(obj: dict[str, Any]) -> Kind | None:
    """Return the row of an object, or of anything that carries apiVersion and kind (an owner reference)."""
    return BY_GVK.get((obj.get("apiVersion", ""), obj.get("kind", "")))
