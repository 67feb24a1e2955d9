"""Where the files of ``schema/`` and ``sql/`` are, installed or in a source tree."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def schema_folder() -> Path:
    """Return the folder of the standard's tables and the catalogues that come with the service."""
    return _folder("schema")


def sql_folder() -> Path:
    """Return the folder of migrations, roles and user-defined functions."""
    return _folder("sql")


def provenance_file() -> Path:
    """Return the file that describes the schema ``provenance``."""
    return schema_folder() / "provenance.yaml"
