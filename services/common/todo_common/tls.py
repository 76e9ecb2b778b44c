"""TLS for both ends: the certificate a service shows and the authorities it trusts."""

import ssl
from pathlib import Path


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the system's authorities and, where one is mounted, the cluster's own."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class CertificateReloader:
    """Loads a renewed certificate into a running server; connections already open keep the old one."""

    def __init__(self, context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
        self._context = context
        self._files = (cert_file, key_file)
        self._seen = self._stamp()

    def _stamp(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns for file in self._files)

    def reload_if_changed(self) -> bool:
        """True if another certificate was loaded. Raises ssl.SSLError while the files do not fit together."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._context.load_cert_chain(*self._files)
        self._seen = stamp
        return True
