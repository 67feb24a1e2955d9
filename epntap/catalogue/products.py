"""The section ``products`` of a catalogue's description."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

#: Columns of EPNcore that tell of a file, filled by publishing.
FILE_COLUMNS = (
    "access_url",
    "access_format",
    "access_estsize",
    "access_md5",
    "file_name",
    "internal_reference",
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProductGranule(_Model):
    """Files of one kind, each of which gets a row of its own.

    Attributes
    ----------
    file
        Native column with the file's name; rows where it is empty have no such file.
    dataproduct_type
        Of the file's row, e.g. ``pr`` or ``sv#ci``.
    granule_gid
        Group of such rows; ``<catalogue>_<kind>`` if not given.
    format
        Media type; by the ending of the file's name if not given.
    values
        Constants that the file's row has in place of what the object's row has.
    columns
        The catalogue's own columns that are repeated; the others are empty in the file's row.
    """

    file: str
    dataproduct_type: str
    granule_gid: str | None = None
    format: str | None = None
    values: dict[str, str | int | float] = {}
    columns: list[str] = []


class Products(_Model):
    """Which files belong to rows.

    Attributes
    ----------
    thumbnail
        Native column with the name of a small picture.
    granules
        Kinds of files by name; the granule_uid of a file's row is that of its object's row, with
        ``_`` and the kind.
    """

    thumbnail: str | None = None
    granules: dict[str, ProductGranule] = Field(default={})

    @property
    def columns(self) -> frozenset[str]:
        """Columns of EPNcore that the table has for their sake."""
        names: set[str] = set()
        if self.thumbnail is not None:
            names.add("thumbnail_url")
        for granule in self.granules.values():
            names.update(FILE_COLUMNS, granule.values)
        return frozenset(names)
