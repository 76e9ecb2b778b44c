"""How much of the corpus of secrets is hidden, and how much of the look-alikes is hidden wrongly."""

from __future__ import annotations

from collections import Counter

from scripts.secrets.redact import redact
from tests.support.secret_corpus import LOOKALIKES, secrets


def table() -> list[tuple[str, str, str]]:
    """Rows for a table: kind, secrets hidden of all, look-alikes hidden of all."""
    whole, hidden = Counter[str](), Counter[str]()
    for kind, text, secret in secrets():
        name = kind.split()[0]
        whole[name] += 1
        hidden[name] += secret not in redact(text)[0]
    wrong = sum(redact(text)[0] != text for text in LOOKALIKES)
    rows = [(name, f"{hidden[name]} of {whole[name]}", "") for name in whole]
    total = (f"{hidden.total()} of {whole.total()}", f"{wrong} of {len(LOOKALIKES)}")
    return [("REDACTION", "HIDDEN", "HIDDEN WRONGLY"), *rows, ("all", *total)]
