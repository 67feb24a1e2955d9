"""A catalogue's description: ``schema/<name>.yaml`` read, checked and understood."""

from epntap.catalogue.description import (
    Description,
    ExampleQuery,
    ExtraColumn,
    Mapping,
    Person,
    Reference,
)
from epntap.catalogue.model import Catalogue
from epntap.catalogue.reading import (
    find_catalogue_file,
    known_catalogues,
    read_catalogue,
    stored_catalogue,
)
from epntap.catalogue.units import check_unit
from epntap.errors import CatalogueError

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Description",
    "ExampleQuery",
    "ExtraColumn",
    "Mapping",
    "Person",
    "Reference",
    "check_unit",
    "find_catalogue_file",
    "known_catalogues",
    "read_catalogue",
    "stored_catalogue",
]
