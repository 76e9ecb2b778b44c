"""Start invoke with our words for errors in place: it reads a person's own settings before it comes to tasks.py."""

from __future__ import annotations

import os
import sys

usual = sys.excepthook
sys.excepthook = lambda kind, *fault: None if kind is KeyboardInterrupt else usual(kind, *fault)  # while it loads

from scripts.tasks import kept_list, loading  # noqa: E402

kept_list.use(os.path.dirname(sys.prefix))  # noqa: PTH120 loading pathlib would take as long as the kept list
loading.load_invoke()

from invoke.main import program  # noqa: E402

from scripts.tasks.support import tell_uncaught  # noqa: E402

sys.excepthook = tell_uncaught
sys.argv[0] = "invoke"
program.run()
