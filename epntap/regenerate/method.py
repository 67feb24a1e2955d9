"""A pipeline made ready for a run: what it reads, in which pieces, and what it finds in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from string import Formatter
from typing import Any

from epntap.plugins import (
    NativeCatalogue,
    Pipeline,
    Progress,
    Span,
    SpanPipeline,
    SpanSource,
    check_options,
    find_pipeline,
    takes_spans,
)
from epntap.products.files import StagedFiles
from epntap.regenerate.chunks import Chunk, cut, hull
from epntap.regenerate.chunkstore import Reused
from epntap.regenerate.errors import RegenerationError
from epntap.regenerate.parts import Part, chunk_key, encode_part
from epntap.regenerate.plan import RegenerationPlan, is_template
from epntap.regenerate.staging import folder_for
from epntap.regenerate.storage import Wanted

#: Before all spacecraft data: the begin of what a pipeline covers that cannot be asked.
_EVER = datetime(1900, 1, 1)

#: Arguments of a pipeline that are not options of the plan.
_OURS = frozenset({"progress", "seed", "span", "products"})


class _TimeFormatter(Formatter):
    """Writes times as ISO 8601, or as the format behind the colon says."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Write one field."""
        if isinstance(value, datetime) and not format_spec:
            return value.isoformat(timespec="seconds")
        return super().format_field(value, format_spec)


@dataclass(frozen=True)
class Layout:
    """What a run consists of.

    Attributes
    ----------
    span
        What the catalogue will cover.
    chunks
        Its pieces.
    reused
        Those whose result is there.
    source
        The opened source, where it had to be opened to learn its extent; all of it.
    """

    span: Span
    chunks: tuple[Chunk, ...]
    reused: tuple[Reused, ...]
    source: SpanSource | None

    @property
    def left(self) -> tuple[Chunk, ...]:
        """The chunks that are to be worked at."""
        there = {each.number for each in self.reused}
        return tuple(chunk for chunk in self.chunks if chunk.number not in there)


