"""A change is made once, however often its request arrives: the answer is kept in the transaction that makes it."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Header, HTTPException, Request
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from todo_backend.access import AnyCaller, InSession
from todo_backend.models import Once

KEPT = timedelta(days=1)
"""How long a repeated request is recognised."""

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[!-~]+$")]


@dataclass(frozen=True)
class OneChange:
    """One request that changes something. Without a key it is a change of its own each time."""

    session: AsyncSession
    user_id: int
    key: str | None
    request: str

    async def earlier(self) -> dict[str, Any] | None:
        """The answer of an earlier copy of this request; None for the first one. Waits for a copy under way.

        Raises HTTPException if the key belongs to another request.
        """
        if self.key is None:
            return None
        new = insert(Once).values(user_id=self.user_id, key=self.key, request=self.request)
        if await self.session.scalar(new.on_conflict_do_nothing().returning(Once.key)):
            return None
        known = await self.session.scalar(select(Once).where(*self._mine()))
        if known is None or known.request != self.request:
            raise HTTPException(409, "this Idempotency-Key was used for another request")
        return known.answer

    async def commit(self, answer: dict[str, Any]) -> None:
        """Make the change and keep its answer, both or neither."""
        if self.key is not None:
            old = (Once.user_id == self.user_id, Once.created_at < datetime.now(UTC) - KEPT)
            await self.session.execute(delete(Once).where(*old))
            await self.session.execute(update(Once).where(*self._mine()).values(answer=answer))
        await self.session.commit()

    def _mine(self) -> tuple[Any, Any]:
        return Once.user_id == self.user_id, Once.key == self.key


async def get_change(request: Request, caller: AnyCaller, session: InSession, key: Key = None) -> OneChange:
    """The change a request asks for, recognised by method, path and body."""
    words = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return OneChange(session, caller.user_id, key, hashlib.sha256(words).hexdigest())


InChange = Annotated[OneChange, Depends(get_change)]
