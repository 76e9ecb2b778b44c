"""What all tests of the task runner have in common."""

import os
import signal

from scripts.host.variables import SHORT_LIVED

# What a shell starts in the background ignores Ctrl-C, and so do its children: programs that are asked to end by it
# would be waited for in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.update(SHORT_LIVED | os.environ)  # helm and kubectl are started by tests too
