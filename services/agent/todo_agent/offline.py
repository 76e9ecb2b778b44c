"""A model that needs no key and no network: it understands a few sentences, and calls the same tools as any other.

It remembers nothing: what was asked and done before is read from the conversation, so any replica can go on with it.
"""

import difflib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from todo_agent import metrics
from todo_agent.answer import Answer, Event
from todo_agent.language import (
    LANGUAGES,
    Todo,
    Verb,
    Wish,
    best_match,
    chosen,
    cleaned,
    is_all,
    is_many,
    lacking,
    meant,
    renaming,
    understood,
)
from todo_agent.sentences import Language
from todo_agent.tools import Tools

BY_TITLE = ("complete", "reopen", "rename", "delete")
SHOWS = ("list", "open", "finished", "count", "next", "find")
MOST_CHANGES = 25
"""Changes made for one message."""

Turn = dict[str, str]


@dataclass(frozen=True)
class Step:
    """One tool call, and what came of it: data, or words if something went wrong."""

    tool: str
    arguments: dict[str, Any]
    result: Any = None


async def run(tools: Tools, message: str, history: Sequence[Turn], answer: Answer) -> AsyncIterator[Event]:
    """Call tools while there is something to look up or to do, then say so: the events of one answer."""
    steps: list[Step] = []
    while not isinstance(decided := decide(message, history, steps), str):
        for step in decided:
            metrics.TOOL_CALLS.labels(step.tool).inc()
            steps.append(Step(step.tool, step.arguments, await tools.call(step.tool, step.arguments)))
            answer.actions.append({"tool": step.tool, "arguments": step.arguments})
    answer.reply = decided
    for piece in re.findall(r"\S*\s*", decided):
        if piece:
            yield "delta", {"text": piece}
    yield "done", {"reply": answer.reply, "actions": answer.actions}


def decide(message: str, history: Sequence[Turn], steps: Sequence[Step]) -> list[Step] | str:
    """What comes next: tool calls, or the final words. The same conversation always gets the same answer."""
    language, wishes = understood(message)
    talk = Talk(history, language, _without_taken_back(wishes))
    wanted = talk.wanted
    looks = [step.result for step in steps if step.tool == "list_todos"]
    changes = [step for step in steps if step.tool != "list_todos"]
    looked_up = any(wish.verb in (*SHOWS, *BY_TITLE, "undo", "yes") for wish in wanted)
    if not steps and looked_up:
        return [Step("list_todos", {})]
    if looks and not _is_list(looks[0]):
        return talk.say("failed", words=_words(looks[0], talk))
    before = looks[0]["items"] if looks else []
    if not changes and len(looks) < 2:
        planned = talk.planned(wanted, before)
        if planned:
            return planned
    elif len(looks) < 2 and any(wish.verb in SHOWS or talk.asks_first(wish, before) for wish in wanted):
        return [Step("list_todos", {})]  # what is shown is the list after the changes
    after = looks[-1]["items"] if looks and _is_list(looks[-1]) else before
    return talk.closing(wanted, before, after, changes)


