"""Working together with people who label: proposals go out, labels come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epntap.commands.messages import say
from epntap.commands.reports import OUT, steps
from epntap.errors import UserError
from epntap.plugins import LabellingPipeline, check_options, find_pipeline, takes_labels


def propose_or_take(
    name: str,
    source: str,
    store: Path,
    *,
    count: int,
    output: Path | None,
    form: Path | None,
    options: dict[str, Any],
) -> None:
    """Take the labels of a form if there is one; else, or if a file is to be written, propose.

    Raises
    ------
    UserError
        If the pipeline does not propose anything, or source, store or form cannot be used.
    """
    pipeline = find_pipeline(name)
    if not takes_labels(pipeline):
        raise UserError(
            f"pipeline {name} does not propose what to label",
            hint="mercury_boundaries does; see pipelines/labelling.py for how",
        )
    check_options(name, pipeline.propose, options, ours=frozenset({"progress", "count"}))
    if form is not None:
        _take(pipeline, source, form, store)
    if form is None or output is not None:
        _propose(pipeline, source, store, count, output, options)


def _take(pipeline: LabellingPipeline, source: str, form: Path, store: Path) -> None:
    with steps() as progress:
        taken = pipeline.take_labels(source, form, store, progress=progress)
    say(f"{len(taken.stored)} labelled and kept in {store}: {', '.join(taken.stored)}")
    if taken.waiting:
        say(f"{len(taken.waiting)} without labels: {', '.join(taken.waiting)}")
    say(f"To train with them: {taken.usage}")


def _propose(
    pipeline: LabellingPipeline,
    source: str,
    store: Path,
    count: int,
    output: Path | None,
    options: dict[str, Any],
) -> None:
    with steps() as progress:
        proposals = pipeline.propose(source, store, count=count, progress=progress, **options)
    for reason in proposals.reasons:
        OUT.print(reason, markup=False)
    if output is None:
        return
    try:
        proposals.form.to_csv(output, index=False)
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error}") from error
    say(f"Wrote {output}: fill it in, and give it back with --labels {output}")
