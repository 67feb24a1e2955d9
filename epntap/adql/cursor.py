"""Where a parser stands among the tokens, and what it says when it cannot go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from epntap.adql.errors import Fault, nearest
from epntap.adql.lexer import DELIMITED, END, INTEGER, NAME, REAL, STRING, Tokens
from epntap.adql.tree import Identifier
from epntap.adql.words import RESERVED_WORDS

#: Brackets, function calls and prefix operators that may be open at once.
MAX_DEPTH = 200

#: What a query in brackets counts of `MAX_DEPTH`; both we and PostgreSQL go much deeper for it.
QUERY_DEPTH = 5

_DESCRIPTIONS = {
    NAME: "a name",
    DELIMITED: "a name",
    STRING: "a string",
    INTEGER: "a whole number",
    REAL: "a number",
    END: "the end of the query",
}

#: Words of other dialects, and what stands for them here.
_DIALECT = {
    "limit": "ADQL has no LIMIT: write SELECT TOP n",
    "ESCAPE": "ADQL has no ESCAPE",
    "TRUE": "ADQL has no truth values: compare with 1 or 0",
    "FALSE": "ADQL has no truth values: compare with 1 or 0",
    "lateral": "ADQL has no LATERAL",
    ";": "one query at a time",
}


class Cursor:
    """The tokens of one query and a place among them.

    Parameters
    ----------
    tokens
        As `epntap.adql.lexer.tokenize` makes them.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.place = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        """Kind of the token at the cursor."""
        return self.kinds[self.place]

    @property
    def at(self) -> int:
        """Offset of the token at the cursor."""
        return self.starts[self.place]

    def ahead(self, count: int = 1) -> str:
        """Kind of a token further on; `END` behind the last."""
        place = self.place + count
        return self.kinds[place] if place < len(self.kinds) else END

    def accept(self, kind: str) -> bool:
        """Step over a token of that kind, if one is there."""
        if self.kinds[self.place] == kind:
            self.place += 1
            return True
        return False

    def expect(self, kind: str) -> str:
        """Step over a token of that kind and return its text.

        Raises
        ------
        Fault
            If another token is there.
        """
        if self.kinds[self.place] != kind:
            raise self.unexpected(_DESCRIPTIONS.get(kind, kind))
        self.place += 1
        return self.texts[self.place - 1]

    def at_identifier(self) -> bool:
        """Whether a name, delimited or not, is at the cursor."""
        return self.kinds[self.place] in (NAME, DELIMITED)

    def identifier(self, what: str = "a name") -> Identifier:
        """Step over a name.

        Raises
        ------
        Fault
            If no name is there; for a reserved word it says how to write it as a name.
        """
        place = self.place
        kind = self.kinds[place]
        if kind not in (NAME, DELIMITED):
            raise self.unexpected(what, name_wanted=True)
        self.place += 1
        return Identifier(self.texts[place], kind == DELIMITED, at=self.starts[place])

    def unexpected(self, wanted: str, *, name_wanted: bool = False) -> Fault:
        """Make the fault for a token that does not belong here."""
        kind, text = self.kind, self.texts[self.place]
        # A word such as LIMIT may have been taken for an alias, so that what follows is wrong.
        before = self.texts[self.place - 1].lower() if self.place else ""
        hint = _DIALECT.get(kind) or _DIALECT.get(text.lower()) or _DIALECT.get(before)
        if kind == END:
            found = "the query ends"
        elif kind == STRING:
            found = f"found the string '{_short(text)}'"
        else:
            found = f"found {_short(text)}"
        if hint is None and kind in RESERVED_WORDS and name_wanted:
            hint = f'{text} is a reserved word; as a name it is written "{text.lower()}"'
        elif hint is None and kind == NAME and wanted.isupper():
            hint = nearest(text, wanted.replace(" or ", ", ").split(", "))
        return Fault(f"expected {wanted}, {found}", self.at, hint)

    @contextmanager
    def deeper(self, steps: int = 1) -> Iterator[None]:
        """Count the nesting while something in brackets is parsed.

        Raises
        ------
        Fault
            If more than `MAX_DEPTH` are open.
        """
        self.enter(steps)
        yield
        self._depth -= steps

    def enter(self, steps: int = 1) -> None:
        """Count one more open bracket; `leave` takes it back.

        Raises
        ------
        Fault
            If more than `MAX_DEPTH` are open.
        """
        self._depth += steps
        if self._depth > MAX_DEPTH:
            raise Fault(
                f"the query is nested more than {MAX_DEPTH} levels deep",
                self.at,
                "split it with WITH or leave out brackets",
            )

    def leave(self, steps: int = 1) -> None:
        """Take back an `enter`."""
        self._depth -= steps


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
