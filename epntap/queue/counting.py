"""How much stands in line."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclass(frozen=True, slots=True)
class Line:
    """The works of one task in one queue.

    Attributes
    ----------
    queue, task
        Their names.
    waiting, running
        How many there are.
    """

    queue: str
    task: str
    waiting: int
    running: int


def count_lines(connection: Connection) -> tuple[Line, ...]:
    """Return what stands in line and what is worked at, by queue and task.

    Parameters
    ----------
    connection
        Of the publisher.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue_name, task_name, count(*) FILTER (WHERE status = 'todo'),"
            " count(*) FILTER (WHERE status = 'doing') FROM procrastinate.procrastinate_jobs"
            " WHERE status IN ('todo', 'doing') GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return tuple(Line(*row) for row in cursor.fetchall())
