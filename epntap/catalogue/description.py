"""The content of a catalogue's YAML file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from epntap.catalogue.indexes import Indexes, Target
from epntap.catalogue.products import Products
from epntap.catalogue.units import check_unit
from epntap.epncore.ucds import is_ucd
from epntap.regenerate.plan import RegenerationPlan


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
