"""Connections to the ports of a pod as from inside of it: also to those that listen on localhost alone."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket

NETWORK = 0x40000000  # CLONE_NEWNET of linux/sched.h


async def dial(pid: int, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a port on localhost in the network of a process. Raises OSError."""
    made = await asyncio.to_thread(_socket_of, pid)
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
        return await asyncio.open_connection(sock=made)
    except BaseException:
        made.close()
        raise


def _socket_of(pid: int) -> socket.socket:
    """Make a socket in the network of a process: a socket stays where its thread was when it was made."""
    own, theirs = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        _enter(theirs)
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        finally:
            _enter(own)
    finally:
        os.close(own)
        os.close(theirs)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, NETWORK):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
