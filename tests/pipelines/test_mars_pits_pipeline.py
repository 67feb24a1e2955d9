"""The pipeline for pits: images of any size, rows, scores, bad input, the published catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("scipy")
pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")
pytest.importorskip("pyproj", reason="the extra [images] is not installed")

import pyproj
import pyvo
import torch

from epntap.catalogue import read_catalogue
from epntap.commands.science import native_source
from epntap.plugins import products_of
from epntap.publish import drop, publish
from epntap.validator import LocalTapClient, Options, validate
from pipelines.contract import Catalogue, Pipeline
from pipelines.errors import LabelError, PipelineError, WeightsError
from pipelines.images.annotations import read_labels
from pipelines.images.errors import AngleError, GeoreferenceError, ImageError
from pipelines.images.georeference import Georeference
from pipelines.images.raster import read_image, write_geotiff
from pipelines.images.tiles import InMemory
from pipelines.mars_pits import pipeline
from pipelines.mars_pits.catalogue import COLUMNS
from pipelines.mars_pits.detect import Coarser, detect, factors_of
from pipelines.mars_pits.evaluate import labelled_images, true_of
from pipelines.mars_pits.instances import separate
from pipelines.mars_pits.simulate import Picture, pictures
from pipelines.mars_pits.tutorial import write_pictures
from pipelines.mars_pits.weights import SHIPPED_WEIGHTS, load_detector

COUNT = 6
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "pits"


@pytest.fixture(scope="module")
def made() -> list[Picture]:
    torch.set_num_threads(1)
    return list(pictures("test", COUNT, seed=31))


@pytest.fixture(scope="module")
def data(made, tmp_path_factory) -> Path:
    """A folder of pictures with their labels."""
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(made, folder)
    return folder


@pytest.fixture(scope="module")
def detector():
    torch.set_num_threads(1)
    return load_detector()


@pytest.fixture(scope="module")
def catalogue(data, tmp_path_factory) -> Catalogue:
    return pipeline.run(data / "images", products=tmp_path_factory.mktemp("products"))


def rewritten(data: Path, path: Path, *, place="same", tags=None, pixels=None) -> Path:
    """Write the first picture again with another place, other keywords or other pixels."""
    first = sorted((data / "images").iterdir())[0]
    image = read_image(first)
    where = image.georeference if place == "same" else place
    values = image.pixels.astype(np.uint16) if pixels is None else pixels
    write_geotiff(path, values, where, nodata=0, tags={**image.tags, **(tags or {})})
    return path


def test_the_pipeline_satisfies_the_contract():
    assert isinstance(pipeline, Pipeline)


def test_weights_are_small_and_each_network_has_a_rule():
    files = list(SHIPPED_WEIGHTS.iterdir())
    assert sum(each.stat().st_size for each in files) < 2e6
    digests = {load_detector(number=number).digest for number in (*range(5), None)}
    assert len(digests) == 6
    assert len(load_detector(number=None).networks) == 5
    with pytest.raises(WeightsError, match="has 5 networks, none with the number 5"):
        load_detector(number=5)
    with pytest.raises(WeightsError, match="has no weights"):
        load_detector(Path("nowhere"))


def test_a_run_gives_every_column_with_its_type(catalogue):
    assert len(catalogue.frame) > 3
    for column in COLUMNS:
        assert str(catalogue.frame[column.name].dtype) == column.dtype, column.name
    assert catalogue.frame.pit_id.is_unique
    assert (catalogue.frame.target == "Mars").all()
    assert catalogue.frame.simulated.all()
    assert not catalogue.frame.pit_class.isin(["crater"]).any()
    assert catalogue.frame.confidence.between(0.0, 1.0).all()
    assert json.loads(json.dumps(catalogue.provenance.as_dict()))["pipeline"] == "mars_pits"


def test_a_run_is_the_same_every_time_and_from_what_is_half_done(catalogue, data, tmp_path):
    names = ["thumbnail_file", "footprint_file"]
    expected = catalogue.frame.drop(columns=names)
    for _ in range(2):  # the second time the maps are there
        again = pipeline.run(data / "images", work=tmp_path)
        pd.testing.assert_frame_equal(again.frame.drop(columns=names), expected)
        assert again.frame[names].isna().all().all()
    assert again.provenance.source_sha256 == catalogue.provenance.source_sha256


def test_pits_are_found_where_they_are_with_their_size(catalogue, made):
    right = []
    for picture in made:
        rows = catalogue.frame[catalogue.frame.image_id == picture.name]
        for thing in picture.things:
            if thing.kind == "crater" or thing.mask[[0, -1]].any() or thing.mask[:, [0, -1]].any():
                continue
            ys, xs = np.nonzero(thing.mask)
            near = rows[
                (rows.box_row - ys.min()).abs().lt(4) & (rows.box_column - xs.min()).abs().lt(4)
            ]
            right.append(
                len(near) == 1 and near.diameter.iloc[0] == pytest.approx(thing.diameter, rel=0.15)
            )
    assert len(right) >= 6
    assert np.mean(right) >= 0.7


def test_a_small_image_is_seen_as_it_is_however_it_is_read(data, detector):
    path = sorted((data / "images").iterdir())[1]
    pixels = read_image(path).pixels
    direct = separate(detector.maps(pixels[0]), detector.rule)
    surveyed = detect(InMemory(pixels), detector)
    assert [each.region.box for each in surveyed] == sorted(
        (each.region.box for each in direct), key=lambda box: (box[1], box[0])
    )
    for each in surveyed:
        other = next(one for one in direct if one.region.box == each.region.box)
        np.testing.assert_array_equal(each.region.mask, other.region.mask)


def test_a_pit_on_the_border_of_blocks_is_one_pit(made, detector):
    rng = np.random.default_rng(2)
    picture = max(made, key=lambda each: len(each.things))
    ground = float(np.median(picture.pixels))
    wide = rng.normal(ground, 0.01 * ground, (640, 700))
    wide[450:578, 450:578] = picture.pixels
    found = [
        each
        for each in detect(InMemory(wide[np.newaxis]), detector)
        if each.confidence >= detector.rule.confidence
    ]
    alone = [
        each
        for each in detect(InMemory(picture.pixels[np.newaxis]), detector)
        if each.confidence >= detector.rule.confidence and not each.at_edge
    ]
    hits = 0
    for each in alone:
        left, top, right, bottom = each.region.box
        moved = (left + 450, top + 450, right + 450, bottom + 450)
        hits += any(
            np.abs(np.subtract(other.region.box, moved)).max() <= 3 and other.kind == each.kind
            for other in found
        )
    assert alone
    assert hits >= len(alone) - 1


def test_large_pits_are_found_in_the_image_made_coarser(made, detector):
    picture = max(made, key=lambda each: len(each.things))
    fine = np.kron(picture.pixels, np.ones((4, 4)))[np.newaxis]
    factors = factors_of(fine.shape[1:], 1.0, None, None)
    assert factors == [1, 2, 4]
    found = [
        each
        for each in detect(InMemory(fine), detector, factors=factors)
        if each.confidence >= detector.rule.confidence
    ]
    large = [thing for thing in picture.things if 2 * np.sqrt(thing.mask.sum() / np.pi) > 30]
    for thing in large:
        area = 16 * thing.mask.sum()
        assert any(each.region.area == pytest.approx(area, rel=0.2) for each in found)
    for number, each in enumerate(found):
        for other in found[:number]:
            assert each.region.shared(other.region) < 0.5 * min(each.region.area, other.region.area)


def test_factors_follow_from_sizes_that_are_looked_for():
    assert factors_of((128, 128), 2.0, None, None) == [1]
    assert factors_of((4000, 4000), 0.25, 20.0, 300.0) == [4, 8, 16, 32]
    assert factors_of((4000, 4000), None, 20.0, 300.0) == [1, 2, 4, 8, 16, 32]
    assert factors_of((4000, 4000), 6.0, None, 300.0) == [1]


def test_each_pit_has_a_thumbnail_and_its_outline(catalogue):
    folder = products_of(catalogue)
    for row in catalogue.frame.itertuples():
        assert (folder / row.thumbnail_file).read_bytes().startswith(b"\x89PNG")
        (feature,) = json.loads((folder / row.footprint_file).read_text())["features"]
        assert feature["properties"]["pit_id"] == row.pit_id


def test_evaluation_scores_objects_and_pixels(data):
    scores = pipeline.evaluate(data, data)
    assert scores["n_images"] == COUNT
    for key in ("f1", "iou", "map50", "map50_95", "box_f1", "mask_f1"):
        assert 0.0 <= scores[key] <= 1.0
    assert scores["f1"] >= 0.7
    assert scores["mask_f1_any"] >= 0.7
    assert json.loads(json.dumps(scores)) == scores
    first = sorted((data / "images").iterdir())[0]
    assert pipeline.evaluate(first, data / "labels.json")["n_images"] == 1


def test_labels_of_other_images_sizes_or_classes_are_refused_by_name(data, tmp_path, detector):
    labels = json.loads((data / "labels.json").read_text())
    path = tmp_path / "labels.json"

    def refused(told: str, **changes) -> None:
        path.write_text(json.dumps(labels | changes))
        with pytest.raises(LabelError, match=told):
            pipeline.evaluate(data / "images", path)

    renamed = [{**each, "file_name": "other.tif"} for each in labels["images"]]
    refused("none of the 6 labelled images", images=renamed)
    smaller = [{**each, "height": 64} for each in labels["images"]]
    empty: list = []
    refused("is said to have 64 x 128 pixels", images=smaller, annotations=empty)
    dunes = [{**each, "name": f"dune {each['id']}"} for each in labels["categories"]]
    refused("does not know the class 'dune", categories=dunes)


def test_labels_give_the_masks_that_were_rendered(data, made, detector):
    read, images = labelled_images(data, data)
    assert read.categories == detector.classes
    for image, picture in zip(images, made, strict=True):
        true = true_of(image, detector.classes, read.path)
        assert [detector.classes[kind] for kind in true.kinds] == [t.kind for t in picture.things]
        for number, thing in enumerate(picture.things):
            keep = np.arange(len(true)) == number
            np.testing.assert_array_equal(true.painted(keep), thing.mask)
    assert read_labels(data).images[0].path.is_file()


def test_an_image_on_no_map_has_rows_without_a_place(data, tmp_path):
    path = rewritten(data, tmp_path / "raw.tif", place=None, tags={"TARGET_NAME": "MARS"})
    frame = pipeline.run(path, confidence=0.0).frame
    assert frame["flags"].str.contains("no_georeference").all()
    assert frame.lon_west.isna().all()
    assert frame.diameter.isna().all()
    scaled = rewritten(data, path, place=None, tags={"PIXEL_SCALE": "2.0 <METERS/PIXEL>"})
    frame = pipeline.run(scaled, confidence=0.0).frame
    assert len(frame)
    np.testing.assert_allclose(frame.area, np.pi * frame.diameter**2 / 4)


def test_angles_come_from_the_label_or_are_flagged_and_impossible_ones_refused(data, tmp_path):
    path = rewritten(data, tmp_path / "a.tif")
    told = read_image(path).tags
    frame = pipeline.run(path, confidence=0.0).frame
    assert frame.incidence.iloc[0] == pytest.approx(float(told["INCIDENCE_ANGLE"]))
    assert frame.phase.iloc[0] == pytest.approx(float(told["PHASE_ANGLE"]))
    image = read_image(path)
    write_geotiff(tmp_path / "b.tif", image.pixels.astype(np.uint16), image.georeference, nodata=0)
    frame = pipeline.run(tmp_path / "b.tif", confidence=0.0).frame
    assert frame["flags"].str.contains("no_angles").all()
    with pytest.raises(AngleError, match="which cannot be"):
        pipeline.run(rewritten(data, tmp_path / "c.tif", tags={"INCIDENCE_ANGLE": "95"}))
    with pytest.raises(AngleError, match="contradict"):
        pipeline.run(path, phase=170.0)


def test_images_that_show_nothing_or_lie_elsewhere_are_refused_by_name(data, tmp_path):
    dark = np.ones((1, 128, 128), np.uint16)
    with pytest.raises(ImageError, match="practically all pixels"):
        pipeline.run(rewritten(data, tmp_path / "dark.tif", pixels=dark))
    full = np.full((1, 128, 128), 65535, np.uint16)
    with pytest.raises(ImageError, match="saturated"):
        pipeline.run(rewritten(data, tmp_path / "full.tif", pixels=full))
    earth = Georeference(
        (0.5, 0, 5e5, 0, -0.5, 5e6), pyproj.CRS.from_epsg(32633).to_wkt("WKT1_GDAL")
    )
    with pytest.raises(GeoreferenceError, match="that of the Earth"):
        pipeline.run(rewritten(data, tmp_path / "earth.tif", place=earth))
    with pytest.raises(GeoreferenceError, match="of Mars and not of Moon"):
        pipeline.run(rewritten(data, tmp_path / "moon.tif", tags={"TARGET_NAME": "MOON"}))
    with pytest.raises(PipelineError, match="is no simulation"):
        pipeline.run("simulation:many")


def test_holes_in_the_data_are_flagged_and_nothing_is_found_in_them(data, tmp_path):
    image = read_image(sorted((data / "images").iterdir())[0])
    pixels = image.pixels.astype(np.uint16)
    pixels[0, :, 90:] = 0
    frame = pipeline.run(rewritten(data, tmp_path / "a.tif", pixels=pixels), confidence=0.0).frame
    assert frame["flags"].str.contains("holes").all()
    assert (frame.box_column + frame.box_width <= 90 + 1).all()


def test_the_catalogue_is_valid_and_found_by_region(database, service, catalogue):
    description = read_catalogue("mars_pits")
    source = native_source(pipeline, catalogue)
    publish(database, description, source, files=products_of(catalogue))
    try:
        report = validate(LocalTapClient(database), "mars_pits", Options(5, 1000, 0))
        assert not report.findings, [str(finding) for finding in report.findings]
        tap = pyvo.dal.TAPService(f"{service}/tap")

        def names(condition: str) -> list[str]:
            found = tap.search(
                "SELECT granule_uid FROM mars_pits.epn_core WHERE dataproduct_type = 'ci' AND"
                f" {condition} ORDER BY 1"
            )
            return [str(each) for each in found["granule_uid"]]

        row = catalogue.frame.iloc[1]
        longitude, latitude = (row.lon_west + row.lon_east) / 2, (row.lat_min + row.lat_max) / 2
        point = f"POINT({longitude}, {latitude})"
        assert row.pit_id in names(f"1 = CONTAINS({point}, s_region)")
        near = f"CIRCLE({longitude}, {latitude}, 0.0002)"
        assert row.pit_id in names(f"1 = INTERSECTS(s_region, {near})")
        assert names("1 = INTERSECTS(s_region, CIRCLE(20, 40, 1))") == []
        assert len(names("confidence > 0")) == len(catalogue.frame)
        rows = tap.search(
            "SELECT diameter, pixelscale_max FROM mars_pits.epn_core"
            f" WHERE granule_uid = '{row.pit_id}'"
        )
        assert rows["diameter"][0] == pytest.approx(row.diameter / 1000.0)  # kilometres
        assert rows["pixelscale_max"][0] == pytest.approx(row.pixel_scale / 1000.0)
    finally:
        drop(database, "mars_pits")


def test_coarser_pixels_are_means_of_those_that_are_known():
    rng = np.random.default_rng(0)
    pixels = rng.uniform(size=(2, 37, 50))
    pixels[:, 8:12, 8:12] = np.nan
    pixels[0, 0, 0] = np.nan
    coarser = Coarser(InMemory(pixels), 4)
    assert coarser.shape == (9, 12)
    made = coarser.read(slice(0, 9), slice(0, 12))
    assert made.shape == (1, 9, 12)
    assert np.isnan(made[0, 2, 2])
    assert made[0, 5, 7] == pytest.approx(pixels[:, 20:24, 28:32].mean())
    corner = pixels[:, :4, :4].mean(axis=0)
    assert made[0, 0, 0] == pytest.approx(np.nanmean(corner))
    np.testing.assert_array_equal(coarser.read(slice(3, 5), slice(2, 9)), made[:, 3:5, 2:9])


def test_the_pit_of_a_real_height_model_is_found_under_most_suns():
    path = SHARED / "MHH.tif"
    if not path.is_file():
        pytest.skip("the real height models are not beside this repository (../shared)")
    from pipelines.mars_pits.terrain import sightings

    several = sightings(path, load_detector(number=None))
    assert len(several) == 20
    assert sum(each.overlap >= 0.5 for each in several) >= 14
    assert sum(each.others for each in several) <= 2
