"""Rows held to EPNcore: every violation with its row and column (EPN-TAP 2.0, sections 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from epntap.epncore.findings import Findings, Violation
from epntap.epncore.rows import doubles, missing, rows_from_frame
from epntap.epncore.screening import distinct, doubtful
from epntap.epncore.standard import ColumnRule, Standard
from epntap.epncore.ucds import is_ucd
from epntap.tables import Column

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RowValidator", "Violation"]

_QUOTES = re.compile("['\"]")
#: A contour as STC-S writes it: shape, optional frame words, numbers (TAP 1.0, section 6).
_STC_S = re.compile(
    r"(?:polygon|circle|box|position)(?:\s+[a-z][\w.]*){0,3}(?:\s+[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)+"
    r"|(?:union|intersection|not)\b.+",
    re.IGNORECASE | re.DOTALL,
)
#: An ASCII MOC: orders with indices and ranges (MOC 2.0, section 4.3.2).
_MOC = re.compile(r"(?:[st]?\s*\d+/[\d\s,\-]*\s*)+", re.IGNORECASE)
#: The same for columns of theirs, with the spaces around them that are let pass.
_LOOKS = {
    "s_region": rf"(?is:\s*(?:{_STC_S.pattern})\s*)",
    "coverage": rf"(?i:\s*(?:{_MOC.pattern})\s*)",
}
_ERROR_COLUMN = re.compile(r".+_error(_min|_max)?")


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class RowValidator:
    """Checks rows of one catalogue against the standard.

    Parameters
    ----------
    standard
        The standard.
    columns
        Columns of the catalogue's table.
    frame
        Its declared ``spatial_frame_type``.
    service_title
        Its schema name.
    """

    standard: Standard
    columns: tuple[Column, ...]
    frame: str
    service_title: str

    def check(self, rows: pd.DataFrame, numbers: np.ndarray) -> list[Violation]:
        """Return every violation among the rows.

        Parameters
        ----------
        rows
            Typed values by column name; missing ones are None, NaN or NaT.
        numbers
            Number of each row in the source, shape ``(len(rows),)``.

        Returns
        -------
        list of Violation
            In the order of rows, then columns.
        """
        return self.inspect(rows_from_frame(rows, self.columns), numbers).violations()

    def inspect(
        self, rows: Any, numbers: np.ndarray, unreadable: Mapping[str, np.ndarray] | None = None
    ) -> Findings:
        """Find what is wrong with rows that are in memory as Arrow has them.

        Parameters
        ----------
        rows
            A record batch, see `epntap.epncore.rows`.
        numbers
            Number of each row in the source, shape ``(len(rows),)``.
        unreadable
            By column, the cells that are missing because they could not be read, shape
            ``(len(rows),)``: that they are missing is no news.
        """
        found = Findings(numbers, tuple(column.name for column in self.columns))
        known = unreadable or {}
        absent = {column.name: missing(rows.column(column.name)) for column in self.columns}

        def report(mask: np.ndarray, column: str, message: Callable[[int], str]) -> None:
            if mask.any():
                found.add(mask & ~known[column] if column in known else mask, column, message)

        for column in self.columns:
            cells = rows.column(column.name)
            rule = self.standard.rule(column.name)
            self._check_required(column, cells, absent[column.name], report)
            if column.datatype == "char" and column.xtype != "timestamp":
                self._check_text(column, cells, rule, report)
            elif column.datatype != "char" and column.arraysize is None:
                self._check_number(column, cells, absent[column.name], rule, report)
        self._check_pairs(rows, absent, report)
        self._check_groups(absent, report)
        self._check_constants(rows, report)
        return found

    def _check_required(
        self, column: Column, cells: Any, absent: np.ndarray, report: _Report
    ) -> None:
        standard = self.standard.columns.get(column.name)
        if standard is None or standard.requirement != "value":
            return
        empty = absent
        if column.datatype == "char" and column.xtype != "timestamp":
            empty = absent | _truth(pc.equal(cells, ""))
        report(empty, column.name, lambda _: "a value is required in every row")

    def _check_text(self, column: Column, cells: Any, rule: ColumnRule, report: _Report) -> None:
        """Check each distinct text once; catalogues repeat themselves."""
        if cells.null_count == len(cells):
            return
        codes, texts = distinct(cells)
        faults: dict[int, str] = {}
        for place in doubtful(texts, column.name, rule, _LOOKS.get(column.name)):
            fault = self._text_fault(column, texts[place].as_py(), rule)
            if fault is not None:
                faults[int(place)] = fault
        if faults:
            places = np.arange(len(cells)) if codes is None else codes
            bad = np.isin(places, list(faults))
            report(bad, column.name, lambda i: faults[int(places[i])])

    def _text_fault(self, column: Column, value: str, rule: ColumnRule) -> str | None:
        if "\0" in value:
            return "a NUL character cannot be stored"
        name = column.name
        if rule.ascii and not value.isascii():
            return f"{_shown(value)} is not ASCII; write it in ASCII letters"
        if rule.hash_list:
            for item in value.split("#"):
                fault = _item_fault(item, value) or _rule_fault(item, rule)
                if fault is not None:
                    return fault
            return None
        if name in ("granule_uid", "service_title") and "#" in value:
            return f"{_shown(value)} has a #, which separates the items of lists"
        if name == "s_region" and _STC_S.fullmatch(value.strip()) is None:
            return f"{_shown(value)} is not an STC-S region such as 'Polygon ICRS 10 5 20 5 20 15'"
        if name == "coverage" and _MOC.fullmatch(value.strip()) is None:
            return f"{_shown(value)} is not an ASCII MOC such as '3/12-15 4/70'"
        return _rule_fault(value, rule)

    def _check_number(
        self,
        column: Column,
        cells: Any,
        absent: np.ndarray,
        rule: ColumnRule,
        report: _Report,
    ) -> None:
        if cells.null_count == len(cells):
            return
        numbers = doubles(cells)
        if column.std:
            report(np.isinf(numbers), column.name, lambda i: f"{numbers[i]} is not a finite number")
        low, high = rule.minimum, rule.maximum
        if column.name[:2] in ("c1", "c2", "c3") and column.name[2:] in ("min", "max"):
            low, high = self.standard.frame_ranges.get(self.frame, {}).get(
                column.name[:2], (None, None)
            )
            if self.frame == "none":
                report(
                    ~absent,
                    column.name,
                    lambda i: f"{numbers[i]:g} given, but spatial_frame_type is 'none'",
                )
        elif not column.std and _ERROR_COLUMN.fullmatch(column.name):
            low = 0.0
        if low is None and high is None:
            return
        outside = np.zeros(len(numbers), dtype=bool)
        if low is not None:
            outside |= numbers < low
        if high is not None:
            outside |= numbers > high
        unit = f" {column.unit}" if column.unit else ""
        allowed = (
            f"{low:g}..{high:g}"
            if low is not None and high is not None
            else (f">= {low:g}" if low is not None else f"<= {high:g}")
        )
        hint = "; is it a Modified Julian Date?" if column.name in ("time_min", "time_max") else ""
        report(
            outside,
            column.name,
            lambda i: f"{numbers[i]:g}{unit} is outside of {allowed}{unit}{hint}",
        )

    def _pairs(self) -> Iterator[tuple[str, str, bool]]:
        names = {column.name for column in self.columns}
        wraps_always = self.standard.wrapping[None]
        wraps_here = self.standard.wrapping.get(self.frame, frozenset())
        for low, high in self.standard.pairs:
            if low in names and high in names:
                stem = low[:-3].rstrip("_")
                yield low, high, stem in wraps_always or stem in wraps_here

    def _check_pairs(self, rows: Any, absent: dict[str, np.ndarray], report: _Report) -> None:
        for low, high, wraps in self._pairs():
            report(
                absent[low] & ~absent[high],
                low,
                lambda _, high=high: f"is missing although {high} is given; give both or neither",
            )
            report(
                ~absent[low] & absent[high],
                high,
                lambda _, low=low: f"is missing although {low} is given; give both or neither",
            )
            if wraps:
                continue
            lower, upper = rows.column(low), rows.column(high)
            report(
                _truth(pc.greater(lower, upper)),
                low,
                lambda i, lower=lower, upper=upper, high=high: (
                    f"{lower[i].as_py()} is greater than {high} = {upper[i].as_py()}"
                ),
            )

    def _check_groups(self, absent: dict[str, np.ndarray], report: _Report) -> None:
        for group in self.standard.together:
            present = [name for name in group if name in absent]
            if not present:
                continue
            size = len(absent[present[0]])
            given = {
                name: ~absent[name] if name in absent else np.zeros(size, dtype=bool)
                for name in group
            }
            some = np.logical_or.reduce(list(given.values()))
            for name in group:
                others = ", ".join(other for other in group if other != name)
                report(
                    some & ~given[name],
                    name,
                    lambda _, others=others: f"is missing; it goes together with {others}",
                )

    def _check_constants(self, rows: Any, report: _Report) -> None:
        for name, expected, why in (
            ("service_title", self.service_title, "the schema name of the catalogue"),
            ("spatial_frame_type", self.frame, "the spatial_frame_type that the YAML declares"),
        ):
            cells = rows.column(name)
            report(
                _truth(pc.not_equal(cells, expected)),
                name,
                lambda i, cells=cells, expected=expected, why=why: (
                    f"{_shown(cells[i].as_py())} is not {expected!r}, {why}"
                ),
            )


def _truth(answers: Any) -> np.ndarray:
    """Return Arrow's answers, where those about missing cells are no."""
    truth: np.ndarray = answers.fill_null(False).to_numpy(zero_copy_only=False)
    return truth


_Report = Callable[[np.ndarray, str, Callable[..., str]], None]


def _item_fault(item: str, whole: str) -> str | None:
    if item == "":
        return f"{_shown(whole)} has an empty item; items are separated by a single inner #"
    if item != item.strip():
        return f"{_shown(whole)} has spaces around an item"
    if _QUOTES.search(item):
        return f"{_shown(whole)} has a quote inside an item; write _ instead"
    return None


def _rule_fault(value: str, rule: ColumnRule) -> str | None:
    if rule.terms is not None and value not in rule.terms:
        return f"{_shown(value)} is not one of {', '.join(sorted(rule.terms))}"
    if rule.pattern is not None and re.fullmatch(rule.pattern, value) is None:
        return f"{_shown(value)} does not have the form {rule.pattern}"
    # Words newer than the list that we know are let pass: the list grows.
    if rule.ucd and not is_ucd(value, known_words=False):
        return f"{_shown(value)} is not a UCD such as 'phys.veloc;stat.mean'"
    return None
