"""Windows of ion spectra: files, physics of the spectra, simulation, and the regions named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from pipelines.earth_boundaries import pipeline
from pipelines.earth_boundaries.regions import WINDOW_REGIONS
from pipelines.earth_boundaries.simulate_windows import simulate_windows
from pipelines.earth_boundaries.source import is_windows
from pipelines.earth_boundaries.spectra import energy_table, maxwellian_flux
from pipelines.earth_boundaries.window_measure import blocks, fold_of_groups
from pipelines.earth_boundaries.window_model import FEATURES, window_features
from pipelines.earth_boundaries.windows import Windows, passes, read_window_labels, read_windows
from pipelines.errors import LabelError, SourceError

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "earth_boundaries"
REAL = SHARED / "mms_regions_training_data.npz"


def written(path: Path, windows: Windows, labels: bool = True) -> Path:
    parameters = np.stack([windows.field, windows.temperature, windows.x], axis=2)
    arrays = {"flux": windows.flux, "parameters": parameters}
    if labels:
        arrays["labels"] = windows.labels
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def windows() -> Windows:
    return simulate_windows(12, seed=4)


def test_a_file_of_windows_comes_back_as_it_was_written(tmp_path, windows):
    back = read_windows(written(tmp_path / "w.npz", windows))
    for name in ("flux", "field", "temperature", "x", "labels"):
        np.testing.assert_array_equal(getattr(back, name), getattr(windows, name))
    assert back.sha256() == windows.sha256()


def test_the_files_of_a_folder_are_one_set_of_windows_with_their_labels(tmp_path, windows):
    written(tmp_path / "a.npz", windows.take(np.arange(30)))
    written(tmp_path / "b.npz", windows.take(np.arange(30, len(windows))))
    assert is_windows(tmp_path)
    assert read_windows(tmp_path).sha256() == windows.sha256()
    np.testing.assert_array_equal(read_window_labels(tmp_path, len(windows)), windows.labels)


def test_labels_may_stand_in_a_text_file_of_their_own(tmp_path, windows):
    path = tmp_path / "labels.csv"
    path.write_text("label\n" + "\n".join(str(each) for each in windows.labels))
    np.testing.assert_array_equal(read_window_labels(path, len(windows)), windows.labels)


def test_windows_without_an_array_that_is_needed_are_refused(tmp_path, windows):
    np.savez(tmp_path / "w.npz", flux=windows.flux)
    with pytest.raises(SourceError, match="no array 'parameters'"):
        read_windows(tmp_path / "w.npz")


def test_windows_of_another_shape_are_refused(tmp_path, windows):
    np.savez(tmp_path / "w.npz", flux=windows.flux[:, :20], parameters=np.zeros((72, 40, 3)))
    with pytest.raises(SourceError, match="flux is"):
        read_windows(tmp_path / "w.npz")


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    (tmp_path / "w.npz").write_text("time,flux\n")
    with pytest.raises(SourceError, match=r"w\.npz"):
        read_windows(tmp_path / "w.npz")


def test_a_label_that_is_none_of_the_six_is_named(tmp_path, windows):
    (tmp_path / "labels.csv").write_text("\n".join(["0"] * 71 + ["6"]))
    with pytest.raises(LabelError, match="window 71"):
        read_window_labels(tmp_path / "labels.csv", len(windows))


def test_as_many_labels_as_windows_are_wanted(tmp_path, windows):
    (tmp_path / "labels.csv").write_text("0\n1\n")
    with pytest.raises(LabelError, match="72 windows"):
        read_window_labels(tmp_path / "labels.csv", len(windows))


@settings(max_examples=40, deadline=None)
@given(
    density=st.floats(0.1, 50),
    speed=st.floats(20, 700),
    temperature=st.floats(20, 3000),
)
def test_the_energy_flux_of_a_maxwellian_holds_its_density(density, speed, temperature):
    # n is the integral of 4 pi v^2 f over v, and the energy flux is v^4 f / 2.
    energy = energy_table(0.1, 3e5, 4000)
    flux = maxwellian_flux(energy, np.array([density]), np.array([speed]), np.array([temperature]))
    v = 100 * np.sqrt(2 * energy * 1.602176634e-19 / 1.67262192369e-27)
    back = np.trapezoid(8 * np.pi * flux[0] / v**2, v)
    assert back == pytest.approx(density, rel=0.01)


def test_a_cold_beam_peaks_at_its_energy():
    energy = energy_table(100, 10_000, 400)
    flux = maxwellian_flux(energy, np.array([5.0]), np.array([400.0]), np.array([5.0]))
    assert energy[flux[0].argmax()] == pytest.approx(5.2197e-3 * 400**2, rel=0.03)


def test_the_same_seed_gives_the_same_windows():
    first, second = simulate_windows(5, seed=9), simulate_windows(5, seed=9)
    assert first.sha256() == second.sha256()
    assert first.sha256() != simulate_windows(5, seed=10).sha256()


def test_simulated_regions_differ_as_the_real_ones_do(windows):
    def median(values, name):
        return np.median(values[windows.labels == WINDOW_REGIONS.index(name)])

    field, heat = windows.field, windows.temperature
    assert median(heat, "plasma_sheet") > 5 * median(heat, "magnetosheath")
    assert median(heat, "magnetosheath") > 2 * median(heat, "solar_wind")
    assert median(field, "magnetosphere") > median(field, "magnetosheath")
    assert median(windows.flux.max(axis=2), "lobe") < median(windows.flux.max(axis=2), "foreshock")


def test_features_are_finite_and_of_order_one_even_without_a_place(windows):
    nowhere = Windows(
        windows.flux, windows.field, windows.temperature, np.full_like(windows.x, np.nan)
    )
    features = window_features(nowhere)
    assert features.shape == (len(windows), FEATURES)
    assert np.isfinite(features).all()
    assert np.abs(features).max() < 10


def test_passes_end_where_the_label_or_the_place_jumps(windows):
    chosen = windows.take(np.zeros(6, dtype=np.int64))
    x = np.repeat(np.array([10.0, 10.1, np.nan, 10.2, 4.0, 4.1])[:, None], 40, axis=1)
    labels = np.array([0, 0, 0, 1, 1, 1])
    moved = Windows(chosen.flux, chosen.field, chosen.temperature, x, labels)
    np.testing.assert_array_equal(passes(moved), [0, 0, 0, 1, 2, 2])


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=5, max_size=25),
    seed=st.integers(0, 1000),
)
def test_no_group_is_in_two_folds_and_no_window_in_none(sizes, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    fold = fold_of_groups(groups, 5, seed)
    assert set(fold.tolist()) == {0, 1, 2, 3, 4}
    for group in range(len(sizes)):
        assert len(set(fold[groups == group].tolist())) == 1


def test_blocks_are_contiguous_and_within_a_pass(windows):
    block, of_pass = blocks(windows), passes(windows)
    assert (np.diff(block) >= 0).all()
    assert np.bincount(block).max() <= 10
    for number in range(block.max() + 1):
        assert len(set(of_pass[block == number].tolist())) == 1


def test_shipped_weights_name_simulated_windows_that_they_never_saw(tmp_path):
    path = written(tmp_path / "w.npz", simulate_windows(60, seed=77))
    scores = pipeline.evaluate(path, path)
    assert scores["accuracy"] > 0.9
    assert set(scores["per_class"]) == set(WINDOW_REGIONS)
    assert scores["crossing_f1"] is None


def test_shipped_weights_learnt_from_simulation_name_real_windows():
    if not REAL.is_file():
        pytest.skip("the real windows are not beside this repository (../shared)")
    scores = pipeline.evaluate(REAL, REAL)
    assert scores["n"] == 592
    assert scores["accuracy"] > 0.93
    assert scores["macro_f1"] > 0.93


def test_training_writes_weights_that_evaluation_takes(tmp_path):
    path = written(tmp_path / "w.npz", simulate_windows(40, seed=3))
    report = pipeline.train(
        [path], [path], tmp_path / "weights", seed=1, window_steps=60, simulated=False
    )
    assert report["windows"] == {"learnt_from": 240, "networks": 1}
    other = written(tmp_path / "other.npz", simulate_windows(30, seed=5))
    scores = pipeline.evaluate(other, other, weights=tmp_path / "weights")
    assert scores["accuracy"] > 0.6


def test_crossings_cannot_be_found_in_windows(tmp_path, windows):
    path = written(tmp_path / "w.npz", windows)
    with pytest.raises(SourceError, match="no times"):
        pipeline.run(path)
