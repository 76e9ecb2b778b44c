"""What the offline model understands: a message becomes wishes, each for one thing, in the language it is said in."""

import difflib
import re
from dataclasses import dataclass, field
from typing import Literal

from todo_agent.sentences import ENGLISH, GERMAN, NAMES, PAIRS, Language

Verb = Literal[
    "add", "list", "open", "finished", "count", "next", "find", "complete", "reopen", "rename", "delete", "undo",
    "yes", "no", "greet", "thank", "help", "unknown", "undone",
    "meant", "guess",
]  # fmt: skip
Todo = dict[str, object]

LANGUAGES = (ENGLISH, GERMAN)
TITLED = ("add", "find", "complete", "reopen", "rename", "delete", "meant")
"""Verbs that are nothing without a title."""
SHORT = 80
"""Characters up to which words without a verb may go on with the wish before them."""


@dataclass(frozen=True)
class Wish:
    """One thing the user wants. `title` names a todo or a kind of them, `to` is its new title."""

    verb: Verb
    title: str = ""
    to: str = ""
    said: str = field(default="", compare=False)
    """A renaming in full: only the list tells which of several "to" stands between the two titles."""


_DOUBT: dict[Verb, int] = {"unknown": 2, "guess": 1}


def understood(message: str) -> tuple[Language, list[Wish]]:
    """The language of a message, which is the one that more of it makes sense in, and what it asks for.

    Where that is the same in several, as where it is nothing, the words that are usual in one tell.
    """
    read = [(language, _wishes(message, language)) for language in LANGUAGES]
    return min(
        read,
        key=lambda item: (sum(_DOUBT.get(wish.verb, 0) for wish in item[1]), -len(item[0].usual.findall(message))),
    )


def _wishes(message: str, language: Language) -> list[Wish]:
    if titles := _under_a_heading(message, language):
        return [Wish("add", title) for title in titles]
    whole = message.strip()
    found: list[Wish] = []
    for part in _parts(_spelled(message, language), language):
        if (listed := language.several.fullmatch(part.strip(" .!?"))) and '"' not in part:
            found += [Wish("add", title) for one in _LISTED.split(listed["titles"]) if (title := _clean(one, language))]
            continue
        wish = _wish(part, language)
        quoted = '"' in part and '"' not in wish.title  # one title, whatever is in it
        if wish.verb == "add" and not quoted and (things := _things(wish.title, language)):
            found += [Wish("add", one) for one in things]
            continue
        previous = found[-1] if found else None
        if wish.verb == "unknown" and previous and previous.verb in ("add", "complete", "delete") and len(part) < SHORT:
            wish = Wish(previous.verb, _clean(part, language))  # "add milk; bread; eggs"
        if previous and previous.verb == "yes" and wish.verb == "delete" and _says_all(wish, language):
            continue  # "yes, delete them" is one answer
        found.append(wish)
    if found and found[-1].verb == "yes" and whole.endswith("?"):
        found[-1] = Wish("unknown", whole)  # "sure?" is no answer
    if len(found) == 1 and found[0].verb == "unknown" and not whole.endswith("?"):
        return [_to_do(found[0], language)]
    return found


def _things(title: str, language: Language) -> list[str]:
    """The things that a title lists, a word or a text in quotes each; nothing for another title, as for names that
    belong together.
    """
    if not language.things.fullmatch(title) or title.casefold() in PAIRS:
        return []
    things = re.findall(r'"[^"]+"|[^\W\d_]+', title)
    things = [_clean(thing, language) for thing in things if thing.casefold() not in ("and", "und")]
    return [] if any(thing.casefold() in NAMES for thing in things) else things


def _to_do(wish: Wish, language: Language) -> Wish:
    """The guess that words without a verb of ours are a todo, where they are a thing to do or a list of things."""
    said = wish.title.strip(" .!")
    listed = language.things.fullmatch(said) and all(
        _wish(thing, each).verb == "unknown" for thing in _LISTED.split(said) for each in LANGUAGES
    )
    if not listed and not language.deed.fullmatch(said):
        return wish
    return Wish("guess", language.say["add"].format(title=said), said=said)


_BULLET = re.compile(r"\s*(?:[-*\u2022]|\d{1,2}[.)])\s+(?P<title>\S.*)")


