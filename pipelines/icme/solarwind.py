"""What the pipelines ``icme`` and ``sir`` have in common: how a run is recorded.

Nothing that has to work is imported before it does, so that a server can list the pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.contract import Provenance, Span
from pipelines.request import OnRequest

if TYPE_CHECKING:
    from pipelines.sources.insitu import InSituSeries
    from pipelines.sources.spans import SeriesInMemory, SeriesOnDemand


class SolarWindPipeline(OnRequest):
    """A pipeline that searches the in-situ measurements of one spacecraft.

    Attributes
    ----------
    name, version
        As `pipelines.contract.Pipeline` has them.
    """

    name: str
    version: str

    def record(
        self,
        opened: SeriesInMemory | SeriesOnDemand,
        series: InSituSeries | None,
        *,
        span: Span | None,
        spacecraft: str | None,
        source_sha256: str,
        weights_sha256: str,
        parameters: Mapping[str, Any],
    ) -> Provenance:
        """Return where the rows of a run come from.

        Parameters
        ----------
        opened, series
            What was opened, and what of it was searched; `None` when there are no measurements.
        span
            What was asked for.
        spacecraft
            Who was said to measure; the series knows better.
        source_sha256, weights_sha256
            Digests of the measurements and of the weights with their rules.
        parameters
            What else the result depends on; the spacecraft, the span and what was done to the
            measurements are added.
        """
        from pipelines.sources.spans import ends_of

        first, last = ends_of(series, span or opened.extent)
        return Provenance(
            pipeline=self.name,
            version=self.version,
            weights_sha256=weights_sha256,
            source=opened.description,
            source_sha256=source_sha256,
            time_min=first,
            time_max=last,
            parameters={
                "spacecraft": series.spacecraft.name if series else spacecraft,
                **parameters,
                "span": [span.start.isoformat(), span.stop.isoformat()] if span else None,
                "cleaning": series.cleaning.as_dict() if series else None,
            },
        )
