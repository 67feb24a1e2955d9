"""A catalogue's description: ``schema/<name>.yaml`` read, checked and understood."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from epntap.catalogue_checks import check_description
from epntap.catalogue_indexes import Index, Indexes, Target, planned
from epntap.epncore.standard import TABLE_UTYPE, Standard, read_standard
from epntap.epncore.ucds import is_ucd
from epntap.errors import CatalogueError
from epntap.products.description import Products, check_products
from epntap.regenerate.plan import RegenerationPlan
from epntap.resources import schema_folder
from epntap.suggestions import suggestion
from epntap.tables import TEXT_DATATYPES, Column, CoordinateSystem, TimeSystem
from epntap.yamlfile import first_fault, read_yaml

#: Files of ``schema/`` that describe something else.
_OTHER_FILES = frozenset({"vocabularies", "provenance"})


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_person(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Person(_Model):
    """Somebody who made or looks after the catalogue."""

    name: str
    affiliation: str | None = None
    email: str | None = None
    orcid: str | None = None


class Reference(_Model):
    """A publication or page that the catalogue rests on."""

    title: str
    doi: str | None = None
    bibcode: str | None = None
    url: str | None = None


class TimeFrame(_Model):
    """What ``time_min`` and ``time_max`` refer to."""

    scale: str = "UTC"
    refposition: str = "UNKNOWN"


class ExampleQuery(_Model):
    """A query that shows what can be asked."""

    name: str
    query: str
    description: str | None = None


class Mapping(_Model):
    """Where the values of one column come from.

    Exactly one of `column`, `constant` and `template` is given.

    Attributes
    ----------
    column
        Name of a native column.
    constant
        A value for every row.
    template
        A text with ``{native_column}`` in it, for joined names and links.
    unit
        Unit of the native column; values are converted to the unit of the target.
    time
        How a native time is written, where the target is a Julian Date: ``iso`` (also native
        datetimes), ``jd``, ``mjd`` or ``unix``. Without it, texts are ISO and numbers are JD.
    scale, offset
        ``value * scale + offset``, after the conversion of units.
    modulo
        The value is taken modulo this, e.g. 360 for longitudes of -180..180.
    values
        Replacements of single values.
    """

    column: str | None = None
    constant: str | int | float | None = None
    template: str | None = None
    unit: str | None = None
    time: Literal["iso", "jd", "mjd", "unix"] | None = None
    scale: float = 1.0
    offset: float = 0.0
    modulo: float | None = Field(default=None, gt=0)
    values: dict[str, str | int | float | None] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Mapping:
        given = [key for key in ("column", "constant", "template") if key in self.model_fields_set]
        if len(given) != 1:
            raise ValueError("give exactly one of 'column', 'constant' and 'template'")
        if self.unit is not None:
            check_unit(self.unit)
        return self


def _as_mapping(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


_MappingField = Annotated[Mapping, BeforeValidator(_as_mapping)]


class ExtraColumn(_Model):
    """A column of the catalogue's own."""

    name: str
    datatype: Literal["short", "int", "long", "float", "double", "char", "unicodeChar", "timestamp"]
    description: str
    unit: str | None = None
    ucd: str | None = None
    from_: _MappingField | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _check(self) -> ExtraColumn:
        if self.unit is not None:
            check_unit(self.unit)
        if self.ucd is not None and not is_ucd(self.ucd):
            raise ValueError(f"{self.ucd!r} is not a valid UCD (UCD1+, see astropy's word list)")
        return self


class Description(_Model):
    """The content of a catalogue's YAML file."""

    name: str
    title: str
    description: str
    spatial_frame_type: str
    creators: list[Annotated[Person, BeforeValidator(_as_person)]] = Field(min_length=1)
    publisher: str
    contact: Annotated[Person, BeforeValidator(_as_person)]
    rights: str
    subjects: list[str] = Field(min_length=1)
    rights_url: str | None = None
    reference_url: str | None = None
    references: list[Reference] = []
    facilities: list[str] = []
    instruments: list[str] = []
    coordinate_system: str | None = None
    region: Literal["adql:REGION", "point", "circle", "polygon"] = "adql:REGION"
    particle_spectral_type: str | None = None
    time: TimeFrame = TimeFrame()
    examples: list[ExampleQuery] = []
    mapping: dict[str, _MappingField]
    columns: list[ExtraColumn] = []
    indexes: Indexes = []
    statistics: dict[str, Target] = {}
    regenerate: RegenerationPlan | None = None
    products: Products | None = None


