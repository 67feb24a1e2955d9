"""The files of a publication: taken over while its rows are loaded, recorded with its version."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from epntap.catalogue import Catalogue
from epntap.database import Database
from epntap.products.files import Files, FolderFiles, NoFiles
from epntap.products.records import address, note_base, record, relink
from epntap.products.shelf import Limits, Shelf
from epntap.products.store import open_products
from epntap.products.tidying import leaving_nothing

if TYPE_CHECKING:
    from epntap.products.rows import ProductRows


def file_loader(
    database: Database, catalogue: Catalogue, files: Files | Path | None, *, dry_run: bool
) -> FileLoader:
    """Return what loads the files of one publication.

    Parameters
    ----------
    database
        Also knows the settings.
    catalogue
        Whose rows name files, if its description has ``products``.
    files
        Where they come from.
    dry_run
        Look at them and keep none.

    Raises
    ------
    ResultsError
        If the place where they are to be kept cannot be used.
    """
    settings = database.settings
    if catalogue.description.products is None:
        return FileLoader(database, catalogue, None)
    given = FolderFiles(files) if isinstance(files, Path) else files or NoFiles()
    store = None if dry_run else open_products(settings, catalogue.name)
    limits = Limits(file=settings.product_bytes, version=settings.products_bytes)
    return FileLoader(database, catalogue, Shelf(given, store, limits))


class FileLoader:
    """Loads the files of one publication; a block that ends with an error leaves none of them.

    Parameters
    ----------
    database
        Where versions are recorded.
    catalogue
        Whose files they are.
    shelf
        Takes them over; None for a catalogue without files.
    """

    def __init__(self, database: Database, catalogue: Catalogue, shelf: Shelf | None) -> None:
        self._database = database
        self._catalogue = catalogue
        self._shelf = shelf
        self._base_url = ""
        self._failing: AbstractContextManager[None] = nullcontext()

    @property
    def count(self) -> int:
        """Files that were taken over."""
        return 0 if self._shelf is None else len(self._shelf)

    def __enter__(self) -> Self:
        if self._shelf is not None and self._shelf.store is not None:
            self._failing = leaving_nothing(self._database, self._catalogue.name)
        self._failing.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._failing.__exit__(kind, error, trace)

    def begin(self, cursor: Any) -> ProductRows | None:
        """Return what makes rows of files, for a catalogue that the caller has claimed.

        Links of its other versions are made to begin as the new ones will: a service that has moved
        changes no rows.
        """
        products = self._catalogue.description.products
        if products is None or self._shelf is None:
            return None
        from epntap.products.rows import ProductRows

        self._base_url = address(cursor, self._database.settings)
        relink(cursor, self._catalogue.name, self._base_url)
        return ProductRows(self._catalogue, products, self._shelf, self._base_url)

    def record(self, cursor: Any, version: int) -> None:
        """Record the files with their version, in the transaction that makes it visible."""
        if self._shelf is not None:
            record(cursor, self._catalogue.name, version, self._shelf)
            note_base(cursor, self._catalogue.name, version, self._base_url)
