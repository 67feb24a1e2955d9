"""What a rule is, and the four ways in which one is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from epntap.epncore.standard import Standard
from epntap.validator.discovery import ServedTable
from epntap.validator.findings import Severity


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a table's description; `column` is ``None`` for the table as a whole."""

    column: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in ADQL's mandatory core that holds for the rows that are wrong.

    Attributes
    ----------
    column
        The column that the finding is about.
    where
        The condition.
    message
        What is wrong with such rows.
    shown
        Columns whose values the finding shows.
    """

    column: str
    where: str
    message: str
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DistinctTest:
    """A test of each distinct value of a column with few of them.

    Attributes
    ----------
    fault
        Takes a value, ``None`` for a missing one; returns what is wrong with it.
    """

    column: str
    fault: Callable[[str | None], str | None]


@dataclass(frozen=True, slots=True)
class CellTest:
    """A test of every row, on the cells that it needs.

    Attributes
    ----------
    column
        The column that the finding is about.
    needs
        The columns whose cells `fault` takes, in this order.
    fault
        Returns what is wrong with the row; cells are text, ``None`` where missing.
    """

    column: str
    needs: tuple[str, ...]
    fault: Callable[..., str | None]


@dataclass(frozen=True, slots=True)
class MetadataCheck:
    """Looks at what a service says of a table."""

    faults: Callable[[ServedTable, Standard], Iterable[Fault]]


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """Lets the service look for rows that are wrong."""

    conditions: Callable[[ServedTable, Standard], Iterable[Condition]]


@dataclass(frozen=True, slots=True)
class DistinctCheck:
    """Looks at the distinct values of columns."""

    tests: Callable[[ServedTable, Standard], Iterable[DistinctTest]]


@dataclass(frozen=True, slots=True)
class CellCheck:
    """Looks at cells, row by row."""

    tests: Callable[[ServedTable, Standard], Iterable[CellTest]]


@dataclass(frozen=True, slots=True)
class RepeatedCheck:
    """Lets the service look for values of a column that stand in several rows."""

    column: str


Check = MetadataCheck | ConditionCheck | DistinctCheck | CellCheck | RepeatedCheck


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a service is held to.

    Attributes
    ----------
    code
        taplint's code where taplint has the rule, else one of ours, whose third letter is V.
    title
        The rule in a few words.
    explanation
        Why it matters, and what to do.
    check
        How it is checked; ``None`` for what the run itself notices.
    """

    code: str
    title: str
    explanation: str
    check: Check | None

    @property
    def severity(self) -> Severity:
        """How much it matters, which the first letter of the code tells."""
        return Severity.of(self.code)

    @property
    def of_taplint(self) -> bool:
        """Whether taplint has the rule too."""
        return self.code[2] != "V"


def rules_by_code(rules: Iterable[Rule]) -> Mapping[str, Rule]:
    """Return rules by their codes.

    Raises
    ------
    ValueError
        If two rules have the same code.
    """
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.code in found:
            raise ValueError(f"two rules have the code {rule.code}")
        found[rule.code] = rule
    return found
