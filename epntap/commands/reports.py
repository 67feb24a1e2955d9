"""How the command line shows results and progress: consoles and bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

#: What is asked for goes to standard output, everything that is said beside it to standard error.
OUT = Console(soft_wrap=True, highlight=False)
if not OUT.is_terminal:
    # A file or a pipe has no width: tables are not cut there.
    OUT = Console(soft_wrap=True, highlight=False, width=400)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """Show bars for work that reports ``(description, done, total)``."""
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=ERR,
        transient=True,
    )
    tasks: dict[str, int] = {}
    with bars:

        def progress(description: str, done: int, total: int) -> None:
            if description not in tasks:
                tasks[description] = bars.add_task(escape(description), total=total or None)
            bars.update(tasks[description], completed=done, total=total or None)  # type: ignore[arg-type]

        yield progress


@contextmanager
def rows(description: str) -> Iterator[Callable[[int], None]]:
    """Show a growing number of rows."""
    with ERR.status(description) as status:
        yield lambda count: status.update(f"{description}: {count:,} rows")
