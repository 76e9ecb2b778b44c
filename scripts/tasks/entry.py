"""Give the environment's own `invoke` our words for what goes wrong before it comes to tasks.py.

`./run` starts it once, when it has made the environment, by the Python of that.
"""

from __future__ import annotations

import sys
from pathlib import Path

STARTS = "from invoke.main import program\n"
WORDS = """
import os

root = os.path.dirname(sys.prefix)


def told(*fault):
    sys.path.append(root)
    from scripts.tasks.support import tell_uncaught

    tell_uncaught(*fault)


sys.excepthook = told

if os.getcwd() == root:  # elsewhere, `scripts` may be somebody else's
    sys.path.append(root)
    try:
        from scripts.tasks import kept_list, loading
    except ImportError:  # an older commit
        pass
    else:
        kept_list.use(root)
        loading.load_invoke()
"""


def give_words(folder: Path) -> None:
    """Change the programs `invoke` and `inv` of a folder, where the package made them as it does today."""
    for file in (folder / "invoke", folder / "inv"):
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if STARTS in text and WORDS not in text:
            file.write_text(text.replace(STARTS, f"{WORDS}\n{STARTS}"), encoding="utf-8")


if __name__ == "__main__":
    give_words(Path(sys.prefix, "bin"))
