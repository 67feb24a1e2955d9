"""Training on labelled images: windows, how they are divided, the network, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("sklearn")
pytest.importorskip("torch")
pytest.importorskip("rasterio", reason="the extra [images] is not installed")
pytest.importorskip("pyproj", reason="the extra [images] is not installed")
pytest.importorskip("matplotlib")

import torch
from typer.testing import CliRunner

from epntap.cli import app
from epntap.errors import UserError
from pipelines.errors import LabelError
from pipelines.images.annotations import coco, read_labels, write_labels
from pipelines.images.raster import write_geotiff
from pipelines.mars_pits import pipeline
from pipelines.mars_pits.classes import CLASSES, NEGATIVES
from pipelines.mars_pits.model import MULTIPLE, logits_of, loss, maps_of, new_network
from pipelines.mars_pits.plan import Plan, Stage
from pipelines.mars_pits.samples import Sample, samples_of
from pipelines.mars_pits.shipped import rendered, train_network
from pipelines.mars_pits.simulate import pictures
from pipelines.mars_pits.train import batch_of, core_of, fit, placed, prepare, take_over
from pipelines.mars_pits.tutorial import place_of, write_pictures
from pipelines.mars_pits.weights import load_detector, read_parameters
from pipelines.mars_pits.windows import classes_of, divide, read_windows


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    torch.set_num_threads(1)
    return samples_of(pictures("training", 12, seed=77, size=64), CLASSES)


def disc(row: float, col: float, radius: float, size: int) -> np.ndarray:
    rows, cols = np.indices((size, size))
    return np.hypot(rows + 0.5 - row, cols + 0.5 - col) < radius


def test_cores_of_neighbours_never_touch():
    numbers = np.zeros((40, 60), np.int32)
    numbers[disc(20, 18, 12, 60)[:40]] = 1
    numbers[:, 30:][disc(20, 12, 12, 60)[:40, :30] & (numbers[:, 30:] == 0)] = 2
    core = core_of(numbers, numbers > 0)
    label = pytest.importorskip("scipy.ndimage").label
    assert label(core)[1] == 2
    assert core[numbers == 0].sum() == 0


def test_a_sample_is_prepared_with_its_class_where_it_is(samples):
    sample = next(each for each in samples if each.kinds)
    made = prepare(sample)
    inside = sample.cover >= 0.5
    expected = np.array([0, *sample.kinds])[np.where(inside, sample.numbers, 0)][::2, ::2]
    np.testing.assert_array_equal(made.kind, expected)
    assert np.all((made.weight > 0) == inside[::2, ::2])
    assert made.core.max() == 1.0
    assert np.all(made.core <= inside)


@pytest.mark.parametrize("mirrored", [False, True])
def test_windows_are_parts_of_a_sample_that_is_turned_or_mirrored_where_allowed(samples, mirrored):
    sample = replace(next(each for each in samples if each.kinds), mirrored=mirrored)
    whole = prepare(sample)
    plan, rng = Plan(window=32, mirror=True), np.random.default_rng(2)
    turns = {k: np.rot90(whole.image, k) for k in range(4)}
    mirrors = {4 + k: np.fliplr(each) for k, each in turns.items()}
    seen = set()
    for _ in range(60):
        part = placed(whole, plan, rng)
        assert part.image.shape == part.cover.shape == part.known.shape == (32, 32)
        assert part.kind.shape == part.weight.shape == (16, 16)
        of = [
            (number, row, col)
            for number, each in {**turns, **mirrors}.items()
            for row in range(0, 33, 2)
            for col in range(0, 33, 2)
            if np.array_equal(each[row : row + 32, col : col + 32], part.image)
        ]
        ((number, row, col),) = of
        change = np.fliplr if number > 3 else np.asarray
        for name, fold in (("cover", 1), ("core", 1), ("kind", 2), ("weight", 2)):
            full = change(np.rot90(getattr(whole, name), number % 4))
            cut = slice(row // fold, (row + 32) // fold), slice(col // fold, (col + 32) // fold)
            np.testing.assert_array_equal(full[cut], getattr(part, name))
        seen.add(number)
    assert seen == (set(range(8)) if mirrored else set(range(4)))


def test_training_goes_on_after_the_stage_that_was_finished(samples, tmp_path):
    stages = (
        Stage(range(8), Plan(steps=2)),
        Stage(range(6), Plan(steps=2, learning_rate=1e-3, window=48, mirror=True), crowded=4),
    )

    def train(folder: Path) -> Path:
        return train_network(
            samples, samples[6:], samples[:2], seed=0, folder=folder, stages=stages
        )

    once = train(tmp_path / "once").read_bytes()
    again = tmp_path / "again"
    again.mkdir()
    first = tmp_path / "once" / "stage1.safetensors"
    (again / first.name).write_bytes(first.read_bytes())
    assert train(again).read_bytes() == once
    assert first.read_bytes() != once
    # What is finished is not done again.
    last = again / "stage2.safetensors"
    before = last.stat().st_mtime_ns
    assert train(again) == last
    assert last.stat().st_mtime_ns == before


def test_pictures_are_the_same_kept_or_rendered(tmp_path):
    first = rendered("validation", 2, cache=tmp_path)
    kept = rendered("validation", 2, cache=tmp_path)
    for one, other in zip(first, kept, strict=True):
        for name in ("name", "kinds", "mirrored"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("pixels", "cover", "numbers"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert [each.suffixes for each in tmp_path.iterdir()] == [[".npz"]]


def test_learning_lowers_the_loss_and_is_the_same_for_the_same_seed(samples):
    plan = Plan(steps=8, learning_rate=4e-3, check_every=4)
    network, checks = fit(samples, samples[:4], len(CLASSES), seed=1, plan=plan)
    again, same = fit(samples, samples[:4], len(CLASSES), seed=1, plan=plan)
    assert checks == same
    assert checks[-1].training < checks[0].training
    images, targets = batch_of([prepare(each) for each in samples[:2]])
    with torch.inference_mode():
        one, other = (float(loss(logits_of(each, images), targets)) for each in (network, again))
    assert one == other


def test_a_network_goes_on_from_another_but_for_other_classes():
    torch.manual_seed(0)
    start, other = new_network(5), new_network(3)
    head = other.state_dict()["heads.kind.weight"].clone()
    take_over(other, start)
    own, theirs = other.state_dict(), start.state_dict()
    assert torch.equal(own["heads.inside.weight"], theirs["heads.inside.weight"])
    assert torch.equal(own["heads.kind.weight"], head)


def test_maps_do_not_depend_on_what_is_empty_around_a_picture(samples):
    torch.manual_seed(0)
    network = new_network(5).folded()
    pixels = samples[0].pixels[:50, :45]
    wide = np.full((200, 220), np.nan)
    wide[30:80, 100:145] = pixels
    assert pixels.shape[0] % MULTIPLE
    maps = maps_of(network, wide)
    np.testing.assert_array_equal(maps[:, 30:80, 100:145], maps_of(network, pixels))
    maps[:, 30:80, 100:145] = 0.0
    assert not maps.any()


def labelled(folder: Path, count: int, size: int, radius: float, names=("pit",)) -> Path:
    """Write images with a dark disc each, and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    entries = []
    for number in range(count):
        mask = disc(*rng.uniform(0.4 * size, 0.6 * size, 2), radius, size)
        pixels = rng.normal(100.0, 4.0, (size, size)) - 60.0 * mask
        name = f"image_{number}.tif"
        write_geotiff(
            folder / name, pixels[np.newaxis].astype(np.uint8), place_of(1.0, number), nodata=0
        )
        entries.append((name, mask.shape, [(names[number % len(names)], mask)]))
    write_labels(folder / "labels.json", coco(entries, names))
    return folder


