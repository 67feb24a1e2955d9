"""The files of pits: h(L), mask of the shadow, thumbnail; from the pipeline to a client."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("scipy")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")
pytest.importorskip("pyproj", reason="the extra [images] is not installed")

import pyvo
import rasterio
from tests_support import serving

from epntap.catalogue import read_catalogue
from epntap.commands.science import native_source
from epntap.plugins import makes_products, products_of
from epntap.products.address import announce
from epntap.publish import drop, publish
from epntap.validator import LocalTapClient, Options, validate
from pipelines.contract import Catalogue
from pipelines.images.illumination import Illumination
from pipelines.images.render import Camera
from pipelines.pit_depths import pipeline
from pipelines.pit_depths.simulate import Pit, pit_heights, take
from pipelines.pit_depths.terrain import write_sights

PIXEL = 0.5
FILES = ["thumbnail_file", "profile_file", "mask_file", "footprint_file"]


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """Two pictures of pits."""
    folder = tmp_path_factory.mktemp("pits")
    sights = []
    for number in range(2):
        rng = np.random.default_rng(number)
        light = Illumination(45.0 + 5.0 * number, 6.0 * number, 90.0 * number + 20.0, 50.0)
        heights = pit_heights(Pit(15.0, 6.0, raggedness=0.02), PIXEL / 4, 84 * 4, rng)
        sights.append(take(f"pit_{number}", heights, PIXEL, light, Camera(), rng, true_depth=6.0))
    write_sights(sights, folder)
    return folder / "images"


@pytest.fixture(scope="module")
def found(images, tmp_path_factory) -> Catalogue:
    return pipeline.run(images, products=tmp_path_factory.mktemp("products"))


def test_every_pit_has_its_files_and_without_a_folder_none(images, found):
    assert makes_products(pipeline)
    folder = products_of(found)
    assert folder is not None
    for _, row in found.frame.iterrows():
        assert all((folder / row[name]).stat().st_size > 0 for name in FILES)
    assert len(list(folder.iterdir())) == 8
    plain = pipeline.run(images)
    assert plain.products is None
    assert plain.frame[FILES].isna().all(axis=None)
    pd.testing.assert_frame_equal(plain.frame.drop(columns=FILES), found.frame.drop(columns=FILES))


def test_the_same_images_give_the_same_files(images, found, tmp_path):
    pipeline.run(images, products=tmp_path)
    folder = products_of(found)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_a_client_finds_the_profile_of_a_pit_and_fetches_it(database, settings, found):
    description = read_catalogue("pit_depths")
    with serving(database, settings) as here:
        announce(database, here)
        done = publish(
            database, description, native_source(pipeline, found), files=products_of(found)
        )
        try:
            assert (done.rows, done.files) == (8, 8)
            report = validate(LocalTapClient(database), "pit_depths", Options(5, 1000, 3))
            assert not report.findings, [str(finding) for finding in report.findings]
            tap = pyvo.dal.TAPService(f"{here.url}/tap")
            for example in description.description.examples:
                tap.search(example.query)
            rows = tap.search(
                "SELECT pit.apparent_depth, pit.thumbnail_url, f.dataproduct_type, f.access_url,"
                " f.access_format, f.access_estsize FROM pit_depths.epn_core AS pit"
                " JOIN pit_depths.epn_core AS f ON f.obs_id = pit.obs_id"
                " WHERE pit.granule_uid = 'pit_1' AND f.access_url IS NOT NULL"
                " ORDER BY f.dataproduct_type DESC"
            )
            assert [str(kind) for kind in rows["dataproduct_type"]] == ["sv", "pr", "im"]
            outline, profile, mask = (fetch(row) for row in rows)
            (feature,) = json.loads(outline)["features"]
            assert feature["properties"]["pit_id"] == "pit_1"
            corners = np.array(feature["geometry"]["coordinates"][0])
            place = found.frame.set_index("pit_id").loc["pit_1"]
            assert corners[:, 1].min() == pytest.approx(place.lat_min, abs=1e-7)
            assert np.mod(corners[:, 0], 360.0).max() == pytest.approx(place.lon_east, abs=1e-7)
            lines = pd.read_csv(io.BytesIO(profile))
            # The maximum apparent depth is taken after a median over five lines.
            assert lines["depth_m"].max() == pytest.approx(rows["apparent_depth"][0], rel=0.02)
            assert {"length_m", "depth_error_m", "edge_longitude_deg"} <= set(lines)
            with rasterio.MemoryFile(mask) as file, file.open() as shadow:
                assert shadow.crs is not None
                area = shadow.read(1).sum() * PIXEL**2
            known = found.frame.set_index("pit_id").shadow_area["pit_1"]
            assert area == pytest.approx(known, rel=0.05)
            picture = httpx.get(str(rows["thumbnail_url"][0]))
            assert picture.headers["content-type"] == "image/png"
            with rasterio.MemoryFile(picture.content) as file, file.open() as shown:
                assert shown.driver == "PNG"
                assert (shown.height, shown.width) == (168, 168)
        finally:
            drop(database, "pit_depths")
            with database.publisher() as connection, connection.cursor() as cursor:
                cursor.execute("DELETE FROM epntap.address")
                connection.commit()


def fetch(row) -> bytes:
    answer = httpx.get(str(row["access_url"]))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == str(row["access_format"])
    assert -(-len(answer.content) // 1000) == int(row["access_estsize"])
    return answer.content
