"""The pipeline for depths of pits: sources, rows, profiles, scores, and the published catalogue."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("scipy")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")
pytest.importorskip("pyproj", reason="the extra [images] is not installed")

import pyproj
import pyvo

from epntap.catalogue import read_catalogue
from epntap.publish import DataFrameSource, drop, open_native, publish
from epntap.validator import LocalTapClient, Options, validate
from pipelines.contract import Catalogue, Pipeline
from pipelines.errors import LabelError, PipelineError
from pipelines.images.errors import AngleError, GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.illumination import Illumination
from pipelines.images.raster import read_image, write_geotiff
from pipelines.images.render import Camera
from pipelines.pit_depths import pipeline
from pipelines.pit_depths.catalogue import COLUMNS
from pipelines.pit_depths.simulate import Pit, Sight, pit_heights, take
from pipelines.pit_depths.terrain import write_sights

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "pits"
PIXEL = 0.5


def small_sight(number: int) -> Sight:
    rng = np.random.default_rng(number)
    light = Illumination(45.0 + 5.0 * number, 6.0 * number, 90.0 * number + 20.0, 50.0)
    heights = pit_heights(Pit(15.0, 6.0, raggedness=0.02), PIXEL / 4, 84 * 4, rng)
    return take(f"pit_{number}", heights, PIXEL, light, Camera(), rng, true_depth=6.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A folder of three pictures with their truth."""
    folder = tmp_path_factory.mktemp("pits")
    write_sights([small_sight(number) for number in range(3)], folder)
    return folder


@pytest.fixture(scope="module")
def catalogue(data) -> Catalogue:
    return pipeline.run(data / "images", profiles=data / "profiles")


def test_the_pipeline_satisfies_the_contract():
    assert isinstance(pipeline, Pipeline)
    with pytest.raises(PipelineError, match="nothing to train"):
        pipeline.train([], [], Path("x"))


def test_a_run_gives_every_column_with_its_type(catalogue):
    for column in COLUMNS:
        assert str(catalogue.frame[column.name].dtype) == column.dtype, column.name
    assert list(catalogue.frame.pit_id) == ["pit_0", "pit_1", "pit_2"]
    assert (catalogue.frame.target == "Mars").all()
    assert catalogue.frame.simulated.all()
    np.testing.assert_allclose(catalogue.frame.apparent_depth, 6.0, rtol=0.03)
    assert json.loads(json.dumps(catalogue.provenance.as_dict()))["pipeline"] == "pit_depths"


def test_a_run_is_the_same_every_time(catalogue, data):
    again = pipeline.run(data / "images")
    pd.testing.assert_frame_equal(again.frame, catalogue.frame)
    assert again.provenance.source_sha256 == catalogue.provenance.source_sha256


def test_each_pit_has_a_profile_and_a_figure(catalogue, data):
    for row in catalogue.frame.itertuples():
        profile = pd.read_csv(data / "profiles" / f"{row.pit_id}.csv")
        assert profile.length_m.is_monotonic_increasing
        assert profile.length_m.iloc[-1] == pytest.approx(row.shadow_length, rel=1e-4)
        assert profile.depth_m.max() >= row.apparent_depth - 1e-3
        assert (profile.edge_latitude_deg.between(row.lat_min - 1e-4, row.lat_max + 1e-4)).all()
        assert (data / "profiles" / f"{row.pit_id}.png").read_bytes().startswith(b"\x89PNG")


def test_evaluation_scores_shadows_and_depths(data):
    scores = pipeline.evaluate(data / "images", data / "labels.csv")
    assert scores["n_images"] == 3
    assert scores["f1"] >= 0.97
    assert scores["depth_error_median"] <= 0.02
    assert json.loads(json.dumps(scores)) == scores
    published = pipeline.evaluate(
        data / "images", data / "labels.csv", method="published", correction="published"
    )
    assert published["f1"] >= 0.97
    assert published["depth_error_median"] > scores["depth_error_median"]


