"""Angles from labels, indexes and files beside the image."""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.images.errors import AngleError, ImageError
from pipelines.images.illumination import Illumination, ground_phase
from pipelines.images.labels import HIRISE_INDEX, ImageLabel, find_label, read_index_row
from pipelines.images.sphere import azimuth

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "pits"
REAL = SHARED / "pits_shadow_ESP_033342_1660" / "metadata_RDRCUMINDEX.TAB"

ANGLES = {
    "INCIDENCE_ANGLE": "44.0 <DEG>",
    "EMISSION_ANGLE": "10",
    "PHASE_ANGLE": "40",
    "SUB_SOLAR_AZIMUTH": "206.5",
    "NORTH_AZIMUTH": "270",
}


def label(**changes: str | None) -> ImageLabel:
    values = {key: value for key, value in {**ANGLES, **changes}.items() if value is not None}
    return ImageLabel(values, "a label")


@given(
    incidence=st.floats(1.0, 89.0),
    emission=st.floats(1.0, 80.0),
    sun=st.floats(0.0, 359.9),
    turn=st.floats(-179.0, 179.0),
)
def test_the_phase_angle_and_back_is_the_same_geometry(incidence, emission, sun, turn):
    light = Illumination(incidence, emission, sun, (sun + turn) % 360.0)
    side = 1 if turn >= 0 else -1
    again = Illumination.of_angles(incidence, emission, light.phase, sun, side)
    difference = (again.view_azimuth - light.view_azimuth + 180.0) % 360.0 - 180.0
    # The arccosine forgets half of the digits at its ends.
    assert abs(difference) < 1e-3
    assert light.ground_phase == pytest.approx(abs(turn), abs=1e-9)


def test_the_phase_of_known_geometries():
    assert ground_phase(50.0, 20.0, 30.0) == pytest.approx(0.0, abs=1e-5)
    assert ground_phase(50.0, 20.0, 70.0) == pytest.approx(180.0, abs=1e-5)
    right = math.degrees(math.acos(math.cos(math.radians(50)) * math.cos(math.radians(20))))
    assert ground_phase(50.0, 20.0, right) == pytest.approx(90.0)
    assert ground_phase(50.0, 0.0, 50.0) == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"INCIDENCE_ANGLE": None}, "has no INCIDENCE_ANGLE"),
        ({"EMISSION_ANGLE": "N/A"}, "has no EMISSION_ANGLE"),
        ({"PHASE_ANGLE": None}, "has no PHASE_ANGLE"),
        ({"NORTH_AZIMUTH": None}, "has no NORTH_AZIMUTH"),
        ({"INCIDENCE_ANGLE": "low"}, "is 'low', not a number"),
        ({"INCIDENCE_ANGLE": "91", "PHASE_ANGLE": "91"}, "casts no shadow"),
        ({"INCIDENCE_ANGLE": "0", "PHASE_ANGLE": "10"}, "casts no shadow"),
        ({"EMISSION_ANGLE": "95", "PHASE_ANGLE": "95"}, "emission of 95 degrees cannot be"),
        ({"PHASE_ANGLE": "70"}, "contradict each other"),
        ({"PHASE_ANGLE": "20"}, "contradict each other"),
    ],
)
def test_missing_and_impossible_angles_are_told_by_name(changes, message):
    with pytest.raises(AngleError, match=message):
        label(**changes).illumination()


def test_azimuths_are_counted_from_north():
    light = label().illumination()
    assert light.sun_azimuth == pytest.approx(296.5)
    assert not light.view_known
    # An image whose right side looks south.
    turned = label(NORTH_AZIMUTH="180", SUB_SOLAR_AZIMUTH="116.5").illumination()
    assert turned.sun_azimuth == pytest.approx(296.5)
    given_from_map = label(NORTH_AZIMUTH=None).illumination(right=90.0)
    assert given_from_map.sun_azimuth == pytest.approx(296.5)


def test_an_azimuth_of_north_of_zero_is_one():
    assert label(NORTH_AZIMUTH="0", SUB_SOLAR_AZIMUTH="10").illumination().sun_azimuth == 10.0


