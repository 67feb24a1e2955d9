"""The limit: what PostgreSQL itself needs for the same rows."""

from __future__ import annotations

import subprocess
import time

from bench.asking import needed


def copy_seconds(dsn: str, select: str, form: str) -> float:
    """Return how long ``psql`` takes to COPY the rows of a query to nothing.

    Parameters
    ----------
    dsn
        Of the database.
    select
        The query, in SQL.
    form
        ``binary``, ``text`` or ``csv``.
    """
    start = time.perf_counter()
    subprocess.run(
        [needed("psql"), dsn, "-qXc", f"COPY ({select}) TO STDOUT (FORMAT {form})"],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start
