"""Start invoke with our words for errors in place: it reads a person's own settings before it comes to tasks.py."""

from __future__ import annotations

import sys

from invoke.main import program

from scripts.tasks.support import tell_uncaught

sys.excepthook = tell_uncaught
sys.argv[0] = "invoke"
program.run()
