"""Failures of the database layer that are not simply 'it does not answer'."""

from __future__ import annotations

from epntap.errors import OverloadedError, UserError


class DatabaseBusyError(OverloadedError):
    """All connections are in use and none came free in time."""


class MigrationError(UserError):
    """What is stored and what this version of the software knows do not fit together."""
