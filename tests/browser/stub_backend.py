"""The backend's wire contract in memory: what the page is developed and tested against without a database.

`python stub_backend.py PORT` serves it on 127.0.0.1. Its assistant understands `add`, `complete`, `rename … to …`,
`delete` and `list`; "fail please" breaks the stream off. `POST /api/test/expire` ends every session.
"""

import asyncio
import itertools
import json
import re
import secrets
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

MAX_TITLE = 200
MAX_MESSAGE = 2000
DELTA_SECONDS = 0.01


def now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class User:
    id: int
    username: str
    password: str
    todos: dict[int, dict[str, Any]] = field(default_factory=dict)
    messages: list[dict[str, str]] = field(default_factory=list)


class Stub:
    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.sessions: dict[str, User] = {}
        self.ids = itertools.count(1)

    # Accounts

    async def register(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = body["username"].lower()
        if name in self.users:
            return problem(409, "this user name is taken")
        if len(body["password"]) < 8:
            return problem(422, "password: String should have at least 8 characters")
        self.users[name] = User(next(self.ids), body["username"], body["password"])
        return self._start_session(self.users[name], 201)

    async def login(self, request: web.Request) -> web.Response:
        body = await request.json()
        user = self.users.get(body["username"].lower())
        if user is None or user.password != body["password"]:
            return problem(401, "wrong user name or password")
        return self._start_session(user, 200)

    def _start_session(self, user: User, status: int) -> web.Response:
        token = secrets.token_hex(16)
        self.sessions[token] = user
        response = web.json_response(
            {"token": token, "user": {"id": user.id, "username": user.username}}, status=status
        )
        response.set_cookie("session", token, httponly=True, samesite="Strict", path="/")
        return response

    async def logout(self, request: web.Request) -> web.Response:
        self._caller(request)
        self.sessions.pop(token_of(request), None)
        response = web.Response(status=204)
        response.del_cookie("session", path="/")
        return response

    async def me(self, request: web.Request) -> web.Response:
        user = self._caller(request)
        return web.json_response({"id": user.id, "username": user.username})

    async def expire(self, _: web.Request) -> web.Response:
        self.sessions.clear()
        return web.Response(status=204)

    def _caller(self, request: web.Request) -> User:
        user = self.sessions.get(token_of(request))
        if user is None:
            raise web.HTTPUnauthorized(
                text=json.dumps({"detail": "the session has ended, log in again"}), content_type="application/json"
            )
        return user

    # Todos

    async def list_todos(self, request: web.Request) -> web.Response:
        return web.json_response({"items": list(self._caller(request).todos.values())})

    async def add_todo(self, request: web.Request) -> web.Response:
        user = self._caller(request)
        title = (await request.json())["title"].strip()
        if not 1 <= len(title) <= MAX_TITLE:
            return problem(422, f"title: String should have 1 to {MAX_TITLE} characters")
        return web.json_response(self._add(user, title), status=201)

    def _add(self, user: User, title: str) -> dict[str, Any]:
        todo = {"id": next(self.ids), "title": title, "done": False, "created_at": now(), "updated_at": now()}
        user.todos[todo["id"]] = todo
        return todo

    async def change_todo(self, request: web.Request) -> web.Response:
        todo = self._caller(request).todos.get(int(request.match_info["id"]))
        if todo is None:
            return problem(404, "there is no such todo")
        todo.update(await request.json(), updated_at=now())
        return web.json_response(todo)

    async def delete_todo(self, request: web.Request) -> web.Response:
        if self._caller(request).todos.pop(int(request.match_info["id"]), None) is None:
            return problem(404, "there is no such todo")
        return web.Response(status=204)

    # Chat

    async def history(self, request: web.Request) -> web.Response:
        return web.json_response({"items": self._caller(request).messages})

    async def chat_stream(self, request: web.Request) -> web.StreamResponse:
        user = self._caller(request)
        message = (await request.json())["message"].strip()
        if not 1 <= len(message) <= MAX_MESSAGE:
            return problem(422, f"message: String should have 1 to {MAX_MESSAGE} characters")
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-store"})
        await response.prepare(request)
        if message == "fail please":
            await response.write(event("delta", {"text": "I will"}))
            await response.write(event("error", {"message": "The assistant cannot be reached right now."}))
            return response
        reply, actions = self._assist(user, message)
        for word in re.findall(r"\S+\s*", reply):
            await response.write(event("delta", {"text": word}))
            await asyncio.sleep(DELTA_SECONDS)
        user.messages += [
            {"role": role, "content": content, "created_at": now()}
            for role, content in (("user", message), ("assistant", reply))
        ]
        await response.write(event("done", {"reply": reply, "actions": actions}))
        return response

    def _assist(self, user: User, message: str) -> tuple[str, list[dict[str, Any]]]:
        match = re.fullmatch(r"(add|complete|delete|rename) (.+?)(?: to (.+))?", message, re.IGNORECASE)
        if match is None:
            open_titles = [todo["title"] for todo in user.todos.values() if not todo["done"]]
            if not open_titles:
                return "Nothing is left to do.", []
            return "\n".join(f"[ ] {title}" for title in open_titles), [{"tool": "list_todos", "arguments": {}}]
        verb, title, new_title = match.group(1).lower(), match.group(2), match.group(3)
        if verb == "add":
            titles = title.split(" and ")
            for each in titles:
                self._add(user, each)
            added = " and ".join(f"“{each}”" for each in titles)
            return f"Added {added}.", [{"tool": "add_todo", "arguments": {}}]
        todo = next((todo for todo in user.todos.values() if todo["title"].lower() == title.lower()), None)
        if todo is None:
            return f"I found no todo called “{title}”.", []
        if verb == "complete":
            todo["done"] = True
            return f"Completed “{title}”.", [{"tool": "complete_todo", "arguments": {}}]
        if verb == "rename":
            todo["title"] = new_title
            return f"“{title}” is now “{new_title}”.", [{"tool": "update_todo", "arguments": {}}]
        del user.todos[todo["id"]]
        return f"Deleted “{title}”.", [{"tool": "delete_todo", "arguments": {}}]


def token_of(request: web.Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ") or request.cookies.get("session", "")


def problem(status: int, detail: str) -> web.Response:
    return web.json_response({"detail": detail}, status=status)


def event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


async def healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def make_app() -> web.Application:
    stub = Stub()
    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.post("/api/auth/register", stub.register),
            web.post("/api/auth/login", stub.login),
            web.post("/api/auth/logout", stub.logout),
            web.get("/api/auth/me", stub.me),
            web.post("/api/test/expire", stub.expire),
            web.get("/api/todos", stub.list_todos),
            web.post("/api/todos", stub.add_todo),
            web.patch(r"/api/todos/{id:\d+}", stub.change_todo),
            web.delete(r"/api/todos/{id:\d+}", stub.delete_todo),
            web.get("/api/chat/history", stub.history),
            web.post("/api/chat/stream", stub.chat_stream),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
