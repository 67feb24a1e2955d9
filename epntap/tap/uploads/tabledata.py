"""Rows of a VOTable's TABLEDATA (VOTable 1.4, section 5.1).

Elements of cells are by far the most of a document, so as little as possible is done for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from epntap.tap.uploads.cells import CellError, CellReader


class TabledataRows:
    """Takes the elements within a TABLEDATA element, gives rows when they end.

    Parameters
    ----------
    readers
        The columns.
    tag
        The name of the TABLEDATA element as the document writes it, perhaps with a prefix.
    emit
        Takes a row, as cells of COPY TEXT.
    leave
        Called with the tag when the TABLEDATA element ends.
    """

    def __init__(
        self,
        readers: Sequence[CellReader],
        tag: str,
        emit: Callable[[list[str]], None],
        leave: Callable[[str], None],
    ) -> None:
        self._readers = tuple(readers)
        self._convert = [reader.from_text for reader in readers]
        prefix = tag.removesuffix("TABLEDATA")
        self._tag = tag
        self._cell = prefix + "TD"
        self._row = prefix + "TR"
        self._emit = emit
        self._leave = leave
        self._cells: list[str] | None = None
        self._text: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element.

        Raises
        ------
        CellError
            If it is a cell with an encoding of its own.
        """
        if tag == self._cell:
            if attributes and "encoding" in attributes:
                raise CellError("a cell has an encoding of its own, which is not read")
            self._text = []
        elif tag == self._row:
            self._cells = []

    def characters(self, text: str) -> None:
        """Take text of a cell; that between cells is of no account."""
        if self._text is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        """End an element.

        Raises
        ------
        CellError
            If a cell is not of its column's type, or a row has too many cells or too few.
        """
        cells = self._cells
        if cells is None:
            if tag == self._tag:
                self._leave(tag)
            return
        if tag == self._cell and self._text is not None:
            number = len(cells)
            try:
                cells.append(self._convert[number]("".join(self._text)))
            except CellError as error:
                raise CellError(
                    f"column {self._readers[number].field.column.name}: {error}"
                ) from None
            except IndexError:
                raise CellError(f"there are more cells than the {number} columns") from None
            self._text = None
        elif tag == self._row:
            if len(cells) != len(self._convert):
                raise CellError(f"there are {len(cells)} cells for {len(self._convert)} columns")
            self._cells = None
            self._emit(cells)
