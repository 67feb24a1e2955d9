"""The pipeline for interaction regions as the service and the command line use it."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from pipelines.contract import Catalogue, Span, SpanPipeline
from pipelines.errors import LabelError
from pipelines.icme import pipeline as icme
from pipelines.icme.labels import label_intervals
from pipelines.signals.events import flags
from pipelines.sir import pipeline
from pipelines.sir.catalogue import COLUMNS
from pipelines.sir.protocol import region_intervals

START, STOP = datetime(2024, 1, 1), datetime(2024, 12, 31)


@pytest.fixture(scope="module")
def catalogue(simulated_year, detector) -> Catalogue:
    return pipeline.run(simulated_year.series)


def test_the_pipeline_satisfies_the_contract_for_spans():
    assert isinstance(pipeline, SpanPipeline)
    assert len(pipeline.state()) == 64
    assert pipeline.state() != icme.state()


def test_a_run_gives_every_column_with_its_type(catalogue):
    assert len(catalogue.frame) > 10
    for column in COLUMNS:
        assert str(catalogue.frame[column.name].dtype) == column.dtype, column.name
    assert catalogue.frame.sir_id.is_unique
    assert json.loads(json.dumps(catalogue.provenance.as_dict()))


def test_times_of_a_region_are_in_order_and_statistics_belong_together(catalogue):
    frame = catalogue.frame
    assert (frame.sir_start_time <= frame.interface_time).all()
    assert (frame.interface_time < frame.sir_end_time).all()
    assert (frame.sir_end_time <= frame.hss_end_time).all()
    assert (frame.bmax >= frame.bmean).all()
    assert (frame.speed_max > frame.speed_min).mean() > 0.9
    assert frame.confidence.between(0, 1).all()


def test_no_interval_is_both_a_region_and_an_ejection(catalogue, simulated_year):
    series = simulated_year.series
    ejections = icme.run(series).frame.rename(columns={"icme_end_time": "mo_end_time"})
    regions, _ = region_intervals(catalogue.frame, series)
    both = flags(regions, len(series)) & flags(label_intervals(ejections, series), len(series))
    assert not both.any()


def test_a_link_to_the_rotation_before_leads_to_a_region_one_rotation_earlier(catalogue):
    frame = catalogue.frame.set_index("sir_id")
    linked = frame[frame.recurrence_of.isin(frame.index)]
    assert len(linked) > 2
    before = frame.loc[linked.recurrence_of, "interface_time"].to_numpy()
    days = (linked.interface_time.to_numpy() - before) / np.timedelta64(1, "D")
    assert (np.abs(days - 27.2752) <= 1.5).all()


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 365 * 144 - 1), min_size=1, max_size=4, unique=True))
def test_the_rows_of_any_division_are_those_of_a_run_over_everything(
    simulated_year, catalogue, cuts
):
    times = [START, *(START + timedelta(minutes=10 * cut) for cut in sorted(cuts)), STOP]
    spans = [Span(first, last) for first, last in itertools.pairwise(times)]
    frames = [pipeline.run(simulated_year.series, span=span).frame for span in spans]
    found = pd.concat([each for each in frames if len(each)], ignore_index=True)
    pd.testing.assert_frame_equal(found, catalogue.frame, check_exact=True)


def test_evaluation_scores_the_truth_of_a_simulation(tmp_path, simulated_year, detector):
    regions, ejections = tmp_path / "regions.csv", tmp_path / "ejections.csv"
    simulated_year.regions.to_csv(regions, index=False)
    simulated_year.truth.to_csv(ejections, index=False)
    scores = pipeline.evaluate(simulated_year.series, regions, ejections=ejections)
    assert scores["n_true"] == len(simulated_year.regions)
    assert scores["f1_any"] > 0.6
    assert scores["tss"] > 0.4
    assert scores["confusion_rate"] < 0.1
    assert json.loads(json.dumps(scores)) == scores


def test_evaluation_without_labels_in_the_series_is_refused(tmp_path, simulated_year, detector):
    labels = tmp_path / "labels.csv"
    labels.write_text("start,interface,end\n1999-01-01,1999-01-01T12:00,1999-01-02\n")
    with pytest.raises(LabelError, match="no region"):
        pipeline.evaluate(simulated_year.series, labels)


def test_the_published_regions_of_stereo_b_are_found(real_data, detector):
    scores = pipeline.evaluate(
        real_data / "insitu_stereob_2013_2014_10min.csv.gz",
        real_data.parent / "cir" / "sircat_v10_stereob_2013_2014.csv",
        ejections=real_data / "label_intervals_stereob_2013_2014.csv",
    )
    assert scores["n_true"] == 58
    # These were trained on: only that they are found is tested, how well is in the README.
    assert scores["f1_any"] > 0.6
    assert scores["confusion_rate"] <= 0.15


def test_training_chooses_a_rule_beside_the_weights(tmp_path, detector):
    from pipelines.icme.detect import write_detector

    simulation = pipeline.simulate(seed=22, days=150)
    labels = tmp_path / "regions.csv"
    simulation.regions.to_csv(labels, index=False)
    folder: Path = tmp_path / "w"
    write_detector(folder, {"seed0": detector.networks[0]}, detector.rule, detector.calibration, {})
    report = pipeline.train([simulation.series], [labels], folder, seeds=1, folds=3, steps=2)
    assert report["rule"].low <= report["rule"].high
    assert (folder / "regions.json").is_file()
    assert pipeline.run(simulation.series, weights=folder).provenance.parameters["networks"] == 1
