#!/usr/bin/env python3
"""Run BROWSER with these arguments on a network of its own, in which localhost leads to PORTS of this machine.

Chromium drops its connections whenever the machine gets a network interface or loses one, as with every container that
somebody else starts meanwhile. Who may not make a network gets the machine's own.
"""

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000  # sched.h; os.unshare came with Python 3.12
PR_SET_PDEATHSIG = 1  # prctl.h
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # ioctls.h, if.h


def main() -> None:
    """Become the browser, with a child that carries its connections."""
    libc = ctypes.CDLL(None, use_errno=True)
    ports = [int(port) for port in os.environ["PORTS"].split()]
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    browser = os.getpid()
    if os.fork() == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == browser:
            ours.close()
            asyncio.run(carry(theirs, ports))
        os._exit(0)
    theirs.close()
    listeners = []
    if libc.unshare(CLONE_NEWNET) == 0:
        listeners = [listen(port) for port in ports]
        socket.send_fds(ours, [b"."], [one.fileno() for one in listeners])
    ours.close()
    os.execv(os.environ["BROWSER"], [os.environ["BROWSER"], *sys.argv[1:]])  # noqa: S606 the words are a list


def listen(port: int) -> socket.socket:
    """Listen on the new network, whose loopback interface is down at first."""
    listener = socket.create_server(("127.0.0.1", port))
    fcntl.ioctl(listener, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    return listener


async def carry(channel: socket.socket, ports: list[int]) -> None:
    """Connect who comes to these listeners to the same port of this machine."""
    _, descriptors, _, _ = socket.recv_fds(channel, 1, len(ports))
    for port, descriptor in zip(ports, descriptors, strict=False):  # none where there is no network
        listener = socket.socket(fileno=descriptor)
        await asyncio.start_server(lambda reader, writer, port=port: connect(reader, writer, port), sock=listener)
    if descriptors:
        await asyncio.Event().wait()


async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry one connection to the end."""
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, back), copy(there, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one direction of a connection."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one side hung up; so does the other
    finally:
        writer.close()


main()
