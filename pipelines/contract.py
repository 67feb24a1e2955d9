"""What a pipeline is: a source of data goes in, a native catalogue with its provenance comes out.

These are the only words that the command line, the publisher and the schedules share with the
science. A pipeline is any object that satisfies `Pipeline`; it is announced by an entry point of
the group ``epntap.pipelines``, so it may come from any package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pipelines.errors import PipelineError

if TYPE_CHECKING:
    # A server that only lists pipelines does without it.
    import pandas as pd

#: Column descriptions travel with a catalogue, so that files explain themselves.
_SUFFIXES = (".csv", ".ecsv", ".parquet", ".vot", ".votable", ".xml")


class Progress(Protocol):
    """What long work tells whoever waits for it."""

    def __call__(self, description: str, done: int, total: int) -> None:
        """Report that `done` of `total` steps of the work named `description` are finished."""


def silent(description: str, done: int, total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open span of time: `start` belongs to it, `stop` does not.

    Attributes
    ----------
    start, stop
        UTC, without time zone.

    Raises
    ------
    ValueError
        If it ends before it starts, or one of its ends has a time zone.
    """

    start: datetime
    stop: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None or self.stop.tzinfo is not None:
            raise ValueError(f"the ends of a span are UTC without time zone, not {self}")
        if self.stop < self.start:
            raise ValueError(f"a span cannot end at {self.stop} before it starts at {self.start}")


class SpanSource(Protocol):
    """Data that were opened for working on them span by span."""

    @property
    def description(self) -> str:
        """What the data are, for people."""

    @property
    def extent(self) -> Span:
        """Of the data that there are."""

    def digest(self, span: Span) -> str:
        """Return the hexadecimal SHA-256 of the measurements within a span.

        It is the same for the same measurements, whatever else the source holds.
        """


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the rows of a catalogue come from.

    Attributes
    ----------
    pipeline, version
        Which pipeline made them.
    weights_sha256
        Hexadecimal digest of the network weights; empty when the pipeline has none.
    source, source_sha256
        What went in, for people and as a hexadecimal digest of the measurements.
    time_min, time_max
        First and last sample of the source, UTC.
    parameters
        Everything else that the result depends on.
    created
        When the run ended, UTC.
    """

    pipeline: str
    version: str
    weights_sha256: str
    source: str
    source_sha256: str
    time_min: datetime
    time_max: datetime
    parameters: Mapping[str, Any] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        values = asdict(self)
        for name in ("time_min", "time_max", "created"):
            values[name] = values[name].isoformat(timespec="seconds")
        # Through JSON and back: what a database or a file gives back is equal to this.
        plain: dict[str, Any] = json.loads(json.dumps(values))
        return plain


@dataclass(frozen=True, slots=True)
class NativeColumn:
    """A column of a native catalogue.

    Attributes
    ----------
    name, dtype
        As the data frame has them, e.g. ``float64``, ``datetime64[us]``, ``str``.
    unit
        VOUnit string, empty when dimensionless.
    description
        One sentence for the reader of the file.
    """

    name: str
    dtype: str
    unit: str
    description: str


@dataclass(frozen=True)
class Catalogue:
    """The native catalogue of one run.

    Attributes
    ----------
    frame
        One row an object; ``frame.attrs['units']`` repeats the units.
    columns
        What each column of `frame` is, in its order.
    provenance
        Where the rows come from.
    products
        Folder of the files that belong to rows (profiles, masks, thumbnails), which columns of
        `frame` name relative to it; whoever gave it to `Pipeline.run` removes it. `None` if no
        files were asked for: those columns are empty then.
    """

    frame: pd.DataFrame
    columns: tuple[NativeColumn, ...]
    provenance: Provenance
    products: Path | None = None

    def __post_init__(self) -> None:
        """Check that the frame has exactly the columns described."""
        described = [column.name for column in self.columns]
        if list(self.frame.columns) != described:
            raise ValueError(f"columns {list(self.frame.columns)} are not those of {described}")
        self.frame.attrs["units"] = dict(self.units)

    @property
    def units(self) -> Mapping[str, str]:
        """Unit of each column that has one."""
        return {column.name: column.unit for column in self.columns if column.unit}

    def write(self, path: Path) -> None:
        """Write the rows; the suffix of the file decides the format.

        ``.csv``, ``.ecsv``, ``.parquet`` and VOTable (``.vot``, ``.votable``, ``.xml``); all but
        CSV carry the units and descriptions, and the provenance.

        Raises
        ------
        PipelineError
            If the suffix is none of these or the file cannot be written.
        """
        suffix = path.suffix.lower()
        if suffix not in _SUFFIXES:
            raise PipelineError(
                f"{path}: no format is known for files ending in {suffix or 'nothing'!r}",
                hint=f"use one of {', '.join(_SUFFIXES)}",
            )
        try:
            if suffix == ".csv":
                self.frame.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S")
            elif suffix == ".parquet":
                self._write_parquet(path)
            else:
                table = self._astropy_table()
                kind = "ascii.ecsv" if suffix == ".ecsv" else "votable"
                table.write(str(path), format=kind, overwrite=True)
        except OSError as error:
            raise PipelineError(f"{path} cannot be written: {error}") from error

    def _write_parquet(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        fields = [
            table.schema.field(column.name).with_metadata(
                {"unit": column.unit, "description": column.description}
            )
            for column in self.columns
        ]
        schema = pa.schema(fields, metadata=table.schema.metadata)
        pq.write_table(table.cast(schema), path)

    def _astropy_table(self) -> Any:
        import numpy as np
        from astropy.table import MaskedColumn, Table

        table = Table(meta={"provenance": self.provenance.as_dict()})
        for column in self.columns:
            values = self.frame[column.name]
            missing = values.isna().to_numpy()
            if column.dtype.startswith("datetime"):
                data = values.dt.strftime("%Y-%m-%dT%H:%M:%S").fillna("").to_numpy(dtype=str)
            elif column.dtype == "str":
                data = values.fillna("").to_numpy(dtype=str)
            else:
                data = values.to_numpy(dtype=np.dtype(column.dtype))
            if data.dtype.kind == "U" and data.dtype.itemsize == 0:
                data = data.astype("U1")
            table[column.name] = MaskedColumn(
                data, mask=missing, unit=column.unit or None, description=column.description
            )
        return table


def empty_frame(columns: Iterable[NativeColumn]) -> pd.DataFrame:
    """Return a frame without rows that has all the columns with their types."""
    import pandas as pd

    return pd.DataFrame({column.name: pd.Series(dtype=column.dtype) for column in columns})


def complete_frame(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[NativeColumn], **same: Any
) -> pd.DataFrame:
    """Return rows as a frame that has exactly the columns described, with their types.

    Parameters
    ----------
    rows
        One mapping a row; what no column is called is left out.
    columns
        Those of the catalogue.
    **same
        Values that all rows have.

    Raises
    ------
    KeyError
        If rows lack a column.
    """
    import pandas as pd

    if not rows:
        return empty_frame(columns)
    types = {column.name: column.dtype for column in columns}
    return pd.DataFrame(rows).assign(**same)[list(types)].astype(types)


def digest_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 digest of the names and contents of files, in order of their names."""
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda each: each.name):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@runtime_checkable
class Pipeline(Protocol):
    """A way from data to a native catalogue.

    Sources are named by text, so that a schedule can hold them: the path of a file, or the name
    of a service with what is asked of it (each pipeline's README lists them).
    """

    @property
    def name(self) -> str:
        """Short name: that of the entry point and, by default, of the catalogue."""

    @property
    def title(self) -> str:
        """One line for people."""

    @property
    def version(self) -> str:
        """Version of the method; it changes whenever the same input may give other rows."""

    def run(self, source: Any, *, progress: Progress = silent, **options: Any) -> Catalogue:
        """Detect in a source and return the native catalogue.

        A pipeline that can write files besides has a keyword ``products`` here: the folder to write
        them to, or `None` for no files. Its callers know that by the signature; see
        `Catalogue.products` and `pipelines.products`.

        Raises
        ------
        PipelineError
            If the source cannot be used or the weights do not fit.
        """

    def simulate(self, *, seed: int, progress: Progress = silent, **options: Any) -> Any:
        """Return simulated data with the truth that a perfect detector would find in them."""

    def train(
        self,
        inputs: Sequence[Any],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int = 0,
        progress: Progress = silent,
        **options: Any,
    ) -> Mapping[str, Any]:
        """Train on labelled data, write weights to `output` and return figures of the training."""

    def evaluate(
        self, source: Any, labels: Path, *, progress: Progress = silent, **options: Any
    ) -> Mapping[str, Any]:
        """Score detections in a source against labels; plain values that JSON can hold."""


