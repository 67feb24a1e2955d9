"""Descriptions read: from ``schema/<name>.yaml``, and as the database keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from epntap.catalogue.checks import check_description
from epntap.catalogue.description import Description
from epntap.catalogue.model import Catalogue
from epntap.epncore.standard import read_standard
from epntap.errors import CatalogueError
from epntap.resources import schema_folder
from epntap.suggestions import suggestion
from epntap.yamlfile import first_fault, read_yaml

#: Files of ``schema/`` that describe something else.
_OTHER_FILES = frozenset({"vocabularies", "provenance"})


def find_catalogue_file(name_or_path: str | Path) -> Path:
    """Return the YAML file that a user means: a path, or the name of a catalogue that is known.

    Raises
    ------
    CatalogueError
        If there is none; the message lists the names that exist.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise CatalogueError(f"{path}: there is no such file")
    found = schema_folder() / f"{name_or_path}.yaml"
    if str(name_or_path) in known_catalogues():
        return found
    raise CatalogueError(
        f"no catalogue {str(name_or_path)!r}{suggestion(str(name_or_path), known_catalogues())}",
        hint=f"give the path of a YAML file, or one of: {', '.join(known_catalogues())}",
    )


def known_catalogues() -> list[str]:
    """Return the names of the catalogues whose descriptions come with the service."""
    files = sorted(schema_folder().glob("*.yaml"))
    return [file.stem for file in files if file.stem not in _OTHER_FILES]


def read_catalogue(name_or_path: str | Path) -> Catalogue:
    """Read and check the description of a catalogue.

    Parameters
    ----------
    name_or_path
        A YAML file, or the name of a catalogue that comes with the service.

    Raises
    ------
    CatalogueError
        With file, line and key of the first fault, and what to do.
    """
    file = read_yaml(find_catalogue_file(name_or_path))
    try:
        description = Description.model_validate(file.content)
    except ValidationError as error:
        raise first_fault(file, error, Description) from error
    catalogue = Catalogue(description, read_standard())
    check_description(file, catalogue)
    return catalogue


def stored_catalogue(description: dict[str, Any]) -> Catalogue:
    """Return the catalogue whose checked description the database keeps."""
    return Catalogue(Description.model_validate(description), read_standard())