@pytest.mark.parametrize(("longitude", "expected"), [("11", 1), ("9", -1)])
def test_the_point_below_the_camera_tells_its_side(longitude, expected):
    # The Sun in the north: a camera in the east stands clockwise of it.
    place = {"CENTER_LONGITUDE": "10", "CENTER_LATITUDE": "0", "SUB_SOLAR_AZIMUTH": "270"}
    foot = {"SUB_SPACECRAFT_LONGITUDE": longitude, "SUB_SPACECRAFT_LATITUDE": "0"}
    light = label(**place, **foot).illumination()
    assert light.view_known
    turned = (light.view_azimuth - light.sun_azimuth + 180.0) % 360.0 - 180.0
    assert math.copysign(1, turned) == expected


def test_azimuths_along_great_circles():
    assert azimuth(0, 0, 10, 0) == pytest.approx(90.0)
    assert azimuth(10, 0, 350, 0) == pytest.approx(270.0)
    assert azimuth(10, 20, 10, 30) == pytest.approx(0.0)
    assert azimuth(0, 60, 180, 60) == pytest.approx(0.0)


def test_labels_beside_the_image_count_in_order(tmp_path):
    image = tmp_path / "A.IMG"
    image.write_bytes(b"pixels")
    text = (
        'PDS_VERSION_ID = PDS3\r\nINCIDENCE_ANGLE = 44.5 <DEG>\r\nTARGET_NAME = "MOON"\r\nEND\r\n'
    )
    (tmp_path / "A.LBL").write_bytes(text.encode())
    found = find_label(image, tags={"INCIDENCE_ANGLE": "1", "EMISSION_ANGLE": "2"})
    assert found.number("INCIDENCE_ANGLE") == 44.5
    assert found.number("EMISSION_ANGLE") == 2.0
    assert found.text("TARGET_NAME") == "MOON"
    (tmp_path / "A.json").write_text(json.dumps({"incidence_angle": 50}))
    assert find_label(image, tags={}).number("INCIDENCE_ANGLE") == 50.0
    (tmp_path / "A.json").write_text("[]")
    with pytest.raises(ImageError, match="holds no object"):
        find_label(image, tags={})


def test_an_index_is_read_with_its_own_names(tmp_path):
    index = tmp_path / "CUMINDEX.TAB"
    index.write_text('"M1","MOON", 70.5\n"M2","MOON", 71.5\n')
    with pytest.raises(ImageError, match="the columns have no names"):
        read_index_row(index, "M2")
    names = ("PRODUCT_ID", "TARGET_NAME", "INCIDENCE_ANGLE")
    columns = "".join(f"OBJECT = COLUMN\n NAME = {name}\nEND_OBJECT = COLUMN\n" for name in names)
    (tmp_path / "CUMINDEX.LBL").write_text("PDS_VERSION_ID = PDS3\n" + columns + "END\n")
    assert read_index_row(index, "M2").number("INCIDENCE_ANGLE") == 71.5
    with pytest.raises(ImageError, match="has no row of M3"):
        read_index_row(index, "M3")
    table = tmp_path / "table.csv"
    table.write_text("product_id,incidence_angle\nM4,33\n")
    assert read_index_row(table, "M4").number("INCIDENCE_ANGLE") == 33.0


def test_the_real_row_of_hirise_is_understood():
    if not REAL.is_file():
        pytest.skip("the real index is not beside this repository (../shared)")
    row = read_index_row(REAL, "ESP_033342_1660_RED")
    assert len(HIRISE_INDEX) == 46
    assert row.time == datetime(2013, 9, 6, 12, 57, 57)
    assert row.number("MAP_SCALE") == 0.25
    light = row.illumination()
    assert (light.incidence, light.emission) == (43.9747, 0.44839)
    assert light.phase == pytest.approx(43.7015, abs=0.01)
    # Afternoon south of the subsolar latitude: the Sun is in the north-west.
    assert light.sun_azimuth == pytest.approx(296.4, abs=0.1)
    sub_solar = azimuth(240.0, -13.86, 201.308, 7.5388)
    assert sub_solar == pytest.approx(light.sun_azimuth, abs=1.0)
