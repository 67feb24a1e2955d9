"""The pipeline for Mercury's boundaries as the service and the command line use it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from pipelines.contract import Catalogue, Span, SpanPipeline
from pipelines.errors import LabelError, SourceError, WeightsError
from pipelines.mercury_boundaries import pipeline
from pipelines.mercury_boundaries.catalogue import COLUMNS, CONTEXT
from pipelines.mercury_boundaries.decide import BLOCK, LONGEST, REACH, PassageRule
from pipelines.mercury_boundaries.detect import write_detector
from pipelines.mercury_boundaries.edge_model import EdgeNetwork
from pipelines.mercury_boundaries.edges import EDGE_CHANNELS, EDGE_WINDOW
from pipelines.mercury_boundaries.evaluate import score_crossings
from pipelines.mercury_boundaries.features import BIN, CHANNELS, FAR
from pipelines.mercury_boundaries.files import write_csv
from pipelines.mercury_boundaries.lists import KINDS, read_crossings
from pipelines.mercury_boundaries.model import WINDOW, BoundaryNetwork
from pipelines.mercury_boundaries.prior import learn_prior
from pipelines.mercury_boundaries.series import to_datetime
from pipelines.signals.calibration import Calibration

TYPES = np.array([3, 4, 2, 5, 1], np.int8)


@pytest.fixture(scope="module")
def catalogue(simulated_orbits, mercury_detector) -> Catalogue:
    return pipeline.run(simulated_orbits.series)


@pytest.fixture(scope="module")
def restless(tmp_path_factory):
    """Weights of a network that has learnt nothing and finds boundaries everywhere."""
    import torch

    torch.manual_seed(5)
    network = BoundaryNetwork(len(CHANNELS)).eval()
    second = EdgeNetwork(len(EDGE_CHANNELS)).eval()
    with torch.no_grad():
        network.head.weight *= 12
        second.head.weight *= 12
    rule = PassageRule(1.0, 1.0, 0.7, 0.7)
    prior = learn_prior([])
    folder = tmp_path_factory.mktemp("restless")
    networks = {"seed0": network, "edges0": second}
    write_detector(folder, networks, rule, rule, prior, Calibration(1.0, 0.0), {})
    return folder


def rows_of(series, spans, **options):
    frames = [pipeline.run(series, span=span, **options).frame for span in spans]
    return pd.concat([each for each in frames if len(each)], ignore_index=True)


def test_the_pipeline_satisfies_the_contract_for_spans(mercury_detector):
    assert isinstance(pipeline, SpanPipeline)
    assert len(pipeline.state()) == 64
    assert pipeline.state() != pipeline.state(position=False)


def test_the_margin_holds_everything_that_a_crossing_depends_on():
    bins = LONGEST + BLOCK + REACH + WINDOW + FAR + EDGE_WINDOW
    assert pipeline.margin >= timedelta(seconds=bins * BIN)
    assert pipeline.margin >= timedelta(seconds=LONGEST * BIN + CONTEXT)


def test_a_run_gives_every_column_with_its_type(catalogue):
    assert len(catalogue.frame) >= 12
    for column in COLUMNS:
        assert str(catalogue.frame[column.name].dtype) == column.dtype, column.name
    assert catalogue.frame.crossing_id.is_unique
    assert json.loads(json.dumps(catalogue.provenance.as_dict()))


def test_what_is_measured_of_a_crossing_belongs_together(catalogue):
    frame = catalogue.frame
    assert (frame.crossing_start <= frame.crossing_end).all()
    inbound = frame.direction == "in"
    assert (frame.outer_edge_time[inbound] == frame.crossing_start[inbound]).all()
    assert (frame.outer_edge_time[~inbound] == frame.crossing_end[~inbound]).all()
    for axis in "xyz":
        assert (frame[f"{axis}_mso_min"] <= frame[f"{axis}_mso_max"]).all()
    assert frame.confidence.between(0, 1).all()
    assert frame.sun_distance.between(0.30, 0.47).all()
    shocks = frame[frame.boundary == "bow_shock"]
    assert shocks.theta_bn.between(0, 90).all()
    assert shocks.field_ratio.median() > 1.2
    periapsis = pd.to_datetime(frame.orbit_id.str[-13:], format="%Y%m%dT%H%M")
    apart = (frame.crossing_start - periapsis).abs().dt.total_seconds()
    assert (apart <= CONTEXT + frame.duration_s + 60).all()
    # The shock lies outside of the magnetopause.
    assert shocks.standoff_model.median() > frame.standoff_model.median()


def test_crossings_of_simulated_orbits_are_found(simulated_orbits, catalogue, tmp_path):
    path = tmp_path / "found.csv"
    catalogue.write(path)
    scores = score_crossings(simulated_orbits.crossings, read_crossings(path), 60.0)
    assert scores.n_true >= 12
    assert scores.f1 > 0.6


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 4 * 28_800), min_size=1, max_size=4, unique=True))
def test_no_division_into_spans_makes_or_loses_a_crossing(simulated_orbits, restless, cuts):
    series = simulated_orbits.series
    whole = pipeline.run(series, weights=restless).frame
    assert len(whole) > 20
    seconds = [0, *sorted(cuts), len(series)]
    times = [to_datetime(series.first + each) for each in seconds]
    spans = [Span(first, last) for first, last in itertools.pairwise(times)]
    found = rows_of(series, spans, weights=restless)
    pd.testing.assert_frame_equal(found, whole, check_exact=True)


def test_pieces_of_a_long_series_give_the_rows_of_one_piece(
    simulated_orbits, restless, monkeypatch
):
    import pipelines.mercury_boundaries.run as run

    whole = pipeline.run(simulated_orbits.series, weights=restless).frame
    monkeypatch.setattr(run, "PIECE", 50_001)
    pieces = pipeline.run(simulated_orbits.series, weights=restless).frame
    pd.testing.assert_frame_equal(pieces, whole, check_exact=True)


def test_nothing_beyond_the_margin_is_looked_at(simulated_orbits, restless):
    series = simulated_orbits.series
    start = to_datetime(series.first + 100_000)
    span = Span(start, start + timedelta(hours=2))
    high = 100_000 + 7200 + round(pipeline.margin.total_seconds())
    low = 100_000 - round(pipeline.margin.total_seconds())
    field = series.field.copy()
    field[high:] = 900.0
    field[: max(low, 0)] = 900.0
    spoilt = replace(series, field=field)
    assert not np.array_equal(spoilt.field, series.field, equal_nan=True)
    expected = pipeline.run(series, span=span, weights=restless)
    found = pipeline.run(spoilt, span=span, weights=restless)
    pd.testing.assert_frame_equal(found.frame, expected.frame, check_exact=True)
    assert found.provenance.source_sha256 == expected.provenance.source_sha256


def test_a_span_without_any_measurement_has_no_rows(simulated_orbits, restless):
    start = to_datetime(simulated_orbits.series.first + 10**8)
    found = pipeline.run(
        simulated_orbits.series, span=Span(start, start + timedelta(days=3)), weights=restless
    )
    assert len(found.frame) == 0
    assert list(found.frame.columns) == [column.name for column in COLUMNS]


def test_evaluation_scores_files_against_their_own_regions(mercury_detector, tmp_path):
    # The first simulated orbits of the README's table.
    simulation = pipeline.simulate(start="2011-06-01", orbits=2.0, seed=11)
    path = tmp_path / "orbit_00.csv"
    write_csv(simulation.series, TYPES[simulation.classes], path)
    scores = pipeline.evaluate(path, path)
    assert scores["accuracy"] > 0.9
    assert scores["macro_f1"] > 0.85
    assert set(scores["per_class"]) == {
        "solar_wind",
        "bow_shock",
        "magnetosheath",
        "magnetopause",
        "magnetosphere",
    }
    assert scores["tolerance_s"] == 60.0
    regions = tmp_path / "regions.csv"
    table = pd.read_csv(path)
    table[["time", "type_num"]].to_csv(regions, index=False)
    assert pipeline.evaluate(path, regions)["per_class"] == scores["per_class"]
    assert scores["n_true"] == len(simulation.crossings)
    assert scores["time_error_median_s"] >= 0
    assert json.loads(json.dumps(scores)) == scores
    blind = pipeline.evaluate(path, tmp_path, position=False)
    assert blind["position"] is False
    assert blind["macro_f1"] <= 1


def test_evaluation_without_labels_in_the_series_is_refused(tmp_path, simulated_orbits):
    labels = tmp_path / "labels.csv"
    labels.write_text("start,end,Type\n1999-01-01T00:00:00,1999-01-01T00:01:00,bs_in\n")
    with pytest.raises(LabelError, match="nothing of"):
        pipeline.evaluate(simulated_orbits.series, labels)


def test_sources_that_cannot_be_understood_are_refused():
    for source in ("simulation:2012-01-01", "simulation:soon/2", "simulation:2012-01-01/-3"):
        with pytest.raises(SourceError):
            pipeline.run(source)


def test_weights_of_another_network_are_refused(tmp_path, restless, simulated_orbits):
    (tmp_path / "parameters.json").write_text((restless / "parameters.json").read_text())
    (tmp_path / "seed0.safetensors").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="does not hold weights"):
        pipeline.run(simulated_orbits.series, weights=tmp_path)
    with pytest.raises(WeightsError, match="has no weights"):
        pipeline.run(simulated_orbits.series, weights=tmp_path / "empty")


@pytest.mark.slow
def test_training_from_files_writes_weights_that_a_run_can_use(tmp_path):
    simulation = pipeline.simulate(orbits=2.0, seed=31)
    half = len(simulation.series) // 2
    for number, part in enumerate((slice(0, half), slice(half, None))):
        series = simulation.series
        low, high, _ = part.indices(len(series))
        piece = series.between(series.first + low, series.first + high)
        write_csv(piece, TYPES[simulation.classes[part]], tmp_path / f"orbit_{number}.csv")
    folder = tmp_path / "weights"
    report = pipeline.train([tmp_path], [tmp_path], folder, seeds=1, folds=2, keep=1, steps=2)
    assert report["with_position"]["ensemble"]["n_true"] > 3
    assert (folder / "seed0.safetensors").stat().st_size < 1_000_000
    found = pipeline.run(simulation.series, weights=folder)
    assert found.provenance.parameters["networks"] == 1


def test_the_shipped_weights_are_small_and_say_how_they_came_about(mercury_detector):
    from pipelines.mercury_boundaries.detect import SHIPPED_WEIGHTS

    size = sum(each.stat().st_size for each in SHIPPED_WEIGHTS.glob("*.safetensors"))
    assert size < 1_000_000
    notes = mercury_detector.notes
    assert notes["with_position"]["seeds"] >= 5
    assert len(notes["orbits"]) == 9


def test_the_real_orbits_have_the_crossings_of_sun(mercury_data, mercury_detector):
    scores = pipeline.evaluate(
        mercury_data / "messenger_mag_orbits",
        mercury_data / "sun2023_messenger_boundaries_with_ephemeris.csv",
    )
    # These were trained on: only that they are found is tested, how well is in the README.
    assert scores["n_true"] == 36
    assert scores["crossing_f1"] > 0.8
    assert scores["macro_f1"] > 0.9
    assert sorted(KINDS) == ["bs_in", "bs_out", "mp_in", "mp_out"]
