"""The pipeline for mounds: sources, rows, files, scores, training, and the published catalogue."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="the extra [pipelines] is not installed")
pytest.importorskip("safetensors", reason="the extra [pipelines] is not installed")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")

import pyproj
import pyvo
import torch

from epntap.catalogue import read_catalogue
from epntap.publish import DataFrameSource, drop, publish
from epntap.validator import LocalTapClient, Options, validate
from pipelines.contract import Catalogue, Pipeline
from pipelines.errors import LabelError, PipelineError, SourceError, WeightsError
from pipelines.images.errors import GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.raster import read_image, write_geotiff
from pipelines.images.tiles import InMemory
from pipelines.mars_mounds import pipeline
from pipelines.mars_mounds.catalogue import COLUMNS
from pipelines.mars_mounds.channels import hillshade, slopes
from pipelines.mars_mounds.detect import SHIPPED_WEIGHTS
from pipelines.mars_mounds.simulate import CONE, simulate_site
from pipelines.mars_mounds.source import OneBand, open_terrain, raster_paths, terrain_of

REAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "mounds"
SEED = 2


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def site():
    return simulate_site(SEED)


@pytest.fixture(scope="module")
def data(tmp_path_factory, site) -> Path:
    """The simulated site as GeoTIFF and as a shaded picture, with masks."""
    folder = tmp_path_factory.mktemp("mounds")
    for name in ("heights", "pictures"):
        (folder / name).mkdir()
    place = terrain_of(site).place
    mask = (site.labels > 0).astype(np.uint8)[np.newaxis]
    heights = site.heights.astype(np.float32)[np.newaxis]
    write_geotiff(folder / "heights" / "site.tif", heights, place, nodata=-1e32)
    write_geotiff(folder / "heights" / "site_mask.tif", mask, place)
    lit = hillshade(slopes(site.heights, (site.pixel, site.pixel)))
    grey = np.round(255 * (lit - lit.min()) / np.ptp(lit)).astype(np.uint8)
    write_geotiff(folder / "pictures" / "one_image.tif", grey[np.newaxis], None)
    write_geotiff(folder / "pictures" / "one_mask.tif", 255 * mask, None)
    return folder


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    folder = tmp_path_factory.mktemp("files")
    return pipeline.run(f"simulation:{SEED}", networks=1, products=folder)


def test_the_pipeline_satisfies_the_contract():
    assert isinstance(pipeline, Pipeline)


def test_the_weights_that_come_along_are_small():
    assert sum(each.stat().st_size for each in SHIPPED_WEIGHTS.iterdir()) < 2_000_000


def test_a_run_gives_every_column_with_its_type_and_says_that_it_was_simulated(catalogue):
    frame = catalogue.frame
    for column in COLUMNS:
        assert str(frame[column.name].dtype) == column.dtype, column.name
    assert frame.mound_id.is_unique
    assert frame.simulated.all()
    assert (frame.instrument_host == "simulation").all()
    assert frame["flags"].str.startswith("simulated").all()
    assert frame.confidence.between(0, 1).all()
    written = json.loads(json.dumps(catalogue.provenance.as_dict()))
    assert written["source"] == f"simulation:{SEED}"
    assert len(written["weights_sha256"]) == 64


def test_most_mounds_of_an_unseen_site_are_found_and_measured(catalogue, site):
    frame = catalogue.frame
    whole = [each for each in site.mounds if each.whole and each.diameter > 12 * site.pixel]
    errors, right = [], []
    for each in whole:
        away = np.hypot(frame.row - each.row, frame.column - each.col) * site.pixel
        if away.min() < 0.25 * each.diameter:
            row = frame.loc[away.idxmin()]
            errors.append((row.diameter / each.diameter - 1, row.height / each.height - 1))
            right.append((row.mound_class == CONE) == (each.kind == CONE))
            assert (row.vent_depth > 0) == (row.mound_class == CONE)
    assert np.mean(right) > 0.85
    assert len(errors) >= 0.8 * len(whole) > 5
    diameter, height = np.median(np.abs(errors), axis=0)
    assert diameter < 0.08
    assert height < 0.15
    assert (frame.diameter_error > 0).all()


def test_a_height_model_in_a_file_gives_the_rows_of_the_simulation(catalogue, data):
    again = pipeline.run(data / "heights" / "site.tif", networks=1, resolution=1.0)
    names = ["lon", "lat", "lon_west", "lat_max", "diameter", "height", "volume", "confidence"]
    pd.testing.assert_frame_equal(again.frame[names], catalogue.frame[names], rtol=5e-3)
    assert again.frame["flags"].isna().any()
    assert not again.frame.simulated.any()
    assert again.provenance.weights_sha256 == catalogue.provenance.weights_sha256


def test_each_mound_lies_where_its_outline_says(catalogue, site):
    place = terrain_of(site).place
    ratios = []
    for row in catalogue.frame.itertuples():
        numbers = np.array([float(each) for each in row.outline.split()[2:]]).reshape(-1, 2)
        x, y = numbers[:, 0] - row.lon, numbers[:, 1] - row.lat
        area = np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2.0
        assert area > 0.0  # counter-clockwise, longitude to the right
        ground = area * (math.radians(1.0) * 3396190.0) ** 2 * math.cos(math.radians(row.lat))
        ratios.append(ground / (math.pi * (row.diameter / 2.0) ** 2))
        at = place.pixel(row.lon, row.lat)
        assert (float(at[0]), float(at[1])) == pytest.approx((row.row, row.column), abs=1e-3)
    # Outlines are convex: a little larger than what they are around.
    assert np.median(ratios) == pytest.approx(1.05, abs=0.12)


def test_each_mound_has_a_thumbnail_a_mask_and_an_outline(catalogue):
    assert catalogue.products is not None
    for row in catalogue.frame.itertuples():
        assert (catalogue.products / row.thumbnail_file).read_bytes().startswith(b"\x89PNG")
        outline = json.loads((catalogue.products / row.footprint_file).read_text())
        assert outline["features"][0]["properties"]["mound_id"] == row.mound_id
        mask = read_image(catalogue.products / row.mask_file)
        rows, cols = np.nonzero(mask.pixels[0] > 0)
        longitude, latitude = mask.require_georeference().lonlat(
            rows.mean() + 0.5, cols.mean() + 0.5
        )
        assert (float(longitude), float(latitude)) == pytest.approx((row.lon, row.lat), abs=1e-6)


def test_a_shaded_picture_on_no_map_is_scored_with_its_mask(data):
    folder = data / "pictures"
    assert [each.name for each in raster_paths(folder)] == ["one_image.tif"]
    scores = pipeline.evaluate(folder, folder, networks=1)
    assert scores["f1"] > 0.6
    assert "height_error_median" not in scores
    assert json.loads(json.dumps(scores)) == scores
    frame = pipeline.run(folder, networks=1).frame
    assert (frame.input_kind == "pictures").all()
    assert frame["flags"].str.startswith("no_georeference").all()
    assert frame[["lon", "diameter", "height"]].isna().all(axis=None)
    assert pipeline.run(folder, networks=1, pixel_scale=2.0).frame.diameter.notna().all()


def test_heights_are_scored_with_a_mask_outlines_or_the_truth_of_a_simulation(data, catalogue):
    masked = pipeline.evaluate(data / "heights", data / "heights", networks=1, resolution=1.0)
    known = pipeline.evaluate(f"simulation:{SEED}", Path("none"), networks=1)
    assert masked["f1"] == pytest.approx(known["f1"], abs=0.01)
    assert known["f1"] > 0.8
    assert known["object_recall"] > 0.7
    assert known["diameter_error_median"] < 0.08
    assert {"map50", "map50_95", "box_f1", "mask_f1", "iou"} <= set(known)
    # Outlines of what was found are found again.
    folder = data / "outlines"
    folder.mkdir()
    assert catalogue.products is not None
    features = [
        json.loads((catalogue.products / name).read_text())["features"][0]
        for name in catalogue.frame.footprint_file
    ]
    collection = {"type": "FeatureCollection", "features": features}
    (folder / "site.geojson").write_text(json.dumps(collection))
    scores = pipeline.evaluate(data / "heights", folder, networks=1, resolution=1.0)
    assert scores["mask_f1"] > 0.9
    # The mask of a raster that is averaged is averaged, too.
    coarse = pipeline.evaluate(data / "heights", data / "heights", networks=1)
    assert coarse["f1"] > 0.7


def test_labels_that_do_not_fit_are_refused(data, tmp_path):
    source = data / "heights" / "site.tif"
    with pytest.raises(LabelError, match="no labels for site"):
        pipeline.evaluate(source, tmp_path, networks=1)
    with pytest.raises(LabelError, match="no file of labels"):
        pipeline.evaluate(source, tmp_path / "x.tif", networks=1)
    write_geotiff(tmp_path / "m.tif", np.zeros((1, 5, 5), np.uint8), None)
    with pytest.raises(LabelError, match="pixels where site has"):
        pipeline.evaluate(source, tmp_path / "m.tif", networks=1)


def test_rasters_that_cannot_be_used_are_refused_with_the_reason(data, tmp_path, site):
    place = terrain_of(site).place
    heights = site.heights.astype(np.float32)[np.newaxis]
    moon = Georeference(
        place.transform, pyproj.CRS.from_proj4("+proj=eqc +R=1737400 +no_defs").to_wkt()
    )
    cases = [
        ("moon.tif", heights, moon, GeoreferenceError, "Moon"),
        ("bare.tif", heights, None, GeoreferenceError, "how large a pixel is"),
        ("steep.tif", heights * 1000.0, place, ImageError, "heights have to be in metres"),
        ("flat.tif", np.zeros_like(heights), place, ImageError, "practically all pixels"),
        ("empty.tif", np.full_like(heights, np.nan), place, ImageError, "have data"),
    ]
    for name, pixels, where, kind, words in cases:
        write_geotiff(tmp_path / name, pixels, where)
        with pytest.raises(kind, match=words) as caught:
            pipeline.run(tmp_path / name, networks=1)
        assert words in f"{caught.value} {caught.value.hint}"
    with pytest.raises(ImageError, match="no image is in"):
        pipeline.run(data)
    with pytest.raises(SourceError, match="is no seed"):
        pipeline.run("simulation:one")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "magic"}, "kind 'magic' is not known"),
        ({"resolution": 0}, "resolution cannot be 0"),
        ({"confidence": 2}, "confidence cannot be 2"),
        ({"networks": 0}, "networks cannot be 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(PipelineError, match=words):
        pipeline.run(f"simulation:{SEED}", **options)


def test_weights_that_are_not_there_are_asked_for(tmp_path):
    with pytest.raises(WeightsError, match="no weights for heights"):
        pipeline.run(f"simulation:{SEED}", weights=tmp_path)


def test_gaps_in_the_heights_flag_the_file_and_the_mounds_in_them(data, site, tmp_path):
    heights = site.heights.astype(np.float32)[np.newaxis].copy()
    largest = max((each for each in site.mounds if each.whole), key=lambda each: each.diameter)
    row, col = int(largest.row), int(largest.col)
    heights[0, row - 3 : row + 3, col - 3 : col + 3] = np.nan
    heights[0, :6, :60] = np.nan
    write_geotiff(tmp_path / "gaps.tif", heights, terrain_of(site).place)
    frame = pipeline.run(tmp_path / "gaps.tif", networks=1, resolution=1.0).frame
    assert frame["flags"].str.startswith("holes").all()
    near = np.hypot(frame.row - largest.row, frame.column - largest.col).idxmin()
    assert frame["flags"][near] == "holes+holes"


def test_an_interrupted_run_goes_on_with_the_maps_that_are_there(data, tmp_path):
    told: list[int] = []
    source = data / "heights" / "site.tif"
    first = pipeline.run(source, networks=1, work=tmp_path)
    again = pipeline.run(
        source, networks=1, work=tmp_path, progress=lambda words, done, total: told.append(done)
    )
    pd.testing.assert_frame_equal(again.frame, first.frame)
    assert told == []


def test_finer_rasters_are_averaged_over_whole_squares():
    random = np.random.default_rng(1)
    fine = random.random((1, 301, 202))
    coarse = OneBand(InMemory(fine), 3)
    assert coarse.shape == (100, 67)
    expected = fine[0, :300, :201].reshape(100, 3, 67, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(coarse.read(slice(0, 100), slice(0, 67))[0], expected)
    np.testing.assert_allclose(coarse.read(slice(70, 90), slice(5, 9))[0], expected[70:90, 5:9])


def test_a_fine_raster_keeps_its_place_when_it_is_averaged(data, site):
    path = data / "heights" / "site.tif"
    with open_terrain(path, resolution=4.1 * site.pixel) as terrain:
        assert terrain.raster.shape == (96, 96)
        assert terrain.pixel == pytest.approx(4.0 * site.pixel, rel=1e-3)
        fine = terrain_of(site).place.lonlat(40.0, 80.0)
        coarse = terrain.place.lonlat(10.0, 20.0)
        np.testing.assert_allclose(np.ravel(coarse), np.ravel(fine), atol=1e-9)


def test_training_writes_weights_and_rules_that_a_run_can_use(data, tmp_path, monkeypatch):
    # Two batches teach nothing: what is tried on such a network only takes time.
    monkeypatch.setattr("pipelines.mars_mounds.choose._MOUND", (0.6,))
    monkeypatch.setattr("pipelines.mars_mounds.choose._CENTRE", (0.3,))
    monkeypatch.setattr("pipelines.mars_mounds.shipped._WATCHED_SITES", 1)
    labelled = [data / "heights" / "site.tif"], [data / "heights" / "site_mask.tif"]
    options = {"steps": 2, "sites": 1, "rule_sites": 1, "seed": 5}
    report = pipeline.train(*labelled, tmp_path, **options)
    assert report["labelled"] == 1
    assert {each.name for each in tmp_path.iterdir()} == {"heights_5.safetensors", "rules.json"}
    assert json.loads(json.dumps(report))["rules"]["least"] > 0
    # An interrupted training goes on: what is there, of the same plan and data, is kept.
    path = tmp_path / "heights_5.safetensors"
    written = path.stat().st_mtime_ns
    told: list[str] = []
    pipeline.train(
        *labelled, tmp_path, progress=lambda words, done, total: told.append(words), **options
    )
    assert path.stat().st_mtime_ns == written
    assert "heights_5.safetensors is there already" in told
    pipeline.train(*labelled, tmp_path, **{**options, "steps": 1})
    assert path.stat().st_mtime_ns > written
    frame = pipeline.run(f"simulation:{SEED}", weights=tmp_path).frame
    assert list(frame.columns) == [each.name for each in COLUMNS]
    with pytest.raises(PipelineError, match="kind 'other' is not known"):
        pipeline.train([], [], tmp_path, kind="other")


def test_the_catalogue_is_valid_and_found_by_region(database, service, catalogue):
    description = read_catalogue("mars_mounds")
    frame = catalogue.frame
    source = DataFrameSource(frame, "mounds", catalogue.units)
    publish(database, description, source, files=catalogue.products)
    try:
        report = validate(LocalTapClient(database), "mars_mounds", Options(5, 1000, 0))
        assert not report.findings, [str(finding) for finding in report.findings]
        tap = pyvo.dal.TAPService(f"{service}/tap")

        def names(condition: str) -> list[str]:
            found = tap.search(
                "SELECT granule_uid FROM mars_mounds.epn_core"
                f" WHERE dataproduct_type = 'ci' AND {condition}"
            )
            return [str(each) for each in found["granule_uid"]]

        row = frame.loc[frame.diameter.idxmax()]
        assert names(f"1 = CONTAINS(POINT({row.lon}, {row.lat}), s_region)") == [row.mound_id]
        circle = f"CIRCLE({row.lon}, {row.lat}, {row.diameter / 4 / 59274.7})"
        assert row.mound_id in names(f"1 = INTERSECTS(s_region, {circle})")
        assert names(f"1 = INTERSECTS(s_region, CIRCLE({row.lon}, {row.lat + 5}, 0.5))") == []
        high = set(frame.mound_id[frame.height > 10])
        assert set(names("height > 10")) == high
        widest = tap.search("SELECT MAX(diameter) AS d FROM mars_mounds.epn_core")["d"][0]
        assert widest == pytest.approx(frame.diameter.max() / 1000.0)
    finally:
        drop(database, "mars_mounds")


def test_the_patches_of_real_ground_can_be_scored():
    if not (REAL / "mound_patch_1_image.png").is_file():
        pytest.skip("the real patches are not beside this repository (../shared)")
    scores = pipeline.evaluate(REAL, REAL, networks=1)
    assert scores["rasters"] == len(list(REAL.glob("mound_patch_*_image.png")))
    assert scores["objects"] >= 2
