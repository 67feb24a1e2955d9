"""What the section ``products`` has to be like beyond its form."""

from __future__ import annotations

import re

from epntap.catalogue.model import Catalogue
from epntap.catalogue.products import FILE_COLUMNS, ProductGranule
from epntap.products.names import media_type_fault
from epntap.suggestions import suggestion
from epntap.yamlfile import YamlFile

#: Columns that set a file's row apart, filled by publishing, too.
_OWN_COLUMNS = frozenset({"granule_uid", "granule_gid", "obs_id", "dataproduct_type"})

_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")

_VERSION_COLUMNS = frozenset(
    {"service_title", "creation_date", "modification_date", "release_date", "spatial_frame_type"}
)


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
