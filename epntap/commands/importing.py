"""Importing descriptions that other software has, from the terminal."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from epntap.catalogue import read_catalogue
from epntap.commands.messages import say
from epntap.errors import UserError
from epntap.importing import catalogue_yaml, translate_descriptor


def import_descriptor(descriptor: Path, output: Path | None) -> None:
    """Translate a DaCHS resource descriptor, check the result and write it.

    Parameters
    ----------
    output
        The YAML file to write; without it the result goes to standard output.

    Raises
    ------
    UserError
        If the descriptor cannot be read, the result is no valid description, or the file exists.
    """
    if output is not None and output.exists():
        raise UserError(f"{output} exists already", hint="give another name or remove it")
    if output is not None and output.suffix not in (".yaml", ".yml"):
        raise UserError(f"{output} is not the name of a YAML file", hint="e.g. craters.yaml")
    translation = translate_descriptor(descriptor)
    text = catalogue_yaml(translation, descriptor.name)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / f"{translation.description['name']}.yaml"
        trial.write_text(text, encoding="utf-8")
        catalogue = read_catalogue(trial)
    for line in translation.sources:
        say(f"source, {line}")
    for note in translation.notes:
        say(f"look at {note}")
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror}") from error
    say(
        f"Wrote {output}: {catalogue.name}.epn_core with {len(catalogue.columns)} columns, "
        f"{len(translation.notes)} things to look at"
    )
