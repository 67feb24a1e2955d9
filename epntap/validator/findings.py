"""What a validation finds: findings, and the reports that gather them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Severity(enum.StrEnum):
    """How much a finding matters; only errors make a service invalid."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @classmethod
    def of(cls, code: str) -> Severity:
        """Return the severity that the first letter of a code stands for.

        ``F`` (failure) is what taplint calls a check that could not be made at all.

        Raises
        ------
        ValueError
            If the code does not begin with ``E_``, ``F_``, ``W_`` or ``I_``.
        """
        letters = {"E": cls.ERROR, "F": cls.ERROR, "W": cls.WARNING, "I": cls.INFO}
        if code[1:2] != "_" or code[:1] not in letters:
            raise ValueError(f"{code!r} does not begin with E_, F_, W_ or I_")
        return letters[code[0]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one column of one table.

    Attributes
    ----------
    code
        Code of the rule, see ``docs/validator.md``.
    table
        Name of the table, empty for the service as a whole.
    column
        Name of the column, ``None`` for the table as a whole.
    message
        What is wrong, with the first wrong value where there is one.
    examples
        ``granule_uid`` of rows that show it, as many as were asked for at most.
    """

    code: str
    table: str
    column: str | None
    message: str
    examples: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return Severity.of(self.code)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "table": self.table,
            "column": self.column,
            "message": self.message,
            "examples": list(self.examples),
        }


@dataclass(frozen=True, slots=True)
class TableReport:
    """What was found in one table.

    Attributes
    ----------
    required, optional, extra
        Numbers of its columns: mandatory ones of EPNcore, optional ones, and its own.
    mandatory
        Number of columns that EPNcore makes mandatory.
    rows
        Rows whose cells were read; conditions in ADQL see all rows in any case.
    """

    table: str
    required: int
    mandatory: int
    optional: int
    extra: int
    rows: int
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """The numbers of columns in one line (taplint's S_PNCS)."""
        return (
            f"S_PNCS {self.table}: {self.required}/{self.mandatory} required, "
            f"{self.optional} optional, {self.extra} custom columns; "
            f"cells of {self.rows} rows read"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a service.

    Attributes
    ----------
    service
        What was validated: a TAP URL, or the local database.
    tables
        One report per EPN-TAP table.
    findings
        Findings that belong to no table.
    """

    service: str
    tables: tuple[TableReport, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Everything that was found, the service first."""
        return self.findings + tuple(finding for table in self.tables for finding in table.findings)

    def count(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(finding.severity is severity for finding in self.all_findings)

    @property
    def valid(self) -> bool:
        """Whether there is no error."""
        return self.count(Severity.ERROR) == 0

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "service": self.service,
            "valid": self.valid,
            "errors": self.count(Severity.ERROR),
            "warnings": self.count(Severity.WARNING),
            "infos": self.count(Severity.INFO),
            "tables": [
                {
                    "table": table.table,
                    "required_columns": table.required,
                    "mandatory_columns": table.mandatory,
                    "optional_columns": table.optional,
                    "extra_columns": table.extra,
                    "rows_read": table.rows,
                }
                for table in self.tables
            ],
            "findings": [finding.as_dict() for finding in self.all_findings],
        }
