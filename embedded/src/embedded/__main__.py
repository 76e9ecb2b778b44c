"""`python -m embedded --name N --state DIR`: run a cluster until it is told to stop."""

import sys

from embedded.main import main

sys.exit(main())
