"""What can go wrong between a result of the database and the document that a client gets."""

from __future__ import annotations

from epntap.errors import UserError


class UnsupportedFormatError(UserError):
    """The client asks for a format that the service does not write."""


class ResultStreamError(UserError):
    """The database sends something else than the columns declare.

    It means that the metadata of a column and its values disagree, so whoever published the
    table can mend it.
    """