def _under_a_heading(message: str, language: Language) -> list[str]:
    """The titles of "add:" and a list below it, a line each; nothing for any other message."""
    first, *rest = [line for line in message.split("\n") if line.strip()] or [""]
    bullets = [_BULLET.fullmatch(line) for line in rest]
    if not bullets or not all(bullets) or not language.heading.fullmatch(first.strip(" .!")):
        return []
    return [_clean(match["title"], language) for match in bullets if match]


def _spelled(message: str, language: Language) -> str:
    """The message with the words of its language as they are usually written: "loesche" is "lösche"."""
    for word, usual in language.spelled.items():
        message = re.sub(rf"\b{word}", usual, message, flags=re.IGNORECASE)
    return message


def _says_all(wish: Wish, language: Language) -> bool:
    return is_all(wish) or bool(language.it.fullmatch(wish.title))


def _parts(message: str, language: Language) -> list[str]:
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x00"

    # What stands in quotes is a title, whatever words are in it; and a dot after "Dr" ends no sentence.
    text = re.sub(r"[^\S\n]+", " ", message)
    text = re.sub(r'"[^"]+"|\u201c[^\u201d]+\u201d|\u201e[^\u201c\u201d]+[\u201c\u201d]', keep, text)
    text = language.abbreviation.sub(keep, text)
    parts = [part for part in language.split.split(text) if part.strip(" .!?")]
    parts = [part for part in parts if not language.sigh.fullmatch(part.strip(" .!?,"))] or parts
    return [re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], part).strip() for part in parts]


def _wish(part: str, language: Language) -> Wish:
    words = " ".join(part.split()).strip(" .!?").replace("\u2019", "'")
    for verb, pattern in language.patterns:
        match = pattern.fullmatch(words)
        if match:
            groups = match.groupdict(default="")
            # "Clear my list" names no todo: it means all.
            given = groups.get("title", language.everything if verb == "delete" else "")
            title = language.kind(given) if verb == "count" else _clean(given, language)
            if groups.get("when"):
                title = f"{title} {groups['when']}"
            if (
                verb in ("complete", "delete", "rename")
                and '"' not in given
                and language.negated.fullmatch(given.strip())
            ):
                break  # "lösche das nicht"
            if verb == "yes" and _RETRACTED.search(words):
                break  # "no, wait, yes"
            if title or verb not in TITLED:
                return Wish(verb, title, _clean(groups.get("to", ""), language), words)
    corrected = _corrected(part, language)
    if not corrected:
        return Wish("unknown", part)
    wish = _wish(corrected, language)
    # What takes something away is not guessed: "remote work" is no "remove work".
    return Wish("guess", corrected, said=part) if wish.verb == "delete" else wish


_RETRACTED = re.compile(r"\b(?:no|not|wait|nein|nicht|halt|moment)\b", re.IGNORECASE)


def _corrected(part: str, language: Language) -> str:
    """The part with the word it begins with as it is usually written: "delte milk" is "delete milk"; nothing for any
    other. Letters that changed places are a slip also in a short word, "lost" is no "list".
    """
    polite, word, rest = _BEGINNING.match(part).groups()
    typed = word.casefold()
    if typed in language.typed or language.usual.fullmatch(typed):  # "not" is no "note"
        return ""
    for near in difflib.get_close_matches(typed, language.typed, n=3, cutoff=0.75):
        alike = difflib.SequenceMatcher(None, typed, near).ratio() >= 0.8 or sorted(typed) == sorted(near)
        if near[0] == typed[0] and abs(len(near) - len(typed)) < 2 and alike:
            return f"{polite}{near}{rest}"
    return ""


_BEGINNING = re.compile(
    r"((?:(?:please|pls|plz|kindly|can you|could you|would you|bitte|kannst du|könntest du) )*)(\w*)(.*)",
    re.IGNORECASE | re.DOTALL,
)


def _clean(title: str, language: Language) -> str:
    text = title.strip().strip(" .!?,:")
    bare = text.strip("\"'\u201c\u201d\u201e").strip()
    text = text if '"' in bare and '"' in text.replace(bare, "") else bare  # '"a" and b' is more than one title
    return language.filler.sub("", text) or text


def cleaned(title: str) -> str:
    """A title without the stops and quotes around it."""
    return _clean(title, LANGUAGES[0])


def chosen(answer: str, names: list[str]) -> list[str]:
    """Which of the names an answer picks: by the name or a part of it, by its place, or all of them."""
    words = cleaned(answer).casefold()
    if same := [name for name in names if name.casefold() == words]:
        return same[:1]
    if any(one.both.fullmatch(words) or one.all.fullmatch(words) for one in LANGUAGES):
        return names
    place = _position(words, len(names))
    if place is not None:
        return [names[place]] if 0 <= place < len(names) else []
    found = [name for name in names if words and words in name.casefold()]
    return found if len(found) == 1 else []


