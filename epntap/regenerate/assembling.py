"""The parts of a run put together: a native table, and what is known of where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pandas as pd

from epntap.database import Database
from epntap.plugins import Span
from epntap.provenance import RunRecord
from epntap.publish.native import CHUNK_ROWS
from epntap.regenerate.chunks import hull
from epntap.regenerate.errors import RegenerationError
from epntap.regenerate.parts import Part, combined_digest, decode_rows
from epntap.regenerate.partstore import keys_of, read_part
from epntap.regenerate.storage import Regeneration


class Parts(Protocol):
    """The parts of a run in order of time, each with the run that made it."""

    def __iter__(self) -> Iterator[tuple[Part, str]]: ...


@dataclass(frozen=True)
class StoredParts:
    """The parts of a run as the database keeps them; one at a time is in memory."""

    database: Database
    run: Regeneration

    def __iter__(self) -> Iterator[tuple[Part, str]]:
        """Yield part and maker.

        Raises
        ------
        RegenerationError
            If one is missing.
        """
        with self.database.publisher() as connection, connection.cursor() as cursor:
            for key in keys_of(cursor, self.run.run_id):
                found = read_part(cursor, self.run.catalogue.name, key)
                if found is None:
                    raise RegenerationError(f"run {self.run.run_id}: part {key} is not there")
                yield found


@dataclass(frozen=True)
class PartsSource:
    """Parts as a native table to publish.

    Attributes
    ----------
    parts
        In order of time.
    name
        What the rows come from.
    units
        Of their columns.
    """

    parts: Parts
    name: str
    units: Mapping[str, str]

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows; small parts are put together. Each row names the run that made it."""
        waiting: list[pd.DataFrame] = []
        size = 0
        empty: pd.DataFrame | None = None
        for part, maker in self.parts:
            frame, _ = decode_rows(part.rows)
            frame["run_id"] = pd.Series([maker] * len(frame), index=frame.index, dtype=object)
            if not len(frame):
                empty = frame
                continue
            waiting.append(frame)
            size += len(frame)
            if size >= CHUNK_ROWS:
                yield pd.concat(waiting, ignore_index=True)
                waiting, size = [], 0
                empty = None
        if waiting:
            yield pd.concat(waiting, ignore_index=True)
        elif empty is not None:
            # The mapping is held to the columns also when nothing was found.
            yield empty


@dataclass(frozen=True)
class Summary:
    """What the provenance of parts says together.

    Attributes
    ----------
    units
        Of the native columns.
    provenance
        As the pipeline gives it: of the newest part, with one digest for all data.
    span
        Time that they cover together.
    """

    units: Mapping[str, str]
    provenance: Mapping[str, Any]
    span: Span

    @classmethod
    def of(cls, parts: Parts) -> Summary:
        """Read the parts once, one at a time."""
        digests: list[str] = []
        spans: list[Span] = []
        last: Part | None = None
        for part, _ in parts:
            spans.append(part.span)
            digests.append(str(part.provenance.get("source_sha256") or part.key))
            last = part
        if last is None:
            raise RegenerationError("the run has no parts")
        units = decode_rows(last.rows)[1]
        provenance = {**last.provenance, "source_sha256": combined_digest(digests)}
        return cls(units, provenance, hull(spans))

    def into(self, record: RunRecord) -> RunRecord:
        """Return the record of a run with what has been learnt."""
        found = self.provenance
        return replace(
            record,
            pipeline_version=found.get("version") or None,
            weights_sha256=found.get("weights_sha256") or None,
            source_sha256=found.get("source_sha256") or None,
            span_start=self.span.start,
            span_stop=self.span.stop,
        )
