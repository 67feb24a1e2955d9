"""What a job list refuses, with the status that UWS 1.1 gives it."""

from __future__ import annotations

from epntap.tap.errors import RequestError


class UnknownJobError(RequestError):
    """There is no such job, or none any more."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"there is no job {job_id[:64]}", hint="it may have been destroyed", status=404
        )


class NotThereError(RequestError):
    """The job has no such result, or no error."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=404)


class IllegalChangeError(RequestError):
    """The job cannot be changed like this in the phase that it is in (UWS 1.1, section 2.2.3)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=403)
