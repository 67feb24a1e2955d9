"""What a description has to be like beyond its form: names, terms, mapping, and the rest."""

from __future__ import annotations

import re

from epntap.adql.words import RESERVED_WORDS
from epntap.catalogue.index_checks import check_indexes
from epntap.catalogue.model import Catalogue
from epntap.catalogue.product_checks import check_products
from epntap.suggestions import suggestion
from epntap.yamlfile import YamlFile

#: Schemas that are not catalogues.
_TAKEN_SCHEMAS = frozenset(
    {"tap_schema", "tap_upload", "epntap", "udf", "public", "ivoa", "provenance"}
)

_NAME = re.compile(r"[a-z][a-z0-9_]*")

#: PostgreSQL cuts longer identifiers off; room is left for the suffix of a version.
_LONGEST_NAME = 48


def check_description(file: YamlFile, catalogue: Catalogue) -> None:
    """Check a description against the standard and the rules of names.

    Raises
    ------
    CatalogueError
        With file, line and key of the first fault, and what to do.
    """
    _check_names(file, catalogue)
    _check_terms(file, catalogue)
    _check_mapping(file, catalogue)
    check_indexes(file, catalogue)
    check_products(file, catalogue)


def _check_identifier(file: YamlFile, key: tuple[str | int, ...], name: str, what: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise file.error(
            key,
            f"{name!r} cannot be {what}: lower-case letters, digits and _, a letter first, "
            f"at most {_LONGEST_NAME} characters",
        )
    if name.upper() in RESERVED_WORDS:
        raise file.error(
            key, f"{name!r} is a reserved word of ADQL and cannot be {what}; use {name + '_'!r}"
        )


def _check_names(file: YamlFile, catalogue: Catalogue) -> None:
    description, standard = catalogue.description, catalogue.standard
    _check_identifier(file, ("name",), description.name, "the name of a catalogue")
    if description.name in _TAKEN_SCHEMAS or description.name.startswith("pg_"):
        raise file.error(("name",), f"{description.name!r} is a schema of the service itself")
    seen: set[str] = set()
    for i, column in enumerate(description.columns):
        key = ("columns", i, "name")
        _check_identifier(file, key, column.name, "the name of a column")
        if column.name in standard.columns:
            raise file.error(
                key,
                f"{column.name!r} is a column of EPNcore and cannot be defined anew; "
                "give its source under 'mapping'",
            )
        if column.name in {added.column.name for added in standard.added}:
            raise file.error(
                key, f"{column.name!r} is a column that the service adds to every catalogue itself"
            )
        if column.name == "accref":
            raise file.error(key, "'accref' is reserved and is never published")
        if column.name in seen:
            raise file.error(key, f"a column {column.name!r} is defined twice")
        seen.add(column.name)


def _check_terms(file: YamlFile, catalogue: Catalogue) -> None:
    description, words = catalogue.description, catalogue.standard.vocabularies
    for key, value, vocabulary in (
        (("spatial_frame_type",), description.spatial_frame_type, "spatial_frame_type"),
        (("particle_spectral_type",), description.particle_spectral_type, "particle_spectral_type"),
        (("coordinate_system",), description.coordinate_system, "refframe"),
        (("time", "scale"), description.time.scale, "timescale"),
    ):
        if value is not None and value not in words[vocabulary]:
            raise file.error(
                key,
                f"{value!r} is not one of {', '.join(sorted(words[vocabulary]))}"
                + suggestion(value, words[vocabulary]),
            )
    roots = words["subject_roots"]
    if not roots.intersection(description.subjects):
        raise file.error(
            ("subjects",), f"one of them has to be one of {', '.join(sorted(roots))} (EPN-TAP 2.0)"
        )
    for i, subject in enumerate(description.subjects):
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", subject):
            raise file.error(
                ("subjects", i),
                f"{subject!r} is not an identifier of the Unified Astronomy Thesaurus, "
                "e.g. 'solar-physics'",
            )


def _check_mapping(file: YamlFile, catalogue: Catalogue) -> None:
    standard, description = catalogue.standard, catalogue.description
    for name, mapping in description.mapping.items():
        if name not in standard.columns:
            raise file.error(
                ("mapping", name),
                f"{name!r} is not a column of EPNcore{suggestion(name, standard.columns)}; "
                "a column of your own goes under 'columns'",
            )
        if mapping.time is not None and catalogue.column(name).unit != "d":
            raise file.error(
                ("mapping", name, "time"), f"{name} is not a Julian Date; leave 'time' out"
            )
    for i, own in enumerate(description.columns):
        if own.from_ is not None and own.from_.time is not None and own.unit != "d":
            raise file.error(
                ("columns", i, "from", "time"),
                f"{own.name} is not a Julian Date; give it 'unit: d', or leave 'time' out",
            )
    if "granule_uid" not in description.mapping:
        raise file.error(
            ("mapping",), "granule_uid is missing: name the native column that identifies a row"
        )
    if "target_class" not in description.mapping:
        raise file.error(
            ("mapping",), "target_class is missing, e.g. 'target_class: {constant: planet}'"
        )
    for column, mapping in catalogue.mapping.items():
        if mapping.unit is not None:
            _check_convertible(file, catalogue, column, mapping.unit)


def _check_convertible(file: YamlFile, catalogue: Catalogue, column: str, native: str) -> None:
    from astropy import units  # slow to import

    wanted = catalogue.column(column).unit or ""
    source, target = units.Unit(native, format="vounit"), units.Unit(wanted, format="vounit")
    if not source.is_equivalent(target, equivalencies=units.spectral()):
        raise file.error(
            ("mapping", column, "unit"),
            f"{native!r} cannot be converted to {wanted or 'a dimensionless number'!r}, "
            f"the unit of {column}",
        )