def meant(wish: Wish, todos: list[Todo]) -> list[Todo]:
    """The todos a wish is for: one, or all that "everything", "all but the first" or "2 and 3" stand for."""
    if wish.verb in ("complete", "reopen", "delete") and not _same(wish.title, todos):
        if kept := _kept(wish):
            spared = meant(Wish(wish.verb, kept), todos)
            whole = meant(Wish(wish.verb, LANGUAGES[0].everything), todos)
            return [todo for todo in whole if todo not in spared] if spared else []
        if is_all(wish):
            return [todo for todo in todos if wish.verb == "delete" or bool(todo["done"]) != (wish.verb == "complete")]
        if _all_done(wish):
            return [todo for todo in todos if todo["done"]]
        if _all_open(wish):
            return [todo for todo in todos if not todo["done"]]
        if places := _places(wish.title, len(todos)):
            inside = [todo for place, todo in enumerate(todos) if place in places]
            return inside if len(inside) == len(places) else best_match(wish.title, todos)
    return best_match(wish.title, todos) or _named(wish, todos)


def _named(wish: Wish, todos: list[Todo]) -> list[Todo]:
    """The todos that a wish lists by their titles, "buy milk, the bank and tea", where each part means just one."""
    parts = _JOINED.split(wish.title) if wish.verb in ("complete", "reopen", "delete") else []
    found = [best_match(part, todos) for part in parts]
    if len(parts) < 2 or any(len(one) != 1 for one in found):
        return []
    return [todo for todo in todos if [todo] in found]


_NUMBERED = re.compile(
    r"(?:(?:the )?(?:to-?dos|tasks|items|numbers|nos?\.?)|(?:die )?(?:aufgaben|einträge|nummern))"
    r" (?=\w+(?:,| and| und| &))"
    r"|(?:(?:the )?(?:to-?dos?|tasks?|items?|numbers?|nos?\.?)"
    r"|(?:(?:die|den|das) )?(?:aufgaben?|einträge?|nummern?|nr\.?)) (?=#?\d)",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"#?\d{1,4}(?:(?:, ?(?:and |und )?| and | und | & | )#?\d{1,4}){1,50}", re.IGNORECASE)
_RANGE = re.compile(
    r"(?:from |von )?#?(\d{1,4})(?: ?[-\u2013\u2014] ?| (?:to|through|until|till|bis) )#?(\d{1,4})", re.IGNORECASE
)


def _places(title: str, length: int) -> set[int]:
    """Where "2 and 3", "1-3", "the first two" or "the second and the third" point in a list, counted from zero; nothing
    for what names no places. Some may be beyond its end.
    """
    title = _NUMBERED.sub("", title, count=1)
    if found := _RANGE.fullmatch(title):
        first, last = sorted(map(int, found.groups()))
        return set(range(first - 1, last))
    if _NUMBERS.fullmatch(title):
        return {int(number) - 1 for number in re.findall(r"\d+", title)}
    words = _JOINED.split(title.casefold())
    for language in LANGUAGES:
        if language.both.fullmatch(title):
            return {0, 1} if length == 2 else set()
        if match := language.ends.fullmatch(title.casefold()):
            number = language.numbers.get(match["number"]) or int(match["number"])
            return set(range(max(0, length - number), length) if match["last"] else range(number))
        places = [_place(match[1], language) for word in words if (match := language.ordinal.fullmatch(word))]
        if len(words) > 1 and len(places) == len(words) and None not in places:
            return {place for place in places if place is not None}
    return set()


def _place(word: str, language: Language) -> int | None:
    """Where "second" or "two" points, counted from zero."""
    return language.numbers[word] - 1 if word in language.numbers else language.ordinals.get(word)


def lacking(wish: Wish, todos: list[Todo]) -> list[str]:
    """What a wish names by its place, or spares, and is not in the list: then nothing is changed for it."""
    if wish.verb not in ("complete", "reopen", "delete") or _same(wish.title, todos):
        return []
    if kept := _kept(wish):
        return [] if meant(Wish(wish.verb, kept), todos) else [kept]
    if best_match(wish.title, todos):  # "dentist on 12-25" is meant by "delete 12-25"
        return []
    return [str(place + 1) for place in sorted(_places(wish.title, len(todos))) if not 0 <= place < len(todos)][:1]


