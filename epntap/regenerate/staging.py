"""Files of a run on their way from the worker that made them to the one that publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from epntap.catalogue import Catalogue
from epntap.database import Database
from epntap.plugins import Pipeline, makes_products, takes_spans
from epntap.products.files import StagedFiles
from epntap.products.store import open_products
from epntap.regenerate.errors import RegenerationError
from epntap.regenerate.storage import Regeneration


def check_products(catalogue: Catalogue, pipeline: Pipeline) -> None:
    """See that a pipeline can make the files that a catalogue has.

    Raises
    ------
    RegenerationError
        If it works span by span: the parts of a run are kept and used again as rows, without files.
    """
    if catalogue.description.products is not None and takes_spans(pipeline):
        raise RegenerationError(
            f"{catalogue.name} has 'products', and pipeline {pipeline.name} works span by span,"
            " whose parts carry no files",
            hint=f"publish with 'epntap run {pipeline.name} --publish', or leave 'products' out",
        )


def staged_files(database: Database, run: Regeneration, pipeline: Pipeline) -> StagedFiles | None:
    """Return where a run leaves its files; None if it makes none.

    Raises
    ------
    RegenerationError
        If the pipeline cannot make them.
    """
    check_products(run.catalogue, pipeline)
    if not makes_products(pipeline):
        return None
    return files_of(database, run)


def files_of(database: Database, run: Regeneration) -> StagedFiles | None:
    """Return where the files of a run are; None if its catalogue has none."""
    name = run.catalogue.name
    if run.catalogue.description.products is None:
        return None
    return StagedFiles(open_products(database.settings, name), run.run_id)


@contextmanager
def folder_for(staged: StagedFiles | None) -> Iterator[dict[str, str]]:
    """Yield the option that gives a pipeline its folder; in the end what is in it is kept.

    Raises
    ------
    PublishError
        If a file in it cannot be published.
    ResultsError
        If the store cannot be written to.
    """
    if staged is None:
        yield {}
        return
    with TemporaryDirectory(prefix="epntap-products-") as folder:
        yield {"products": folder}
        staged.take(Path(folder))