def test_images_are_made_coarser_until_objects_fit(tmp_path):
    folder = labelled(tmp_path, 1, 512, 80.0)
    (windows,) = read_windows([(folder, folder)], CLASSES)
    whole = [each for each in windows if each.kinds]
    assert whole[0].pixels.shape == (128, 128)
    area = sum(float(each.cover.sum()) for each in windows)
    assert area == pytest.approx(np.pi * 80.0**2 / 16, rel=0.02)


def test_an_image_is_not_made_smaller_than_a_window(tmp_path):
    folder = labelled(tmp_path, 1, 128, 40.0)
    (windows,) = read_windows([(folder, folder)], CLASSES)
    assert float(windows[0].cover.sum()) == pytest.approx(np.pi * 40.0**2, rel=0.02)


def test_windows_cover_the_objects_of_an_image_once(tmp_path):
    folder = labelled(tmp_path, 1, 300, 20.0)
    (windows,) = read_windows([(folder, folder)], CLASSES)
    assert sum(float(each.cover.sum()) for each in windows) == pytest.approx(
        np.pi * 20.0**2, rel=0.02
    )
    assert all(set(np.unique(each.numbers)) <= set(range(len(each.kinds) + 1)) for each in windows)


def test_no_image_is_learnt_from_and_scored_on(tmp_path):
    folder = labelled(tmp_path, 10, 128, 15.0)
    division = divide(read_windows([(folder, folder)], CLASSES), seed=0)
    names = [{each.name for each in part} for part in (division.training, division.validation)]
    names.append({each.name for each in division.test})
    assert division.by_image
    assert [len(each) for each in names] == [6, 2, 2]
    assert len(set.union(*names)) == 10