@runtime_checkable
class SpanPipeline(Pipeline, Protocol):
    """A pipeline that can work on a long source span by span, with the rows of a single run.

    Rows of events that begin within a span are a pure function of the measurements within the span
    and `margin` on either side of it, of `state` and of the options. Hence the rows of any division
    into spans, put together in order, are those of a run over everything; and a result can be kept
    under a key made of these and used again.
    """

    @property
    def margin(self) -> timedelta:
        """Context that is needed on either side of a span."""

    def open(
        self,
        source: Any,
        *,
        span: Span | None = None,
        progress: Progress = silent,
        **options: Any,
    ) -> SpanSource:
        """Open a source; `run` accepts what is returned.

        Parameters
        ----------
        source
            As for `run`.
        span
            Nothing outside of it will be asked for (margins are in it already), so that no more
            need be read.
        progress
            Told while data are read.
        **options
            Those of `run`.

        Raises
        ------
        PipelineError
            If the source cannot be used.
        """

    def state(self, **options: Any) -> str:
        """Return the hexadecimal digest of the weights and rules that a result depends on."""

    def run(
        self,
        source: Any,
        *,
        span: Span | None = None,
        progress: Progress = silent,
        **options: Any,
    ) -> Catalogue:
        """Detect; with a span, return exactly the rows of the events that begin within it.

        Data within the margin are read for context.

        Raises
        ------
        PipelineError
            If the source cannot be used or the weights do not fit.
        """