class Talk:
    """One message in its conversation: what it refers to, and the words to answer it in."""

    def __init__(self, history: Sequence[Turn], language: Language, wishes: Sequence[Wish]) -> None:
        self._replies = [turn["content"] for turn in history if turn["role"] == "assistant"]
        self._history = history
        self._said = next((turn["content"] for turn in reversed(history) if turn["role"] == "user"), "")
        self._language = language
        self.wanted = [one for wish in wishes for one in self.resolved(wish)]

    def say(self, key: str, **given: object) -> str:
        """A sentence in the language of the message."""
        return self._language.say[key].format(**given)

    def resolved(self, wish: Wish) -> list[Wish]:
        """The same wish with "it" replaced by the todo that was last spoken of, and "them" and "both" by those; an
        answer becomes what it is the answer to.
        """
        if wish.verb in ("unknown", "no", "yes", "guess") and (answered := self._answered(wish)):
            return answered
        if wish.verb == "meant":
            return self._corrected(wish)
        if wish.verb not in BY_TITLE:
            return [wish]
        both = self._language.both.fullmatch(wish.title)
        many = both or self._language.them.fullmatch(wish.title)
        changed = self._last_changes() if many or self._language.it.fullmatch(wish.title) else []
        if not changed or (both and len(changed) != 2):
            return [wish]
        return [Wish(wish.verb, title, wish.to, wish.said) for _, title, _ in (changed if many else changed[-1:])]

    def _answered(self, wish: Wish) -> list[Wish]:
        """What a wish becomes where the last reply asked which todo was meant, or what one is to be called."""
        last = self._replies[-1].rpartition("\n")[2] if self._replies else ""
        said = wish.said if wish.verb == "guess" else wish.title
        for language in LANGUAGES:
            if match := _reading(language.say["new title"]).fullmatch(last):
                return [Wish("undone")] if wish.verb == "no" else [Wish("rename", match["title"], cleaned(said))]
            if match := _reading(language.say["guess"]).fullmatch(last):
                if wish.verb in ("unknown", "guess"):
                    return []
                return [Wish("undone")] if wish.verb == "no" else understood(match["words"])[1]
            if match := _reading(language.say["which"]).fullmatch(last):
                names = re.findall(r'"(.+?)"(?:, |$)', match["names"])
                asked = [one for one in understood(self._said)[1] if one.title == match["title"]]
                if wish.verb == "no":
                    return [Wish("undone")]
                return [Wish(asked[0].verb, name, asked[0].to) for name in chosen(said, names)] if asked else []
        return []

    def _corrected(self, wish: Wish) -> list[Wish]:
        """The last change taken back, and made to the todo that was meant."""
        verbs: dict[str, Verb] = {"completed": "complete", "reopened": "reopen", "deleted": "delete"}
        changed = self._last_changes()
        if len(changed) != 1 or changed[0][0] not in verbs:
            return [Wish("unknown", wish.said)]
        return [Wish("undo"), Wish(verbs[changed[0][0]], wish.title)]

    def planned(self, wanted: Sequence[Wish], todos: list[Todo]) -> list[Step]:
        """The changes that are clear enough to be made."""
        changes: list[Step] = []
        for wish in wanted:
            if wish.verb == "add":
                changes.append(Step("add_todo", {"title": wish.title}))
            elif wish.verb == "undo":
                changes += self._undone(todos, _number(wish.title))
            elif wish.verb == "yes" and self._confirmed(todos):
                changes += [Step("delete_todo", {"id": todo["id"]}) for todo in todos]
            elif wish.verb in BY_TITLE and not self.asks_first(wish, todos):
                wish = renaming(wish, todos)
                changes += [_change(wish, todo) for todo in _targets(wish, todos)]
        return changes[:MOST_CHANGES]

    def asks_first(self, wish: Wish, todos: list[Todo]) -> bool:
        """Whether a wish would take everything away, alone or with the others of its message: that needs a yes."""
        if wish.verb != "delete" or not todos:
            return False
        taken = {todo["id"] for one in self.wanted if one.verb == "delete" for todo in _targets(one, todos)}
        return is_all(wish) or (len(todos) > 1 and len(taken) == len(todos) and bool(_targets(wish, todos)))

    def closing(self, wanted: Sequence[Wish], before: list[Todo], after: list[Todo], changes: Sequence[Step]) -> str:
        """The answer: what was changed, then what there is to say besides."""
        titles = {todo["id"]: str(todo["title"]) for todo in before}
        lines = [self._report(step, titles) for step in changes]
        if len(changes) == MOST_CHANGES:
            lines.append(self.say("most", most=MOST_CHANGES))
        remarks = [line for wish in wanted for line in self._remarks(wish, before, after, changes)]
        if self.say("sure", all=len(after)) in remarks:  # once, however many wishes come to it
            remarks = list(dict.fromkeys(remarks))
        return "\n".join([*lines, *remarks]) or self.say("can")

    def _report(self, step: Step, titles: dict[Any, str]) -> str:
        """One change, in words."""
        title = titles.get(step.arguments.get("id"), "")
        if not isinstance(step.result, dict):
            words = _words(step.result, self)
            return self.say("failed one", title=step.arguments.get("title") or title, words=words)
        if step.tool == "add_todo":
            return self.say("added", title=step.result.get("title", step.arguments["title"]))
        if step.tool == "delete_todo":
            return self.say("deleted", title=title)
        if "title" in step.arguments:
            return self.say("renamed", title=title, to=step.arguments["title"])
        done = step.tool == "complete_todo" or step.arguments.get("done")
        return self.say("completed" if done else "reopened", title=title)

    def _remarks(self, wish: Wish, before: list[Todo], after: list[Todo], changes: Sequence[Step]) -> list[str]:
        """What there is to say about a wish besides what was changed for it."""
        if wish.verb in SHOWS:
            return self._shown(wish, after)
        if wish.verb in BY_TITLE:
            return self._unclear(wish, before, after)
        if wish.verb == "unknown":
            return [self.say("unknown", words=wish.title[:80]) + self.say("can")]
        if wish.verb == "guess":
            return [self.say("guess", words=wish.title)]
        if wish.verb == "yes" and not changes:
            return self._asked(len(before)) if self._question() is not None else [self.say("no question")]
        if wish.verb == "undo" and not changes:
            return [self.say("no undo")]
        if wish.verb == "no":
            told = self._replies and _changes(self._replies[-1])
            return [self.say("kept" if self._question() is not None else "take back" if told else "no question")]
        if wish.verb == "undone":
            return [self.say("nothing")]
        words = {"greet": self.say("hello") + self.say("can"), "help": self.say("can"), "thank": self.say("thank")}
        return [words[wish.verb]] if wish.verb in words else []

    def _shown(self, wish: Wish, todos: list[Todo]) -> list[str]:
        done = [todo for todo in todos if todo["done"]]
        left = [todo for todo in todos if not todo["done"]]
        counts = {"all": len(todos), "done": len(done), "left": len(left)}
        if wish.verb == "find":
            found = [todo for todo in todos if wish.title.casefold() in str(todo["title"]).casefold()]
            found = found or best_match(wish.title, todos)
            return [_line(todo) for todo in found] or [self.say("not found", title=wish.title)]
        if wish.verb == "count":
            return [self.say(f"count {wish.title}".strip(), **counts)]
        if not todos:
            return [self.say("empty")]
        if wish.verb == "list":
            return [_line(todo) for todo in todos]
        if wish.verb == "finished":
            return [_line(todo) for todo in done] or [self.say("none done", **counts)]
        if not left:
            return [self.say("nothing left")]
        if wish.verb == "next":
            return [self.say("next", title=left[0]["title"])]
        return [self.say("left", **counts), *map(_line, left)]

    def _unclear(self, wish: Wish, before: list[Todo], after: list[Todo]) -> list[str]:
        """Why nothing was changed for a wish, if nothing was."""
        wish = renaming(wish, before)
        if self.asks_first(wish, before):
            return self._asked(len(after))
        if wish.verb == "rename" and not wish.to:
            return [self.say("new title", title=wish.title)]
        if absent := lacking(wish, before):
            return [self.say("not found", title=absent[0])]
        found = meant(wish, before)
        if not found and not is_many(wish, before) and (words := self._nearly(wish, before)):
            return [self.say("guess", words=words)]
        if not found:
            return [self.say("nothing") if is_many(wish, before) else self.say("not found", title=wish.title)]
        if len(found) > 1 and not is_many(wish, before):
            names = ", ".join(f'"{todo["title"]}"' for todo in found[:5])
            return [self.say("which", title=wish.title, names=names)]
        return []

    def _nearly(self, wish: Wish, todos: list[Todo]) -> str:
        """The wish in words, for the one todo whose title is written almost so; nothing where there is none."""
        titles = {str(todo["title"]).casefold(): str(todo["title"]) for todo in todos}
        near = difflib.get_close_matches(wish.title.casefold(), titles, n=2, cutoff=0.8)
        if len(near) != 1:
            return ""
        words = self.say(wish.verb, title=titles[near[0]], to=wish.to)
        same = [Wish(wish.verb, titles[near[0]], wish.to)]
        return words if understood(words) == (self._language, same) else ""

    def _asked(self, number: int) -> list[str]:
        return [self.say("sure", all=number)] if number else [self.say("empty")]

    def _question(self) -> int | None:
        """How many todos the last reply asked about, if it asked for a yes."""
        last = self._replies[-1].rpartition("\n")[2] if self._replies else ""
        for language in LANGUAGES:
            if match := _reading(language.say["sure"]).fullmatch(last):
                return int(match["all"])
        return None

    def _confirmed(self, todos: list[Todo]) -> bool:
        """Whether a yes is for just these todos: if some came meanwhile, it was for others."""
        return bool(todos) and self._question() == len(todos)

    def _last_changes(self) -> list[tuple[str, str, str]]:
        """The changes that the newest reply with changes tells of."""
        return next((changes for reply in reversed(self._replies) if (changes := _changes(reply))), [])

    def _standing(self, number: int = 0) -> list[tuple[str, str, str]]:
        """The changes of the newest reply that was not undone since; with a number, so many last ones."""
        done: list[list[tuple[str, str, str]]] = []
        said = ""
        for turn in self._history:
            if turn["role"] == "user":
                said = turn["content"]
                continue
            changes = _changes(turn["content"])
            undo = next((wish for wish in understood(said)[1] if wish.verb == "undo"), None)
            if undo and changes:
                left = _number(undo.title) or len(done[-1] if done else [])
                while done and left > 0:
                    taken = done.pop()
                    if len(taken) > left:
                        done.append(taken[:-left])
                    left -= len(taken)
            elif changes:
                done.append(changes)
        if not number:
            return done[-1] if done else []
        return [change for changes in done for change in changes][-number:]

    def _undone(self, todos: list[Todo], number: int = 0) -> list[Step]:
        """The last changes, the other way round; what was deleted comes back in the order it was in."""
        steps = []
        for kind, title, to in reversed(self._standing(number)):
            same = [todo for todo in todos if todo["title"] == (to or title)]
            if kind == "deleted":
                steps.append(Step("add_todo", {"title": title}))
            elif same:
                number = same[-1]["id"]
                steps.append(
                    {
                        "added": Step("delete_todo", {"id": number}),
                        "completed": Step("update_todo", {"id": number, "done": False}),
                        "reopened": Step("complete_todo", {"id": number}),
                        "renamed": Step("update_todo", {"id": number, "title": title}),
                    }[kind]
                )
        back = iter([step for step in reversed(steps) if step.tool == "add_todo"])
        return [next(back) if step.tool == "add_todo" else step for step in steps]


