"""Admission: what changes an object on its way in, or refuses it. Each plug-in has the form of `store.Admission`."""

from __future__ import annotations

from collections.abc import Sequence

from embedded.admission import (
    accounts,
    claims,
    definitions,
    limits,
    namespaces,
    podsecurity,
    quotas,
    services,
    warnings,
)
from embedded.store import Admission


def plugins(service_cidr: str) -> Sequence[Admission]:
    """Return all plug-ins in the order in which they run: those that change objects before those that judge them."""
    return (
        namespaces.admit,
        limits.admit,
        claims.admit,
        accounts.admit,
        services.Allocator(service_cidr).admit,
        podsecurity.admit,
        warnings.admit,
        quotas.admit,
        definitions.admit,
    )
