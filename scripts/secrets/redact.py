"""Secrets out of a text before it leaves this machine, and back in on the user's own screen.

    safe, mapping = redact(text, secrets)      every secret has become a placeholder such as <SECRET_1>
    shown = restore(answer, mapping)           only for the screen, never for a log, a file or a model

What counts: the values given, in plain text, in base64 at any alignment, URL-encoded and JSON-escaped; whatever has the
shape of a secret (`shapes`: keys, tokens, credentials in URLs, values of names such as password); and environment
values, container arguments, Secrets and ConfigMaps of a manifest (`settings_in_text`), but for harmless ones; all of it
also where it is wrapped (`views`: escapes, percent codes, what a log puts before a line) or in base64, several times
over too. A value shorter than SHORTEST is a secret only where its name says so: to replace every "1" would leave
nothing to read.
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from urllib.parse import quote, unquote, urlsplit

from scripts.secrets import settings_in_text, shapes, views

SHORTEST = 4  # characters of a value that is looked for everywhere
_LONG_LINE = 12  # characters from which a line of a many-line secret is a secret of its own

_SETTING = re.compile(
    r"(?i)(?:^|[\s;&?,])(?:password|pwd|accountkey|sharedaccesskey)\s{0,3}=\s{0,3}(?P<value>'[^']*'|[^;&\s]+)"
)
_BYTES = ("\\x{:02x}", "%{:02x}", "%{:02X}", "\\{:03o}")  # a byte that is no letter of ASCII
_KINDS = (*dict.fromkeys(kind for kind, *_ in shapes.PATTERNS), "SECRET", "RANDOM", "ENV", "ARGUMENT")
_PLACEHOLDER = re.compile(rf"<(?:{'|'.join(_KINDS)}|HIDDEN|X)_\d+>")


def redact(text: str, secrets: Iterable[str] = ()) -> tuple[str, dict[str, str]]:
    """Return the text with every secret replaced, and what each placeholder stands for.

    The same secret has the same placeholder. `restore` gives back exactly `text`.
    """
    (safe,), mapping = redact_all([text], secrets)
    return safe, mapping


def redact_all(texts: Sequence[str], secrets: Iterable[str] = ()) -> tuple[list[str], dict[str, str]]:
    """Redact several texts with one mapping: a secret has the same placeholder in all of them."""
    known = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    names = _Names({match[0] for text in texts for match in _PLACEHOLDER.finditer(text)}, known)
    return [_replace(text, known, names) for text in texts], {name: value for value, name in names.given.items()}


class Redactor:
    """Takes secrets out of one text after the other: a secret has the same placeholder in all of them.

    `mapping` is what is hidden already, from an earlier text of the same conversation.
    """

    def __init__(self, secrets: Iterable[str] = (), mapping: Mapping[str, str] | None = None) -> None:
        self._known = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._names = _Names(set(mapping or ()), self._known)
        self._names.given.update({value: name for name, value in (mapping or {}).items()})

    @property
    def mapping(self) -> dict[str, str]:
        """Return each placeholder with what it stands for."""
        return {name: value for value, name in self._names.given.items()}

    def clean(self, text: str) -> str:
        """Return the text with every secret replaced."""
        return _replace(text, self._known, self._names)


def restore(text: str, mapping: Mapping[str, str]) -> str:
    """Return the text with the secrets put back. For the user's own screen only."""
    return _PLACEHOLDER.sub(lambda match: mapping.get(match[0], match[0]), text)


def summary(mapping: Mapping[str, str]) -> str:
    """Return how much was redacted, by kind, in words; the secrets themselves are not told."""
    if not mapping:
        return "0 values redacted"
    kinds = Counter(name[1:].rpartition("_")[0].lower().replace("_", " ") for name in mapping)
    parts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    return f"{len(mapping)} value{'' if len(mapping) == 1 else 's'} redacted ({parts})"


class _Names:
    """Placeholders in the order of first use, none of which stands in a text already or holds a secret itself."""

    def __init__(self, taken: set[str], known: Sequence[str]) -> None:
        self.given: dict[str, str] = {}
        self._taken = taken
        self._known = known
        self._next: Counter[str] = Counter()

    def name(self, value: str, kind: str) -> str:
        if value not in self.given:
            # Whoever has a secret that reads "SECRET" shall not find it in the placeholders.
            label = next((item for item in (kind, "HIDDEN", "X") if not self._holds_secret(f"<{item}_")), "X")
            while True:
                self._next[label] += 1
                name = f"<{label}_{self._next[label]}>"
                if name not in self._taken and (label == "X" or not self._holds_secret(name)):
                    break
            self.given[value] = name
        return self.given[value]

    def _holds_secret(self, name: str) -> bool:
        return any(secret in name for secret in self._known)


