"""What a part of the benchmark says when it cannot be measured."""

from __future__ import annotations


class BenchError(Exception):
    """Something is not there, or does not answer; the message is the reason in the table."""
