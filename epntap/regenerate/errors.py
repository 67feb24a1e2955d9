"""What can go wrong when a catalogue is made again."""

from __future__ import annotations

from epntap.errors import UserError


class RegenerationError(UserError):
    """A catalogue cannot be made again; the one that is there stays as it is."""


class RunUnderWayError(RegenerationError):
    """Another run of the same catalogue has not ended yet.

    Attributes
    ----------
    run_id
        Of the other run.
    """

    def __init__(self, catalogue: str, run_id: str, state: str) -> None:
        super().__init__(
            f"{catalogue}: run {run_id} is {state}, and one catalogue has one run at a time",
            hint=f"'epntap status' shows how far it is; 'epntap regenerate {catalogue} --cancel' "
            "ends it",
        )
        self.run_id = run_id


class ChunkLostError(RegenerationError):
    """A chunk is another worker's now, or its run has ended: what was computed is not wanted."""


class LeaveError(RegenerationError):
    """Whoever works has to leave; nothing is wrong with the work."""