class Catalogue:
    """A checked description, with what follows from it.

    Parameters
    ----------
    description
        The content of the file.
    standard
        EPNcore.
    """

    def __init__(self, description: Description, standard: Standard) -> None:
        self.description = description
        self.standard = standard

    @property
    def name(self) -> str:
        """Schema name, service title and name of the catalogue: they are one."""
        return self.description.name

    @property
    def frame(self) -> str:
        """The ``spatial_frame_type`` of every row."""
        return self.description.spatial_frame_type

    @property
    def utype(self) -> str:
        """Utype of the table, by which EPN-TAP services are found."""
        return TABLE_UTYPE

    @cached_property
    def mapping(self) -> dict[str, Mapping]:
        """Sources of the columns, with each upper bound that is not mapped taken from the lower."""
        mapping = dict(self.description.mapping)
        for low, high in self.standard.pairs:
            if low in mapping and high not in mapping:
                mapping[high] = mapping[low]
            elif high in mapping and low not in mapping:
                mapping[low] = mapping[high]
        for extra in self.description.columns:
            mapping[extra.name] = extra.from_ or Mapping(column=extra.name)
        return mapping

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the table: of the standard, of the service, of the catalogue's own.

        Of the standard are the mandatory ones, and of the optional ones those that are mapped or
        tell of files.
        """
        description = self.description
        time = TimeSystem(description.time.scale, description.time.refposition)
        coordinates = (
            CoordinateSystem(description.coordinate_system)
            if description.coordinate_system
            else None
        )
        of_files = description.products.columns if description.products else frozenset()
        columns = [
            self.standard.column(
                name,
                frame=self.frame,
                particle=description.particle_spectral_type,
                region_xtype=description.region,
                time_system=time,
                coordinate_system=coordinates,
            )
            for name, standard in self.standard.columns.items()
            if standard.requirement != "no" or name in self.mapping or name in of_files
        ]
        columns.extend(added.column for added in self.standard.added)
        columns.extend(_own_column(extra) for extra in description.columns)
        return tuple(columns)

    @cached_property
    def indexes(self) -> tuple[Index, ...]:
        """Indexes of the table besides the primary key, as far as the columns have values."""
        return planned(self)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def _own_column(extra: ExtraColumn) -> Column:
    is_time = extra.datatype == "timestamp"
    is_text = is_time or extra.datatype in TEXT_DATATYPES
    return Column(
        name=extra.name,
        datatype="char" if is_time else extra.datatype,
        arraysize="*" if is_text else None,
        xtype="timestamp" if is_time else None,
        unit=extra.unit,
        ucd=extra.ucd,
        description=" ".join(extra.description.split()),
        principal=True,
    )


def check_unit(text: str) -> None:
    """Check a VOUnit string.

    Raises
    ------
    ValueError
        If it is not one.
    """
    from astropy import units  # slow to import

    try:
        units.Unit(text, format="vounit", parse_strict="raise")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{text!r} is not a unit as VOUnits writes them: {error}") from error


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
    check_products(file, catalogue)
    return catalogue


def stored_catalogue(description: dict[str, Any]) -> Catalogue:
    """Return the catalogue whose checked description the database keeps."""
    return Catalogue(Description.model_validate(description), read_standard())


__all__ = [
    "Catalogue",
    "CatalogueError",
    "Description",
    "ExampleQuery",
    "ExtraColumn",
    "Mapping",
    "find_catalogue_file",
    "known_catalogues",
    "read_catalogue",
    "stored_catalogue",
]
