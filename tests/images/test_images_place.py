"""Where pixels lie: conventions of longitude and latitude, scales, rasters and their formats."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rasterio", reason="the extra [images] is not installed")

import rasterio

pytest.importorskip("pyproj", reason="the extra [images] is not installed")

import pyproj

from pipelines.images.errors import GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.quality import check_image
from pipelines.images.raster import Image, open_raster, read_image, write_geotiff

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "pits"

#: Axes of Mars and flattening of latitudes, IAU 2015.
RATIO = (3376200.0 / 3396190.0) ** 2

EQUIRECTANGULAR = "+proj=eqc +lat_ts=-10 +lon_0=180 +R=3394839 +units=m +no_defs"


def mars(proj: str) -> str:
    return pyproj.CRS.from_string(proj).to_wkt()


def system(code: int) -> str:
    return pyproj.CRS.from_authority("IAU_2015", code).to_wkt()


def place_at(wkt: str, x: float, y: float) -> Georeference:
    return Georeference((1.0, 0.0, x, 0.0, -1.0, y), wkt)


def centric(graphic: float) -> float:
    return math.degrees(math.atan(RATIO * math.tan(math.radians(graphic))))


@pytest.mark.parametrize(
    ("code", "longitude", "latitude"),
    [
        (49900, 10.0, 45.0),  # sphere
        (49901, 350.0, centric(45.0)),  # planetographic, counted westward
        (49902, 10.0, 45.0),  # planetocentric on the ellipsoid
    ],
)
def test_conventions_of_longitude_and_latitude_come_from_the_file(code, longitude, latitude):
    found = place_at(system(code), 10.0, 45.0).lonlat(0.0, 0.0)
    assert found[0] == pytest.approx(longitude, abs=1e-9)
    assert found[1] == pytest.approx(latitude, abs=1e-9)


@pytest.mark.parametrize("code", [49910, 49911, 49912, 49915, 49916, 49930, 49935, 49940, 49950])
def test_a_map_and_back_is_the_same_pixel(code):
    place = Georeference((200.0, 3.0, 4.0e5, -2.0, -200.0, 1.5e6), system(code))
    rows, cols = np.array([0.5, 20.0, 300.25]), np.array([7.0, 500.5, 2.0])
    back = place.pixel(*place.lonlat(rows, cols))
    np.testing.assert_allclose(back[0], rows, atol=1e-6)
    np.testing.assert_allclose(back[1], cols, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    longitude=st.floats(0.0, 359.999),
    latitude=st.floats(-89.0, 89.0),
    centre=st.sampled_from([0, 180, 77]),
)
def test_any_place_is_found_again_in_a_cylindrical_map(longitude, latitude, centre):
    wkt = mars(f"+proj=eqc +lon_0={centre} +R=3396190 +units=m +no_defs")
    place = place_at(wkt, 0.0, 0.0)
    found = place.lonlat(*place.pixel(longitude, latitude))
    assert abs((found[0] - longitude + 180.0) % 360.0 - 180.0) < 1e-9
    assert found[1] == pytest.approx(latitude, abs=1e-9)


def test_pixels_beside_the_seam_of_a_map_stay_neighbours():
    place = place_at(mars("+proj=eqc +lon_0=0 +R=3396190 +units=m +no_defs"), 10_668_000.0, 0.0)
    west, east = place.lonlat(0.0, 0.0)[0], place.lonlat(0.0, 3000.0)[0]
    assert (west, east) == (pytest.approx(179.979, abs=0.01), pytest.approx(180.03, abs=0.01))
    _, col = place.pixel(east, 0.0)
    assert col == pytest.approx(3000.0, abs=1e-3)


def test_the_size_of_a_pixel_is_that_on_the_ground_and_not_on_the_map():
    place = place_at(mars(EQUIRECTANGULAR), -3.0e6, math.radians(60.0) * 3394839)
    scale = place.local_scale(0.0, 0.0)
    stretched = math.cos(math.radians(60.0)) / math.cos(math.radians(10.0))
    np.testing.assert_allclose(scale, [[stretched, 0.0], [0.0, -1.0]], atol=1e-4)


def test_the_scale_of_a_polar_map_knows_where_north_is():
    place = place_at(system(49930), 0.0, -100_000.0)  # on the meridian of 0 degrees
    np.testing.assert_allclose(place.local_scale(0.0, 0.0)[:, 1], [0.0, -1.0], atol=0.02)
    place = place_at(system(49930), 100_000.0, 0.0)
    np.testing.assert_allclose(place.local_scale(0.0, 0.0)[:, 0], [0.0, -1.0], atol=0.02)


def test_bodies_are_told_by_their_radius():
    assert place_at(system(49900), 0, 0).body == "Mars"
    assert place_at(system(30100), 0, 0).body == "Moon"
    assert place_at(mars("+proj=longlat +R=1000 +no_defs"), 0, 0).body is None
    place_at(system(49900), 0, 0).require_body("Mars")
    with pytest.raises(GeoreferenceError, match="of Mars and not of Moon"):
        place_at(system(49900), 0, 0).require_body("Moon")


def test_systems_that_are_no_surface_are_refused():
    local = (
        'LOCAL_CS["engineering",LOCAL_DATUM["x",0],UNIT["metre",1],AXIS["X",EAST],AXIS["Y",NORTH]]'
    )
    with pytest.raises(GeoreferenceError, match=r"not that of a body's surface|understood"):
        _ = place_at(local, 0, 0).axes
    with pytest.raises(GeoreferenceError, match="cannot be understood"):
        _ = place_at("nonsense", 0, 0).axes


def test_a_geotiff_keeps_pixels_place_tags_and_holes(tmp_path):
    place = place_at(mars(EQUIRECTANGULAR), 1000.0, 2000.0)
    pixels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    write_geotiff(tmp_path / "a.tif", pixels, place, nodata=5, tags={"INCIDENCE_ANGLE": "44"})
    image = read_image(tmp_path / "a.tif")
    assert np.isnan(image.pixels[0, 1, 1])
    assert np.nansum(image.pixels) == pixels.sum() - 5
    assert image.tags["INCIDENCE_ANGLE"] == "44"
    assert (image.ceiling, image.steps) == (65535.0, 1.0)
    rows = np.array([0.0, 3.0])
    np.testing.assert_allclose(
        image.require_georeference().lonlat(rows, rows), place.lonlat(rows, rows), atol=1e-9
    )


def test_a_window_has_the_place_of_its_corner(tmp_path):
    place = place_at(mars(EQUIRECTANGULAR), 1000.0, 2000.0)
    pixels = np.arange(400, dtype=np.float32).reshape(1, 20, 20)
    write_geotiff(tmp_path / "a.tif", pixels, place)
    with open_raster(tmp_path / "a.tif") as raster:
        part = raster.image(slice(5, 9), slice(7, 100))
    assert part.shape == (4, 13)
    assert part.pixels[0, 0, 0] == 107
    whole = read_image(tmp_path / "a.tif")
    for each in (part, whole.part(slice(5, 9), slice(7, 20))):
        found = each.require_georeference().lonlat(0.0, 0.0)
        assert found == pytest.approx(place.lonlat(5.0, 7.0))
        np.testing.assert_array_equal(each.pixels, part.pixels)


@pytest.mark.parametrize(("driver", "suffix"), [("JP2OpenJPEG", ".jp2"), ("PDS4", ".xml")])
def test_other_formats_have_the_same_pixels(tmp_path, driver, suffix):
    pixels = np.random.default_rng(1).integers(1, 1000, (1, 40, 50)).astype(np.uint16)
    path = tmp_path / f"image{suffix}"
    options = {"QUALITY": "100", "REVERSIBLE": "YES"} if suffix == ".jp2" else {}
    profile = {"driver": driver, "count": 1, "height": 40, "width": 50, "dtype": "uint16"}
    profile |= {"crs": rasterio.crs.CRS.from_wkt(mars(EQUIRECTANGULAR))}
    profile |= {"transform": rasterio.Affine(0.25, 0, 1000, 0, -0.25, 2000), **options}
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


def test_an_isis_cube_is_read_with_its_place(tmp_path):
    pixels = np.random.default_rng(1).random((1, 40, 50)).astype(np.float32)
    path = tmp_path / "image.cub"
    profile = {"driver": "ISIS3", "count": 1, "height": 40, "width": 50, "dtype": "float32"}
    profile |= {"crs": rasterio.crs.CRS.from_wkt(mars(EQUIRECTANGULAR))}
    profile |= {"transform": rasterio.Affine(0.25, 0, 1000, 0, -0.25, 2000)}
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, pixels)
    expected = Georeference((0.25, 0, 1000, 0, -0.25, 2000), mars(EQUIRECTANGULAR))
    assert image.require_georeference().lonlat(3.0, 4.0) == pytest.approx(expected.lonlat(3, 4))


def test_a_product_of_pds3_is_read(tmp_path):
    pixels = np.arange(1, 13, dtype=">i2").reshape(3, 4)
    label = (
        "PDS_VERSION_ID = PDS3\r\nRECORD_TYPE = FIXED_LENGTH\r\nRECORD_BYTES = 8\r\n"
        'FILE_RECORDS = 3\r\n^IMAGE = "A.IMG"\r\nINCIDENCE_ANGLE = 44.5 <DEG>\r\n'
        "OBJECT = IMAGE\r\n LINES = 3\r\n LINE_SAMPLES = 4\r\n SAMPLE_TYPE = MSB_INTEGER\r\n"
        " SAMPLE_BITS = 16\r\n BANDS = 1\r\nEND_OBJECT = IMAGE\r\nEND\r\n"
    )
    (tmp_path / "A.LBL").write_text(label)
    (tmp_path / "A.IMG").write_bytes(pixels.tobytes())
    image = read_image(tmp_path / "A.LBL")
    np.testing.assert_array_equal(image.pixels[0], pixels)
    assert image.georeference is None
    with pytest.raises(GeoreferenceError, match="does not say where"):
        image.require_georeference()


def test_files_that_are_no_images_are_refused(tmp_path):
    with pytest.raises(ImageError, match="there is no file"):
        read_image(tmp_path / "absent.tif")
    (tmp_path / "text.tif").write_text("no image")
    with pytest.raises(ImageError, match="no image that can be read"):
        read_image(tmp_path / "text.tif")
    (tmp_path / "text.lbl").write_text("PDS_VERSION_ID = PDS3\nEND\n")
    with pytest.raises(ImageError, match=r"no product of the PDS|holds no image"):
        read_image(tmp_path / "text.lbl")


def test_a_damaged_file_is_an_error_and_no_rubbish(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (1, 300, 300)).astype(np.uint8)
    write_geotiff(tmp_path / "a.tif", pixels, None)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "b.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError):
        read_image(tmp_path / "b.tif")


def picture(pixels: np.ndarray, ceiling: float = 255.0) -> Image:
    return Image(np.asarray(pixels, float)[np.newaxis], None, Path("x"), {}, 1.0, ceiling)


def test_images_in_which_nothing_can_be_measured_are_refused():
    noise = np.random.default_rng(1).normal(100, 20, (50, 50)).round()
    assert check_image(picture(noise)).flags == ()
    with pytest.raises(ImageError, match="practically all pixels are between 1 and 1"):
        check_image(picture(np.ones((50, 50))))
    with pytest.raises(ImageError, match="saturated"):
        check_image(picture(np.full((50, 50), 255.0)))
    empty = noise.copy()
    empty[:45] = np.nan
    with pytest.raises(ImageError, match="only 10 % of the pixels"):
        check_image(picture(empty))


def test_images_with_faults_are_flagged():
    noise = np.random.default_rng(1).normal(100, 20, (50, 50)).round()
    noise[:3], noise[-4:] = np.nan, 255.0
    found = check_image(picture(noise))
    assert found.flags == ("holes", "saturated")
    assert found.holes == pytest.approx(0.06)


def test_the_real_height_model_lies_in_the_marius_hills():
    path = SHARED / "MHH.tif"
    if not path.is_file():
        pytest.skip("the real height models are not beside this repository (../shared)")
    image = read_image(path)
    place = image.require_georeference()
    place.require_body("Moon")
    longitude, latitude = place.lonlat(133.5, 170.0)
    # Marius Hills hole: 14.09 N, 303.23 E (Robinson et al. 2012, PSS 69, 18).
    assert longitude == pytest.approx(303.23, abs=0.01)
    assert latitude == pytest.approx(14.09, abs=0.01)
    # 340 x 267 posts of 2 m.
    np.testing.assert_allclose(place.local_scale(133, 170), np.diag([2.0, -2.0]), atol=0.004)
    assert json.loads(json.dumps(place.projection)).startswith("+proj=eqc")
