"""Angles, time and names of an image, from a PDS3 label, a row of an index or a JSON file.

All of them come down to keywords with the names that the PDS gives them (INCIDENCE_ANGLE,
SUB_SOLAR_AZIMUTH, ...); what they mean is decided in one place, `ImageLabel.illumination`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.images.errors import AngleError, ImageError
from pipelines.images.illumination import Illumination

#: Columns of HiRISE's cumulative index of reduced data (RDRCUMINDEX.TAB), in order; the label
#: beside it (RDRCUMINDEX.LBL, PDS volume MROHR_0001) names them.
HIRISE_INDEX = [
    "VOLUME_ID",
    "FILE_NAME_SPECIFICATION",
    "INSTRUMENT_HOST_ID",
    "INSTRUMENT_ID",
    "OBSERVATION_ID",
    "PRODUCT_ID",
    "PRODUCT_VERSION_ID",
    "TARGET_NAME",
    "ORBIT_NUMBER",
    "MISSION_PHASE_NAME",
    "RATIONALE_DESC",
    "OBSERVATION_START_TIME",
    "OBSERVATION_START_COUNT",
    "START_TIME",
    "SPACECRAFT_CLOCK_START_COUNT",
    "STOP_TIME",
    "SPACECRAFT_CLOCK_STOP_COUNT",
    "IMAGE_LINES",
    "LINE_SAMPLES",
    "EMISSION_ANGLE",
    "INCIDENCE_ANGLE",
    "PHASE_ANGLE",
    "SPACECRAFT_ALTITUDE",
    "TARGET_CENTER_DISTANCE",
    "SLANT_DISTANCE",
    "NORTH_AZIMUTH",
    "SUB_SOLAR_AZIMUTH",
    "SUB_SOLAR_LATITUDE",
    "SUB_SOLAR_LONGITUDE",
    "SUB_SPACECRAFT_LATITUDE",
    "SUB_SPACECRAFT_LONGITUDE",
    "SOLAR_DISTANCE",
    "SOLAR_LONGITUDE",
    "LOCAL_TIME",
    "STEREO_FLAG",
    "MINIMUM_LATITUDE",
    "MAXIMUM_LATITUDE",
    "EASTERNMOST_LONGITUDE",
    "WESTERNMOST_LONGITUDE",
    "MAP_SCALE",
    "MAP_RESOLUTION",
    "MAP_PROJECTION_TYPE",
    "PROJECTION_CENTER_LATITUDE",
    "PROJECTION_CENTER_LONGITUDE",
    "LINE_PROJECTION_OFFSET",
    "SAMPLE_PROJECTION_OFFSET",
]

_KEYWORD = re.compile(r"^\s*\^?([A-Z][A-Z0-9_:]*)\s*=\s*(.+?)\s*$")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class ImageLabel:
    """What is known about an image besides its pixels.

    Attributes
    ----------
    values
        Keywords of the PDS, names in capitals, values without quotes and units.
    origin
        Where they come from, for messages.
    """

    values: Mapping[str, str]
    origin: str

    def text(self, *names: str) -> str:
        """Return the first of some keywords that is there; empty if none is."""
        for name in names:
            value = self.values.get(name, "").strip()
            if value and value.upper() not in ("N/A", "NULL", "UNK", "NONE"):
                return value
        return ""

    def number(self, *names: str) -> float | None:
        """Return the first of some keywords as a number, without its unit.

        Raises
        ------
        AngleError
            If it is there and no number.
        """
        text = self.text(*names)
        if not text:
            return None
        found = _NUMBER.match(text)
        if found is None:
            raise AngleError(f"{self.origin}: {names[0]} is {text!r}, not a number")
        return float(found.group())

    @property
    def time(self) -> datetime | None:
        """When the image was begun, UTC without zone; `None` if it is not told."""
        text = self.text("START_TIME", "OBSERVATION_START_TIME", "START_DATE_TIME")
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text.removesuffix("Z"))
        except ValueError as error:
            raise ImageError(f"{self.origin}: START_TIME is {text!r}, not a time") from error
        return moment.replace(tzinfo=None)

    def illumination(self, right: float | None = None) -> Illumination:
        """Return where Sun and camera stand.

        ``SUB_SOLAR_AZIMUTH`` is counted clockwise from the direction of the image's right side, as
        ``NORTH_AZIMUTH`` is, so that their difference is from north, whatever the map's north.
        ``SUN_AZIMUTH`` and ``VIEW_AZIMUTH`` are from north already. Without the camera's azimuth
        the phase angle tells how far it is from that of the Sun, and the sub-spacecraft point on
        which side, where the image's place (``CENTER_LONGITUDE``, ``CENTER_LATITUDE``) is known.

        Parameters
        ----------
        right
            Azimuth on the ground of the image's right side, degrees clockwise from north; counts
            where there is no ``NORTH_AZIMUTH``.

        Raises
        ------
        AngleError
            If angles are missing or impossible.
        """
        incidence = self._required("INCIDENCE_ANGLE")
        emission = self._required("EMISSION_ANGLE")
        sun = self.number("SUN_AZIMUTH")
        if sun is None:
            north = self.number("NORTH_AZIMUTH")
            if north is None and right is None:
                north = self._required("NORTH_AZIMUTH")
            sun = self._required("SUB_SOLAR_AZIMUTH") + (-north if north is not None else right)
        view = self.number("VIEW_AZIMUTH")
        if view is not None:
            return Illumination(incidence, emission, sun % 360.0, view % 360.0)
        if emission == 0.0:
            return Illumination(incidence, 0.0, sun % 360.0, sun % 360.0)
        phase = self._required("PHASE_ANGLE")
        return Illumination.of_angles(incidence, emission, phase, sun, self._side(sun))

    def _side(self, sun: float) -> int:
        """Return on which side of the Sun's azimuth the camera is; 0 where that is not known."""
        names = ("SUB_SPACECRAFT_LONGITUDE", "SUB_SPACECRAFT_LATITUDE")
        foot = [self.number(name) for name in names]
        place = [self.number("CENTER_LONGITUDE"), self.number("CENTER_LATITUDE")]
        if None in foot or None in place:
            return 0
        from pipelines.images.sphere import azimuth

        towards = azimuth(place[0] or 0.0, place[1] or 0.0, foot[0] or 0.0, foot[1] or 0.0)
        turned = (towards - sun) % 360.0
        return 1 if turned <= 180.0 else -1

    def _required(self, name: str) -> float:
        value = self.number(name)
        if value is None:
            raise AngleError(
                f"{self.origin} has no {name}",
                hint="give incidence, emission, phase and sun_azimuth as options, a row of the"
                " instrument's index (index=FILE), or a JSON file beside the image",
            )
        return value

    def updated(self, values: Mapping[str, object]) -> ImageLabel:
        """Return the label with some keywords set anew; `None` leaves one as it is."""
        given = {key.upper(): str(value) for key, value in values.items() if value is not None}
        return ImageLabel({**self.values, **given}, self.origin)


