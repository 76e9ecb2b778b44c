"""The sentences of each language: what they mean, and what is answered. Data; `language` reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ABBREVIATIONS = (
    "dr|mr|mrs|ms|prof|st|jr|sr|no|nr|vs|etc|inc|ltd|approx|dept|hr|fr|bzw|usw|ca|ing|dipl|str|tel|evtl|min|max|[a-z]"
)
_ABBREVIATION = re.compile(rf"\b(?:{_ABBREVIATIONS})\.(?= \S)", re.IGNORECASE)
"""A dot that ends no sentence; a single letter is an initial."""


@dataclass(frozen=True)
class Language:
    """One language. Patterns match a whole part of a message, in their order; `split` cuts a message into parts."""

    split: re.Pattern[str]
    abbreviation: re.Pattern[str]
    sigh: re.Pattern[str]
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    filler: re.Pattern[str]
    all: re.Pattern[str]
    all_done: re.Pattern[str]
    everything: str
    done_words: re.Pattern[str]
    open_words: re.Pattern[str]
    ordinal: re.Pattern[str]
    ordinals: Mapping[str, int]
    last: frozenset[str]
    ends: re.Pattern[str]
    usual: re.Pattern[str]
    numbers: Mapping[str, int]
    sparing: re.Pattern[str]
    renaming: re.Pattern[str]
    between: re.Pattern[str]
    it: re.Pattern[str]
    them: re.Pattern[str]
    both: re.Pattern[str]
    several: re.Pattern[str]
    things: re.Pattern[str]
    heading: re.Pattern[str]
    all_open: re.Pattern[str]
    negated: re.Pattern[str]
    spelled: Mapping[str, str]
    typed: tuple[str, ...]
    say: Mapping[str, str]

    def kind(self, words: str) -> str:
        """Which todos are to be counted: `open`, `done` or all, which is the empty text."""
        return "open" if self.open_words.search(words) else "done" if self.done_words.search(words) else ""


def _split(starts: str, conjunctions: str, last: str) -> re.Pattern[str]:
    """A new line, or a stop, a comma or a conjunction before a word that starts a wish."""
    return re.compile(
        rf" *(?:[;\n]|[.!?]+(?= *$)|[.!?]+ +(?=(?:{starts})\b)"
        rf"|,? +(?:{conjunctions}) +"
        rf"|,? +{last} +(?=(?:{starts})\b)"
        rf"|, +(?=(?:{starts})\b)) *",
        re.IGNORECASE,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _compiled(polite: str, patterns: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (
            verb,
            re.compile(
                rf"(?:{polite})?(?:{pattern})(?:,? (?:please|pls|plz|thanks|thx|instead|bitte|danke|stattdessen))?",
                re.IGNORECASE,
            ),
        )
        for verb, pattern in patterns
    )


_LIST = "(?: (?:to|on|from|off|of|in) (?:my|the) (?:(?:todo ?|to-do ?|task ?|shopping ?)?list|to-?dos|tasks))?"
_A_TODO = "(?:(?:a )?(?:new )?(?:todo|to-do|task|item|reminder)s? ?(?:to |for |: ?|called |named )?)?"
_DONE = "(?:done|complete|completed|finished)"
_NOT_DONE = "(?:not (?:yet )?(?:done|completed?|finished)|undone|open|incomplete|uncompleted|unfinished|pending)"
_LEFT = "(?:left|open|remaining|still|to do|todo|pending|not done|undone|unfinished|incomplete|outstanding)"
_THINGS = "(?:to-?dos?|tasks?|list|items?|things)"
_SHOW = "(?:list|show|see|display|view|print|give|tell)"
_RENAME = "(?:rename|change|replace|edit|update)"
_NAME_OF = "(?:the (?:title|name|text) of )?"
_BECOMES = " ?(?:->|=>|\u2192) ?|: "
_PAST = "(?:bought|paid|called|sent|cleaned)"
_DID = f"(?:did|done|finished|completed|got(?! to )|{_PAST})"
_FIND = (
    "(?:find|search(?: for)?|look for|is there|do i have)"
    "(?: (?:anything|something|(?:all )?(?:to-?dos?|tasks?)) (?:about|with|like|for))?"
)
_PLACE = (
    r"(?:(?:todo|task|item|number|no\.?) )?#?\d{1,3}"
    "|(?:the )?(?:first|second|third|fourth|fifth|last)(?: (?:one|todo|task|item))?"
)
_OPEN_ONES = (
    "(?:(?:all|the|my|everything|every) )*"
    f"(?:(?:that(?:'s| is| are) )?{_NOT_DONE}|that (?:is|are)n't (?:yet )?{_DONE})(?: {_THINGS}| ones)?"
)
_WHICH = "(?:(?:all|my|the|only|just|me|of) )*"

ENGLISH = Language(
    split=_split(
        "add|create|remember|note|put|complete|finish|finished|check off|tick off|mark|done with|delete|remove|erase|"
        "drop|rename|change|list|show|display|what|which|how many|reopen|undo|hello|hi|hey|thanks?|thank you|i need to|"
        "i have to|remind me to|get rid of|clear|empty|clean up|please(?= \\w)|can you|could you|find",
        "and then|then|and also",
        "and",
    ),
    abbreviation=_ABBREVIATION,
    sigh=re.compile(
        "oh|o?ops|oh no|whoops|sorry|wait|actually|hm+|(?:could|would|can) you (?:please )?be so kind", re.IGNORECASE
    ),
    patterns=_compiled(
        "(?:(?:please|pls|plz|kindly|can you|could you|would you|will you|let's|lets"
        "|now|ok|okay|hey|hi|hello|oh|oops|whoops"
        "|sorry|wait|actually|no)"
        "(?:,|!|\\.\\.\\.)? )+",
        (
            (
                "help",
                "help(?: me)?|what can (?:you|i) (?:do|say|ask)(?: for me| here| you)?|what (?:do|are) you(?: do)?"
                "|what are you able to do|who are you"
                "|how (?:does this|do you|do i) (?:work|use this|use you)|commands|menu|/help|what else can you do"
                "|what (?:are your (?:features|commands)|do you (?:know|understand))",
            ),
            (
                "undo",
                "(?:undo|revert) (?:the |my )?last (?P<title>[2-9]|two|three|four|five)"
                "(?: (?:changes|steps|things|actions|ones))?"
                "|(?:undo|revert)(?: (?:that|this|it|(?:(?:the|my) )?last (?:one|change|step|thing|action|command)))?"
                "|(?:take|bring) (?:that|it|them) back|restore (?:that|it|them)"
                "|i did(?:n't| not) mean that|that was (?:wrong|a mistake)",
            ),
            (
                "yes",
                "(?:yes|y|yep|yeah|sure|ok|okay|do it|go ahead|confirm|i am sure|i'm sure)(?:,?"
                " (?:please|do it|do|sure))?",
            ),
            (
                "no",
                "(?:no|n|nope|cancel|stop|never ?mind|do not|don't|keep (?:it|them|everything))(?:,?"
                " (?:thanks?|thank you|do not|don't|keep (?:it|them|everything)))?",
            ),
            (
                "find",
                rf"how many {_THINGS} (?:contain|mention|are about|with|about) (?P<title>\S.+)",
            ),
            ("count", rf"do i have (?:more|less|fewer) than (?P<title>\d+ .*{_THINGS})"),
            ("meant", "(?:no,? )?(?:not (?:that|it),? )?i meant (?P<title>.+)"),
            ("count", r"(?:how (?:many|much)|count|number of)\b(?P<title>.*)"),
            (
                "next",
                r"what(?:'s| is| should i do| do i do| shall i do| comes)? next\b.*|what should"
                r" i do(?: now| today)?",
            ),
            ("list", f"{_SHOW}(?: me)? (?:(?:all|my|the) )*(?:to-?do|task) list|is (?:my|the) .{{0,12}}list empty"),
            ("open", "(?:do i have |is there )?anything (?:due|for (?:today|tomorrow|now|me)|to do)(?: .*)?"),
            (
                "open",
                rf"(?:what|which|show me what)\b.*\b{_LEFT}\b.*|what remains"
                rf"|what have(?:n't| not) i\b.*|what i have(?:n't| not) {_DONE}.*"
                rf"|(?:is )?anything left|(?:do i have )?any {_LEFT} {_THINGS}|what do i (?:still"
                rf" )?(?:have|need) to do\b.*",
            ),
            (
                "open",
                rf"{_SHOW}(?: me)? {_WHICH}(?:what is |what's |still )?{_LEFT}(?:"
                rf" {_THINGS}| ones)?|do i have anything to do\b.*",
            ),
            (
                "finished",
                rf"{_SHOW}(?: me)? {_WHICH}(?:what is |what's |what i have |that"
                rf" are )?(?:already )?{_DONE}(?: {_THINGS}| ones)?",
            ),
            ("finished", rf"{_SHOW}(?: me)? {_WHICH}{_THINGS} (?:that are |i have |i've )?{_DONE}"),
            (
                "finished",
                rf"(?:what|which)\b.*\b(?:{_DONE}|did i do|did i finish|did i complete)\b.*"
                rf"|{_DONE}(?: {_THINGS}| ones)",
            ),
            (
                "list",
                f"(?:{_SHOW}|read|check)(?: me)?(?: (?:all|my|the|everything|of))*(?: (?:to-?do|task))?"
                f"(?: {_THINGS})?(?: (?:please|again))?",
            ),
            (
                "list",
                f"what(?:'s| is| are)? (?:on )?(?:all )?(?:my|the) {_THINGS}|what(?:'s| is)"
                " there|what do i have(?: on my list)?",
            ),
            ("list", f"(?:what|which) {_THINGS} (?:do i have|are there|have i got)|(?:do i have )?any {_THINGS}"),
            ("list", f"(?:my |the )?(?:to-?do|task) list|(?:all )?my {_THINGS}|what(?:'s| is) on my (?:plate|agenda)"),
            (
                "open",
                f"(?:(?:is|are) )?(?:everything|it all|all(?: of (?:them|it))?|all my {_THINGS}) {_DONE}(?: now| yet)?"
                f"|(?:did i|have i) (?:do|done|finish|finished|complete|completed) (?:everything|it all|all.*)"
                "|am i done(?: yet)?|i(?:'m| am) (?:all )?(?:done|finished)(?: now| for today)?",
            ),
            (
                "delete",
                "(?:delete|remove|erase|clear) (?P<title>(?:(?:all|everything|the|my) )*(?:that(?:'s| is| are) )?"
                f"{_DONE}(?: {_THINGS}| ones)?)",
            ),
            ("delete", f"(?:delete|remove|erase|clear) (?P<title>{_OPEN_ONES})"),
            ("reopen", f"(?:mark|set) (?P<title>.+?)(?: back)?(?: as| to)? {_NOT_DONE}"),
            ("reopen", "(?:reopen|undo|uncheck|untick|uncomplete|unmark) (?P<title>.+)"),
            ("reopen", f"(?P<title>.+?) (?:(?:is|are) {_NOT_DONE}|(?:is|are|was|were)n't {_DONE})(?: yet)?"),
            ("find", f"(?:is|are|was|were) (?P<title>.+?) (?:already )?{_DONE}(?: yet| already)?"),
            (
                "complete",
                f"(?:mark|set|check|tick|cross) (?P<title>.+?) (?:as |to )?"
                f"(?:{_DONE}|off(?: (?:my|the) .{{0,12}}list)?)",
            ),
            (
                "complete",
                "(?:complete|finish|finished|check off|tick(?: off)?|cross (?:out|off)"
                "|(?:i(?:'m| am) )?(?:done|finished) with)"
                " (?P<title>.+)",
            ),
            ("complete", "(?:done:|done(?= #?\\d)|check(?!list)) (?P<title>.+)"),
            ("complete", f"i(?:'ve| have)?(?: just| already)? {_DID} (?P<title>.+)"),
            ("complete", f"(?P<title>.+?) (?:(?:is|are) (?:{_DONE}|{_PAST})(?: now)?|done)"),
            ("complete", "(?P<title>.+?) ?[\u2713\u2714\u2611\u2705]"),
            ("rename", f"{_RENAME} {_NAME_OF}(?P<title>.+?)(?: (?:to|into|with|by) |{_BECOMES})(?P<to>.+)"),
            ("rename", "rename (?P<title>.+)"),
            ("rename", "(?P<title>.+?) ?(?:->|=>|\u2192) ?(?P<to>.+)"),
            ("delete", f"(?:delete|remove|erase|drop|get rid of) (?P<title>.+?){_LIST}"),
            ("delete", "i (?:do not|don't) (?:need|have|want) (?:to )?(?P<title>.+?) any ?more"),
            ("delete", "forget about (?P<title>.+)"),
            ("delete", "throw (?:away )?(?P<title>.+?)(?: away| out)?"),
            ("delete", f"(?:clear|empty|clean up) (?P<title>(?:(?:all|the|my) )*{_DONE}(?: {_THINGS}| ones)?)"),
            ("delete", f"(?:clear|empty|wipe)(?: (?:all|the|my))*(?: (?:{_THINGS}|everything))?|start over"),
            (
                "add",
                f"(?:add|create|remember|note|put|new|jot down|write down|schedule):? {_A_TODO}(?P<title>.+?){_LIST}",
            ),
            ("add", f"i(?:'d| would)? (?:need|want|like) to (?:add|create|note|put) {_A_TODO}(?P<title>.+?){_LIST}"),
            (
                "add",
                "(?:(?:(?:i|we)(?:'d|'ve| would| have)? )?(?:(?:need|have|want|like|got) to|gotta)"
                "|remind me (?P<when>(?:today|tonight|tomorrow|next|on|at|in)\\b.{0,40}?) (?:to|about|of)"
                "|remind me(?= (?:today|tonight|tomorrow|next|on|at)\\b)"
                "|remind me (?:to|about|of)|remember to|i must"
                "|i should|don't (?:let me )?forget(?: to| about)?|to-?do:?(?! list)|task:) (?P<title>.+)",
            ),
            ("find", f"(?:{_SHOW}(?: me)?|what(?:'s| is)) (?P<title>{_PLACE})"),
            ("find", f"{_FIND} (?P<title>.+?){_LIST}"),
            ("find", "is (?P<title>.+?) on (?:my|the) (?:todo ?|to-do ?|task ?)?list"),
            (
                "thank",
                r"(?:thanks?|thank you|thx|great|perfect|cool|well done|good job|bye|goodbye"
                r"|good night)\b.{0,40}",
            ),
            ("greet", r"(?:hello|hi|hey|good (?:morning|evening|afternoon)|how are you|what's up)\b.{0,40}"),
        ),
    ),
    filler=re.compile(
        r"^(?:the\s+)?(?:(?:todo|task|item)\s+(?:called\s+)?|one\s+(?:about|with|called|named)\s+)", re.IGNORECASE
    ),
    all=re.compile(
        rf"(?:everything|it all|all(?: of (?:them|it))?|all (?:of )?(?:my |the )?{_THINGS}|them all"
        r"|(?:each|every)(?: (?:single )?(?:todo|task|item|thing)| one| of (?:them|(?:my |the )?(?:to-?dos|tasks)))?"
        r"|(?:(?:my|the) )?(?:(?:whole|entire) )?(?:(?:to-?do |task )?list|to-?dos|tasks|items))(?: now| at once)?",
        re.IGNORECASE,
    ),
    all_done=re.compile(
        rf"(?:(?:all|the|my|everything) )*(?:that(?:'s| is| are) )?(?:{_DONE}|ticked|checked)(?: {_THINGS}| ones)?",
        re.IGNORECASE,
    ),
    everything="everything",
    done_words=re.compile(rf"\b(?:{_DONE}|finish|did)\b", re.IGNORECASE),
    open_words=re.compile(rf"\b{_LEFT}\b(?! list)", re.IGNORECASE),
    ordinal=re.compile(r"(?:the )?(\w+)(?: (?:one|todo|task|item))?"),
    ordinals={
        word: place
        for place, word in enumerate(
            ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
        )
    },
    last=frozenset({"last"}),
    ends=re.compile(
        rf"(?:the )?(?:first|(?P<last>last)) (?P<number>\d{{1,4}}|two|three|four|five)(?: (?:{_THINGS}|ones))?"
    ),
    usual=re.compile(r"\b(?:i|you|the|an?|my|is|and|not|what|how|please|to|me|it)\b", re.IGNORECASE),
    numbers={"two": 2, "three": 3, "four": 4, "five": 5},
    sparing=re.compile(
        r"(?P<all>.+?),? (?:except(?: for| of)?|but(?: not)?|apart from|other than|besides) (?P<kept>.+)", re.IGNORECASE
    ),
    renaming=re.compile(rf"^.*?\b{_RENAME} {_NAME_OF}", re.IGNORECASE),
    between=re.compile(rf" (?:to|into|with|by) |{_BECOMES}", re.IGNORECASE),
    it=re.compile(r"(?:it|that|this|that one|this one|them)", re.IGNORECASE),
    them=re.compile("(?:them|these|those)(?: two)?", re.IGNORECASE),
    both=re.compile(r"(?:both|the two)(?: of (?:them|these|those))?", re.IGNORECASE),
    several=re.compile(
        r"(?:(?:please|can you|could you) )*(?:(?:add|create|note|put|new)(?: (?:these|the|following|new|my|some|\w+))?"
        r"(?: new| following)? )?(?:to-?dos|tasks|items|things|reminders)(?: to (?:my|the) list)?: ?(?P<titles>.+)",
        re.IGNORECASE,
    ),
    # One word each, and no names: a todo each. "Call mom and dad" is one.
    things=re.compile(r"[^\W\d_A-Z]+(?:, [^\W\d_A-Z]+)*,? and [^\W\d_A-Z]+"),
    heading=re.compile(
        r"(?:(?:please|can you|could you) )*"
        r"(?:add|create|note|put|new|remember)?(?: ?(?:my|these|the|following|new|to-?do|to-?dos|tasks|list|items))*:?",
        re.IGNORECASE,
    ),
    all_open=re.compile(_OPEN_ONES, re.IGNORECASE),
    negated=re.compile(r"(?:not|nothing|none|never)\b.*|.*\b(?:not|not yet)", re.IGNORECASE),
    spelled={},
    typed=_words(
        "add create remember remind note complete finish check mark delete remove erase rename change "
        "list show display find search reopen undo count what which how"
    ),
    say={
        "can": "I work without a language model and understand simple sentences, in English and in German: "
        "I can add, list, count, find, complete, rename and delete todos, also several in one message, and undo that. "
        'For example: "add buy milk", "what is left today", "complete buy milk", "rename buy milk to buy oat milk", '
        '"how many are done?".',
        "hello": "Hello! ",
        "thank": "You are welcome.",
        "unknown": 'I cannot do that: "{words}". ',
        "guess": 'Did you mean "{words}"? Say "yes" and I do it.',
        "added": "Added: {title}.",
        "completed": "Done: {title}.",
        "reopened": "Open again: {title}.",
        "renamed": "Renamed {title} to {to}.",
        "deleted": "Deleted: {title}.",
        "failed": "That did not work: {words}",
        "failed one": "That did not work ({title}): {words}",
        "no answer": "there was no answer that I understand",
        "most": "I change {most} todos at once and no more; ask again for the rest.",
        "empty": "Your list is empty.",
        "left": "{left} of {all} left:",
        "nothing left": "Nothing is left: all done.",
        "none done": "None of your {all} todos is done yet.",
        "count": "You have {all} todos: {done} done, {left} left.",
        "count done": "{done} of {all} are done.",
        "count open": "{left} of {all} are left.",
        "next": "Next: {title}.",
        "new title": 'What should "{title}" be called?',
        "nothing": "There is nothing to change.",
        "not found": 'I found no todo called "{title}".',
        "which": '"{title}" may mean {names}. Which one? Say it by its whole title.',
        "sure": 'That deletes all your todos, {all} of them, for good. Say "yes" and I do it.',
        "kept": "Nothing was deleted.",
        "no question": "There is nothing that I asked you.",
        "no undo": "There is nothing to undo.",
    },
)

_LISTE = (
    "(?: (?:auf|von|aus|in|zu|zur) (?:meine[rn]?|der|die) (?:todo-?|aufgaben-?|einkaufs)?liste(?: hinzu)?)?(?: hinzu)?"
)
_FERTIG = "(?:erledigt|fertig|abgehakt|gemacht|abgeschlossen)(?:e|en|es)?"
_OFFEN = "(?:offen|offene|offenen|übrig|noch|unerledigt(?:e|en)?|nicht erledigt|nicht fertig|zu tun)"
_GETAN = "(?:gekauft|bezahlt|angerufen|geschickt|geputzt)"
_MAL = "(?:(?:bitte|mal|doch|noch) )*"
_DINGE = "(?:todos?|aufgaben?|liste|einträge?|punkte|sachen|dinge)"
_FRAGE = "wer|was|wann|wie|warum|wieso|soll(?:te)?|kann|könnte|darf|muss|hast|hat|habe?"
_STELLE = (
    r"(?:(?:aufgabe|todo|nummer|nr\.?) )?#?\d{1,3}"
    "|(?:die|das|den) (?:erste|zweite|dritte|vierte|fünfte|letzte)[ns]?(?: (?:aufgabe|todo))?"
)
_WELCHE = "(?:(?:alle|alles|meine|die|mir|nur|bitte|mal|was|von|den|meinen) )*"

GERMAN = Language(
    split=_split(
        "füge?|trage?|notiere?|merke?|schreibe?|erledige?|hake?|markiere?|lösche?|entferne?|streiche?|"
        "benenne?|nenne?|ändere?|zeige?|liste|was|welche|wie ?viele|öffne|hallo|hi|danke|ich muss|erinnere?|leere?|"
        "bitte(?= \\w)|finde?",
        "und dann|dann|danach|und außerdem",
        "und",
    ),
    abbreviation=_ABBREVIATION,
    sigh=re.compile(
        "oh|oh nein|u+ps|hoppla|sorry|moment|entschuldigung|halt|hm+|(?:wärst|wären) (?:du|sie) so (?:nett|lieb|gut)",
        re.IGNORECASE,
    ),
    patterns=_compiled(
        "(?:(?:bitte|kannst du|könntest du|jetzt|ok|okay|hallo|oh|ups|uups|hoppla|sorry|moment|entschuldigung"
        "|halt|nein)"
        "(?:,|!|\\.\\.\\.)? )+",
        (
            (
                "help",
                "hilfe|hilf mir|was kannst du(?: alles)?(?: tun| machen)?|wer bist du|wie"
                " funktioniert (?:das|dies|du)|was kann ich (?:sagen|tun|machen|fragen)",
            ),
            (
                "undo",
                "(?:mach|mache|nimm) die letzten (?P<title>[2-9]|zwei|drei|vier|fünf)(?: änderungen)?"
                " (?:rückgängig|zurück)"
                "|(?:mach|mache|nimm)(?: das| es| die letzte änderung)? (?:rückgängig|zurück)"
                "|rückgängig(?: machen)?|zurück|das war (?:falsch|ein (?:fehler|versehen))",
            ),
            ("yes", "(?:ja|jawohl|klar|sicher|mach das|tu es|ok|okay)(?:,? (?:bitte|mach das|sicher|gerne?))?"),
            (
                "no",
                "(?:nein|(?:doch |lieber )?nicht|abbrechen|stopp?|lass es|behalte? (?:alles|sie|es))(?:,? danke)?",
            ),
            ("meant", "(?:nein,? )?ich (?:meinte|meine) (?P<title>.+)"),
            ("count", r"(?:wie ?viele?|anzahl)\b(?P<title>.*)"),
            ("open", "habe? ich (?:heute |noch )*(?:was|etwas|viel) zu tun"),
            ("find", f"zeige?(?: mir)? (?P<title>{_STELLE})"),
            ("open", "was (?:steht|liegt)(?: (?:heute|morgen|noch|diese woche))* an"),
            ("list", f"ist (?:meine|die) .{{0,12}}{_DINGE} leer"),
            ("next", r"was (?:ist|kommt|steht|mache ich|soll ich)\b.*\b(?:nächste[sn]?|als nächstes)\b.*"),
            (
                "open",
                rf"(?:was|welche)\b.*\b{_OFFEN}\b.*|was muss ich\b.*|(?:zeige?|liste) {_WELCHE}{_OFFEN}(?:"
                rf" {_DINGE})?",
            ),
            (
                "finished",
                rf"(?:was|welche)\b.*\b{_FERTIG}\b.*|(?:zeige?|liste) {_WELCHE}{_FERTIG}(?:"
                rf" {_DINGE})?(?: ist| sind)?",
            ),
            ("list", f"(?:zeige?|liste)(?: (?:alle|alles|meine|die|mir|auf|mal))*(?: {_DINGE})?(?: auf| an)?"),
            (
                "list",
                rf"was (?:ist|steht|habe ich)(?: alles)?(?: (?:auf|in) (?:meiner|der) .{{0,20}}liste)?(?:"
                rf" zu tun)?|(?:alle )?meine {_DINGE}|{_DINGE}",
            ),
            (
                "rename",
                f"(?:benenne?|nenne?|ändere?) {_MAL}(?P<title>.+?)(?:(?: um)? (?:in|zu|auf) |{_BECOMES})"
                "(?P<to>.+?)(?: um)?",
            ),
            ("reopen", "(?:markiere?|setze?) (?P<title>.+?) (?:als|auf) (?:offen|unerledigt|nicht erledigt)"),
            ("reopen", "öffne (?P<title>.+?)(?: wieder)?"),
            ("reopen", f"(?P<title>.+?) (?:ist|sind) (?:(?:doch|noch|wieder) )*(?:offen|nicht {_FERTIG})"),
            ("rename", "(?:benenne?) (?P<title>.+?) um"),
            ("rename", "ersetze? (?P<title>.+?) (?:durch|mit) (?P<to>.+)"),
            ("find", f"(?:ist|sind) (?!all|meine )(?P<title>.+?) (?:(?:schon|bereits) )?{_FERTIG}"),
            ("open", f"(?:ist|sind) (?:alles|alle(?: {_DINGE})?|meine {_DINGE}) {_FERTIG}"),
            (
                "delete",
                "(?:lösche?|entferne?|leere?) (?P<title>(?:(?:alle|alles|die|meine|was) )*"
                f"{_FERTIG}(?: {_DINGE})?(?: ist)?)",
            ),
            (
                "delete",
                f"(?:lösche?|entferne?) (?P<title>(?:(?:alle|alles|die|meine|was) )*{_OFFEN}(?: {_DINGE})?(?: ist)?)",
            ),
            ("complete", rf"(?:markiere?|setze?|hake?) {_MAL}(?P<title>.+?) (?:(?:als |auf )?{_FERTIG}|ab)"),
            ("complete", f"(?:erledige?|fertig mit) {_MAL}(?P<title>.+)"),
            ("complete", f"(?:ich habe? )?(?P<title>.+?) (?:(?:ist|sind|habe ich) )?(?:schon )?{_GETAN}"),
            ("complete", "(?P<title>.+?) abhaken"),
            (
                "complete",
                r"(?!(?:wer|was|wann|wie|warum|hast|hat)\b)(?:ich habe? )?"
                rf"(?P<title>.+?) (?:ist |sind )?(?:jetzt )?{_FERTIG}",
            ),
            ("delete", "(?P<title>.+?) brauche? (?:ich|wir) nicht mehr"),
            ("delete", "vergiss (?!nicht\\b)(?P<title>.+)"),
            ("delete", "(?P<title>alles) weg"),
            ("delete", f"(?:lösch(?:en?)?|entfern(?:en?)?|streich(?:en?)?) {_MAL}(?P<title>.+?){_LISTE}"),
            ("delete", f"(?!(?:{_FRAGE})\\b)(?P<title>.+?){_LISTE} (?:löschen|entfernen|streichen)"),
            ("delete", f"(?:(?:meine|die|alle) )*{_DINGE} leeren"),
            ("delete", f"(?:leere?|räume?)(?: (?:meine|die|alle))* {_DINGE}(?: auf)?|fang(?:e)? (?:neu|von vorn) an"),
            (
                "add",
                rf"(?:füge?|trage?|setze?|schreibe?) {_MAL}(?:(?:eine? )?(?:neue[sn]? )?(?:todo|aufgabe):?"
                rf" )?(?P<title>.+?)(?:{_LISTE}| ein| auf)",
            ),
            (
                "add",
                "(?:notiere?|neue aufgabe:?|neues todo:?|aufgabe:|todo:|merke? dir|ich (?:muss"
                "|soll|möchte|will|brauche)(?: noch)?"
                "|wir (?:müssen|brauchen)(?: noch)?|erinnere? mich (?:an|daran,?)|vergiss nicht,?) (?P<title>.+)",
            ),
            (
                "add",
                "erinnere? mich (?P<when>(?:heute|morgen|übermorgen|am|um|nächste[nr]?|in)\\b.{0,40}?)"
                " (?:daran,?|an) (?P<title>.+)",
            ),
            ("add", "(?P<title>.+?) nicht vergessen"),
            ("add", "hinzufügen:? (?P<title>.+)"),
            ("add", "(?P<title>.+?) (?:auf|in) (?:die|meine) (?:todo-?|aufgaben-?|einkaufs)?liste"),
            (
                "add",
                f"(?P<title>.+?){_LISTE.removesuffix('(?: hinzu)?')} "
                "(?:hinzufügen|notieren|aufschreiben|eintragen|setzen|schreiben)",
            ),
            ("find", "(?:steht|ist) (?P<title>.+?) (?:auf|in) (?:meiner|der) .{0,16}liste"),
            ("find", f"(?:finde?|suche?(?: nach)?|habe ich|gibt es) (?P<title>.+?){_LISTE}"),
            ("thank", r"(?:danke|vielen dank|super|prima|toll|tschüss?|auf wiedersehen|gute nacht)\b.{0,40}"),
            ("greet", r"(?:hallo|servus|moin|grüß (?:dich|gott)|guten (?:morgen|tag|abend)|wie geht)\b.{0,40}"),
        ),
    ),
    filler=re.compile(r"^(?:(?:die|das|den)\s+)?(?:todo|aufgabe|eintrag)\s+", re.IGNORECASE),
    all=re.compile(
        rf"(?:alles|(?:sie )?alle|(?:alle|sämtliche) (?:meine )?{_DINGE}|jede aufgabe|jedes todo"
        r"|(?:meine |die )?(?:(?:ganze|gesamte) )?(?:liste|aufgaben|todos))(?: jetzt)?",
        re.IGNORECASE,
    ),
    all_done=re.compile(rf"(?:(?:alles|alle|die|meine|was) )*{_FERTIG}(?: {_DINGE})?(?: ist)?", re.IGNORECASE),
    everything="alles",
    done_words=re.compile(rf"\b{_FERTIG}\b", re.IGNORECASE),
    open_words=re.compile(rf"\b{_OFFEN}\b", re.IGNORECASE),
    ordinal=re.compile(r"(?:(?:die|das|den) )?(\w+)(?: (?:todo|aufgabe|eintrag|punkt))?"),
    ordinals={
        word + ending: place
        for place, word in enumerate(
            ("erste", "zweite", "dritte", "vierte", "fünfte", "sechste", "siebte", "achte", "neunte", "zehnte")
        )
        for ending in ("", "n", "s")
    },
    last=frozenset({"letzte", "letzten", "letztes"}),
    ends=re.compile(rf"(?:die )?(?:ersten|(?P<last>letzten)) (?P<number>\d{{1,4}}|zwei|drei|vier|fünf)(?: {_DINGE})?"),
    usual=re.compile(
        r"\b(?:mache?|habe?|fertig|weg|am|um|heute|morgen|wichtig|nichts|keine?|nein|doch|zum|zur"
        r"|ich|du|wir|der|die|das|den|ist|und|nicht|mein\w*|eine?|was|wer|wie|hat|kann|bitte|auf|zu|mir|dich|dir)\b|[äöüß]",
        re.IGNORECASE,
    ),
    numbers={"zwei": 2, "drei": 3, "vier": 4, "fünf": 5},
    sparing=re.compile(r"(?P<all>.+?),? (?:außer|bis auf|ohne) (?P<kept>.+)", re.IGNORECASE),
    renaming=re.compile(r"^.*?\b(?:benenne?|nenne?|ändere?) ", re.IGNORECASE),
    between=re.compile(rf" (?:in|zu|auf) |{_BECOMES}", re.IGNORECASE),
    it=re.compile(r"(?:es|das|sie|dies|diese)", re.IGNORECASE),
    them=re.compile("(?:sie|diese|die)(?: (?:beiden|zwei))?", re.IGNORECASE),
    both=re.compile(r"(?:(?:alle|die) )?beiden?", re.IGNORECASE),
    several=re.compile(
        r"(?:bitte )?(?:(?:füge?|notiere?|neue|trage?|schreibe?)(?: (?:diese|die|folgende|neue|\w+))?(?: neuen?)? )?"
        r"(?:todos|aufgaben|einträge|punkte|sachen)(?: hinzu| ein| auf)?: ?(?P<titles>.+)",
        re.IGNORECASE,
    ),
    things=re.compile(r"[^\W\d_]+(?:, [^\W\d_]+)*,? und [^\W\d_]+"),
    heading=re.compile(
        r"(?:bitte )?(?:füge?|notiere?|neue|trage?|schreibe?)?"
        r"(?: ?(?:diese|die|folgende|meine|neue|todos?|aufgaben?|einträge|liste|hinzu|ein|auf))*:?",
        re.IGNORECASE,
    ),
    all_open=re.compile(rf"(?:(?:alles|alle|die|meine|was) )*{_OFFEN}(?: {_DINGE})?(?: ist)?", re.IGNORECASE),
    negated=re.compile(r"(?:nicht|nichts|nie|niemals)\b.*|.*\b(?:noch )?nicht", re.IGNORECASE),
    spelled={
        "loesch": "lösch",
        "fueg": "füg",
        "aender": "änder",
        "oeffne": "öffne",
        "raeum": "räum",
        "traeg": "träg",
        "rueckgaengig": "rückgängig",
        "zurueck": "zurück",
        "hinzufueg": "hinzufüg",
    },
    typed=_words(
        "füge notiere merke erledige hake markiere lösche lösch entferne streiche benenne ändere zeige "
        "zeig liste öffne finde suche erinnere was welche wie"
    ),
    say={
        "can": "Ich arbeite ohne Sprachmodell und verstehe einfache Sätze, auf Deutsch und auf Englisch: "
        "Ich kann Aufgaben notieren, zeigen, zählen, finden, abhaken, umbenennen und löschen, auch mehrere in einer "
        'Nachricht, und das rückgängig machen. Zum Beispiel: "notiere Milch kaufen", "was ist noch offen?", '
        '"hake Milch kaufen ab", "benenne Milch in Hafermilch um", "wie viele sind erledigt?".',
        "hello": "Hallo! ",
        "thank": "Gern geschehen.",
        "unknown": 'Das kann ich nicht: "{words}". ',
        "guess": 'Meinst du "{words}"? Sag "ja", dann tue ich es.',
        "added": "Notiert: {title}.",
        "completed": "Erledigt: {title}.",
        "reopened": "Wieder offen: {title}.",
        "renamed": "Umbenannt: {title} in {to}.",
        "deleted": "Gelöscht: {title}.",
        "failed": "Das ging nicht: {words}",
        "failed one": "Das ging nicht ({title}): {words}",
        "no answer": "es kam keine Antwort, die ich verstehe",
        "most": "Ich ändere höchstens {most} Aufgaben auf einmal; frag noch einmal für den Rest.",
        "empty": "Deine Liste ist leer.",
        "left": "{left} von {all} offen:",
        "nothing left": "Nichts ist offen: alles erledigt.",
        "none done": "Von deinen {all} Aufgaben ist noch keine erledigt.",
        "count": "Du hast {all} Aufgaben: {done} erledigt, {left} offen.",
        "count done": "{done} von {all} sind erledigt.",
        "count open": "{left} von {all} sind offen.",
        "next": "Als Nächstes: {title}.",
        "new title": 'Wie soll "{title}" heißen?',
        "nothing": "Es gibt nichts zu ändern.",
        "not found": 'Ich finde keine Aufgabe "{title}".',
        "which": '"{title}" kann {names} sein. Welche? Sag den ganzen Titel.',
        "sure": 'Das löscht alle deine Aufgaben, {all} Stück, endgültig. Sag "ja", dann tue ich es.',
        "kept": "Es wurde nichts gelöscht.",
        "no question": "Ich habe dich nichts gefragt.",
        "no undo": "Es gibt nichts rückgängig zu machen.",
    },
)
