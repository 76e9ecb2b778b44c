"""Name the failures of asking an address, whatever stands between here and there."""

from __future__ import annotations

import http.client
import tarfile
import zipfile
import zlib

# No network, no address, no HTTP: a proxy that answers something else, a connection that ends in the middle.
UNANSWERED = (OSError, ValueError, http.client.HTTPException)
# What was fetched is not the archive that it should be, such as the page of a proxy that wants a login.
NO_ARCHIVE = (tarfile.TarError, zipfile.BadZipFile, KeyError, OSError, EOFError, zlib.error)
