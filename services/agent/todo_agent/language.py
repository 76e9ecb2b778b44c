"""The little English the offline model understands: a message becomes wishes, each for one tool."""

import re
from dataclasses import dataclass
from typing import Literal

Verb = Literal["add", "list", "open", "complete", "reopen", "rename", "delete", "greet", "unknown"]


@dataclass(frozen=True)
class Wish:
    """One thing the user wants. `title` names a todo, `to` is its new title."""

    verb: Verb
    title: str = ""
    to: str = ""


# A new sentence, or a conjunction before a word that starts a wish.
_STARTS = (
    "add|create|remember|note|put|complete|finish|finished|check off|tick off|mark|done with|delete|remove|erase|drop|"
    "rename|change|list|show|what|which|reopen|undo|hello|hi|hey|i need to|i have to|remind me to|get rid of|clear|"
    "empty|clean up"
)
_SPLIT = re.compile(
    r" *(?:[;\n]|[.!?](?=\s|$)"
    r"|,? +(?:and then|then|and also) +"
    rf"|,? +and +(?=(?:{_STARTS})\b)"
    rf"|, +(?=(?:{_STARTS})\b)) *",
    re.IGNORECASE,
)
_ON_MY_LIST = "(?: (?:to|on|from|off|of|in) (?:my|the) (?:todo ?|to-do ?|task ?)?list)?"
_A_TODO = "(?:(?:a )?(?:new )?(?:todo|task|item)s? ?(?:to |: ?|called |named )?)?"
_DONE = "(?:done|complete|completed|finished)"
_OPEN = "(?:not done|undone|open|incomplete)"
_THINGS = "(?:todos?|tasks?|list|items?)"
_ALL = re.compile(rf"(?:everything|it all|all(?: of (?:them|it))?|all (?:of )?(?:my |the )?{_THINGS})", re.IGNORECASE)
_ALL_DONE = re.compile(
    rf"(?:(?:all|the|my|everything) )*(?:that(?:'s| is| are) )?(?:{_DONE}|ticked|checked)"
    rf"(?: {_THINGS}| ones)?",
    re.IGNORECASE,
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_PATTERNS: tuple[tuple[Verb, str], ...] = (
    ("rename", "(?:rename|change) (?P<title>.+?) (?:to|into) (?P<to>.+)"),
    ("open", r"(?:what|which|show me what)\b.*\b(?:left|open|remaining|still|to do|pending)\b.*"),
    ("list", f"(?:list|show)(?: me)?(?: (?:all|my|the|everything))*(?: {_THINGS})?"),
    ("list", f"what(?:'s| is| are)? (?:on )?my {_THINGS}"),
    ("list", f"my {_THINGS}"),
    ("reopen", f"mark (?P<title>.+?)(?: as)? {_OPEN}"),
    ("reopen", "(?:reopen|undo|uncheck) (?P<title>.+)"),
    ("complete", f"(?:mark|set|check) (?P<title>.+?) (?:as )?(?:{_DONE}|off)"),
    ("complete", "(?:complete|finish|finished|check off|tick off|done with) (?P<title>.+)"),
    ("complete", "i (?:have )?(?:did|done|finished|completed) (?P<title>.+)"),
    ("complete", f"(?P<title>.+?) is {_DONE}"),
    ("delete", f"(?:delete|remove|erase|drop|get rid of) (?P<title>.+?){_ON_MY_LIST}"),
    ("delete", f"(?:clear|empty|clean up) (?P<title>(?:(?:all|the|my) )*{_DONE}(?: {_THINGS}| ones)?)"),
    ("delete", f"(?:clear|empty) (?:(?:all|the|my) )*(?:{_THINGS}|everything)"),
    ("add", f"(?:add|create|remember|note|put) {_A_TODO}(?P<title>.+?){_ON_MY_LIST}"),
    ("add", "(?:i (?:need|have) to|remind me to|i must|don't let me forget to) (?P<title>.+)"),
    ("greet", r"(?:hello|hi|hey|good (?:morning|evening|afternoon)|thanks?|thank you|help)\b.*"),
)
_POLITE = "(?:please |can you |could you )?"
_COMPILED = tuple((verb, re.compile(_POLITE + pattern, re.IGNORECASE)) for verb, pattern in _PATTERNS)


def wishes(message: str) -> list[Wish]:
    """What a message asks for, in its order."""
    found: list[Wish] = []
    for part in _parts(message):
        wish = _wish(part)
        previous = found[-1] if found else None
        if wish.verb == "unknown" and previous and previous.verb in ("add", "complete", "delete") and len(part) < 80:
            wish = Wish(previous.verb, _clean(part))  # "add milk; bread; eggs"
        found.append(wish)
    return found


def _parts(message: str) -> list[str]:
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x00"

    # What stands in quotes is a title, whatever words are in it.
    single = re.sub(r"[^\S\n]+", " ", message)
    text = re.sub(r'"[^"]+"|\u201c[^\u201d]+\u201d', keep, single)
    return [
        re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], part).strip()
        for part in _SPLIT.split(text)
        if part.strip()
    ]


