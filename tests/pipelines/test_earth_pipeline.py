"""The pipeline for the Earth's boundaries as the service and the command line use it."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from pipelines.boundaries.earth import EARTH_RADIUS
from pipelines.contract import Catalogue, Span, SpanPipeline
from pipelines.earth_boundaries import pipeline
from pipelines.earth_boundaries.catalogue import COLUMNS
from pipelines.earth_boundaries.crossings import true_crossings
from pipelines.earth_boundaries.report import lines_of
from pipelines.earth_boundaries.results import merge_results, read_results
from pipelines.earth_boundaries.simulate import simulate
from pipelines.earth_boundaries.weights import SHIPPED_WEIGHTS
from pipelines.errors import LabelError, WeightsError


@pytest.fixture(scope="module")
def orbit():
    """An orbit of a seed that nothing was learnt from."""
    import torch

    torch.set_num_threads(1)
    return simulate(start="2003-02-20", days=6, seed=9001)


@pytest.fixture(scope="module")
def catalogue(orbit) -> Catalogue:
    return pipeline.run(orbit.series)


@pytest.fixture(scope="module")
def labels(orbit, tmp_path_factory):
    path = tmp_path_factory.mktemp("truth") / "regions.csv"
    orbit.intervals().to_csv(path, index=False)
    return path


def test_the_pipeline_satisfies_the_contract_for_spans():
    assert isinstance(pipeline, SpanPipeline)
    assert len(pipeline.state()) == 64


def test_a_run_gives_every_column_with_its_type(catalogue):
    assert len(catalogue.frame) >= 10
    for column in COLUMNS:
        assert str(catalogue.frame[column.name].dtype) == column.dtype, column.name
    assert catalogue.frame.crossing_id.is_unique
    assert json.loads(json.dumps(catalogue.provenance.as_dict()))
    assert catalogue.frame.simulated.all()


def test_what_is_told_of_a_crossing_belongs_together(catalogue, orbit):
    frame = catalogue.frame
    assert (frame.earliest_time < frame.crossing_time).all()
    assert (frame.crossing_time < frame.latest_time).all()
    assert frame.confidence.between(0, 1).all()
    assert frame.local_time.between(0, 24).all()
    shocks = frame[frame.boundary == "bow_shock"]
    pauses = frame[frame.boundary == "magnetopause"]
    assert len(shocks) >= 4
    assert len(pauses) >= 4
    assert shocks.theta_bn.dropna().between(0, 90).all()
    assert pauses.theta_bn.isna().all()
    # The shock compresses and slows the wind; inside of the magnetopause there is little plasma.
    assert (shocks.downstream_density > shocks.upstream_density).mean() > 0.9
    assert (shocks.downstream_speed < shocks.upstream_speed).mean() > 0.9
    assert (pauses.downstream_density < pauses.upstream_density).mean() > 0.9
    assert (shocks.standoff / EARTH_RADIUS).between(8, 25).all()
    assert (shocks.model_standoff.dropna() / EARTH_RADIUS).between(8, 20).all()
    assert (pauses.standoff / EARTH_RADIUS).between(5, 16).all()
    ratio = pd.concat([shocks.standoff / shocks.model_standoff]).dropna()
    assert ratio.median() == pytest.approx(1, abs=0.25)


def test_the_position_is_that_of_the_orbit_at_the_time(catalogue, orbit):
    times = orbit.series.time.astype(np.int64)
    at = catalogue.frame.crossing_time.to_numpy().astype("datetime64[us]").astype(np.int64)
    for axis in "xyz":
        expected = np.interp(at - 30_000_000, times, orbit.series.channel(axis))
        np.testing.assert_allclose(catalogue.frame[f"{axis}_gse"], expected, atol=1.0)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 6 * 1440 - 1), min_size=1, max_size=4, unique=True))
def test_the_rows_of_any_division_are_those_of_a_run_over_everything(orbit, catalogue, cuts):
    whole = orbit.series.extent
    edges = [whole.start, *(whole.start + timedelta(minutes=each) for each in sorted(cuts))]
    parts = [
        pipeline.run(orbit.series, span=Span(first, last)).frame
        for first, last in itertools.pairwise([*edges, whole.stop])
    ]
    joined = pd.concat([part for part in parts if len(part)], ignore_index=True)
    pd.testing.assert_frame_equal(joined, catalogue.frame.reset_index(drop=True))


def test_a_cut_right_at_a_crossing_neither_makes_nor_loses_it(orbit, catalogue):
    whole = orbit.series.extent
    for time in catalogue.frame.crossing_time.iloc[:3]:
        for shift in (-1, 0, 1):
            cut = (time.floor("min") + timedelta(minutes=shift)).to_pydatetime()
            rows = sum(
                len(pipeline.run(orbit.series, span=Span(first, last)).frame)
                for first, last in ((whole.start, cut), (cut, whole.stop))
            )
            assert rows == len(catalogue.frame)


def test_a_span_without_measurements_has_no_rows(orbit):
    stop = orbit.series.extent.stop + timedelta(days=400)
    found = pipeline.run(orbit.series, span=Span(stop, stop + timedelta(days=1)))
    assert len(found.frame) == 0
    assert [column.name for column in found.columns] == list(found.frame.columns)


def test_regions_and_crossings_of_an_unseen_orbit_are_found(orbit, labels):
    scores = pipeline.evaluate(orbit.series, labels)
    assert scores["accuracy"] > 0.96
    assert scores["crossing_f1"] > 0.75
    assert scores["tolerance_s"] == 180.0
    assert scores["time_error_median_s"] < 60
    assert set(scores["per_class"]) == {
        "solar_wind", "foreshock", "magnetosheath", "magnetosphere"
    }  # fmt: skip
    json.dumps(scores)


def test_a_list_of_crossings_scores_crossings_alone(orbit, tmp_path):
    true = true_crossings(orbit.regions)
    path = tmp_path / "crossings.csv"
    times = orbit.series.time[true.edge[true.boundary == 0]]
    pd.DataFrame({"time": times, "boundary": "bow_shock"}).to_csv(path, index=False)
    scores = pipeline.evaluate(orbit.series, path)
    assert scores["accuracy"] is None
    assert scores["n_true"] == len(times)
    assert scores["crossing_f1"] > 0.7
    # Magnetopauses are not held against the detector when the list knows none.
    assert scores["n_detected"] < 1.5 * len(times)


def test_nothing_is_found_without_measurements_and_without_a_place_much_still_is(orbit, labels):
    series = orbit.series
    blind = series.data.copy()
    blind[["x", "y", "z"]] = np.nan
    scores = pipeline.evaluate(type(series)(**{**series.__dict__, "data": blind}), labels)
    assert scores["accuracy"] > 0.9
    empty = series.data.copy()
    empty[:] = np.nan
    assert len(pipeline.run(type(series)(**{**series.__dict__, "data": empty})).frame) == 0


def test_training_writes_weights_and_a_rule_that_a_run_takes(orbit, labels, tmp_path):
    source = tmp_path / "simulation.csv"
    table = orbit.series.data.copy()
    table.insert(0, "time", orbit.series.time)
    table.to_csv(source, index=False)
    report = pipeline.train(
        [source], [labels], tmp_path / "weights", steps=40, simulated=False, seed=2
    )
    assert report["moments"]["networks"] == 1
    assert pipeline.state(weights=tmp_path / "weights") != pipeline.state()
    scores = pipeline.evaluate(source, labels, weights=tmp_path / "weights")
    assert scores["accuracy"] > 0.6


def test_crossings_alone_are_nothing_to_learn_from(orbit, tmp_path):
    path = tmp_path / "crossings.csv"
    path.write_text("time\n2003-02-21T00:00:00\n")
    source = tmp_path / "simulation.csv"
    table = orbit.series.data.iloc[:3000].copy()
    table.insert(0, "time", orbit.series.time[:3000])
    table.to_csv(source, index=False)
    with pytest.raises(LabelError, match="regions are needed"):
        pipeline.train([source], [path], tmp_path / "weights", simulated=False)


def test_a_folder_without_weights_says_how_to_make_some(orbit, tmp_path):
    with pytest.raises(WeightsError, match="no weights") as error:
        pipeline.run(orbit.series, weights=tmp_path)
    assert "epntap train" in error.value.hint


def test_the_weights_of_the_package_are_smaller_than_a_megabyte():
    files = [*SHIPPED_WEIGHTS.glob("*.safetensors"), *SHIPPED_WEIGHTS.glob("*.json")]
    assert len(files) >= 3
    assert sum(each.stat().st_size for each in files) < 1_000_000


def test_figures_are_kept_beside_others_and_make_the_tables(tmp_path):
    path = tmp_path / "results.json"
    merge_results({"one": 1}, path)
    merge_results({"two": 2}, path)
    assert read_results(path) == {"one": 1, "two": 2}
    lines = lines_of(read_results())
    assert any(line.startswith("| plain forest |") for line in lines)
    assert all(line == "" or line.startswith("|") for line in lines)
