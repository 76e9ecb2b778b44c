"""The SDK's server without the rest of the SDK: importing all of it takes longer than everything else of a start.

The packages' own `__init__` modules import clients, a framework and two more transports. Here the packages stand for
their folders only, and the schemas of the protocol's many messages are built when the first one of a kind comes.
"""

import importlib.util
import sys

import pydantic

PACKAGES = ("mcp", "mcp.server", "mcp.server.lowlevel")


def prepare() -> None:
    """Make imports from the SDK load no more than the modules they name. Has to come before the first of them."""
    pydantic.BaseModel.model_config["defer_build"] = True
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
