"""What the API takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MAX_TITLE = 200
MAX_MESSAGE = 2000
NOT_BLANK = r"^[^\x00]*\S[^\x00]*$"


def _storable(value: str) -> str:
    """PostgreSQL stores neither NUL nor halves of surrogate pairs."""
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("contains characters that are not text")
    return value


def _documented(pattern: str) -> Any:
    """Tell clients by a pattern what the checks on this side refuse."""
    return Field(json_schema_extra={"pattern": pattern})


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE),
    AfterValidator(_storable),
    _documented(NOT_BLANK),
]
Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_MESSAGE),
    AfterValidator(_storable),
    _documented(NOT_BLANK),
]
Username = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{2,63}$", max_length=64)]
Password = Annotated[
    str, StringConstraints(min_length=8, max_length=128), AfterValidator(_storable), _documented(r"^[^\x00]*$")
]


class Body(BaseModel):
    """A request body: unknown fields are errors, and a number is not a string."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Credentials(Body):
    username: Username
    password: Password


class NewTodo(Body):
    title: Title


class TodoChange(Body):
    """Fields left out stay as they are; null is no value for any of them."""

    title: Title = Field(default_factory=str)
    done: bool = Field(default_factory=bool)


class ChatMessage(Body):
    message: Words


class UserOut(BaseModel):
    id: int
    username: str


class LoginOut(BaseModel):
    token: str
    user: UserOut


class TodoOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    done: bool
    created_at: datetime
    updated_at: datetime


class TodoList(BaseModel):
    items: list[TodoOut]


class ChatReply(BaseModel):
    reply: str
    actions: list[dict[str, Any]]


class HistoryItem(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    role: Literal["user", "assistant"]
    content: str
    created_at: datetime


class History(BaseModel):
    items: list[HistoryItem]


class Problem(BaseModel):
    """Every error."""

    detail: str
