"""What commands say beside their results, to standard error; light, since every command says it."""

from __future__ import annotations

import sys

from epntap.errors import UserError


def say(text: str) -> None:
    """Tell the user something."""
    print(text, file=sys.stderr, flush=True)


def report_error(error: UserError) -> None:
    """Print an error, with every violation where there are some."""
    # Few commands fail: only those need colours, and know of queries that are wrong.
    from rich.markup import escape

    from epntap.adql import AdqlError
    from epntap.commands.reports import ERR

    for violation in getattr(error, "violations", ()):
        ERR.print(escape(str(violation)))
    if isinstance(error, AdqlError):
        ERR.print(f"[bold red]error:[/] {escape(str(error))}")
        return
    ERR.print(f"[bold red]error:[/] {escape(error.message)}")
    if error.hint:
        ERR.print(f"[bold]hint:[/] {escape(error.hint)}")