def _wish(part: str) -> Wish:
    words = " ".join(part.split()).strip(" .!?")
    for verb, pattern in _COMPILED:
        match = pattern.fullmatch(words)
        if match:
            groups = match.groupdict(default="")
            # "Clear my list" names no todo: it means all.
            title = _clean(groups.get("title", "everything" if verb == "delete" else ""))
            if title or verb in ("list", "open", "greet"):
                return Wish(verb, title, _clean(groups.get("to", "")))
    return Wish("unknown", part)


def _clean(title: str) -> str:
    text = title.strip().strip(" .!?,:").strip("\"'\u201c\u201d").strip()
    return re.sub(r"^(?:the\s+)?(?:todo|task|item)\s+", "", text, flags=re.I) or text


def meant(wish: Wish, todos: list[dict[str, object]]) -> list[dict[str, object]]:
    """The todos a wish is for: one, or all that "everything" and "the completed ones" stand for."""
    if wish.verb in ("complete", "reopen", "delete"):
        if _ALL.fullmatch(wish.title):
            return [todo for todo in todos if wish.verb == "delete" or bool(todo["done"]) != (wish.verb == "complete")]
        if wish.verb == "delete" and _ALL_DONE.fullmatch(wish.title):
            return [todo for todo in todos if todo["done"]]
    return best_match(wish.title, todos)


def is_many(wish: Wish) -> bool:
    """Whether the wish is for all of a kind, and not for one todo by its title."""
    return bool(_ALL.fullmatch(wish.title)) or (wish.verb == "delete" and bool(_ALL_DONE.fullmatch(wish.title)))


def best_match(title: str, todos: list[dict[str, object]]) -> list[dict[str, object]]:
    """The todos a title may mean: the same words, else a number in the list, else all that contain the words."""
    wanted = title.casefold()
    same = [todo for todo in todos if str(todo["title"]).casefold() == wanted]
    if same:
        # Of two with the same words, the one still open: done ones are rarely meant.
        return sorted(same, key=lambda todo: bool(todo["done"]))[:1]
    position = _position(title, len(todos))
    if position is not None:
        return [todos[position]] if 0 <= position < len(todos) else []
    return [todo for todo in todos if wanted in str(todo["title"]).casefold()]


def _position(title: str, length: int) -> int | None:
    """Where "#2", "number 2", "the second one" or "the last" points, counted from zero."""
    if match := re.fullmatch(r"(?:#|number |no\.? )?(\d{1,9})", title, re.IGNORECASE):
        return int(match[1]) - 1
    if match := re.fullmatch(r"(?:the )?(\w+)(?: (?:one|todo|task|item))?", title, re.IGNORECASE):
        word = match[1].lower()
        if word == "last":
            return length - 1
        return _ORDINALS.index(word) if word in _ORDINALS else None
    return None
