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
    "rename|change|list|show|what|which|reopen|undo|hello|hi|hey|i need to|i have to|remind me to"
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
    ("delete", f"(?:delete|remove|erase|drop) (?P<title>.+?){_ON_MY_LIST}"),
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
    text = re.sub(r'"[^"]+"|\u201c[^\u201d]+\u201d', keep, message)
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
            title = _clean(groups.get("title", ""))
            if title or verb in ("list", "open", "greet"):
                return Wish(verb, title, _clean(groups.get("to", "")))
    return Wish("unknown", part)


def _clean(title: str) -> str:
    text = title.strip().strip(" .!?,:").strip("\"'\u201c\u201d").strip()
    return re.sub(r"^(?:the\s+)?(?:todo|task|item)\s+", "", text, flags=re.I) or text


def best_match(title: str, todos: list[dict[str, object]]) -> list[dict[str, object]]:
    """The todos a title may mean: the same words, else all that contain them, else by number in the list."""
    wanted = title.casefold()
    same = [todo for todo in todos if str(todo["title"]).casefold() == wanted]
    if same:
        return same[:1]
    if re.fullmatch(r"#?\d+", title):
        position = int(title.lstrip("#"))
        return [todos[position - 1]] if 1 <= position <= len(todos) else []
    return [todo for todo in todos if wanted in str(todo["title"]).casefold()]
