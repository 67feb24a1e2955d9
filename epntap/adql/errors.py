"""What is wrong with a query and where."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from epntap.errors import UserError

#: Characters of the query's line that an error shows on either side of the fault.
_CONTEXT = 60


class Fault(Exception):  # noqa: N818
    """A fault at an offset of the query; `AdqlError` is made of it where the text is known.

    Parameters
    ----------
    message
        What is wrong.
    at
        Offset into the query, 0-based.
    hint
        What the user can do.
    """

    def __init__(self, message: str, at: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint


class AdqlError(UserError):
    """A query that cannot be translated.

    Attributes
    ----------
    message
        What is wrong, without the place.
    line, column
        The place, 1-based.
    snippet
        The line of the query, clipped around the fault.
    caret
        A line that points at the fault when printed below `snippet`.
    hint
        What the user can do, or ``None``.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int,
        column: int,
        snippet: str,
        caret: str,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column
        self.snippet = snippet
        self.caret = caret

    @classmethod
    def of(cls, fault: Fault, query: str) -> AdqlError:
        """Place a fault in the text it was found in."""
        at = min(fault.at, len(query))
        start = query.rfind("\n", 0, at) + 1
        end = query.find("\n", at)
        end = len(query) if end < 0 else end
        left, right = max(start, at - _CONTEXT), min(end, at + _CONTEXT)
        # A tab stays a tab in the caret line, so that the two lines stay aligned.
        before = "".join("\t" if char == "\t" else " " for char in query[left:at])
        return cls(
            fault.message,
            line=query.count("\n", 0, at) + 1,
            column=at - start + 1,
            snippet=query[left:right].rstrip("\r"),
            caret=before + "^",
            hint=fault.hint,
        )

    def __str__(self) -> str:
        text = f"{self.message} (line {self.line}, column {self.column})"
        text += f"\n{self.snippet}\n{self.caret}"
        return f"{text}\n{self.hint}" if self.hint else text


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like the one that was written, if any is like it."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower()[:100], by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the known name most like the one that was written."""
    match = closest(name, known)
    return f"did you mean {match}?" if match else None