def _without_taken_back(wishes: Sequence[Wish]) -> list[Wish]:
    """The wishes without a change that the same message takes back: "delete it, then undo that" is for nothing."""
    kept: list[Wish] = []
    for wish in wishes:
        if wish.verb == "undo" and not wish.title and kept and kept[-1].verb in ("add", *BY_TITLE):
            kept[-1] = Wish("undone")
        else:
            kept.append(wish)
    return kept


def _number(word: str) -> int:
    """How many a word or a number stands for; none for no word."""
    numbers = {name: number for language in LANGUAGES for name, number in language.numbers.items()}
    return numbers.get(word.casefold()) or (int(word) if word.isdecimal() else 0)


def _changes(reply: str) -> list[tuple[str, str, str]]:
    """Kind, title and new title of each change that a reply tells of."""
    return [change for line in reply.split("\n") if (change := _told(line))]


def _told(line: str) -> tuple[str, str, str] | None:
    """The change that a line of a reply tells of."""
    for language in LANGUAGES:
        for kind in ("added", "completed", "reopened", "renamed", "deleted"):
            if match := _reading(language.say[kind]).fullmatch(line):
                return kind, match["title"], match.groupdict().get("to") or ""
    return None


def _reading(sentence: str) -> re.Pattern[str]:
    """The pattern that reads what a sentence was filled with."""
    escaped = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(sentence))
    return re.compile(escaped.replace("(?P<all>.+)", r"(?P<all>\d+)"))


def _targets(wish: Wish, todos: list[Todo]) -> list[Todo]:
    """The todos to change; none while it is not clear which one is meant."""
    if wish.verb == "rename" and not wish.to:
        return []
    found = meant(wish, todos)
    return found if len(found) == 1 or is_many(wish, todos) else []


def _change(wish: Wish, todo: Todo) -> Step:
    number = todo["id"]
    return {
        "complete": Step("complete_todo", {"id": number}),
        "reopen": Step("update_todo", {"id": number, "done": False}),
        "rename": Step("update_todo", {"id": number, "title": wish.to}),
        "delete": Step("delete_todo", {"id": number}),
    }[wish.verb]


def _line(todo: Todo) -> str:
    return f"[{'x' if todo['done'] else ' '}] {todo['title']}"


def _is_list(result: Any) -> bool:
    return isinstance(result, dict) and isinstance(result.get("items"), list)


def _words(result: Any, talk: Talk) -> str:
    return result if isinstance(result, str) else talk.say("no answer")
