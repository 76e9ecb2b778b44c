"""The tasks of `invoke`: imports and assembles, no logic."""

import atexit
import sys

# invoke turns the keeping of bytecode off, unless `--write-pyc` is given: each command would compile 130 modules anew.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

from scripts.tasks import mistyped, namespace  # noqa: E402 - the setting is for what this imports
from scripts.tasks.support import flush_output, prepare_output, tell_uncaught  # noqa: E402

sys.excepthook = tell_uncaught
prepare_output()
mistyped.give_words()
atexit.register(flush_output)

ns = namespace()
