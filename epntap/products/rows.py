"""Rows for files: what the row of the object says, with where the file is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epntap.catalogue import Catalogue
from epntap.catalogue.products import ProductGranule, Products
from epntap.epncore.rows import arrow_type
from epntap.errors import PublishError
from epntap.products.shelf import Shelf, Shelved
from epntap.publish.cells import cells_by_name, read_texts
from epntap.suggestions import suggestion

#: What portals and browsers show (EPN-TAP 2.0, thumbnail_url).
_PICTURES = ("image/png", "image/jpeg")

#: Decimal, as in EPN-TAP and VOUnits.
_KILOBYTE = 1000

#: What cannot stand in a list of granules: its separator, quotes, spaces at the ends.
_UNLISTABLE = r"""[#'"]|^\s|\s$"""


class ProductRows:
    """Adds what a catalogue's files make of its rows.

    Parameters
    ----------
    catalogue
        Whose description has ``products``.
    products
        That section.
    shelf
        Takes the files over.
    base_url
        Of the service.
    """

    def __init__(
        self, catalogue: Catalogue, products: Products, shelf: Shelf, base_url: str
    ) -> None:
        self._catalogue = catalogue
        self._products = products
        self._shelf = shelf
        self._base_url = base_url
        self._kinds = {column.name: arrow_type(column) for column in catalogue.columns}
        self._own = {column.name for column in catalogue.description.columns}

    @property
    def kinds(self) -> Sequence[str]:
        """Kinds of files that have rows of their own."""
        return tuple(self._products.granules)

    def with_thumbnails(self, rows: Any, native: Any, places: np.ndarray, first_row: int) -> Any:
        """Return rows with links to their thumbnails.

        Parameters
        ----------
        rows
            Record batch of the catalogue's columns.
        native
            The chunk of native rows that they come from.
        places
            Index of each row in it, shape ``(rows.num_rows,)``.
        first_row
            Number of the chunk's first row in the source.

        Raises
        ------
        PublishError
            If the native column is not there, or a file cannot be published.
        """
        column = self._products.thumbnail
        if column is None:
            return rows
        names = _texts(native, column, "products.thumbnail").take(pa.array(places)).to_pylist()
        taken = [
            self._thumbnail(name, f"row {first_row + place}, column {column}") if name else None
            for name, place in zip(names, places.tolist(), strict=True)
        ]
        return _replaced(rows, {"thumbnail_url": self._links(taken)})

    def of(
        self, kind: str, rows: Any, native: Any, places: np.ndarray, first_row: int
    ) -> tuple[Any, np.ndarray]:
        """Return the rows of the files of one kind, and the number of each object's row.

        Parameters
        ----------
        kind
            One of `kinds`.
        rows
            Those of the objects, as `with_thumbnails` returns them.
        native, places, first_row
            As for `with_thumbnails`.

        Raises
        ------
        PublishError
            As `with_thumbnails` does.
        """
        granule = self._products.granules[kind]
        names = _texts(native, granule.file, f"products.granules.{kind}.file")
        chosen = names.take(pa.array(places))
        there = pc.greater(pc.binary_length(chosen), 0).fill_null(False)
        numbers = first_row + places[there.to_numpy(zero_copy_only=False)]
        taken = [
            self._take(name, f"row {number}, column {granule.file}", granule.format)
            for name, number in zip(chosen.filter(there).to_pylist(), numbers, strict=True)
        ]
        return self._rows(kind, granule, rows.filter(there), taken), numbers

    def _rows(self, kind: str, granule: ProductGranule, rows: Any, taken: list[Shelved]) -> Any:
        size, text = rows.num_rows, pa.large_string()
        uids = rows.column("granule_uid")
        group = granule.granule_gid or f"{self._catalogue.name}_{kind}"
        unlistable = pc.match_substring_regex(uids, _UNLISTABLE)
        cells = {
            "granule_uid": pc.binary_join_element_wise(
                uids, pa.scalar(kind, text), pa.scalar("_", text)
            ),
            "granule_gid": pa.repeat(pa.scalar(group, text), size),
            "dataproduct_type": pa.repeat(pa.scalar(granule.dataproduct_type, text), size),
            "internal_reference": pc.if_else(unlistable, pa.scalar(None, text), uids),
            "access_url": self._links(taken),
            "access_format": pa.array([each.file.mime for each in taken], text),
            "access_estsize": pa.array(
                [-(-each.file.size // _KILOBYTE) for each in taken], pa.int64()
            ),
            "access_md5": pa.array([each.md5 for each in taken], text),
            "file_name": pa.array([each.file.name for each in taken], text),
        }
        for name, value in granule.values.items():
            cells[name] = pa.repeat(pa.scalar(value, self._kinds[name]), size)
        for name in self._own.difference(granule.columns):
            cells[name] = pa.nulls(size, self._kinds[name])
        return _replaced(rows, cells)

    def _thumbnail(self, name: str, where: str) -> Shelved:
        taken = self._take(name, where, None)
        if taken.file.mime not in _PICTURES:
            raise PublishError(f"{where}: {name} cannot be a thumbnail", hint="use .png or .jpg")
        return taken

    def _take(self, name: str, where: str, mime: str | None) -> Shelved:
        try:
            return self._shelf.take(name, mime)
        except PublishError as error:
            raise PublishError(f"{where}: {error.message}", hint=error.hint) from error

    def _links(self, taken: Sequence[Shelved | None]) -> Any:
        base, name = self._base_url, self._catalogue.name
        return pa.array(
            [each.file.url(base, name) if each else None for each in taken], pa.large_string()
        )


def _texts(native: Any, column: str, key: str) -> Any:
    """Return the names in a native column, missing ones as null."""
    cells = cells_by_name(native)
    if column not in cells:
        raise PublishError(
            f"{key}: the source has no column {column!r}{suggestion(column, list(cells))}",
            hint="add it, empty where there is no file",
        )
    return read_texts(cells[column])


def _replaced(rows: Any, cells: dict[str, Any]) -> Any:
    """Return a record batch with other cells in some of its columns."""
    names = rows.schema.names
    return pa.record_batch([cells.get(name, rows.column(name)) for name in names], names=names)
