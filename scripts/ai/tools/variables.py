"""Choose which variables of this process an AI tool may see."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

ALLOWED = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "COLUMNS", "NO_COLOR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME",
    "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "SYSTEMROOT",
}  # fmt: skip
_ALLOWED = re.compile(r"^LC_")


def with_allowed_variables(argv: Sequence[str], keep: Sequence[str] = ()) -> list[str]:
    """Return the command, started so that it sees only allowed variables and those named.

    Names go into argv, never values.
    """
    hidden = [name for name in os.environ if name not in ALLOWED and name not in keep and not _ALLOWED.match(name)]
    plain = [name for name in hidden if "=" not in name]
    return ["env", *(word for name in sorted(plain) for word in ("-u", name)), *argv]


def seen(variables: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the named variables that have a value."""
    return {name: variables[name] for name in names if variables.get(name)}
