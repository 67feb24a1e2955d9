"""Running, training and scoring pipelines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from epntap.catalogue import read_catalogue
from epntap.commands.messages import say
from epntap.commands.publishing import report_publication
from epntap.commands.reports import OUT, rows, steps
from epntap.database import Database
from epntap.plugins import NativeCatalogue, Pipeline, check_options, find_pipeline
from epntap.provenance import run_of_provenance
from epntap.publish import DataFrameSource, attempt, publish
from epntap.settings import read_settings


def native_source(pipeline: Pipeline, found: NativeCatalogue) -> DataFrameSource:
    """Return the result of a run as something to publish."""
    return DataFrameSource(
        found.frame, f"{pipeline.name} {pipeline.version}: {found.provenance.source}", found.units
    )


def run_pipeline(
    name: str, source: str, *, output: Path | None, publish: bool, options: dict[str, Any]
) -> None:
    """Detect, and write or publish what is found."""
    pipeline = find_pipeline(name)
    check_options(name, pipeline.run, options)
    began = datetime.now(UTC)
    with steps() as progress:
        found = pipeline.run(source, progress=progress, **options)
    say(f"{len(found.frame)} rows found in {found.provenance.source}")
    if output is not None:
        found.write(output)
        say(f"Wrote {output}")
    if publish:
        _publish(pipeline, found, began)
    elif output is None:
        OUT.print(found.frame.to_string(max_cols=12))


def _publish(pipeline: Pipeline, found: NativeCatalogue, began: datetime) -> None:
    catalogue = read_catalogue(pipeline.name)
    provenance = found.provenance.as_dict()
    run = run_of_provenance(catalogue.name, "publication", provenance, started=began)
    with (
        Database.open(read_settings()) as database,
        attempt(database, run),
        rows("Publishing") as progress,
    ):
        publication = publish(
            database,
            catalogue,
            native_source(pipeline, found),
            provenance=provenance,
            run=run,
            progress=progress,
        )
    report_publication(publication)


def train_pipeline(
    name: str,
    inputs: list[str],
    labels: list[Path],
    output: Path,
    *,
    seed: int,
    options: dict[str, Any],
) -> None:
    """Train, and print the figures of the training."""
    pipeline = find_pipeline(name)
    check_options(name, pipeline.train, options)
    with steps() as progress:
        figures = pipeline.train(inputs, labels, output, seed=seed, progress=progress, **options)
    OUT.print_json(json.dumps(figures, default=str))
    say(f"Wrote {output}")


def evaluate_pipeline(
    name: str, source: str, labels: Path, *, as_json: bool, options: dict[str, Any]
) -> None:
    """Score, and print the scores."""
    pipeline = find_pipeline(name)
    check_options(name, pipeline.evaluate, options)
    with steps() as progress:
        scores = pipeline.evaluate(source, labels, progress=progress, **options)
    if as_json:
        print(json.dumps(scores, indent=2, default=str))
        return
    table = Table("score", "value")
    for key, value in scores.items():
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        table.add_row(key, shown)
    OUT.print(table)
