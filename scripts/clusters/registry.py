"""Ask a registry for an image by a HEAD of its manifest: a read of some milliseconds, and no process."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus

from scripts.host.fetching import UNANSWERED

SECONDS = 10.0  # that a registry has to answer
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


def has(remote: str, *, plain: bool) -> bool | None:
    """Return whether `HOST/PATH:TAG` is there; None where only the docker client can tell, by its login.

    `plain` says that the engine speaks to this registry without TLS; to one of this machine it does in any case.
    """
    host, _, rest = remote.partition("/")
    path, _, tag = rest.rpartition(":")
    local = host.partition(":")[0] in ("localhost", "127.0.0.1")
    if not path or not (local or "." in host or ":" in host):  # a name of Docker Hub's
        return None
    url = f"{'http' if plain or local else 'https'}://{host}/v2/{path}/manifests/{tag}"
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": ", ".join(MANIFESTS)})  # noqa: S310 as built
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 as built
            # A page to sign in at, or a proxy's, is no manifest, though it ends well.
            kind = answer.headers.get_content_type()
            return True if answer.status == HTTPStatus.OK and kind in MANIFESTS else None
    except urllib.error.HTTPError as refused:
        refused.close()
        return False if refused.code == HTTPStatus.NOT_FOUND else None
    except UNANSWERED:
        return None
