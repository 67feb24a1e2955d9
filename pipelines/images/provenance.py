"""Where a catalogue from images comes from; images without a time have none in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipelines.contract import Provenance


@dataclass(frozen=True, slots=True)
class UndatedProvenance(Provenance):
    """As `Provenance`, for images of which nobody told when they were taken.

    ``time_min`` and ``time_max`` are those of the run, and are left out of what is recorded.
    """

    time_min: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    time_max: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold, without times of the source."""
        values = Provenance(**asdict(self)).as_dict()
        return {key: value for key, value in values.items() if not key.startswith("time_")}


def provenance_of(
    times: list[datetime],
    *,
    pipeline: str,
    version: str,
    source: str,
    source_sha256: str,
    weights_sha256: str = "",
    parameters: Mapping[str, Any],
) -> Provenance:
    """Return where a catalogue of images comes from.

    Parameters
    ----------
    times
        When the images were taken, UTC; empty if nobody told.
    pipeline, version, source, source_sha256, weights_sha256, parameters
        As `Provenance` has them.
    """
    if times:
        return Provenance(
            pipeline,
            version,
            weights_sha256,
            source,
            source_sha256,
            min(times),
            max(times),
            parameters,
        )
    return UndatedProvenance(
        pipeline=pipeline,
        version=version,
        weights_sha256=weights_sha256,
        source=source,
        source_sha256=source_sha256,
        parameters=parameters,
    )
