"""Start invoke with our words for errors in place before it reads a person's settings, which it does before tasks.py."""

from __future__ import annotations

import sys

from invoke.main import program

from scripts.tasks.support import tell_uncaught

sys.excepthook = tell_uncaught
sys.argv[0] = "invoke"
program.run()
