"""A user's todos. Every statement names the user, so nobody reaches another's."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from sqlalchemy import delete, func, select, update

from todo_backend.access import AnyCaller, InSession
from todo_backend.models import Todo
from todo_backend.once import InChange, OneChange
from todo_backend.schemas import NewTodo, Problem, TodoChange, TodoList, TodoOut

MAX_TODOS = 1000
"""Todos one user can have; keeps a list small enough to be answered whole."""

router = APIRouter(
    prefix="/api/todos", tags=["todos"], responses={code: {"model": Problem} for code in (401, 403, 429)}
)
TodoId = Annotated[int, Path(ge=1, le=2**63 - 1)]
NOT_FOUND = {404: {"model": Problem}, 409: {"model": Problem}}


@router.get("")
async def list_todos(caller: AnyCaller, session: InSession) -> TodoList:
    """All of the user's todos, oldest first."""
    rows = await session.scalars(select(Todo).where(Todo.user_id == caller.user_id).order_by(Todo.id))
    return TodoList(items=[TodoOut.model_validate(row) for row in rows])


@router.post("", status_code=201, responses={409: {"model": Problem}})
async def add_todo(body: NewTodo, caller: AnyCaller, session: InSession, change: InChange) -> TodoOut:
    if earlier := await change.earlier():
        return TodoOut.model_validate(earlier)
    count = await session.scalar(select(func.count()).select_from(Todo).where(Todo.user_id == caller.user_id))
    if count is not None and count >= MAX_TODOS:
        raise HTTPException(409, f"there are {MAX_TODOS} todos already, delete some first")
    todo = Todo(user_id=caller.user_id, title=body.title)
    session.add(todo)
    await session.flush()
    return await _made(change, todo)


@router.patch("/{todo_id}", responses=NOT_FOUND)
async def change_todo(
    todo_id: TodoId, body: TodoChange, caller: AnyCaller, session: InSession, change: InChange
) -> TodoOut:
    """Change the given fields."""
    if earlier := await change.earlier():
        return TodoOut.model_validate(earlier)
    owned = (Todo.id == todo_id, Todo.user_id == caller.user_id)
    if changes := body.model_dump(exclude_unset=True):
        todo = await session.scalar(update(Todo).where(*owned).values(**changes).returning(Todo))
    else:
        todo = await session.scalar(select(Todo).where(*owned))
    if todo is None:
        raise HTTPException(404, "there is no such todo")
    return await _made(change, todo)


@router.delete("/{todo_id}", status_code=204, responses=NOT_FOUND)
async def delete_todo(todo_id: TodoId, caller: AnyCaller, session: InSession, change: InChange) -> None:
    if await change.earlier() is not None:
        return
    gone = await session.scalar(
        delete(Todo).where(Todo.id == todo_id, Todo.user_id == caller.user_id).returning(Todo.id)
    )
    if gone is None:
        raise HTTPException(404, "there is no such todo")
    await change.commit({})


async def _made(change: OneChange, todo: Todo) -> TodoOut:
    answer = TodoOut.model_validate(todo)
    await change.commit(answer.model_dump(mode="json"))
    return answer
