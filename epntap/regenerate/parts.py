"""The result of one chunk: native rows as a Parquet file, with what they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from epntap.plugins import NativeCatalogue, Span, SpanPipeline, SpanSource
from epntap.regenerate.errors import RegenerationError

if TYPE_CHECKING:
    import pandas as pd

#: Part of every key: changed when the meaning of stored parts changes.
_FORMAT = 1

_UNITS = b"epntap.units"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one chunk.

    Attributes
    ----------
    key
        Digest of all that the rows depend on.
    span
        Time whose events they are.
    row_count
        How many there are.
    provenance
        What the pipeline says of its run, as JSON can hold it.
    rows
        The Parquet file.
    """

    key: str
    span: Span
    row_count: int
    provenance: Mapping[str, Any]
    rows: bytes


def chunk_key(
    pipeline: SpanPipeline,
    source: SpanSource,
    span: Span,
    *,
    name: str,
    margin: timedelta,
    state: str,
    options: Mapping[str, Any],
) -> str:
    """Return the digest of all that the result of a chunk depends on.

    Parameters
    ----------
    pipeline, source
        Who works, and the opened source.
    span
        The chunk's.
    name
        The source as the plan names it; rows may tell whose measurements they are of.
    margin
        Context on either side whose data count.
    state
        Digest of weights and rules.
    options
        Of the pipeline.
    """
    content = {
        "format": _FORMAT,
        "pipeline": [pipeline.name, pipeline.version],
        "state": state,
        "options": dict(options),
        "source": name,
        "span": [span.start.isoformat(), span.stop.isoformat()],
        "data": source.digest(span.widened(margin)),
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def encode_part(key: str, span: Span, found: NativeCatalogue) -> Part:
    """Write what a pipeline found.

    Raises
    ------
    RegenerationError
        If a column holds values that no table can: mixed types, objects.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pa.Table.from_pandas(found.frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise RegenerationError(f"the rows of the pipeline are no table: {error}") from error
    metadata = {**(table.schema.metadata or {}), _UNITS: json.dumps(dict(found.units)).encode()}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd")
    return Part(
        key=key,
        span=span,
        row_count=table.num_rows,
        provenance=found.provenance.as_dict(),
        rows=sink.getvalue().to_pybytes(),
    )


def decode_rows(rows: bytes) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read the rows of a part back, and the units of their columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(rows))
    units: dict[str, str] = json.loads((table.schema.metadata or {}).get(_UNITS, b"{}"))
    return table.to_pandas(), units


def combined_digest(digests: Iterable[str]) -> str:
    """Return one digest for the data of all parts: that of the only one, or of their list."""
    each = list(digests)
    if len(each) == 1:
        return each[0]
    return hashlib.sha256("\n".join(each).encode()).hexdigest()
