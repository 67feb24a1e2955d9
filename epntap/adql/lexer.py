"""Text to tokens: one regular expression, three parallel lists."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from epntap.adql.errors import Fault
from epntap.adql.words import RESERVED_WORDS

#: Characters that a query may have: 1 MiB of ASCII.
MAX_CHARACTERS = 1 << 20

#: Tokens that a query may have. A list of 100,000 values has 200,000.
MAX_TOKENS = 250_000

#: Bytes of an identifier that PostgreSQL keeps; longer ones would be cut without a word.
MAX_IDENTIFIER_BYTES = 63

NAME, DELIMITED, STRING, INTEGER, REAL, END = (
    "name",
    "delimited",
    "string",
    "integer",
    "real",
    "end",
)

# The atomic group keeps the engine from giving back digits, so that "12abc" is no number at all.
# White space belongs to the token behind it, which saves a match of its own for every second one.
_TOKEN = re.compile(
    r"""
    [ \t\r\n\f\v]*(?:
      (?P<word>[A-Za-z][A-Za-z0-9_]*)
    | (?P<real>(?>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
        (?![A-Za-z0-9_.]))
    | (?P<integer>(?>[0-9]+)(?![A-Za-z0-9_.]))
    | (?P<string>'[^']*'(?:'[^']*')*)
    | (?P<delimited>"[^"]*"(?:"[^"]*")*)
    | (?P<nothing>--[^\r\n]*|\Z)
    | (?P<operator><=|>=|<>|!=|\|\||[-+*=<>(),.;]|/(?!\*))
    | (?P<wrong>(?s:.))
    )
    """,
    re.VERBOSE,
)
_WORD, _REAL, _INTEGER, _STRING, _DELIMITED, _NOTHING, _OPERATOR = (
    _TOKEN.groupindex[name]
    for name in ("word", "real", "integer", "string", "delimited", "nothing", "operator")
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a query; the last one is `END`.

    Attributes
    ----------
    kinds
        `NAME`, `DELIMITED`, `STRING`, `INTEGER`, `REAL` or `END`; of an operator or a reserved
        word the operator or word itself, in upper case.
    texts
        What stands in the query; of strings and delimited identifiers the content.
    starts
        Offsets into the query.
    """

    kinds: list[str]
    texts: list[str]
    starts: list[int]


def tokenize(query: str) -> Tokens:
    """Cut a query into tokens; white space and ``--`` comments are left out.

    Raises
    ------
    Fault
        If the query is too long or holds something that is no token of ADQL.
    """
    if len(query) > MAX_CHARACTERS:
        raise Fault(
            f"the query has {len(query)} characters; {MAX_CHARACTERS} are allowed",
            0,
            "upload long lists as a table and join with it",
        )
    kinds: list[str] = []
    texts: list[str] = []
    starts: list[int] = []
    reserved = RESERVED_WORDS
    may_be_too_many = len(query) > MAX_TOKENS
    for match in _TOKEN.finditer(query):
        # One alternative is one group.
        group: int = match.lastindex or 0
        text, start = match[group], match.start(group)
        if group == _OPERATOR:
            kinds.append(text)
        elif group == _INTEGER:
            kinds.append(INTEGER)
        elif group == _WORD:
            upper = text.upper()
            kinds.append(upper if upper in reserved else NAME)
            if len(text) > MAX_IDENTIFIER_BYTES:
                raise _too_long(start)
        elif group == _STRING:
            text = _content(text, start, "string")
            kinds.append(STRING)
        elif group == _REAL:
            kinds.append(REAL)
        elif group == _NOTHING:
            continue
        elif group == _DELIMITED:
            text = _content(text, start, "identifier")
            if not text or len(text.encode()) > MAX_IDENTIFIER_BYTES:
                raise _too_long(start) if text else Fault("an identifier cannot be empty", start)
            kinds.append(DELIMITED)
        else:
            raise _wrong(query, start)
        texts.append(text)
        starts.append(start)
        if may_be_too_many and len(texts) > MAX_TOKENS:
            raise Fault(
                f"the query has more than {MAX_TOKENS} words and signs",
                start,
                "upload long lists as a table and join with it",
            )
    kinds.append(END)
    texts.append("")
    starts.append(len(query.rstrip()))
    return Tokens(kinds, texts, starts)


def _content(quoted: str, at: int, what: str) -> str:
    """Take off the quotes; refuse what PostgreSQL cannot hold."""
    content = quoted[1:-1].replace(quoted[0] * 2, quoted[0])
    if "\0" in content:
        raise Fault(f"a {what} cannot hold the character NUL", at)
    try:
        content.encode()
    except UnicodeEncodeError:
        raise Fault(f"a {what} holds a character that is not valid Unicode", at) from None
    return content


def _too_long(at: int) -> Fault:
    return Fault(f"an identifier has at most {MAX_IDENTIFIER_BYTES} bytes", at)


def _wrong(query: str, at: int) -> Fault:
    """Say what is wrong with a character that starts no token."""
    char = query[at]
    if char == "'":
        return Fault("this string has no closing quote", at, "write a quote in a string as ''")
    if char == '"':
        return Fault("this identifier has no closing double quote", at)
    if char in "0123456789.":
        return Fault("this is not a number", at, "numbers are written as 12, 1.5 or 1e-3")
    if query.startswith("/*", at):
        return Fault("comments of this form are not part of ADQL", at, "start comments with --")
    if char == "_":
        return Fault("an identifier starts with a letter", at, 'put it in double quotes: "_name"')
    if char.isascii() and char.isprintable():
        return Fault(f"the character {char} is not part of ADQL", at)
    name = unicodedata.name(char, "unnamed")
    return Fault(
        f"the character U+{ord(char):04X} ({name}) can only stand in quotes",
        at,
        "identifiers are ASCII letters, digits and _; others stand in double quotes",
    )
