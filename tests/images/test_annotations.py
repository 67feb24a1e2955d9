"""Labels in the format of COCO: read, checked, written, and those of pycocotools."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.errors import LabelError
from pipelines.images.annotations import (
    coco,
    decode,
    encode,
    read_labels,
    unpacked,
    write_labels,
)

masks = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(bool, shape, elements=st.booleans())
)


def content(**changes):
    annotation = {
        "id": 7,
        "image_id": 1,
        "category_id": 3,
        "bbox": [1, 1, 3, 2],
        "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]],
    }
    made = {
        "images": [{"id": 1, "file_name": "a.tif", "width": 6, "height": 5}],
        "categories": [{"id": 3, "name": "pit"}],
        "annotations": [annotation | changes.pop("annotation", {})],
    }
    return made | changes


def written(tmp_path, made) -> object:
    path = tmp_path / "labels.json"
    path.write_text(made if isinstance(made, str) else json.dumps(made))
    return path


@given(masks)
def test_run_lengths_give_the_mask_that_they_were_made_of(mask):
    np.testing.assert_array_equal(decode(encode(mask), mask.shape), mask)


@settings(max_examples=50)
@given(masks)
def test_packed_run_lengths_are_read_as_pycocotools_writes_them(mask):
    peer = pytest.importorskip("pycocotools.mask", reason="the peer pycocotools is not installed")
    packed = peer.encode(np.asfortranarray(mask.astype(np.uint8)))
    lengths = unpacked(packed["counts"].decode())
    np.testing.assert_array_equal(decode(lengths, mask.shape), mask)


def test_long_runs_are_unpacked_too():
    peer = pytest.importorskip("pycocotools.mask", reason="the peer pycocotools is not installed")
    rng = np.random.default_rng(4)
    mask = rng.random((300, 401)) < 0.001
    mask[:, 100:180] = True
    packed = peer.encode(np.asfortranarray(mask.astype(np.uint8)))
    np.testing.assert_array_equal(decode(unpacked(packed["counts"].decode()), mask.shape), mask)


@settings(max_examples=40, deadline=None)
@given(st.lists(masks.filter(np.any), min_size=0, max_size=4))
def test_labels_come_back_as_they_were_written(tmp_path_factory, several):
    folder = tmp_path_factory.mktemp("labels")
    entries = [
        (f"{number}.tif", mask.shape, [("pit", mask)]) for number, mask in enumerate(several)
    ]
    write_labels(folder / "a.json", coco([*entries, ("none.tif", (3, 4), [])], ["crater", "pit"]))
    found = read_labels(folder)
    assert found.categories == ("crater", "pit")
    assert len(found.images) == len(several) + 1
    for image, mask in zip(found.images, several, strict=False):
        (only,) = image.annotations
        assert only.category == "pit"
        np.testing.assert_array_equal(only.mask(image.shape), mask)
        rows, cols = np.nonzero(mask)
        assert only.box == (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)


def test_a_polygon_fills_the_pixels_whose_centres_it_holds(tmp_path):
    (image,) = read_labels(written(tmp_path, content())).images
    (only,) = image.annotations
    expected = np.zeros((5, 6), bool)
    expected[1:3, 1:4] = True
    np.testing.assert_array_equal(only.mask((5, 6)), expected)
    part = only.mask((5, 6), slice(2, 5), slice(0, 3))
    np.testing.assert_array_equal(part, expected[2:5, 0:3])
    assert only.box == (1.0, 1.0, 4.0, 3.0)


def test_the_file_is_found_in_its_folder_and_images_beside_it(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.tif").write_bytes(b"x")
    (tmp_path / "other.json").write_text("{}")
    written(tmp_path, content())
    assert read_labels(tmp_path).images[0].path == tmp_path / "images" / "a.tif"
    (tmp_path / "second.json").write_text(json.dumps(content()))
    with pytest.raises(LabelError, match="has 2 files of labels"):
        read_labels(tmp_path)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("no json", "cannot be read"),
        ({"images": []}, "no file of labels"),
        (content(categories=[]), "no categories"),
        (content(categories=[{"id": 3}]), "no id or no name"),
        (content(images=[{"id": 1, "file_name": "a.tif"}]), "lacks"),
        (content(annotation={"image_id": 9}), "annotation 7: there is no image 9"),
        (content(annotation={"category_id": 9}), "annotation 7: there is no category 9"),
        (content(annotation={"segmentation": []}), "annotation 7 has no segmentation"),
        (content(annotation={"segmentation": [[1, 2, 3]]}), "at least three pairs"),
        (content(annotation={"segmentation": [[1, 1, None, 1, 4, 3]]}), "not a number"),
        (content(annotation={"bbox": [1, 1, 0, 2]}), "has no area"),
        (content(annotation={"segmentation": {"size": [4, 4], "counts": [16]}}), "of \\(4, 4\\)"),
        (content(annotation={"segmentation": {"size": [5, 6], "counts": [16]}}), "do not add up"),
        (content(annotation={"segmentation": {"size": [5, 6], "counts": "\x01"}}), "cannot be"),
    ],
    ids=range(14),
)
def test_what_does_not_fit_is_told_with_its_entry(tmp_path, made, told):
    with pytest.raises(LabelError, match=told):
        read_labels(written(tmp_path, made))