def _kept(wish: Wish) -> str:
    """What "all but the first" and "everything except milk" leave as it is."""
    for language in LANGUAGES:
        match = language.sparing.fullmatch(wish.title)
        if match and is_all(Wish(wish.verb, match["all"])):
            return _clean(match["kept"], language)
    return ""


_JOINED = re.compile(r", (?:and |und )?| and | und | & ", re.IGNORECASE)


_LISTED = re.compile(r",? (?:and|und) |, ", re.IGNORECASE)  # an "&" is part of a title


def is_all(wish: Wish) -> bool:
    """Whether the wish is for all todos there are."""
    return any(language.all.fullmatch(wish.title) for language in LANGUAGES)


def _all_done(wish: Wish) -> bool:
    return wish.verb == "delete" and any(language.all_done.fullmatch(wish.title) for language in LANGUAGES)


def _all_open(wish: Wish) -> bool:
    return wish.verb == "delete" and any(language.all_open.fullmatch(wish.title) for language in LANGUAGES)


def is_many(wish: Wish, todos: list[Todo]) -> bool:
    """Whether the wish is for all of a kind, or for several by name, and not for one todo by its title."""
    if _same(wish.title, todos):
        return False
    several = _places(wish.title, len(todos)) or (not best_match(wish.title, todos) and _named(wish, todos))
    return is_all(wish) or _all_done(wish) or _all_open(wish) or bool(several) or bool(_kept(wish))


def renaming(wish: Wish, todos: list[Todo]) -> Wish:
    """The same wish, cut where a todo's whole title ends: "rename go to the bank to go to the post"."""
    titles = {str(todo["title"]).casefold() for todo in todos}
    if wish.verb != "rename" or wish.title.casefold() in titles:
        return wish
    for language in LANGUAGES:
        said = language.renaming.sub("", wish.said, count=1)
        for cut in language.between.finditer(said):
            title, to = _clean(said[: cut.start()], language), _clean(said[cut.end() :], language)
            if title.casefold() in titles and to:
                return Wish("rename", title, to)
    return wish


def _same(title: str, todos: list[Todo]) -> list[Todo]:
    return [todo for todo in todos if str(todo["title"]).casefold() == title.casefold()]


def best_match(title: str, todos: list[Todo]) -> list[Todo]:
    """The todos a title may mean: the same words, else a number in the list, else all that contain the words."""
    wanted = title.casefold()
    if same := _same(title, todos):
        # Of two with the same words, the one still open: done ones are rarely meant.
        return sorted(same, key=lambda todo: bool(todo["done"]))[:1]
    position = _position(wanted, len(todos))
    if position is not None:
        return [todos[position]] if 0 <= position < len(todos) else []
    # "the milk" is called "buy milk" in the list; an article alone is a sentence that was sent too soon.
    wanted = _ARTICLE.sub("", wanted) if not any(wanted in str(todo["title"]).casefold() for todo in todos) else wanted
    if not wanted or _ARTICLE.fullmatch(f"{wanted} "):
        return []
    found = [todo for todo in todos if wanted in str(todo["title"]).casefold()]
    shorter = _ONE.sub("", wanted)
    return best_match(shorter, todos) if not found and shorter and shorter != wanted else found


_ONE = re.compile(r" (?:one|todo|task|item)?(?: ?instead)?$| stattdessen$")  # "the bank one"
_ARTICLE = re.compile(r"(?:the|an?|my|this|that|to|der|die|das|den|dem|eine?[nrs]?|meine?[nrs]?) ")


def _position(title: str, length: int) -> int | None:
    """Where "#2", "number 2", "the second one" or "the last" points, counted from zero."""
    if match := re.fullmatch(r"(?:number|nummer|nr\.?|no\.?|task|to-?do|item|aufgabe) (\w+)", title):
        numbers = {"one": 1, "eins": 1} | {word: number for one in LANGUAGES for word, number in one.numbers.items()}
        if match[1] in numbers:
            return numbers[match[1]] - 1
    if match := re.fullmatch(r"(?:the )?(?:#|number |nummer |nr\.? |no\.? )?(\d{1,9})", title):
        return int(match[1]) - 1
    for language in LANGUAGES:
        if match := language.ordinal.fullmatch(title):
            word = match[1]
            place = length - 1 if word in language.last else _place(word, language)
            if place is not None:
                return place
    return None
