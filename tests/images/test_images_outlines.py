"""Outlines: hulls, footprints, shapefiles, filling."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.images.errors import OutlineError
from pipelines.images.outlines import footprint, hull, signed_area, simplified
from pipelines.images.shapefiles import Shape, fill, read_shapes

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "pits"


def random_mask(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, cols = np.indices((40, 50))
    mask = np.zeros((40, 50), dtype=bool)
    for _ in range(4):
        row, col, a, b = rng.uniform(8, 32), rng.uniform(8, 42), *rng.uniform(2, 8, 2)
        mask |= ((rows - row) / a) ** 2 + ((cols - col) / b) ** 2 <= 1.0
    return mask


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), most=st.integers(4, 20))
def test_a_simplified_hull_still_holds_every_pixel(seed, most):
    mask = random_mask(seed)
    whole = hull(mask)
    fewer = simplified(whole, most)
    assert len(fewer) <= max(most, 4) or len(fewer) == len(whole)
    grown = fill((fewer[:, ::-1] + 20.0,), (80, 90))[20:60, 20:70]
    assert (grown | ~mask).all()
    assert abs(signed_area(*fewer.T)) >= abs(signed_area(*whole.T)) - 1e-9


def test_the_hull_of_one_pixel_is_its_four_corners():
    mask = np.zeros((5, 5), dtype=bool)
    mask[2, 3] = True
    assert {tuple(point) for point in hull(mask)} == {(2, 3), (2, 4), (3, 3), (3, 4)}
    with pytest.raises(OutlineError, match="empty mask"):
        hull(np.zeros((5, 5), dtype=bool))


@settings(max_examples=40, deadline=None)
@given(
    left=st.integers(0, 20),
    top=st.integers(0, 20),
    width=st.integers(1, 20),
    height=st.integers(1, 20),
)
def test_a_filled_rectangle_has_exactly_its_pixels(left, top, width, height):
    right, bottom = left + width, top + height
    ring = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
    mask = np.zeros((45, 45), dtype=bool)
    mask[top:bottom, left:right] = True
    np.testing.assert_array_equal(fill((ring,), (45, 45)), mask)
    np.testing.assert_array_equal(fill((ring[::-1],), (45, 45)), mask)


def test_holes_are_not_filled_and_outlines_may_leave_the_image():
    outer = np.array([[-5, -5], [8, -5], [8, 8], [-5, 8]], float)
    inner = np.array([[2, 2], [4, 2], [4, 4], [2, 4]], float)
    found = fill((outer, inner), (10, 10))
    assert found.sum() == 64 - 4
    assert not found[2:4, 2:4].any()


@settings(max_examples=30, deadline=None)
@given(longitude=st.floats(0, 360), latitude=st.floats(-80, 80), turned=st.booleans())
def test_footprints_go_counter_clockwise_anywhere_on_the_body(longitude, latitude, turned):
    pytest.importorskip("pyproj")
    import pyproj

    from pipelines.images.georeference import Georeference

    wkt = pyproj.CRS.from_string(
        f"+proj=ortho +lat_0={latitude} +lon_0={longitude} +R=3396190 +units=m +no_defs"
    ).to_wkt()
    place = Georeference((1.0, 0.0, -25.0, 0.0, -1.0, 20.0), wkt)
    outline = hull(random_mask(5))
    found = footprint(outline[::-1] if turned else outline, place)
    relative = np.mod(found.longitude - longitude + 180.0, 360.0) - 180.0
    assert signed_area(relative, found.latitude) > 0.0
    west, east, south, north = found.ranges
    assert (east - west) % 360.0 < 0.01
    assert south <= latitude <= north
    assert (longitude - west) % 360.0 <= (east - west) % 360.0 + 1e-9
    assert 0.0 <= found.centre[0] <= 360.0
    assert found.stcs.startswith("Polygon UNKNOWNFrame ")


def test_geojson_is_read_with_properties(tmp_path):
    ring = [[0, 0], [2, 0], [2, 1], [0, 0]]
    square = {"type": "Polygon", "coordinates": [ring]}
    both = {"type": "MultiPolygon", "coordinates": [[ring], [ring]]}
    document = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"class": 1}, "geometry": square},
            {"type": "Feature", "properties": None, "geometry": both},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [0, 0]}},
        ],
    }
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(document))
    first, second = read_shapes(path)
    assert (first.attributes, len(first.rings), len(second.rings)) == ({"class": 1}, 1, 2)
    assert first.bounds == (0.0, 0.0, 2.0, 1.0)


def test_the_real_labels_of_a_shadow_are_read():
    path = SHARED / "pits_shadow_ESP_033342_1660" / "testing_ESP_033342_1660_RED.shp"
    if not path.is_file():
        pytest.skip("the real labels are not beside this repository (../shared)")
    shapes = read_shapes(path)
    assert [shape.attributes["class"] for shape in shapes] == [1.0, 0.0, 2.0]
    whole = read_shapes(path.with_name("labels_ESP_033342_1660_RED.shp"))[0]
    assert whole.attributes["product_id"] == "ESP_033342_1660_RED"
    assert shapes[0].bounds[0] >= whole.bounds[0] - 1e-9


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), head=st.booleans())
def test_damaged_shapefiles_are_an_error_that_is_told(tmp_path_factory, content, head):
    path = tmp_path_factory.mktemp("s") / "a.shp"
    path.write_bytes((struct.pack(">i", 9994) + bytes(96) if head else b"") + content)
    shapes: list[Shape] = []
    with contextlib.suppress(OutlineError):
        shapes = read_shapes(path)
    # Whatever is read of rubbish is a polygon; any other exception is a fault.
    assert all(ring.shape[1] == 2 for shape in shapes for ring in shape.rings)
