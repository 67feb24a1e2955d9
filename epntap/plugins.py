"""Pipelines as the service sees them: found through entry points, never imported by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeGuard, cast

from epntap.errors import UserError
from epntap.suggestions import suggestion

if TYPE_CHECKING:
    import pandas as pd

#: Entry point group by which any installed package may offer a pipeline.
GROUP = "epntap.pipelines"

#: Told a description, the steps done and the steps in all.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, UTC without zone; `stop` itself is not in it."""

    start: datetime
    stop: datetime

    def widened(self, margin: timedelta) -> Span:
        """Return the span with a margin on either side, as far as dates go."""
        start = self.start - margin if self.start - datetime.min > margin else datetime.min
        stop = self.stop + margin if datetime.max - self.stop > margin else datetime.max
        return Span(start, stop)

    def touches(self, other: Span) -> bool:
        """Whether it has a moment in common with another."""
        return self.start < other.stop and other.start < self.stop


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


class SpanSource(Protocol):
    """A source that was opened, so that pieces of time can be taken from it."""

    @property
    def description(self) -> str: ...  # noqa: D102

    @property
    def extent(self) -> Span:
        """Of the data that there are."""
        ...

    def digest(self, span: Span) -> str:
        """Return the hexadecimal SHA-256 of the measurements within a span."""
        ...


class SpanPipeline(Pipeline, Protocol):
    """A pipeline whose work can be cut into pieces of time.

    Attributes
    ----------
    margin
        Context that it needs on either side of a span.
    """

    margin: timedelta

    def open(
        self, source: Any, *, span: Span | None = None, progress: Progress, **options: Any
    ) -> SpanSource:
        """Open a source; no more than the span, in which margins are included, need be read."""
        ...

    def state(self, **options: Any) -> str:
        """Return a hexadecimal digest of the weights and rules that the result depends on."""
        ...

    def run(
        self, source: Any, *, progress: Progress, span: Span | None = None, **options: Any
    ) -> NativeCatalogue:
        """Detect the events that begin within the span, just as a run over everything does."""
        ...


class RequestParameter(Protocol):
    """A parameter of runs on request, as `pipelines.request` describes it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> Literal["float", "int", "choice", "time"]: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def default(self) -> float | int | str | None: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102
    @property
    def choices(self) -> tuple[str, ...]: ...  # noqa: D102


class RequestForm(Protocol):
    """What a request for a run may say, as `pipelines.request` describes it."""

    @property
    def parameters(self) -> Sequence[RequestParameter]: ...  # noqa: D102
    @property
    def longest_span(self) -> timedelta | None: ...  # noqa: D102
    @property
    def file_formats(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def file_description(self) -> str: ...  # noqa: D102
    @property
    def file_bytes(self) -> int: ...  # noqa: D102
    @property
    def queue(self) -> str: ...  # noqa: D102
    @property
    def needs(self) -> tuple[str, ...]: ...  # noqa: D102


class RequestPipeline(Pipeline, Protocol):
    """A pipeline that anybody may run, within the bounds of its form."""

    @property
    def request(self) -> RequestForm:
        """What may be asked for."""

    def check_request(
        self, *, span: Span | None, has_file: bool, values: Mapping[str, Any]
    ) -> None:
        """Refuse a combination of values, each of which would do."""

    def request_source(
        self,
        *,
        span: Span | None,
        file: Path | None,
        values: Mapping[str, Any],
        progress: Progress,
    ) -> tuple[Any, Mapping[str, Any]]:
        """Return the source that is asked for, open, and the options of `run`."""

    def draw(self, source: Any, catalogue: Any, path: Path) -> None:
        """Draw what was found in a source, as a PNG file."""


class Proposals(Protocol):
    """What to label next, as `pipelines.labelling` describes it."""

    @property
    def form(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def reasons(self) -> Sequence[str]: ...  # noqa: D102


class TakenLabels(Protocol):
    """What became of a form that came back, as `pipelines.labelling` describes it."""

    @property
    def stored(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def waiting(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def usage(self) -> str: ...  # noqa: D102


class LabellingPipeline(Pipeline, Protocol):
    """A pipeline that proposes what to label next."""

    def propose(
        self, source: Any, store: Path, *, count: int, progress: Progress, **options: Any
    ) -> Proposals:
        """Propose what to label next, where the store has labels already."""

    def take_labels(
        self, source: Any, form: Path, store: Path, *, progress: Progress
    ) -> TakenLabels:
        """Check a form that was filled in, and keep all of its labels or none."""


def takes_labels(pipeline: Pipeline) -> TypeGuard[LabellingPipeline]:
    """Whether a pipeline proposes what to label, and takes the labels back."""
    return all(hasattr(pipeline, name) for name in ("propose", "take_labels"))


def takes_requests(pipeline: Pipeline) -> TypeGuard[RequestPipeline]:
    """Whether a pipeline offers runs on request."""
    return all(
        hasattr(pipeline, name) for name in ("request", "check_request", "request_source", "draw")
    )


def takes_spans(pipeline: Pipeline) -> TypeGuard[SpanPipeline]:
    """Whether the work of a pipeline can be cut into pieces of time."""
    return all(hasattr(pipeline, name) for name in ("margin", "open", "state"))


def makes_products(pipeline: Pipeline) -> bool:
    """Whether a pipeline writes files besides rows, into the folder that `run` is given for it."""
    return "products" in inspect.signature(pipeline.run).parameters


def products_of(found: NativeCatalogue) -> Path | None:
    """Return the folder of the files that the rows of a run name, if it made any."""
    folder = getattr(found, "products", None)
    return None if folder is None else Path(folder)


def check_options(
    name: str,
    function: Callable[..., Any],
    options: Iterable[str],
    *,
    ours: frozenset[str] = frozenset({"progress", "seed"}),
) -> None:
    """Refuse an option that a pipeline does not have, before it starts to work.

    Parameters
    ----------
    name
        Of the pipeline.
    function
        The method that is to be called.
    options
        Names of what it is to be given.
    ours
        Parameters that are not the user's to set.

    Raises
    ------
    UserError
        If there is one; the message names the nearest that exists.
    """
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in ours
    ]
    for option in options:
        if option not in known:
            raise UserError(
                f"pipeline {name} has no option {option!r}{suggestion(option, known)}",
                hint=f"its options here: {', '.join(known) or 'none'}",
            )


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
