"""Times in plain text."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(time: datetime | None) -> str:
    """Return a time as the documents of a job list have it; nothing for none."""
    if time is None:
        return ""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
