"""Detection with the weights that come with the package, and the rules around the networks."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from pipelines.errors import SourceError, WeightsError
from pipelines.icme.decide import decide, obstacle_start
from pipelines.icme.detect import (
    SHIPPED_WEIGHTS,
    class_probabilities,
    detect,
    first_sample,
    load_detector,
    write_detector,
)
from pipelines.icme.evaluate import score
from pipelines.icme.features import (
    FEATURES,
    REFERENCE,
    features,
    measure_scaling,
    own_scaling,
    usable_samples,
)
from pipelines.icme.labels import label_intervals
from pipelines.icme.model import CLASSES, IcmeNetwork, segmentation_loss
from pipelines.signals.calibration import Calibration
from pipelines.signals.events import EventRule

#: A calibration that changes nothing.
SAME = Calibration(slope=1.0, intercept=0.0)

RULE = EventRule(low=0.3, high=0.6, merge=12, shortest=12)


def test_most_simulated_ejections_are_found(simulated_year, detector):
    series = simulated_year.series
    detections = detect(series, detector)
    usable = usable_samples(features(series, measure_scaling(series)))
    scores = score(label_intervals(simulated_year.truth, series), detections.intervals, usable)
    assert scores["f1_any"] > 0.75
    assert scores["tss"] > 0.6


def test_confidence_is_a_probability_and_obstacles_lie_in_their_events(simulated_year, detector):
    detections = detect(simulated_year.series, detector)
    assert ((detections.confidence > 0) & (detections.confidence <= 1)).all()
    seen = detections.obstacle >= 0
    assert seen.mean() > 0.7
    assert (detections.obstacle[seen] >= detections.intervals[seen, 0]).all()
    assert (detections.obstacle[seen] < detections.intervals[seen, 1]).all()


def test_a_part_of_a_series_gives_the_same_probabilities_away_from_its_ends(
    simulated_year, detector
):
    series = simulated_year.series
    scaling = measure_scaling(series)
    part = series.between(series.time[5003], series.time[12_000])
    one = detector.single(0).networks
    inputs = features(series.between(series.time[0], series.time[17_000]), scaling)
    whole = class_probabilities(one, inputs, first_sample(series))
    piece = class_probabilities(one, features(part, scaling), first_sample(part))
    # One window's length from the cut nothing is different.
    assert piece[:, 1024:-1024] == pytest.approx(whole[:, 5003 + 1024 : 12_000 - 1024], abs=1e-5)


def test_the_weights_are_small_and_there_are_three_networks(detector):
    size = sum(path.stat().st_size for path in SHIPPED_WEIGHTS.glob("*.safetensors"))
    assert size < 2_000_000
    assert len(detector.networks) == 3
    assert len(detector.digest) == 64


def test_an_empty_folder_and_damaged_weights_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no weights"):
        load_detector(tmp_path)
    write_detector(tmp_path, {"seed0": IcmeNetwork(len(FEATURES))}, RULE, SAME, {})
    loaded = load_detector(tmp_path)
    assert (loaded.rule, loaded.calibration) == (RULE, SAME)
    (tmp_path / "seed0.safetensors").write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match=r"seed0\.safetensors"):
        load_detector(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    write_detector(tmp_path, {"seed0": IcmeNetwork(8)}, RULE, SAME, {})
    with pytest.raises(WeightsError, match="does not hold"):
        load_detector(tmp_path)


def test_the_obstacle_starts_where_the_evidence_changes():
    probabilities = np.full((3, 50), 0.05, dtype=np.float32)
    probabilities[1, :20] = 0.9
    probabilities[2, 20:] = 0.9
    assert obstacle_start(probabilities) == 20
    assert obstacle_start(probabilities[:, 20:]) == 0


def test_an_event_that_is_all_sheath_has_no_obstacle():
    probabilities = np.zeros((3, 60), dtype=np.float32)
    probabilities[0] = 1
    probabilities[:, 10:50] = np.array([[0.05], [0.9], [0.05]])
    detections = decide(probabilities, RULE, np.ones(60, dtype=bool))
    assert len(detections.intervals) == 1
    assert detections.obstacle.tolist() == [-1]


def test_no_evidence_gives_no_events_with_all_arrays_empty():
    probabilities = np.zeros((3, 60), dtype=np.float32)
    probabilities[0] = 1
    detections = decide(probabilities, RULE, np.ones(60, dtype=bool))
    assert [
        len(each) for each in (detections.intervals, detections.obstacle, detections.confidence)
    ] == [0, 0, 0]


def test_features_are_finite_and_scaled_whatever_the_gaps(simulated_year):
    series = simulated_year.series
    inputs = features(series, measure_scaling(series))
    assert inputs.shape == (len(FEATURES), len(series))
    assert np.isfinite(inputs).all()
    assert np.median(inputs[:8], axis=1) == pytest.approx(0, abs=0.05)
    usable = usable_samples(inputs)
    assert 0.9 < usable.mean() < 1


def test_scaling_removes_a_wrong_calibration_of_the_density(simulated_year):
    series = simulated_year.series
    data = series.data.assign(np=series.data["np"] * 1.7)
    from dataclasses import replace

    other = replace(series, data=data)
    row = FEATURES.index("log_np")
    assert features(other, measure_scaling(other))[row] == pytest.approx(
        features(series, measure_scaling(series))[row], abs=0.01
    )


def test_a_quiet_series_is_not_scaled_up_beyond_the_reference():
    from pipelines.icme.simulate import simulate

    series = simulate(seed=41, days=60, ejections_per_year=0.01).series
    own, used = own_scaling(series), measure_scaling(series)
    assert used.median == own.median
    assert used.deviation == pytest.approx(np.maximum(own.deviation, REFERENCE.deviation))
    assert any(np.array(own.deviation) < np.array(REFERENCE.deviation)), "else nothing is tested"


def test_a_short_series_takes_the_reference_scaling(simulated_year):
    series = simulated_year.series
    assert measure_scaling(series.between(series.time[0], series.time[500])) == REFERENCE


def test_a_channel_without_any_measurement_is_refused(simulated_year):
    from dataclasses import replace

    series = simulated_year.series
    with pytest.raises(SourceError, match="no measurements of tp"):
        measure_scaling(replace(series, data=series.data.assign(tp=np.nan)))


def test_the_loss_falls_when_the_answer_is_right_and_ignores_samples_without_weight():
    import torch

    classes = torch.randint(0, len(CLASSES), (2, 64), generator=torch.Generator().manual_seed(0))
    right = torch.nn.functional.one_hot(classes, len(CLASSES)).float().transpose(1, 2) * 8
    weights = torch.ones(2, 64)
    assert segmentation_loss(right, classes, weights) < segmentation_loss(-right, classes, weights)
    weights[:, 32:] = 0
    changed = right.clone()
    changed[:, :, 32:] *= -1
    assert segmentation_loss(changed, classes, weights) == segmentation_loss(
        right, classes, weights
    )