def test_a_mask_alone_is_a_label_and_labels_of_other_images_are_refused(data, tmp_path):
    scores = pipeline.evaluate(data / "images" / "pit_1.tif", data / "masks" / "pit_1.tif")
    assert scores["f1"] >= 0.97
    assert "depth_error_median" not in scores
    (tmp_path / "l.csv").write_text("image,depth_m\nother,3\n")
    with pytest.raises(LabelError, match="knows nothing of pit_0"):
        pipeline.evaluate(data / "images", tmp_path / "l.csv")
    (tmp_path / "l.csv").write_text("name\nother\n")
    with pytest.raises(LabelError, match="has the columns name"):
        pipeline.evaluate(data / "images", tmp_path / "l.csv")


def test_a_box_cuts_the_pit_out_of_a_large_image(data, tmp_path):
    image = read_image(data / "images" / "pit_0.tif")
    place = image.require_georeference()
    wide = np.full((1, 400, 500), np.nanmedian(image.pixels))
    wide[0, 200:284, 300:384] = image.pixels[0]
    moved = place.shifted(-200, -300)
    write_geotiff(tmp_path / "wide.tif", wide.astype(np.uint16), moved, nodata=0, tags=image.tags)
    west, north = (float(each) for each in moved.lonlat(205.0, 305.0))
    east, south = (float(each) for each in moved.lonlat(279.0, 379.0))
    west, east = west - 360.0, east - 360.0  # as many outlines are written
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    box = {"type": "Polygon", "coordinates": [ring]}
    (tmp_path / "box.geojson").write_text(json.dumps(box))
    row = pipeline.run(tmp_path / "wide.tif", pits=tmp_path / "box.geojson").frame.iloc[0]
    whole = pipeline.run(data / "images" / "pit_0.tif").frame.iloc[0]
    assert row.apparent_depth == pytest.approx(whole.apparent_depth, rel=0.01)
    for name in ("lon_west", "lon_east", "lat_min", "lat_max"):
        assert row[name] == pytest.approx(whole[name], abs=1e-5)
    elsewhere = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    (tmp_path / "box.geojson").write_text(json.dumps(elsewhere))
    with pytest.raises(ImageError, match="none of the 1 outlines"):
        pipeline.run(tmp_path / "wide.tif", pits=tmp_path / "box.geojson")


def rewritten(data: Path, path: Path, *, place="same", tags=None) -> Path:
    """Write the picture of a pit again with another place or other angles."""
    image = read_image(data / "images" / "pit_0.tif")
    where = image.georeference if place == "same" else place
    kept = {**image.tags, **(tags or {})}
    write_geotiff(path, image.pixels.astype(np.uint16), where, tags=kept)
    return path


def test_an_image_on_no_map_is_measured_with_the_scale_of_its_label(data, tmp_path):
    path = rewritten(data, tmp_path / "raw.tif", place=None)
    with pytest.raises(GeoreferenceError, match="nor how large its pixels are"):
        pipeline.run(path)
    path = rewritten(
        data,
        path,
        place=None,
        tags={"PIXEL_SCALE": "0.5", "NORTH_AZIMUTH": "270", "TARGET_NAME": "MARS"},
    )
    row = pipeline.run(path).frame.iloc[0]
    assert row.apparent_depth == pytest.approx(6.0, rel=0.03)
    assert row["flags"] == "no_georeference"
    assert np.isnan(row.lon_west)


