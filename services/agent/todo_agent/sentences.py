"""The sentences of each language: what they mean, and what is answered. Data; `language` reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ABBREVIATIONS = (
    "dr|mr|mrs|ms|prof|st|jr|sr|vs|etc|inc|ltd|approx|dept|hr|fr|bzw|usw|ca|ing|dipl|str|tel|evtl|min|max|[a-z]"
)
_ABBREVIATION = re.compile(rf"\b(?:{_ABBREVIATIONS}|(?:no|nr)(?=\. ?#?\d))\.(?= \S)", re.IGNORECASE)
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
    deed: re.Pattern[str]
    """What is said of a thing to do, without a word on what is to become of it: "buy milk"."""
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


def _things(word: str, conjunction: str) -> re.Pattern[str]:
    """Several things in a row: words, or titles in quotes."""
    thing = rf'(?:{word}|"[^"]+")'
    return re.compile(rf"{thing}(?:(?:, {thing})*,? {conjunction} {thing}|(?:, {thing})+)")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PAIRS = frozenset(
    (
        "fish and chips", "mac and cheese", "bed and breakfast", "rock and roll", "gin and tonic", "drag and drop",
        "copy and paste", "cut and paste", "terms and conditions", "trial and error", "pros and cons",
        "search and replace", "research and development", "romeo and juliet", "romeo und julia", "katz und maus",
        "hin und rückflug",
        "für und wider", "hab und gut", "drum und dran", "haus und hof", "kopieren und einfügen",
    )
)  # fmt: skip
"""What is one thing, though it has an "and" in it."""

NAMES = frozenset(
    _words(
        """
        mom mum mama mami mutti dad papa papi vati oma opa grandma grandpa adam alex alice amy andrea andreas
        andrew angela anna anne anthony barbara ben bernd bernhard bob brian carol charles charlie chris
        christian christine christoph claudia daniel dave david dennis diana dieter dirk ed elena elisabeth
        elizabeth emily emma eric erik eva felix frank franz fritz fred gabi george georg grace greg günter
        hannah hans harald harry heidi heinz helen helga henry holger ingrid jack jacob jakob james jan jane
        jason jean jeff jennifer jens jenny jerry jessica jill jim joe joel johann john jonas jonathan josef
        joseph josh julia julian jürgen kai karen karin karl kate katharina kathrin katie kevin klaus kurt lara
        laura lea lena leo leon linda lisa lucas lucy luis luisa lukas manfred marc marco maria marie mario mark
        markus martha martin martina mary matt matthias max maya melanie mia michael michelle mike moritz monika
        nancy nick nicole nina noah oliver olivia otto pam pat patricia patrick paul paula peter petra phil
        philipp rachel ralf rebecca renate richard rob robert robin roger rolf romeo ryan sabine sally sam
        sandra sara sarah scott sebastian silke simon sofia sonja sophia sophie stefan stefanie stephen steve
        susan susanne sven tanja thomas tim timo tina tobias tom tony ulrich ulrike ursula ute uwe walter werner
        wolfgang
        """
    )
)
"""Given names that are common in the languages: two of them are one matter."""


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


_A_LIST = (
    "(?:(?:(?:my|the|our|this) )?(?:to-?do ?|task ?|shopping ?|grocery ?|check ?)?list(?: of things to do)?"
    "|(?:my|the) (?:to-?dos|tasks))"
)
_LIST = f"(?: (?:to|on|from|off|of|in) {_A_LIST})?"
_A_TODO = (
    f"(?:(?:to|on|in) {_A_LIST}:? )?"
    "(?:(?:a )?(?:new )?(?:todo|to-do|task|item|reminder)s? ?(?:to |for |: ?|called |named )?)?"
)
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
        "|sorry|wait|actually|no|tell me(?= wh)|let me know(?= wh)"
        "|i(?:'d| would)? (?:want|like) to(?= (?:delete|remove|erase|clear|see|list|show|rename|undo)\\b))"
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
                "|(?:undo|revert) (?:(?:that|the|my|last) )*(?:renam(?:e|ing)|delet(?:e|ion)|remov(?:e|al)"
                "|add(?:ition)?"
                "|complet(?:e|ion))"
                "|(?:undo|revert)(?: (?:that|this|it|(?:(?:the|my) )?last (?:one|change|step|thing|action|command)))?"
                "|(?:take|bring|put) (?:that|it|them) back|restore (?:that|it|them)"
                "|i did(?:n't| not) mean that|that was (?:wrong|a mistake)",
            ),
            (
                "yes",
                "(?:yes|y|yep|yup|yeah|ya|aye|sure|ok|okay|do it|go ahead|go for it|confirm(?:ed)?|i am sure|i'm sure"
                "|absolutely|definitely|of course|please do)(?:,? (?:please|do it|do|sure|i'm sure|i am sure|now))*"
                "(?:,? (?:please )?(?:delete|remove|clear) (?:it|them|everything|all(?: of (?:it|them))?|my list))?",
            ),
            (
                "no",
                "(?:(?:hell )?no(?: way)?|n|nope|nah|cancel(?: (?:it|that))?|stop|wait|hold on|never ?mind|do not|don't"
                "|dont|do(?:n't| not) do (?:it|that)|keep (?:it|them|everything)|(?:absolutely|of course|rather"
                "|better) not"
                "|(?:i'm |i am )?not sure|i(?:'ve| have)? changed my mind|forget it|leave (?:it|them))"
                "(?:,? (?:please|thanks?|thank you|do not|don't|don't delete(?: .{1,20})?|keep (?:it|them"
                "|everything)))*",
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
                r" i do(?: now| today)?|what (?:now|to do(?: now| next| today)?)"
                rf"|(?:what(?:'s| is) )?(?:(?:my|the) )?next(?: one| {_THINGS})?",
            ),
            ("list", f"{_SHOW}(?: me)? (?:(?:all|my|the) )*(?:to-?do|task) list|is (?:my|the) .{{0,12}}list empty"),
            ("open", "(?:do i have |is there )?anything (?:due|for (?:today|tomorrow|now|me)|to do)(?: .*)?"),
            (
                "open",
                rf"(?:what|which|show me what)\b.*\b{_LEFT}\b.*|what remains"
                rf"|what have(?:n't| not) i\b.*|what i have(?:n't| not) {_DONE}.*"
                rf"|(?:is )?(?:there )?anything (?:left|else)(?: to do)?|(?:do i have )?(?:any )?{_LEFT} {_THINGS}"
                rf"|what do i (?:still"
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
            (
                "list",
                f"(?:my |the )?(?:to-?do|task) list|(?:(?:all )?my |all )?(?:to-?dos|tasks|list)|ls"
                f"|(?:all )?my {_THINGS}|what(?:'s| is) on my (?:plate|agenda)",
            ),
            (
                "open",
                f"(?:(?:is|are) )?(?:everything|it all|all(?: of (?:them|it))?|all my {_THINGS}) {_DONE}(?: now| yet)?"
                f"|(?:did i|have i) (?:do|done|finish|finished|complete|completed) (?:everything|it all|all.*)"
                "|am i (?:done|finished)(?: yet)?|i(?:'m| am) (?:all )?(?:done|finished)(?: now| for today)?",
            ),
            (
                "delete",
                "(?:delete|remove|erase|clear|trash|discard) (?P<title>(?:(?:all|everything|the|my) )*(?:that(?:'s"
                "| is| are) )?"
                f"{_DONE}(?: {_THINGS}| ones)?)",
            ),
            ("delete", f"(?:delete|remove|erase|clear) (?P<title>{_OPEN_ONES})"),
            ("reopen", f"(?:mark|set) (?P<title>.+?)(?: back)?(?: as| to)? {_NOT_DONE}"),
            ("reopen", "(?:reopen|undo|uncheck|untick|uncomplete|unmark) (?P<title>.+)"),
            ("reopen", f"(?P<title>.+?) (?:(?:is|are) {_NOT_DONE}|(?:is|are|was|were)n't {_DONE})(?: yet)?"),
            ("find", f"(?:is|are|was|were) (?P<title>.+?) (?:already )?(?:{_DONE}|{_PAST})(?: yet| already)?"),
            ("find", f"(?:did|have) i (?:already |ever )?(?:{_DID} )?(?P<title>.+?)(?: yet| already)?"),
            ("find", "(?:(?:when|why|where) do i (?:have|need) to|where(?:'s| is| are)) (?P<title>.+)"),
            ("reopen", f"(?:{_NOT_DONE}): (?P<title>.+)"),
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
            ("complete", r"[-*]? ?\[x\] (?P<title>.+)"),
            ("rename", f"{_RENAME} {_NAME_OF}(?P<title>.+?)(?: (?:to|into|with|by) |{_BECOMES})(?P<to>.+)"),
            ("rename", "(?:rename|edit) (?P<title>.+)"),
            ("rename", "(?P<title>.+?) ?(?:->|=>|\u2192) ?(?P<to>.+)"),
            ("delete", f"(?:delete|remove|erase|drop|get rid of|trash|discard|nuke|scrap) (?P<title>.+?){_LIST}"),
            ("delete", "i (?:do not|don't) (?:need|have|want) (?:to )?(?P<title>.+?) any ?more"),
            ("delete", "forget about (?P<title>.+)"),
            ("delete", "throw (?:away )?(?P<title>.+?)(?: away| out)?"),
            ("delete", f"(?:clear|empty|clean up) (?P<title>(?:(?:all|the|my) )*{_DONE}(?: {_THINGS}| ones)?)"),
            ("delete", f"(?:clear|empty|wipe)(?: (?:all|the|my))*(?: (?:{_THINGS}|everything))?|start over"),
            (
                "add",
                "(?:add|create|remember|note(?: to self)?|put|new|jot down|write down|schedule):? "
                f"{_A_TODO}(?P<title>.+?){_LIST}",
            ),
            ("add", r"(?:[-*\u2022]|\d{1,2}[.)])(?: \[ ?\])? (?P<title>.+)"),
            (
                "add",
                "(?:(?:i|we) (?:(?:also|still|really) )?(?:need|want|would like)|(?:i|we)'d like|(?:we're|we are|i'm"
                "|i am) out of)"
                " (?!help\\b|you\\b|to\\b)(?P<title>.+)",
            ),
            ("add", f"i(?:'d| would)? (?:need|want|like) to (?:add|create|note|put) {_A_TODO}(?P<title>.+?){_LIST}"),
            (
                "add",
                "(?:(?:(?:i|we)(?:'d|'ve| would| have)? )?(?:(?:need|have|want|like|got) to|gotta)"
                "|remind me (?P<when>(?:today|tonight|tomorrow|next|on|at|in)\\b.{0,40}?) (?:to|about|of)"
                "|remind me(?= (?:today|tonight|tomorrow|next|on|at)\\b)"
                "|remind me (?:to|about|of)|remember to|i must(?! not)"
                "|i should(?! not)|(?:(?:i|we) (?:must|should|may)(?:n't| not)|don't"
                "|do not) (?:let me )?forget(?: to| about)?"
                "|to-?do:?(?! list)|task:?(?! list)) (?P<title>.+)",
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
        r"^(?:the\s+)?(?:(?:todo|task|item)\s+(?!one$)(?:called\s+)?|one\s+(?:about|with|called|named)\s+)",
        re.IGNORECASE,
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
    }
    | {f"{place}{ending}": place - 1 for place in range(1, 100) for ending in ("st", "nd", "rd", "th")},
    last=frozenset({"last"}),
    ends=re.compile(
        rf"(?:the )?(?:first|(?P<last>last)) (?P<number>\d{{1,4}}|two|three|four|five)(?: (?:{_THINGS}|ones))?"
    ),
    usual=re.compile(r"\b(?:i|you|the|an?|my|is|and|not|what|how|please|to|me|it)\b", re.IGNORECASE),
    numbers={"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10},
    sparing=re.compile(
        r"(?P<all>.+?),? (?:except(?: for| of)?|but(?: not)?|apart from|other than|besides) (?P<kept>.+)", re.IGNORECASE
    ),
    renaming=re.compile(rf"^.*?\b{_RENAME} {_NAME_OF}", re.IGNORECASE),
    between=re.compile(rf" (?:to|into|with|by) |{_BECOMES}", re.IGNORECASE),
    it=re.compile(
        r"(?:it|that|this|that one|this one|them"
        r"|(?:(?:the )?(?:last )?(?:one|to-?do|task|item|thing) )?(?:that )?i (?:just |last )?(?:added|created))",
        re.IGNORECASE,
    ),
    them=re.compile("(?:them|these|those)(?: two)?", re.IGNORECASE),
    both=re.compile(r"(?:both|the two)(?: of (?:them|these|those))?", re.IGNORECASE),
    several=re.compile(
        r"(?:(?:please|can you|could you) )*(?:(?:add|create|note|put|new)(?: (?:these|the|following|new|my|some|\w+))?"
        r"(?: new| following)? )?(?:to-?dos|tasks|items|things|reminders)(?: to (?:my|the) list)?: ?(?P<titles>.+)",
        re.IGNORECASE,
    ),
    # One word each, and no names: a todo each. "Call mom and dad" is one.
    things=_things(r"[^\W\d_A-Z]+", "and"),
    deed=re.compile(
        r"(?:buy|book|get|grab|pick up|order|call|phone|email|text|write|clean|wash|pay|send|fix|repair|make|read"
        r"|visit|meet"
        r"|go|prepare|water|feed|walk|cook|bake|iron|mow|vacuum|renew|return|cancel|print|sell|plan|study|practi[cs]e)"
        r" (?!.*\b(?:me|you|your)\b)\S.{0,70}",
        re.IGNORECASE,
    ),
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
        "take back": 'To take back what I did last, say "undo".',
        "add": "add {title}",
        "complete": "complete {title}",
        "reopen": "reopen {title}",
        "delete": "delete {title}",
        "rename": "rename {title} to {to}",
        "no undo": "There is nothing to undo.",
    },
)

_LISTE = (
    "(?: (?:zur|(?:auf|von|aus|in|zu) (?:meine[rn]?|der|die)) (?:todo-?|aufgaben-?|einkaufs)?liste(?: (?:hin|da)?zu)?)?"
    "(?: (?:hin|da)?zu)?"
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
        "|halt|nein|ich (?:will|möchte)(?= (?:alles|alle|sie)\\b.* (?:löschen|entfernen)\\b))"
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
                "|(?:das |die letzte änderung )?rückgängig(?: machen)?|zurück|hole? (?:das|es"
                "|sie)(?: wieder)? zurück|das war (?:falsch|ein (?:fehler|versehen))",
            ),
            (
                "yes",
                "(?:ja|jo|jep|jup|jawoh?ll?|(?:na )?klar(?: doch)?|genau|sicher|mach das|tu es|ok|okay|auf jeden fall"
                "|ich bin (?:mir )?(?:ganz )?sicher)(?:,? (?:bitte|klar|mach das|sicher|gerne?"
                "|ich bin (?:mir )?sicher))*"
                "(?:,? (?:bitte )?(?:alles|sie|alle) löschen)?",
            ),
            (
                "no",
                "(?:nein|nö|nee?|(?:(?:doch |lieber |bloß |besser )*nicht|auf keinen fall|niemals)|abbrechen|abbruch"
                "|stopp?"
                "|halt|warte|lass es|vergiss es|(?:ich bin (?:mir )?)?nicht sicher|behalte? (?:alles|sie|es))"
                "(?:,? (?:danke|bitte|(?:doch |lieber |bloß )*nicht|nicht löschen|behalte? (?:alles|sie|es)))*",
            ),
            ("meant", "(?:nein,? )?ich (?:meinte|meine) (?P<title>.+)"),
            ("count", r"(?:wie ?viele?|anzahl)\b(?P<title>.*)"),
            (
                "open",
                "(?:habe? ich|gibt es) (?:heute |noch )*(?:was|etwas|viel) zu tun|ist (?:noch )?(?:was|etwas) offen",
            ),
            ("open", f"bin ich (?:schon )?{_FERTIG}|{_OFFEN} {_DINGE}(?: (?:an)?zeigen)?"),
            (
                "finished",
                f"{_FERTIG}(?: {_DINGE})? (?:an)?zeigen|was habe? ich (?:alles |schon |bereits )*(?:geschafft|getan)",
            ),
            (
                "next",
                f"(?:(?:die|meine) )?nächste {_DINGE}|was (?:jetzt|nun)|was soll ich (?:jetzt |nun )?(?:tun|machen)",
            ),
            ("list", f"(?:(?:alle|meine|die) )*{_DINGE} (?:an)?zeigen"),
            ("find", f"was ist (?P<title>{_STELLE})"),
            ("find", f"habe? ich (?P<title>.+?) (?:schon |bereits )?(?:{_FERTIG}|{_GETAN})"),
            ("find", "habe? ich (?P<title>.+?) (?:auf|in) (?:meiner|der) .{0,16}liste"),
            ("find", "wo (?:ist|sind|steht) (?P<title>.+)"),
            ("find", f"zeige?(?: mir)? (?P<title>{_STELLE})"),
            ("open", "was (?:steht|liegt)(?: (?:heute|morgen|noch|diese woche))* an"),
            ("list", f"ist (?:meine|die) .{{0,12}}{_DINGE} leer"),
            ("next", r"was (?:ist|kommt|steht|mache ich|soll ich)\b.*\b(?:nächste[sn]?|als nächstes)\b.*"),
            (
                "open",
                rf"(?:was|welche)\b.*\b{_OFFEN}\b.*|was muss ich\b.*|(?:zeige?|liste) {_WELCHE}{_OFFEN}(?:"
                rf" {_DINGE})?(?: ist| sind)?",
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
            ("complete", f"(?:erledige?|(?:ich bin )?fertig mit) {_MAL}(?P<title>.+)"),
            ("complete", f"mit (?P<title>.+?) bin ich {_FERTIG}"),
            ("complete", f"(?:ich habe? )?(?P<title>.+?) (?:(?:ist|sind|habe ich) )?(?:schon )?{_GETAN}"),
            ("complete", "(?P<title>.+?) abhaken"),
            (
                "complete",
                r"(?!(?:wer|was|wann|wie|warum|hast|hat)\b)(?:ich habe? )?"
                rf"(?P<title>.+?) (?:ist |sind )?(?:jetzt )?{_FERTIG}",
            ),
            ("delete", "(?P<title>.+?) brauche? (?:ich|wir) nicht mehr"),
            ("add", "(?:vergiss|(?:ich|wir) (?:darf|dürfen)) (?P<title>.+?) nicht(?: vergessen)?"),
            ("delete", "vergiss (?!nicht\\b)(?P<title>.+)"),
            ("delete", "(?:nimm (?P<title>.+?) von (?:meiner|der) .{0,16}liste)(?: (?:he)?runter)?"),
            ("delete", "wirf (?P<title>.+?) weg"),
            ("delete", "(?P<title>alles) weg"),
            ("delete", f"(?:lösch(?:en?)?|entfern(?:en?)?|streich(?:en?)?) {_MAL}(?P<title>.+?){_LISTE}"),
            ("delete", f"(?!(?:{_FRAGE})\\b)(?P<title>.+?){_LISTE} (?:löschen|entfernen|streichen)"),
            ("delete", f"(?:(?:meine|die|alle) )*{_DINGE} leeren"),
            ("delete", f"(?:leere?|räume?)(?: (?:meine|die|alle))* {_DINGE}(?: auf)?|fang(?:e)? (?:neu|von vorn) an"),
            (
                "add",
                rf"(?:füge?|trage?|setze?|schreibe?(?! auf:)) {_MAL}(?:(?:eine? )?(?:neue[sn]? )?(?:todo|aufgabe):?"
                rf" )?(?P<title>.+?)(?:{_LISTE}| ein| auf)",
            ),
            (
                "add",
                "(?:notiere?:?(?: (?:bitte|mal|doch|noch))*|(?:schreibe?|notiere?) auf:|neue?:|neue aufgabe:?"
                "|neues todo:?|aufgabe:?|todo:"
                "|(?:erstelle?|lege?)(?: (?:eine? )?(?:neue[sn]? )?(?:aufgabe|todo))(?: an)?:?|merke? dir|ich (?:muss"
                "|sollt?e?|möchte|will|brauche)(?: noch)?|(?:uns|mir) fehl(?:t|en)"
                "|wir (?:müssen|brauchen)(?: noch)?|erinnere? mich (?:ans?|daran,?)|denke? (?:ans?|daran,?)"
                "|vergiss nicht,?)"
                " (?P<title>.+)",
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
                f"(?P<title>.+?){_LISTE.removesuffix('(?: (?:hin|da)?zu)?')} "
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
    ordinal=re.compile(r"(?:(?:die|das|den|der|dem) )?(\w+)(?: (?:todo|aufgabe|eintrag|punkt))?"),
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
        r"|ich|du|wir|der|die|das|den|ist|und|nicht|mein\w*|eine?|was|wer|wie|hat|kann|bitte|auf|zu|mir|dich|dir)\b"
        r"|[äöüß]",
        re.IGNORECASE,
    ),
    numbers={
        "zwei": 2,
        "drei": 3,
        "vier": 4,
        "fünf": 5,
        "sechs": 6,
        "sieben": 7,
        "acht": 8,
        "neun": 9,
        "zehn": 10,
    },
    sparing=re.compile(r"(?P<all>.+?),? (?:außer|bis auf|ohne) (?P<kept>.+)", re.IGNORECASE),
    renaming=re.compile(r"^.*?\b(?:benenne?|nenne?|ändere?) ", re.IGNORECASE),
    between=re.compile(rf" (?:in|zu|auf) |{_BECOMES}", re.IGNORECASE),
    it=re.compile(r"(?:es|das|sie|dies|diese)(?: wieder)?", re.IGNORECASE),
    them=re.compile("(?:sie|diese|die)(?: (?:beiden|zwei))?", re.IGNORECASE),
    both=re.compile(r"(?:(?:alle|die) )?beiden?", re.IGNORECASE),
    several=re.compile(
        r"(?:bitte )?(?:(?:füge?|notiere?|neue|trage?|schreibe?)(?: (?:diese|die|folgende|neue|\w+))?(?: neuen?)? )?"
        r"(?:todos|aufgaben|einträge|punkte|sachen)(?: hinzu| ein| auf)?: ?(?P<titles>.+)",
        re.IGNORECASE,
    ),
    things=_things(r"[^\W\d_]+", "und"),
    deed=re.compile(
        r"(?!.*\b(?:dir|dich|mir)\b)(?:\S.{0,70} (?:kaufen|anrufen|bezahlen|putzen|holen|kochen|waschen|buchen"
        r"|bestellen"
        r"|reparieren|gießen|schreiben|lesen|lernen|besuchen|abholen|abgeben|backen|aufräumen|planen)"
        r"|(?:kaufe?|hole?|rufe?|putze?|koche?|wasche?|buche?|bestelle?|bezahle?|besuche?) \S.{0,70})",
        re.IGNORECASE,
    ),
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
        "take back": 'Was ich zuletzt getan habe, nehme ich zurück, wenn du "rückgängig" sagst.',
        "add": "notiere {title}",
        "complete": "erledige {title}",
        "reopen": "öffne {title}",
        "delete": "lösche {title}",
        "rename": "benenne {title} in {to} um",
        "no undo": "Es gibt nichts rückgängig zu machen.",
    },
)
