"""One validation: tables found, rules checked on each, findings gathered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from epntap.epncore.standard import Standard, read_standard
from epntap.errors import UserError
from epntap.validator.client import TapClient, asking
from epntap.validator.discovery import ServedTable, TableName, describe, find_tables
from epntap.validator.findings import Finding, Report, TableReport
from epntap.validator.links import broken_links
from epntap.validator.rulebook import RULES
from epntap.validator.rules import (
    CellCheck,
    CellTest,
    Condition,
    ConditionCheck,
    DistinctCheck,
    DistinctTest,
    MetadataCheck,
    RepeatedCheck,
    Rule,
)
from epntap.validator.votable import TapAnswerError

#: Distinct values that are looked at in a column of a vocabulary.
_DISTINCT_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Options:
    """How thorough a validation is.

    Attributes
    ----------
    examples
        Rows that a finding names at most.
    rows
        Rows whose cells are read at most; conditions in ADQL see all rows in any case.
    links
        Links of each kind that are requested; 0 for none.
    """

    examples: int = 5
    rows: int = 1_000_000
    links: int = 0


def validate(
    client: TapClient,
    schema: str | None = None,
    options: Options | None = None,
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Validate the EPN-TAP tables of a service.

    Parameters
    ----------
    client
        The service.
    schema
        Only the table of this schema.
    progress
        Is told ``(description, done, total)``.

    Raises
    ------
    UserError
        If the service does not answer, or is no TAP service.
    """
    tables = find_tables(client, schema)
    if not tables:
        where = f" in schema {schema!r}" if schema else ""
        fault = Finding("F_NOPN", "", None, f"there is no EPN-TAP table{where}")
        return Report(client.service, (), (fault,))
    reports = tuple(
        _TableRun(client, table, options or Options(), progress or _silent).report()
        for table in tables
    )
    return Report(client.service, reports)


def _silent(description: str, done: int, total: int) -> None:
    """Tell nobody."""