def _replace(text: str, known: Sequence[str], names: _Names) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, kind in _merged(_spans(text, known)):
        pieces += [text[position:start], names.name(text[start:end], kind)]
        position = end
    return "".join([*pieces, text[position:]])


def _spans(text: str, known: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    yield from _known(text, known)
    if known and (view := views.joined(text)) is not None:
        for start, end, kind in _to_the_letter(view.text, [one for one in known if len(one) >= _LONG_LINE]):
            yield *view.place(start, end), kind
    own = [match.span() for match in _PLACEHOLDER.finditer(text)]
    for start, end, kind in (*_shaped(text), *_unwrapped(text, known)):
        # What is a placeholder already, for instance in the evidence of a diagnosis, has nothing left to hide.
        place = bisect_right(own, (start, len(text))) - 1
        if start < end and not (place >= 0 and own[place][0] <= start and end <= own[place][1]):
            yield start, end, kind


def _to_the_letter(text: str, known: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    for secret in known:
        start = text.find(secret)
        while start >= 0:
            yield start, start + len(secret), "SECRET"
            start = text.find(secret, start + 1)


def _known(text: str, known: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    yield from _to_the_letter(text, known)
    if known:
        for start, end, plain in shapes.decoded(text):
            if any(secret in plain for secret in known):
                yield start, end, "SECRET"


def _shaped(text: str) -> Iterator[tuple[int, int, str]]:
    text = views.without_marks(text)
    yield from shapes.spans(text)
    yield from settings_in_text.spans(text)


def _unwrapped(text: str, known: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield what comes to sight only without escapes, percent codes and the like."""
    view = views.unwrapped(text)
    if view is not None:
        for start, end, kind in (*_known(view.text, known), *_shaped(view.text)):
            if start < end:
                yield *view.place(start, end), kind


def _merged(spans: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Yield the spans, of which overlapping ones became one, which is of the kind of its longest part."""
    current: tuple[int, int, str, int] | None = None
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if current is None or start >= current[1]:
            if current:
                yield current[:3]
            current = (start, end, kind, end - start)
        else:
            longest = max(current[3], end - start)
            current = (current[0], max(current[1], end), current[2] if longest == current[3] else kind, longest)
    if current:
        yield current[:3]


@cache
def _forms(secret: str) -> frozenset[str]:
    """Return a secret in every form in which it may stand in a text."""
    plain = {secret, secret.strip()}
    plain |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= _LONG_LINE}
    # Of a signing secret that was rotated, each of the values that are accepted is one.
    plain |= {part.strip() for part in secret.split(",") if len(part.strip()) >= _LONG_LINE}
    for password in _passwords(secret):
        plain |= {password, unquote(password)}
    forms = {form for text in plain if len(text) >= SHORTEST for form in _encodings(text)}
    return frozenset(form for form in forms if len(form) >= SHORTEST)


def _encodings(text: str) -> Iterator[str]:
    data = _bytes(text)
    yield text
    yield quote(data, safe="")
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    for offset in range(3):
        # The same bytes inside of a longer text: of what base64 makes of them, the part the neighbours do not change.
        bits = 8 * offset
        encoded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        first = -(-bits // 6)
        last = (bits + 8 * len(data)) // 6
        middle = encoded[first:last]
        if len(middle) >= 2 * SHORTEST or offset == 0:
            yield middle
            yield middle.replace("+", "-").replace("/", "_")
    yield from _numbers(data)
    if not text.isascii():  # other letters are several bytes each, and one escape a byte
        yield from ("".join(form.format(byte) if byte > 127 else chr(byte) for byte in data) for form in _BYTES)
    yield json.dumps(json.dumps(text))[3:-3]
    whole = base64.b64encode(data).decode()
    yield from (whole, whole.rstrip("="), base64.urlsafe_b64encode(data).decode())


def _bytes(text: str) -> bytes:
    """Return a text's bytes: where it came from bytes that are no UTF-8, those."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _numbers(data: bytes) -> Iterator[str]:
    """Yield bytes as programs print them: hexadecimal in both cases, and in the alphabet of base32."""
    yield from (data.hex(), data.hex().upper(), quote(data, safe="").replace("%20", "+"))
    yield base64.b32encode(data).decode().rstrip("=")


def _passwords(secret: str) -> Iterator[str]:
    """Yield the passwords in an address, and in settings of a connection such as `host=db;password=…`."""
    yield from (match["value"].strip("'\"") for match in _SETTING.finditer(secret))
    if "://" in secret:
        with suppress(ValueError):
            yield urlsplit(secret).password or ""
