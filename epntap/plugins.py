"""Pipelines as the service sees them: found through entry points, never imported by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast

import pandas as pd

from epntap.errors import UserError
from epntap.yamlfile import suggestion

#: Entry point group by which any installed package may offer a pipeline.
GROUP = "epntap.pipelines"

#: Told a description, the steps done and the steps in all.
Progress = Callable[[str, int, int], None]


class NativeCatalogue(Protocol):
    """What a run of a pipeline gives."""

    @property
    def frame(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def units(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def provenance(self) -> Any: ...  # noqa: D102

    def write(self, path: Path) -> None: ...  # noqa: D102


class Pipeline(Protocol):
    """What the service asks of a pipeline; `pipelines.contract` says more."""

    name: str
    title: str
    version: str

    def run(self, source: Any, *, progress: Progress, **options: Any) -> NativeCatalogue:
        """Detect in a source."""

    def simulate(self, *, seed: int, progress: Progress, **options: Any) -> Any:
        """Simulate a source."""

    def train(
        self,
        inputs: Sequence[Any],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int,
        progress: Progress,
        **options: Any,
    ) -> Mapping[str, Any]:
        """Train on labelled data."""

    def evaluate(
        self, source: Any, labels: Path, *, progress: Progress, **options: Any
    ) -> Mapping[str, Any]:
        """Score detections against labels."""


def pipeline_names() -> list[str]:
    """Return the names of the pipelines that are installed."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def find_pipeline(name: str) -> Pipeline:
    """Load a pipeline.

    Raises
    ------
    UserError
        If there is none of that name, or a package that it needs is missing.
    """
    for point in entry_points(group=GROUP, name=name):
        try:
            return cast(Pipeline, point.load())
        except ImportError as error:
            raise UserError(
                f"pipeline {name}: {error}", hint="pip install 'epntap[pipelines]'"
            ) from error
    known = pipeline_names()
    raise UserError(
        f"no pipeline {name!r}{suggestion(name, known)}",
        hint=f"installed: {', '.join(known) or 'none; pip install epntap[pipelines]'}",
    )
