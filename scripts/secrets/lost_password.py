"""The password of a database outlives the Secret that holds it: it is found again, and never made anew."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping

from scripts.errors import UserError
from scripts.kube.kubectl import Kubectl
from scripts.secrets.versions import Data

VOLUME = "database"  # the claim of the local database
POD = ("exec", "deployment/database", "--container", "database")


def recover(
    kubectl: Kubectl,
    namespace: str,
    secret: str,
    key: str,
    proved: Callable[[], Collection[Mapping[str, Data]]],
) -> dict[str, dict[str, str]]:
    """Return the lost Secret with the password that the database's volume was set up with; nothing without a volume.

    It is known to the revisions that were healthy, and to the database that runs. Raises UserError where neither is.
    """
    if kubectl.shell.dry or kubectl.find("persistentvolumeclaim", VOLUME, namespace) is None:
        return {}
    for one in proved():
        if value := one.get(secret, {}).get(key):
            return {secret: {key: base64.b64decode(value).decode()}}
    answer = kubectl.ask(*POD, "--namespace", namespace, "--", "printenv", key)
    if answer and (password := answer.out.rstrip("\n")):
        return {secret: {key: password}}
    said = f": {answer.err.strip().splitlines()[-1]}" if answer.err.strip() else ""
    raise UserError(
        f"the Secret {secret} is gone, and the volume {VOLUME} was set up with the password it held; "
        f"no healthy revision remembers it, and the database does not tell it{said}",
        "set a new one inside of the database: invoke database.password; or bring all back: invoke backup.restore",
    )
