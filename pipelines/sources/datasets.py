"""Which data sets hold the measurements of a spacecraft: the table `datasets.yaml`, understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pipelines.errors import SourceError

#: Axes in which a field, and a position, may be given.
FIELD_FRAMES = ("RTN", "GSE")
POSITION_FRAMES = ("HEEQ", "HCI", "GSE", "HGI")


@dataclass(frozen=True, slots=True)
class Product:
    """A variable of a service.

    Attributes
    ----------
    variable
        As speasy names it.
    unit
        Where the variable states none.
    frame
        Axes of a vector; empty for a number.
    """

    variable: str
    unit: str
    frame: str = ""


@dataclass(frozen=True, slots=True)
class PositionProduct:
    """The variables of a position.

    Attributes
    ----------
    variables, units
        One vector, or three numbers.
    frame
        One of `POSITION_FRAMES`.
    """

    variables: tuple[str, ...]
    units: tuple[str, ...]
    frame: str


@dataclass(frozen=True, slots=True)
class Products:
    """Where the channels of a spacecraft are.

    Attributes
    ----------
    field, speed, density, temperature
        The channels.
    position
        Where the spacecraft is.
    """

    field: Product
    speed: Product
    density: Product
    temperature: Product
    position: PositionProduct

    @property
    def service(self) -> str:
        """The service that delivers the field, as speasy names it."""
        return self.field.variable.partition("/")[0]


@cache
def data_sets() -> Mapping[str, Products]:
    """Return the products of each spacecraft, by its name.

    Raises
    ------
    SourceError
        If the table is not what it should be.
    """
    import yaml

    text = (files("pipelines.sources") / "datasets.yaml").read_text(encoding="utf-8")
    return MappingProxyType(
        {name: _products(name, entry) for name, entry in yaml.safe_load(text).items()}
    )


def products_of(name: str) -> Products:
    """Return the products of a spacecraft.

    Raises
    ------
    SourceError
        If none are known.
    """
    known = data_sets()
    if name not in known:
        raise SourceError(
            f"no data sets are known for {name}", hint=f"there are some for {', '.join(known)}"
        )
    return known[name]


def _products(name: str, entry: Mapping[str, Any]) -> Products:
    try:
        place = entry["position"]
        found = Products(
            **{key: Product(**value) for key, value in entry.items() if key != "position"},
            position=PositionProduct(
                tuple(place["variables"]), tuple(place["units"]), place["frame"]
            ),
        )
    except (TypeError, KeyError) as error:
        raise SourceError(f"datasets.yaml: the entry of {name} is not complete: {error}") from error
    position = found.position
    wanted = 3 if position.frame == "HGI" else 1
    if (
        found.field.frame not in FIELD_FRAMES
        or position.frame not in POSITION_FRAMES
        or not len(position.variables) == len(position.units) == wanted
    ):
        raise SourceError(f"datasets.yaml: frames or variables of {name} do not go together")
    return found