def test_too_few_labels_are_refused(tmp_path):
    folder = labelled(tmp_path, 1, 128, 15.0)
    with pytest.raises(LabelError, match="of 1 labelled objects in 1 images none is left"):
        divide(read_windows([(folder, folder)], CLASSES), seed=0)


def test_classes_are_those_of_the_package_or_of_the_labels(tmp_path):
    known = labelled(tmp_path / "a", 2, 64, 9.0, ("Type-2", "impact crater"))
    assert classes_of([read_labels(known)]) == (CLASSES, NEGATIVES)
    other = labelled(tmp_path / "b", 2, 64, 9.0, ("collapse", "crater"))
    assert classes_of([read_labels(other)]) == (("collapse", "crater"), frozenset({"crater"}))


def test_one_command_trains_and_writes_weights_and_a_report(tmp_path):
    folder = labelled(tmp_path / "data", 8, 128, 15.0, ("collapse",))
    output = tmp_path / "weights"
    arguments = ["train", "mars_pits", "--data", str(folder), "--output", str(output)]
    result = CliRunner().invoke(app, [*arguments, "--option", "steps=25"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    page = (output / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "held back" in page
    for name in ("curves", "precision", "confusion", "examples"):
        assert (output / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    scores = json.loads((output / "scores.json").read_text())
    assert scores["n_objects"] >= 1
    assert read_parameters(output).classes == ("collapse",)
    assert not load_detector(output).simulated
    frame = pipeline.run(folder, weights=output).frame
    # Dark discs on even ground are learnt within a few batches.
    assert (frame.pit_class == "collapse").all()
    assert scores["f1"] > 0.8
    assert len(frame) >= 6


def test_what_a_pipeline_cannot_train_on_is_told(tmp_path):
    with pytest.raises(UserError, match="no option 'data'"):
        CliRunner().invoke(app, ["train", "icme", "--data", "x"], catch_exceptions=False)
    with pytest.raises(UserError, match="nothing to train on"):
        CliRunner().invoke(app, ["train", "mars_pits"], catch_exceptions=False)
    with pytest.raises(UserError, match="1 inputs and 0 labels"):
        CliRunner().invoke(app, ["train", "mars_pits", "--input", "x"], catch_exceptions=False)


def test_an_example_to_train_on_is_rendered(tmp_path):
    made = list(pictures("test", 2, seed=3, size=64))
    labels = write_pictures(made, tmp_path)
    read = read_labels(tmp_path)
    assert read.path == labels
    assert [each.path.parent.name for each in read.images] == ["images", "images"]
