"""Password hashes. Hashing is slow on purpose, so it happens in threads, a few at a time."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

CONCURRENT = 4
"""Hashes computed at once: bounds the memory (19 MiB each) that a burst of logins can take."""

# Parameters of the OWASP password storage cheat sheet for argon2id.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DUMMY = _hasher.hash("no user has this password")
_slots = asyncio.Semaphore(CONCURRENT)


async def hash_password(password: str) -> str:
    async with _slots:
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is right. A missing user takes as long as a wrong password."""
    async with _slots:
        return await asyncio.to_thread(_verify, stored or _DUMMY, password) and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