@dataclass(frozen=True)
class Method:
    """A pipeline with all that its result depends on but the data.

    Attributes
    ----------
    pipeline
        Who works.
    plan
        How.
    source
        What is read, ``{start}`` and ``{stop}`` not filled in.
    moment
        What ``now`` is, UTC.
    """

    pipeline: Pipeline
    plan: RegenerationPlan
    source: str
    moment: datetime

    @classmethod
    def of(cls, plan: RegenerationPlan, source: str, moment: datetime) -> Method:
        """Find the pipeline of a plan.

        Raises
        ------
        UserError
            If it is not installed, or has no such option as the plan gives it.
        """
        pipeline = find_pipeline(plan.pipeline)
        check_options(plan.pipeline, pipeline.run, plan.options, ours=_OURS)
        return cls(pipeline, plan, source, moment)

    @property
    def _spans(self) -> SpanPipeline | None:
        return self.pipeline if takes_spans(self.pipeline) else None

    @property
    def is_remote(self) -> bool:
        """Whether each piece of time is asked for by itself."""
        return is_template(self.source)

    @property
    def margin(self) -> timedelta:
        """Context on either side of a chunk: the pipeline's, or what the plan wants if longer."""
        spans = self._spans
        return max(spans.margin, self.plan.overlap) if spans else self.plan.overlap

    @cached_property
    def _state(self) -> str:
        spans = self._spans
        return spans.state(**self.plan.options) if spans else ""

    def text(self, span: Span) -> str:
        """Return the source for a span: its ends in place of ``{start}`` and ``{stop}``."""
        stop = span.stop
        if self.plan.span is not None and self.plan.span.stop == "now":
            # Services refuse to be asked for the future.
            stop = min(stop, self.moment)
        return _TimeFormatter().format(self.source, start=span.start, stop=stop)

    def open(self, stretch: Span | None, progress: Progress) -> SpanSource | None:
        """Open the source for a stretch of time and the margins on its sides.

        Parameters
        ----------
        stretch
            All of the source when None.

        Returns
        -------
        SpanSource or None
            None for a pipeline that takes its source as a whole.

        Raises
        ------
        UserError
            As the pipeline does, if the source cannot be used.
        """
        spans = self._spans
        if spans is None:
            return None
        wide = stretch.widened(self.margin) if stretch is not None else None
        text = self.source if wide is None else self.text(wide)
        return spans.open(text, span=wide, progress=progress, **self.plan.options)

    def key(self, source: SpanSource | None, chunk: Chunk) -> str | None:
        """Return the key of a chunk; None for a pipeline whose results cannot be known again."""
        spans = self._spans
        if spans is None or source is None:
            return None
        return chunk_key(
            spans,
            source,
            chunk.span,
            name=self.source,
            margin=self.margin,
            state=self._state,
            options=self.plan.options,
        )

    def make(
        self,
        source: SpanSource | None,
        chunk: Chunk,
        key: str,
        progress: Progress,
        staged: StagedFiles | None = None,
    ) -> Part:
        """Find the events of a chunk.

        Parameters
        ----------
        source
            Opened, for a pipeline of spans.
        chunk, key
            Which, and the key of its part.
        progress
            Told how it goes on.
        staged
            Where files that belong to rows are left.

        Raises
        ------
        UserError
            As the pipeline does, or if the rows are no table.
        """
        spans, options = self._spans, self.plan.options
        if spans is None or source is None:
            with folder_for(staged) as folder:
                text = self.text(chunk.span)
                found = self.pipeline.run(text, progress=progress, **{**options, **folder})
            return encode_part(key, _covered(found, chunk.span), found)
        found = spans.run(source, span=chunk.span, progress=progress, **options)
        return encode_part(key, chunk.span, found)

    def lay_out(self, wanted: Wanted, published: Mapping[Span, str], progress: Progress) -> Layout:
        """Cut the time that is to be covered into chunks, and find those that need no work.

        Parameters
        ----------
        wanted
            The time that is looked at again. What the last good run covered besides is taken over.
        published
            Keys, by span, of the chunks of the last good run.
        progress
            Told how the reading goes on.

        Raises
        ------
        RegenerationError
            If there is no time to cover.
        UserError
            As the pipeline does.
        """
        source = None
        full = self._planned()
        if full is None:
            source = self.open(None, progress)
            full = source.extent if source is not None else Span(_EVER, self.moment)
            full = Span(full.start, full.stop)
        if self._spans is None:
            return Layout(_checked(full), (Chunk(1, _checked(full)),), (), None)
        look = _checked(Span(wanted.start or full.start, wanted.stop or full.stop))
        span = look if wanted.is_all else hull([look, *published])
        chunks = cut(span, self.plan.chunk)
        reach = look.widened(self.margin)
        kept = [
            Reused(chunk.number, published[chunk.span])
            for chunk in chunks
            if not wanted.is_all and chunk.span in published and not chunk.span.touches(reach)
        ]
        return Layout(span, chunks, tuple(kept), source)

    def _planned(self) -> Span | None:
        span = self.plan.span
        if span is None:
            return None
        return Span(span.start, self.moment - span.delay if span.stop == "now" else span.stop)


def _covered(found: NativeCatalogue, otherwise: Span) -> Span:
    """Return the time that a pipeline says it has looked at."""
    times = found.provenance.as_dict()
    try:
        span = Span(*(datetime.fromisoformat(times[name]) for name in ("time_min", "time_max")))
    except (KeyError, TypeError, ValueError):
        return otherwise
    return span if span.start < span.stop else otherwise


def _checked(span: Span) -> Span:
    if span.stop <= span.start:
        raise RegenerationError(
            f"there is no time between {span.start} and {span.stop} to make the catalogue of",
            hint="see 'span' in the description, --from and --to",
        )
    return span
