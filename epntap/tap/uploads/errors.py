"""Why an upload is refused."""

from __future__ import annotations

from epntap.tap.errors import RequestError


class UploadError(RequestError):
    """An uploaded table that cannot be used.

    Parameters
    ----------
    name
        Name that the client gave the table.
    message, hint
        What is wrong with it, and what to do.
    status
        HTTP status of the answer.
    """

    def __init__(
        self, name: str, message: str, *, hint: str | None = None, status: int = 400
    ) -> None:
        super().__init__(f"upload {name}: {message}", hint=hint, status=status)
        self.name = name
