"""The section ``products`` of a catalogue's description."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from epntap.products.names import media_type_fault
from epntap.suggestions import suggestion

if TYPE_CHECKING:
    from epntap.catalogue import Catalogue
    from epntap.yamlfile import YamlFile

#: Columns of EPNcore that tell of a file, filled by publishing.
FILE_COLUMNS = (
    "access_url",
    "access_format",
    "access_estsize",
    "access_md5",
    "file_name",
    "internal_reference",
)

#: Columns that set a file's row apart, filled by publishing, too.
_OWN_COLUMNS = frozenset({"granule_uid", "granule_gid", "obs_id", "dataproduct_type"})

_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")

_VERSION_COLUMNS = frozenset(
    {"service_title", "creation_date", "modification_date", "release_date", "spatial_frame_type"}
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


def check_products(file: YamlFile, catalogue: Catalogue) -> None:
    """Check the section against the standard.

    Raises
    ------
    CatalogueError
        With file, line and key of the first fault, and what to do.
    """
    products = catalogue.description.products
    if products is None:
        return
    if products.thumbnail is None and not products.granules:
        raise file.error(("products",), "nothing stands there: give 'thumbnail' or 'granules'")
    for column in sorted(products.columns & set(catalogue.description.mapping)):
        if column not in {name for each in products.granules.values() for name in each.values}:
            raise file.error(
                ("mapping", column), f"{column} is filled with what 'products' says; leave it out"
            )
    for kind, granule in products.granules.items():
        _check_granule(file, catalogue, kind, granule)


def _check_granule(
    file: YamlFile, catalogue: Catalogue, kind: str, granule: ProductGranule
) -> None:
    standard, key = catalogue.standard, ("products", "granules", kind)
    if not _KIND.fullmatch(kind):
        raise file.error(
            key,
            f"{kind!r} cannot name a kind of files: lower-case letters, digits and _, a letter"
            " first, at most 32 characters",
        )
    types = standard.vocabularies["dataproduct_type"]
    for item in granule.dataproduct_type.split("#"):
        if item not in types:
            raise file.error(
                (*key, "dataproduct_type"), f"{item!r} is not one of {', '.join(sorted(types))}"
            )
    if granule.format is not None and (fault := media_type_fault(granule.format)):
        raise file.error((*key, "format"), fault)
    own = [column.name for column in catalogue.description.columns]
    for i, name in enumerate(granule.columns):
        if name not in own:
            raise file.error(
                (*key, "columns", i), f"there is no own column {name!r}{suggestion(name, own)}"
            )
    for name, value in granule.values.items():
        _check_value(file, catalogue, (*key, "values", name), name, value)


def _check_value(
    file: YamlFile,
    catalogue: Catalogue,
    key: tuple[str | int, ...],
    name: str,
    value: str | int | float,
) -> None:
    if name not in catalogue.standard.columns:
        raise file.error(
            key,
            f"{name!r} is not a column of EPNcore{suggestion(name, catalogue.standard.columns)}",
        )
    if name in _OWN_COLUMNS or name in FILE_COLUMNS or name == "thumbnail_url":
        raise file.error(key, f"{name} is filled with what 'products' says; leave it out")
    if name in _VERSION_COLUMNS:
        raise file.error(key, f"{name} is the same in all rows of an object; leave it out")
    is_text = catalogue.column(name).datatype in ("char", "unicodeChar")
    if is_text != isinstance(value, str):
        raise file.error(key, f"{value!r} is not {'a text' if is_text else 'a number'}")
