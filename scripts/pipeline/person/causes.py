"""The cause for which a server does not know a person whom the page knows: by its answer, its log and the token."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scripts.diagnose import log_excerpts
from scripts.pipeline.person.web import token_part

LINES = 2  # of a server's own words, where no sign is known
_SIGNS = (  # the first that is found counts: what lies below comes before what follows from it
    (r"\bUntrustedHost\b", "Auth.js trusts no host by itself in production: it takes AUTH_TRUST_HOST=true"),
    (r"\bMissingSecret\b|\[NO_SECRET\]", "Auth.js has nothing to sign with: it takes AUTH_SECRET, or NEXTAUTH_SECRET"),
    (r'column \\?"?(?P<what>[\w.]+)\\?"? (?:of relation \S+ )?does not exist|no such column: (?P<table>\S+)',
     "the column {what} is not there: two programs each have a table of that name in mind"),
    (r'relation \\?"(?P<what>[^"\\]+)\\?" does not exist|no such table: (?P<table>\S+)',
     "the table {what} is not there: no job makes it, and no program that starts"),
    (r"(?i)violates foreign key constraint[^\n]*", "its todos belong to people of another table than the page's"),
    (r"(?i)(?:jwks?|public key)[^\n]*(?:refused|resol|Name or service|timed ?out|connect|unreachable|404)",
     "it cannot fetch the keys that the page signs with: their address has to be the page's within the cluster"),
    (r"(?i)signature (?:verification )?(?:failed|is invalid|has failed)|Invalid ?Signature|bad signature",
     "it checks tokens by another secret than the page signs them with: both have to have the same"),
    (r"(?i)alg(?:orithm)?\b[^\n]{0,40}not (?:allowed|supported)|Invalid ?Algorithm",
     "it does not take tokens that are signed by {algorithm}, as the page's are"),
    (r"(?i)not enough segments|invalid (?:header|token) (?:padding|format)|Invalid ?Token[^\n]*segments",
     "it takes signed tokens (JWT), and the page sends none"),
    (r"(?i)invalid (?:audience|issuer)|audience doesn't match|Invalid(?:Audience|Issuer)",
     "it expects tokens to be issued by, or for, another address"),
)  # fmt: skip


def cause(said: str, log: Sequence[str], token: str) -> str:
    """Return why, in a sentence; empty where nothing tells. `said` is its answer, `log` the last lines of it."""
    text = "\n".join([said, *log])
    for sign, sentence in _SIGNS:
        if match := re.search(sign, text):
            found = {name: value for name, value in match.groupdict().items() if value}
            what = found.get("what", found.get("table", ""))
            return sentence.format(what=what, algorithm=algorithm(token) or "another algorithm")
    lines = [line for line in log if not log_excerpts.CALM.search(line)]
    return "; ".join(log_excerpts.cause_lines(lines, most=LINES)[-LINES:])


def algorithm(token: str) -> str:
    """Return by which algorithm a token is signed; empty where it is no signed one."""
    return str(token_part(token, 0).get("alg", ""))
