"""Thumbnails, masks and footprints as files."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("rasterio", reason="the extra [images] is not installed")
pytest.importorskip("pyproj", reason="the extra [images] is not installed")

import pyproj
import rasterio
from hypothesis import given, settings, strategies

from pipelines.contract import Catalogue
from pipelines.errors import PipelineError
from pipelines.images.georeference import Georeference
from pipelines.images.outlines import Footprint, signed_area
from pipelines.images.pictures import write_geojson, write_mask, write_thumbnail
from pipelines.images.raster import read_image
from pipelines.products import safe_name

ORANGE = (255, 127, 14)


def png(path) -> np.ndarray:
    """The pixels of a PNG file as another program reads them: (bands, rows, cols)."""
    with rasterio.open(path) as file:
        assert file.driver == "PNG"
        return file.read()


def scene(rows: int, cols: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :cols]
    return np.hypot(y - rows / 2, x - cols / 2)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize(
    ("shape", "side", "shown"),
    [
        ((333, 517), 200, (129, 200)),
        ((517, 333), 200, (200, 129)),
        ((40, 30), 200, (200, 150)),
        ((150, 150), 200, (150, 150)),
        ((1, 900), 200, (1, 200)),
    ],
)
def test_a_thumbnail_is_about_as_large_as_it_should_be(tmp_path, shape, side, shown):
    write_thumbnail(tmp_path / "a.png", scene(*shape), side=side)
    assert png(tmp_path / "a.png").shape == (3, *shown)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_a_thumbnail_shows_means_of_what_there_is(tmp_path):
    pixels = np.zeros((400, 400))
    pixels[:, 200:] = 10.0
    pixels[::2, :200] = np.nan  # half of the dark side is missing: that makes it no darker
    pixels[:100, :100] = np.nan
    write_thumbnail(tmp_path / "a.png", np.stack([pixels, pixels]))
    shown = png(tmp_path / "a.png")
    assert (shown[:, :, :100] == 0).all()
    assert (shown[:, :, 100:] == 255).all()
    write_thumbnail(tmp_path / "empty.png", np.full((50, 50), np.nan))
    assert (png(tmp_path / "empty.png") == 0).all()


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_outlines_lie_where_their_objects_do(tmp_path):
    pixels = np.zeros((400, 400))
    mask = np.zeros((400, 400), bool)
    mask[100:200, 300:350] = True
    square = np.array([[40.0, 40.0], [40.0, 80.0], [80.0, 80.0], [80.0, 40.0]])
    write_thumbnail(tmp_path / "a.png", pixels, [square], mask=mask)
    drawn = (png(tmp_path / "a.png").transpose(1, 2, 0) == ORANGE).all(axis=2)
    rows, cols = np.nonzero(drawn)
    left, right = cols < 100, cols >= 100
    assert (rows[left].min(), rows[left].max(), cols[left].min(), cols[left].max()) == (
        20,
        40,
        20,
        40,
    )
    assert (rows[right].min(), rows[right].max()) == (50, 99)
    assert (cols[right].min(), cols[right].max()) == (150, 174)
    assert not drawn[60:90, 155:170].any()


@settings(max_examples=30, deadline=None)
@given(
    strategies.integers(1, 60),
    strategies.integers(1, 60),
    strategies.integers(0, 2**32 - 1),
)
@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_a_mask_is_read_back_as_it_was(tmp_path_factory, rows, cols, seed):
    folder = tmp_path_factory.mktemp("masks")
    mask = np.random.default_rng(seed).random((rows, cols)) < 0.5
    write_mask(folder / "m.png", mask)
    write_mask(folder / "m.tif", mask)
    np.testing.assert_array_equal(png(folder / "m.png")[0], np.where(mask, 255, 0))
    np.testing.assert_array_equal(read_image(folder / "m.tif").pixels[0], mask)


def test_a_mask_as_geotiff_lies_where_the_image_does(tmp_path):
    crs = pyproj.CRS.from_dict({"proj": "eqc", "R": 3396190.0, "no_defs": True})
    place = Georeference((5.0, 0.0, 1000.0, 0.0, -5.0, 2000.0), crs.to_wkt())
    write_mask(tmp_path / "m.tif", np.eye(4, dtype=bool), place)
    found = read_image(tmp_path / "m.tif").georeference
    assert found is not None
    assert found.transform == place.transform
    assert found.lonlat(2.0, 2.0) == pytest.approx(place.lonlat(2.0, 2.0))
    with pytest.raises(PipelineError, match=r"masks cannot end in '\.bmp'"):
        write_mask(tmp_path / "m.bmp", np.eye(4, dtype=bool))


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_thumbnail(tmp_path / f"{name}.png", scene(90, 70), mask=scene(90, 70) < 20)
        write_mask(tmp_path / f"{name}.tif", scene(90, 70) < 20)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def box(west: float, east: float, south: float, north: float) -> Footprint:
    """A box whose corners run counter-clockwise."""
    longitude = np.mod([west, east, east, west], 360.0)
    return Footprint(longitude, np.array([south, south, north, north]))


@settings(max_examples=60, deadline=None)
@given(
    strategies.floats(0.0, 359.0),
    strategies.floats(0.1, 40.0),
    strategies.floats(-80.0, 70.0),
    strategies.floats(0.1, 10.0),
)
def test_footprints_keep_their_area_and_never_cross_the_antimeridian(
    tmp_path_factory, west, width, south, height
):
    path = tmp_path_factory.mktemp("shapes") / "a.geojson"
    write_geojson(path, [box(west, west + width, south, south + height)], [{"name": "a"}])
    (feature,) = json.loads(path.read_text())["features"]
    geometry = feature["geometry"]
    polygons = (
        [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    )
    area = 0.0
    for (ring,) in polygons:
        points = np.array(ring)
        assert ring[0] == ring[-1]
        assert np.abs(points[:, 0]).max() <= 180.0
        area += signed_area(points[:-1, 0], points[:-1, 1])
    # Counter-clockwise, as RFC 7946 has outer rings.
    assert area == pytest.approx(width * height, rel=1e-5, abs=1e-5)


def test_what_is_no_number_is_null_in_geojson(tmp_path):
    known = {"depth": np.float64("nan"), "rank": np.int64(3), "class": "pit"}
    write_geojson(tmp_path / "a.geojson", [box(10, 20, 0, 5)], [known])
    (feature,) = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert feature["properties"] == {"depth": None, "rank": 3, "class": "pit"}


@settings(max_examples=200)
@given(strategies.lists(strategies.text(max_size=12), unique=True, max_size=6))
def test_names_of_files_are_safe_and_as_different_as_what_they_are_of(identifiers):
    from epntap.products.names import checked_path

    names = [safe_name(each, "_mask.png") for each in identifiers]
    assert len(set(names)) == len(identifiers)
    for name in names:
        assert str(checked_path(name)) == name
    assert safe_name("APC071", ".csv") == "APC071.csv"


def test_two_identifiers_cannot_be_made_to_share_a_name():
    changed = safe_name("a b", "")
    assert safe_name(changed, "") != changed
    with pytest.raises(ValueError, match="cannot be the ending"):
        safe_name("a", "/../x")


def test_a_catalogue_without_files_has_no_folder():
    assert Catalogue.__dataclass_fields__["products"].default is None