class _TableRun:
    """The validation of one table."""

    def __init__(
        self,
        client: TapClient,
        name: TableName,
        options: Options,
        progress: Callable[[str, int, int], None],
    ) -> None:
        self._client = client
        self._name = name
        self._options = options
        self._progress = progress
        self._standard: Standard = read_standard()
        self._findings: list[Finding] = []
        self._rows = 0

    def report(self) -> TableReport:
        """Check every rule."""
        try:
            table = describe(self._client, self._name)
        except TapAnswerError as error:
            self._find("E_VQRY", None, f"the table cannot be described: {error}")
            return TableReport(
                self._name.name, 0, len(self._standard.mandatory), 0, 0, 0, tuple(self._findings)
            )
        for number, rule in enumerate(RULES):
            self._progress(f"Validating {table.name}", number, len(RULES))
            self._check(rule, table)
        self._check_cells(table)
        self._progress(f"Validating {table.name}", len(RULES), len(RULES))
        if self._options.links:
            self._check_links(table)
        return self._summary(table)

    def _summary(self, table: ServedTable) -> TableReport:
        names = {column.name for column in table.columns}
        mandatory = self._standard.mandatory
        order = {rule.code: number for number, rule in enumerate(RULES)}
        return TableReport(
            table=table.name,
            required=len(names.intersection(mandatory)),
            mandatory=len(mandatory),
            optional=len(names.intersection(self._standard.columns) - set(mandatory)),
            extra=len(names - set(self._standard.columns)),
            rows=self._rows,
            findings=tuple(sorted(self._findings, key=lambda finding: order[finding.code])),
        )

    def _find(
        self, code: str, column: str | None, message: str, examples: Iterable[str] = ()
    ) -> None:
        self._findings.append(Finding(code, self._name.name, column, message, tuple(examples)))

    @contextmanager
    def _refusals(self, rule: Rule, column: str | None) -> Iterator[None]:
        """Turn a query that the service refuses into a finding; the other rules go on."""
        try:
            yield
        except TapAnswerError as error:
            self._find("E_VQRY", column, f"{rule.code} could not be checked: {error}")

    def _check(self, rule: Rule, table: ServedTable) -> None:
        match rule.check:
            case MetadataCheck(faults):
                for fault in faults(table, self._standard):
                    self._find(rule.code, fault.column, fault.message)
            case ConditionCheck(conditions):
                for condition in conditions(table, self._standard):
                    with self._refusals(rule, condition.column):
                        self._check_condition(rule, table, condition)
            case DistinctCheck(tests):
                for test in tests(table, self._standard):
                    if _has_fields(table, test.column):
                        with self._refusals(rule, test.column):
                            self._check_distinct(rule, table, test)
            case RepeatedCheck(column):
                if _has_fields(table, column):
                    with self._refusals(rule, column):
                        self._check_repeated(rule, table, column)

    def _check_condition(self, rule: Rule, table: ServedTable, condition: Condition) -> None:
        shown = [name for name in condition.shown if name != "granule_uid"]
        uids, cells = self._examples(table, condition.where, shown)
        if not uids:
            return
        values = ", ".join(
            f"{name} = {cell if cell is not None else 'NULL'}"
            for name, cell in zip(shown, cells, strict=True)
        )
        message = f"{condition.message}: {values}" if values else condition.message
        self._find(rule.code, condition.column, message, uids)

    def _examples(
        self, table: ServedTable, where: str, shown: list[str]
    ) -> tuple[list[str], tuple[str | None, ...]]:
        """Return the uids of rows that fulfil a condition, and the first one's cells."""
        # A table without granule_uid has another finding for that; its rows are still counted.
        uid = ["granule_uid"] if _has_fields(table, "granule_uid") else []
        names = [*uid, *shown] or [table.fields[0].name]
        count = self._options.examples
        query = f"SELECT TOP {count} {', '.join(names)} FROM {table.name} WHERE {where}"
        with asking(self._client, query, count) as result:
            rows = list(result.rows)
        uids = [(row[0] if uid else None) or "" for row in rows]
        return uids, rows[0][len(uid) :] if rows and shown else ()

    def _check_distinct(self, rule: Rule, table: ServedTable, test: DistinctTest) -> None:
        limit = _DISTINCT_VALUES
        query = f"SELECT DISTINCT TOP {limit} {test.column} FROM {table.name}"
        with asking(self._client, query, limit) as result:
            values = [row[0] for row in result.rows]
        if result.overflow or len(values) == limit:
            self._find(
                "W_VPAR", test.column, f"{rule.code}: only {len(values)} distinct values were read"
            )
        faults = [(value, fault) for value in values if (fault := test.fault(value)) is not None]
        if faults:
            value, fault = faults[0]
            more = f" (and {len(faults) - 1} other values)" if len(faults) > 1 else ""
            self._find(
                rule.code, test.column, fault + more, self._with_value(table, test.column, value)
            )

    def _with_value(self, table: ServedTable, column: str, value: str | None) -> list[str]:
        if value is None:
            return self._examples(table, f"{column} IS NULL OR {column} = ''", [])[0]
        quoted = value.replace("'", "''")
        return self._examples(table, f"{column} = '{quoted}'", [])[0]

    def _check_repeated(self, rule: Rule, table: ServedTable, column: str) -> None:
        count = self._options.examples
        query = (
            f"SELECT TOP {count} {column}, COUNT(*) AS n FROM {table.name} "
            f"GROUP BY {column} HAVING COUNT(*) > 1"
        )
        with asking(self._client, query, count) as result:
            repeated = [(row[0] or "", row[1]) for row in result.rows]
        if repeated:
            value, times = repeated[0]
            self._find(
                rule.code, column, f"{value!r} stands in {times} rows", [uid for uid, _ in repeated]
            )

    def _check_cells(self, table: ServedTable) -> None:
        """Read the columns that some rule has to see cell by cell, once, in a stream."""
        tests = [
            _RunningTest(rule, test)
            for rule in RULES
            if isinstance(rule.check, CellCheck)
            for test in rule.check.tests(table, self._standard)
            if _has_fields(table, *test.needs)
        ]
        names = list(dict.fromkeys(name for test in tests for name in test.test.needs))
        if not names:
            return
        if "granule_uid" not in names and _has_fields(table, "granule_uid"):
            names.insert(0, "granule_uid")
        limit = self._options.rows
        query = f"SELECT {', '.join(names)} FROM {table.name}"
        try:
            with asking(self._client, query, limit) as result:
                for row in result.rows:
                    self._rows += 1
                    cells = dict(zip(names, row, strict=True))
                    for test in tests:
                        test.see(cells, self._options.examples)
                if result.overflow:
                    self._find("W_VPAR", None, f"only {self._rows} rows were read")
        except TapAnswerError as error:
            self._find("E_VQRY", None, f"cells could not be read: {error}")
        for test in tests:
            if test.message is not None:
                self._find(test.rule.code, test.test.column, test.message, test.uids)

    def _check_links(self, table: ServedTable) -> None:
        for column in ("access_url", "thumbnail_url"):
            if not _has_fields(table, column, "granule_uid"):
                continue
            query = (
                f"SELECT TOP {self._options.links} granule_uid, {column} FROM {table.name} "
                f"WHERE {column} <> ''"
            )
            try:
                with asking(self._client, query, self._options.links) as result:
                    links = [(row[0] or "", row[1]) for row in result.rows if row[1]]
            except TapAnswerError as error:
                self._find("E_VQRY", column, f"links could not be read: {error}")
                continue
            broken = broken_links(links)
            if broken:
                self._find(
                    "W_VLNK",
                    column,
                    f"{len(broken)} of {len(links)} links: {broken[0].reason}",
                    [link.granule_uid for link in broken[: self._options.examples]],
                )


class _RunningTest:
    """A test of cells with what it has found so far."""

    def __init__(self, rule: Rule, test: CellTest) -> None:
        self.rule = rule
        self.test = test
        self.message: str | None = None
        self.uids: list[str] = []

    def see(self, cells: dict[str, str | None], examples: int) -> None:
        """Test one row."""
        if len(self.uids) >= examples:
            return
        fault = self.test.fault(*(cells[name] for name in self.test.needs))
        if fault is not None:
            self.message = self.message or fault
            self.uids.append(cells.get("granule_uid") or "")


def _has_fields(table: ServedTable, *names: str) -> bool:
    return {field.name for field in table.fields}.issuperset(names)


def require_tables(report: Report, schema: str | None) -> None:
    """Refuse a report about a schema that is not there.

    Raises
    ------
    UserError
        If a schema was asked for and the service has no EPN-TAP table in it.
    """
    if schema is not None and not report.tables:
        raise UserError(
            f"{report.service} has no EPN-TAP table in a schema {schema!r}",
            hint="leave the schema out to validate all tables",
        )


__all__ = ["Options", "require_tables", "validate"]
