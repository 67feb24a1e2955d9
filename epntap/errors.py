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


class OverloadedError(UserError):
    """There is more to do than the service takes on: nothing is wrong, and later it will work.

    Parameters
    ----------
    message, hint
        As with every `UserError`.
    retry_after
        Seconds after which it is worth asking again.
    """

    def __init__(self, message: str, *, hint: str | None = None, retry_after: int = 2) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class SlowRequestError(UserError):
    """A client sends its request too slowly to be waited for."""


class CatalogueError(UserError):
    """A catalogue's YAML file is wrong."""


class PublishError(UserError):
    """Rows cannot be published; nothing that is stored has changed."""
