"""Validating a service, from the terminal."""

from __future__ import annotations

import json
from contextlib import ExitStack

from rich.markup import escape
from rich.table import Table

from epntap.commands.messages import say
from epntap.commands.reports import OUT, steps
from epntap.database import Database
from epntap.settings import read_settings
from epntap.validator import (
    HttpTapClient,
    LocalTapClient,
    Options,
    Report,
    Severity,
    TapClient,
    require_tables,
    rule_of,
    validate,
)

_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def validate_service(
    schema: str | None,
    *,
    url: str | None,
    as_json: bool,
    links: int = 0,
    examples: int = 5,
    rows: int = 1_000_000,
) -> bool:
    """Validate a service, or the local database without a URL, and print the report.

    Returns
    -------
    bool
        Whether there was no error.

    Raises
    ------
    UserError
        If the service does not answer, or has no such schema.
    """
    with ExitStack() as stack:
        client: TapClient
        if url is None:
            client = LocalTapClient(stack.enter_context(Database.open(read_settings())))
        else:
            client = HttpTapClient(url)
        with steps() as progress:
            report = validate(client, schema, Options(examples, rows, links), progress=progress)
    require_tables(report, schema)
    if as_json:
        OUT.print_json(json.dumps(report.as_dict()))
    else:
        _show(report)
    return report.valid


def _show(report: Report) -> None:
    findings = report.all_findings
    if findings:
        table = Table("code", "table", "column", "what is wrong", "granule_uid, e.g.")
        for finding in findings:
            table.add_row(
                f"[{_COLOURS[finding.severity]}]{finding.code}[/]",
                escape(finding.table),
                escape(finding.column or ""),
                escape(f"{finding.message}\n({rule_of(finding.code).title})"),
                escape("\n".join(finding.examples)),
            )
        # Fitted to a terminal, whole lines where the output is read by something else.
        OUT.print(table, soft_wrap=not OUT.is_terminal)
    for checked in report.tables:
        say(checked.summary)
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    say(
        f"{report.service}: {errors} error{'s' * (errors != 1)}, "
        f"{warnings} warning{'s' * (warnings != 1)}, {report.count(Severity.INFO)} for information"
    )
