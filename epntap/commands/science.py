"""Running, training and scoring pipelines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.table import Table

from epntap.catalogue import read_catalogue
from epntap.commands.messages import say
from epntap.commands.publishing import report_publication
from epntap.commands.reports import OUT, rows, steps
from epntap.database import Database
from epntap.errors import UserError
from epntap.plugins import (
    NativeCatalogue,
    Pipeline,
    check_options,
    find_pipeline,
    makes_products,
    products_of,
)
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
    with _room_for_products(pipeline, options, publish=publish) as given:
        with steps() as progress:
            found = pipeline.run(source, progress=progress, **given)
        say(f"{len(found.frame)} rows found in {found.provenance.source}")
        if output is not None:
            found.write(output)
            say(f"Wrote {output}")
            if given is not options:
                say("The files that it names are not kept: --option products=FOLDER does that")
        if publish:
            _publish(pipeline, found, began)
        elif output is None:
            OUT.print(found.frame.to_string(max_cols=12))


@contextmanager
def _room_for_products(
    pipeline: Pipeline, options: dict[str, Any], *, publish: bool
) -> Iterator[dict[str, Any]]:
    """Yield the options with a folder for files that are published and then not needed here.

    Who names a folder keeps the files.
    """
    if not publish or not makes_products(pipeline) or options.get("products") is not None:
        yield options
        return
    with TemporaryDirectory(prefix="epntap-products-") as folder:
        yield {**options, "products": folder}


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
            files=products_of(found),
            provenance=provenance,
            run=run,
            progress=progress,
        )
    report_publication(publication)


def train_pipeline(
    name: str,
    inputs: list[str],
    labels: list[Path],
    output: Path | None,
    *,
    data: str | None,
    seed: int,
    options: dict[str, Any],
) -> None:
    """Train, and print the figures of the training.

    Raises
    ------
    UserError
        If it is not said what to train on, or a pipeline takes no folders of data and labels.
    """
    pipeline = find_pipeline(name)
    given = options if data is None else {**options, "data": data}
    check_options(name, pipeline.train, given)
    if data is None and not inputs:
        raise UserError(
            "nothing to train on",
            hint="--input DATA --labels LABELS, or --data FOLDER where the pipeline takes it",
        )
    if len(inputs) != len(labels):
        raise UserError(
            f"{len(inputs)} inputs and {len(labels)} labels were given", hint="one per input"
        )
    folder = Path(f"{name}_weights") if output is None else output
    with steps() as progress:
        figures = pipeline.train(inputs, labels, folder, seed=seed, progress=progress, **given)
    OUT.print_json(json.dumps(figures, default=str))
    say(f"Wrote {folder}")


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
