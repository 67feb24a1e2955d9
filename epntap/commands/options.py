"""Arguments that several commands share, and what NAME=VALUE means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from epntap.errors import UserError

PipelineName = Annotated[str, typer.Argument(help="Name of the pipeline.")]
Input = Annotated[str, typer.Option("--input", "-i", help="File or source, see the pipeline.")]
Spacecraft = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Who measured, when the file's name does not tell."),
]
Options = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--option", help="Further NAME=VALUE for the pipeline, repeatable."),
]
CatalogueOutput = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--output", "-o", help=".csv, .ecsv, .vot or .parquet file to write."),
]
TrainingInputs = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--input", "-i", help="Training data, repeatable."),
]
TrainingLabels = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--labels", "-l", help="Labels, one per input."),
]
TrainingData = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--data", help="Folder of data with their labels, for pipelines that take one."),
]
WeightsOutput = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--output", "-o", help="Folder for the weights; default: PIPELINE_weights."),
]
FormOutput = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--output", "-o", help="CSV file to write: a form to fill in."),
]
FilledForm = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--labels", "-l", help="A form that was filled in, to take the labels from."),
]
LabelStore = Annotated[Path, typer.Option(help="Folder in which labels are kept.")]


def read(given: list[str] | None, spacecraft: str | None = None) -> dict[str, Any]:
    """Return the options that were given, with values as YAML understands them.

    Raises
    ------
    UserError
        If one is not of the form NAME=VALUE.
    """
    import yaml

    options: dict[str, Any] = {} if spacecraft is None else {"spacecraft": spacecraft}
    for item in given or []:
        name, separator, value = item.partition("=")
        if not separator or not name:
            raise UserError(f"--option {item!r} is not of the form NAME=VALUE")
        options[name.replace("-", "_")] = yaml.safe_load(value)
    return options
