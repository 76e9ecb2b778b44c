"""Connect to every host:port given, patiently: exit status 0 if all let us in."""

import socket
import sys
import time

PATIENCE = 30.0  # seconds: a NetworkPolicy takes a moment to come into force

deadline = time.monotonic() + PATIENCE
pending = sys.argv[1:]
while pending:
    host, _, port = pending[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        print(pending.pop(0), "open", flush=True)
    except OSError as error:
        if time.monotonic() > deadline:
            sys.exit(f"{host}:{port}: {error}")
        time.sleep(0.5)