def test_images_with_wrong_places_or_angles_are_refused_by_name(data, tmp_path):
    earth = Georeference(
        (0.5, 0, 5e5, 0, -0.5, 5e6), pyproj.CRS.from_epsg(32633).to_wkt("WKT1_GDAL")
    )
    with pytest.raises(GeoreferenceError, match="that of the Earth"):
        pipeline.run(rewritten(data, tmp_path / "a.tif", place=earth))
    with pytest.raises(GeoreferenceError, match="of Mars and not of Moon"):
        pipeline.run(rewritten(data, tmp_path / "b.tif", tags={"TARGET_NAME": "MOON"}))
    with pytest.raises(AngleError, match="casts no shadow"):
        pipeline.run(rewritten(data, tmp_path / "c.tif", tags={"INCIDENCE_ANGLE": "95"}))
    bare = read_image(data / "images" / "pit_0.tif")
    write_geotiff(tmp_path / "d.tif", bare.pixels.astype(np.uint16), bare.georeference)
    with pytest.raises(AngleError, match="has no INCIDENCE_ANGLE"):
        pipeline.run(tmp_path / "d.tif")
    given = pipeline.run(
        tmp_path / "d.tif", incidence=45.0, emission=0.0, sun_azimuth=20.0, target="Mars"
    )
    assert given.frame.apparent_depth.iloc[0] == pytest.approx(6.0, rel=0.03)
    assert given.provenance.parameters["given"]["incidence_angle"] == 45.0
    with pytest.raises(PipelineError, match="method 'magic' is not known"):
        pipeline.run(tmp_path / "d.tif", method="magic")


def test_holes_in_the_data_are_flagged(data, tmp_path):
    image = read_image(data / "images" / "pit_0.tif")
    pixels = image.pixels.astype(np.uint16)
    pixels[0, :2] = 0
    write_geotiff(tmp_path / "a.tif", pixels, image.georeference, nodata=0, tags=image.tags)
    row = pipeline.run(tmp_path / "a.tif").frame.iloc[0]
    assert row["flags"] == "holes"
    assert not row.is_lower_limit


def test_the_catalogue_is_valid_and_found_by_region(database, service, catalogue):
    description = read_catalogue("pit_depths")
    publish(database, description, DataFrameSource(catalogue.frame, "pits", catalogue.units))
    try:
        report = validate(LocalTapClient(database), "pit_depths", Options(5, 1000, 0))
        assert not report.findings, [str(finding) for finding in report.findings]
        tap = pyvo.dal.TAPService(f"{service}/tap")

        def names(condition: str) -> list[str]:
            found = tap.search(
                f"SELECT granule_uid FROM pit_depths.epn_core WHERE {condition} ORDER BY 1"
            )
            return [str(each) for each in found["granule_uid"]]

        row = catalogue.frame.iloc[1]
        longitude, latitude = (row.lon_west + row.lon_east) / 2, (row.lat_min + row.lat_max) / 2
        near = f"CIRCLE({longitude}, {latitude}, 0.0005)"
        assert names(f"1 = INTERSECTS(s_region, {near})") == ["pit_1"]
        point = f"POINT({longitude}, {latitude})"
        assert names(f"1 = CONTAINS({point}, s_region)") == ["pit_1"]
        assert names("apparent_depth > 3") == ["pit_0", "pit_1", "pit_2"]
        scales = tap.search("SELECT MAX(pixelscale_max) AS s FROM pit_depths.epn_core")["s"]
        assert scales[0] == pytest.approx(0.0005, rel=0.02)  # kilometres
    finally:
        drop(database, "pit_depths")


def test_the_cave_catalogue_of_mars_goes_in_by_its_description_alone(database, service):
    path = SHARED / "MGC3_Mars_Cave_Catalog.csv"
    if not path.is_file():
        pytest.skip("the catalogue MGC3 is not beside this repository (../shared)")
    publish(database, read_catalogue("mgc3"), open_native(path))
    try:
        report = validate(LocalTapClient(database), "mgc3", Options(5, 2000, 0))
        assert not report.findings, [str(finding) for finding in report.findings]
        tap = pyvo.dal.TAPService(f"{service}/tap")
        query = "SELECT COUNT(*) AS n, MAX(depth) AS d, MAX(diameter_max) AS w FROM mgc3.epn_core"
        found = tap.search(query)
        assert (found["n"][0], found["d"][0], found["w"][0]) == (1062, 345.0, 520.0)
    finally:
        drop(database, "mgc3")