def read_pds3_label(path: Path) -> ImageLabel:
    """Read the keywords of a PDS3 label, attached to its image or not.

    Raises
    ------
    ImageError
        If it is none or cannot be read.
    """
    try:
        with path.open("rb") as file:
            text = file.read(200_000).decode("latin-1")
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
    if "PDS_VERSION_ID" not in text[:2000]:
        raise ImageError(f"{path} is no label of PDS3: it lacks PDS_VERSION_ID")
    values: dict[str, str] = {}
    for line in re.split(r"\r?\n", text):
        if line.strip() == "END":
            break
        found = _KEYWORD.match(line)
        if found is not None and found.group(1) not in ("OBJECT", "END_OBJECT", "GROUP"):
            name = found.group(1).rpartition(":")[2]
            values.setdefault(name, found.group(2).strip("\"' "))
    return ImageLabel(values, str(path))


def read_json_label(path: Path) -> ImageLabel:
    """Read keywords from a JSON object.

    Raises
    ------
    ImageError
        If the file is none.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ImageError(f"{path} holds no object of keywords")
    return ImageLabel({str(key).upper(): str(value) for key, value in found.items()}, str(path))


def read_index_row(path: Path, product: str) -> ImageLabel:
    """Return the row of an index that describes a product.

    The columns are named by the label beside the index (``.LBL``), by a first row of names, or,
    for HiRISE, known by their order.

    Parameters
    ----------
    path
        The index, comma-separated.
    product
        ``PRODUCT_ID``, e.g. ``ESP_033342_1660_RED``.

    Raises
    ------
    ImageError
        If the index cannot be read or has no such row.
    """
    names = _columns_of_label(path)
    try:
        with path.open(newline="", encoding="latin-1") as file:
            for cells in csv.reader(file, skipinitialspace=True):
                values = [cell.strip() for cell in cells]
                if not names:
                    names = _columns_of_row(path, values)
                    if values[0] == names[0]:
                        continue
                if product in values:
                    return ImageLabel(dict(zip(names, values, strict=False)), f"{path}, {product}")
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
    raise ImageError(f"{path} has no row of {product}", hint="is it the index of that volume?")


def _columns_of_row(path: Path, values: Sequence[str]) -> list[str]:
    """Return the names of columns that the first row gives away."""
    if "HIRISE" in values and len(values) >= len(HIRISE_INDEX):
        return list(HIRISE_INDEX)
    names = [value.upper() for value in values]
    if "PRODUCT_ID" in names:
        return names
    raise ImageError(
        f"{path}: the columns have no names",
        hint=f"put {path.with_suffix('.LBL').name} beside it, or a first row of names",
    )


def _columns_of_label(path: Path) -> list[str]:
    label = next((path.with_suffix(end) for end in (".LBL", ".lbl") if _is_other(path, end)), None)
    if label is None:
        return []
    columns: list[str] = []
    inside = False
    for line in label.read_text("latin-1").splitlines():
        words = [word.strip(" \"'") for word in line.split("=", 1)]
        if words[:2] == ["OBJECT", "COLUMN"]:
            inside = True
        elif words[:2] == ["END_OBJECT", "COLUMN"]:
            inside = False
        elif inside and words[0] == "NAME":
            columns.append(words[1])
    return columns


def _is_other(path: Path, suffix: str) -> bool:
    other = path.with_suffix(suffix)
    return other != path and other.is_file()


def find_label(image: Path, *, index: Path | None = None, tags: Mapping[str, str]) -> ImageLabel:
    """Gather what is known about an image.

    In order, later ones counting for more: keywords in the file itself, a label of PDS3 in it or
    beside it (``.LBL``), a row of an index, a JSON object beside it (``.json``).

    Parameters
    ----------
    image
        The file.
    index
        Of the instrument, where the image has a row.
    tags
        Keywords that were read with the pixels.

    Raises
    ------
    ImageError
        If one of them is there and cannot be read.
    """
    values: dict[str, str] = dict(tags)
    origins: list[str] = []
    with image.open("rb") as file:
        attached = b"PDS_VERSION_ID" in file.read(2000)
    labels = [image] if attached else []
    labels += [image.with_suffix(end) for end in (".LBL", ".lbl") if _is_other(image, end)][:1]
    for each in labels:
        values |= read_pds3_label(each).values
        origins.append(str(each))
    if index is not None:
        row = read_index_row(index, values.get("PRODUCT_ID", image.stem))
        values |= row.values
        origins.append(row.origin)
    beside = image.with_suffix(".json")
    if beside.is_file():
        values |= read_json_label(beside).values
        origins.append(str(beside))
    return ImageLabel(values, ", ".join(origins) or str(image))
