"""What a new version must be like to take the place of the current one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epntap.errors import PublishError
from epntap.publish.comparison import Comparison

if TYPE_CHECKING:
    # It needs pandas, which not everybody who tells errors apart wants to wait for.
    from epntap.epncore.validation import Violation


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that is loaded and not yet visible.

    Attributes
    ----------
    catalogue
        Name of the catalogue.
    rows
        Rows that hold, and would be published.
    rows_before
        Rows of the current version; ``None`` if there is none.
    dropped
        Rows of the source that break a rule.
    comparison
        With the current version.
    """

    catalogue: str
    rows: int
    rows_before: int | None
    dropped: int
    comparison: Comparison


#: Looks at a candidate and returns the reasons for which it must not be published, if any.
Check = Callable[[Candidate], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Rules that are held to before anything is visible. None of them lets an empty result pass.

    Attributes
    ----------
    rows_factor
        The number of rows may not be more than this many times that of the current version, nor
        less than one in this many; 1 or more. ``None``: it may be any.
    dropped_rows
        Rows of the source that may break a rule and be left out; 0 asks for a clean source.
        ``None``: any number, provided that invalid rows are dropped at all.
    check
        A further rule, e.g. that of a score on events that are known.
    """

    rows_factor: float | None = None
    dropped_rows: int | None = 0
    check: Check | None = None

    def __post_init__(self) -> None:
        """Refuse rules that nothing could satisfy."""
        if self.rows_factor is not None and not self.rows_factor >= 1:
            raise ValueError(f"rows_factor is {self.rows_factor}, it has to be 1 or more")
        if self.dropped_rows is not None and self.dropped_rows < 0:
            raise ValueError(f"dropped_rows is {self.dropped_rows}, it cannot be negative")

    def reasons(self, candidate: Candidate) -> tuple[str, ...]:
        """Return why a candidate must not be published; nothing when it may."""
        if candidate.rows == 0:
            return ("there is no row to publish",)
        found: list[str] = []
        if self.rows_factor is not None and candidate.rows_before:
            factor, before = self.rows_factor, candidate.rows_before
            if not before <= candidate.rows * factor:
                found.append(
                    f"{candidate.rows:,} rows are less than 1/{factor:g} of the {before:,} rows"
                    " that there are"
                )
            elif not candidate.rows <= before * factor:
                found.append(
                    f"{candidate.rows:,} rows are more than {factor:g} times the {before:,} rows"
                    " that there are"
                )
        if self.dropped_rows is not None and candidate.dropped > self.dropped_rows:
            found.append(
                f"{candidate.dropped:,} rows break a rule of EPNcore, {self.dropped_rows:,} may"
            )
        if self.check is not None:
            found.extend(self.check(candidate))
        return tuple(found)


class InvalidRowsError(PublishError):
    """Rows break the rules of EPNcore.

    Attributes
    ----------
    violations
        Every one of them, with row and column; of very many the first.
    """

    def __init__(self, name: str, violations: list[Violation], *, count: int, rows: int) -> None:
        listed = f" (the first {len(violations):,} are listed)" if count > len(violations) else ""
        super().__init__(
            f"{name}: {count} violation{'s' * (count != 1)} "
            f"in {rows} row{'s' * (rows != 1)}{listed}; nothing was published",
            hint="correct the rows, or publish the others with --drop-invalid",
        )
        self.violations = violations


class RefusedError(PublishError):
    """A new version does not fulfil the rules of acceptance; the current one stays.

    Attributes
    ----------
    reasons
        Every rule that is broken, as sentences.
    candidate
        What was refused.
    """

    def __init__(self, reasons: Sequence[str], candidate: Candidate) -> None:
        super().__init__(
            f"{candidate.catalogue}: refused: {'; '.join(reasons)}; nothing was changed",
            hint="look at the source and the detector; relax 'accept' if the new rows are right",
        )
        self.reasons = tuple(reasons)
        self.candidate = candidate


class UnderWayError(PublishError):
    """Somebody else is changing the catalogue at this moment."""