@pytest.mark.slow
def test_shadows_of_the_real_height_model_give_the_depths_that_its_geometry_allows():
    path = SHARED / "MHH.tif"
    if not path.is_file():
        pytest.skip("the real height models are not beside this repository (../shared)")
    scores = pipeline.evaluate(f"dtm:{path}", Path("unused"))
    assert scores["n_images"] == 20
    assert scores["f1"] >= 0.97
    assert scores["depth_error_median"] <= 0.02
    assert scores["within_errors"] >= 0.5


@pytest.fixture(scope="module")
def real_shadow() -> tuple[np.ndarray, np.ndarray, float]:
    """The tutorial image of Le Corre et al. as their figure shows it, and the hand-made shadow."""
    from pipelines.images.shapefiles import fill, read_shapes

    folder = SHARED / "pits_shadow_ESP_033342_1660"
    if not folder.is_dir():
        pytest.skip("the real shadow labels are not beside this repository (../shared)")
    picture = pytest.importorskip("matplotlib.image").imread(folder / "Detected_Shadow.png")
    grey = np.asarray(picture[31:344, 10:352, :3], float).mean(axis=2)
    shapes = read_shapes(folder / "testing_ESP_033342_1660_RED.shp")
    west, south, east, north = read_shapes(folder / "labels_ESP_033342_1660_RED.shp")[0].bounds
    rings = [
        (ring - [west, north]) / [east - west, south - north] * [grey.shape[1], grey.shape[0]]
        for ring in shapes[0].rings
    ]
    size = np.radians(north - south) * 3394839.813 / grey.shape[0]
    return grey * 255.0, fill(tuple(rings), grey.shape), float(size)


def test_the_real_shadow_south_of_arsia_mons_has_its_published_depth(real_shadow):
    from pipelines.images.labels import read_index_row
    from pipelines.images.matching import compare_masks
    from pipelines.pit_depths.geometry import Errors, displacement
    from pipelines.pit_depths.profile import measure
    from pipelines.pit_depths.shadow import find_shadow

    grey, hand_made, size = real_shadow
    index = SHARED / "pits_shadow_ESP_033342_1660" / "metadata_RDRCUMINDEX.TAB"
    moved = displacement(read_index_row(index, "ESP_033342_1660_RED").illumination())
    shadow = find_shadow(grey[np.newaxis])
    scale = np.diag([size, -size])
    profile = measure(shadow, np.ones(grey.shape, bool), scale, moved, Errors())
    # Read off the published profile: 88 m at 94 m of 152 m, with a mask larger than by hand.
    assert profile.maximum == pytest.approx(88.0, rel=0.05)
    assert profile.length[profile.deepest] == pytest.approx(94.0, abs=8.0)
    assert profile.length[-1] == pytest.approx(152.0, abs=4.0)
    by_hand = replace(shadow, mask=hand_made, fraction=hand_made.astype(float))
    known = np.ones(grey.shape, bool)
    expected = measure(by_hand, known, scale, moved, Errors()).maximum
    assert profile.maximum == pytest.approx(expected, rel=0.03)
    assert compare_masks(shadow.mask, hand_made).f1 >= 0.97


def test_lines_of_the_report_leave_empty_what_is_not_known():
    from pipelines.pit_depths.report import table_row

    scores = {"n_images": 2, "f1": 0.98765, "iou": 0.9}
    row = table_row("x", "subpixel", "exact", scores)
    assert row == "| x | subpixel | exact | 2 | 0.988 | 0.900 |  |  |  |  |  |"
    scores |= {"depth_error_median": 0.01234, "within_errors": 0.5}
    assert "| 1.23 % |  |  |  | 50 % |" in table_row("x", "subpixel", "exact", scores)


def test_published_durations_are_those_of_the_ends_of_their_range():
    from pipelines.pit_depths.speed import published_seconds

    assert published_seconds(20_000) == pytest.approx(5.0)
    assert published_seconds(4_800_000) == pytest.approx(500.0)
