"""The image of the container that holds a pod's namespaces: one static program that sleeps until it is killed.

Written as machine code because a machine that runs pods need not have a compiler. It ignores SIGCHLD, so that it reaps
the orphans of pods that share their process namespace.
"""

from __future__ import annotations

import io
import platform
import struct
import tarfile

from embedded.node.docker import Docker

REPOSITORY, TAG = "todo-chatbot/pause", "1"
IMAGE = f"{REPOSITORY}:{TAG}"
BASE = 0x400000
HEADERS = 64 + 56

# rt_sigaction(SIGCHLD, {SIG_IGN}, NULL, 8); for (;;) pause();
X86_64 = bytes.fromhex(
    "b80d000000"  # mov eax, 13 (rt_sigaction)
    "bf11000000"  # mov edi, 17 (SIGCHLD)
    "488d351a000000"  # lea rsi, [rip + 26] (the action)
    "31d2"  # xor edx, edx
    "41ba08000000"  # mov r10d, 8
    "0f05"  # syscall
    "b822000000"  # again: mov eax, 34 (pause)
    "0f05"  # syscall
    "ebf7"  # jmp again
    "90909090909090"  # padding
) + struct.pack("<4Q", 1, 0, 0, 0)  # SIG_IGN, no flags, no restorer, empty mask
AARCH64 = struct.pack(
    "<7I",
    0xD2800000,  # again: mov x0, 0
    0xD2800001,  # mov x1, 0
    0xD2800002,  # mov x2, 0
    0xD2800003,  # mov x3, 0
    0xD2800928,  # mov x8, 73 (ppoll)
    0xD4000001,  # svc 0
    0x17FFFFFA,  # b again
)
MACHINES = {"x86_64": (62, X86_64), "aarch64": (183, AARCH64)}


async def ensure(docker: Docker) -> bool:
    """Make the image where the engine has none, and return whether that was so. Raises EngineError."""
    if await docker.image(IMAGE) is not None:
        return False
    await docker.load(REPOSITORY, TAG, layer())
    return True


def program(machine: str) -> bytes:
    """Return the program as an ELF executable; raises KeyError for a processor it is not written for."""
    number, code = MACHINES[machine]
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, number, 1, BASE + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = HEADERS + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return ident + header + segment + code


def layer() -> bytes:
    """Return the image's only layer: a tar archive that holds /pause."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        data = program(platform.machine())
        info = tarfile.TarInfo("pause")
        info.size, info.mode = len(data), 0o755
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
