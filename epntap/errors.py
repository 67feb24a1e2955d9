"""Failures that a user can do something about.

Every layer raises a class derived from `UserError`; the command line prints it as one line and
TAP turns it into an error document. Anything else that is raised is a defect of ours.
"""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, where, and what to do.

    Parameters
    ----------
    message
        What is wrong and where.
    hint
        What the user can do about it.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class DatabaseUnavailableError(UserError):
    """The database does not answer, or cannot be started."""


class CatalogueError(UserError):
    """A catalogue's YAML file is wrong."""


class PublishError(UserError):
    """Rows cannot be published; nothing that is stored has changed."""
