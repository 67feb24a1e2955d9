"""Simulated series and their truth."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from pipelines.errors import PipelineError
from pipelines.icme.labels import label_intervals
from pipelines.icme.simulate import simulate
from pipelines.signals.events import flags


def test_the_same_seed_gives_the_same_year_and_another_seed_another():
    first, again, other = (simulate(seed=seed, days=20) for seed in (3, 3, 4))
    assert first.series.sha256() == again.series.sha256() != other.series.sha256()
    assert first.truth.equals(again.truth)


def test_everything_says_that_it_is_simulated(simulated_year):
    series = simulated_year.series
    assert series.simulated
    assert series.spacecraft.name == "simulation"
    assert series.instrument.startswith("simulation")
    assert "simulated" in series.description


def test_truth_is_ordered_disjoint_and_inside_the_series(simulated_year):
    truth, series = simulated_year.truth, simulated_year.series
    assert len(truth) >= 10
    assert (truth.icme_start_time <= truth.mo_start_time).all()
    assert (truth.mo_start_time < truth.mo_end_time).all()
    assert (
        truth.icme_start_time.iloc[1:].to_numpy() > truth.mo_end_time.iloc[:-1].to_numpy()
    ).all()
    assert truth.icme_start_time.iloc[0] >= series.time[0]
    assert truth.mo_end_time.iloc[-1] <= series.time[-1]


def test_obstacles_are_strong_cold_and_of_low_beta(simulated_year):
    series, truth = simulated_year.series, simulated_year.truth
    start = series.index_of(truth.mo_start_time.to_numpy("datetime64[us]"))
    end = series.index_of(truth.mo_end_time.to_numpy("datetime64[us]"))
    inside = flags(np.column_stack([start, end]), len(series))
    outside = ~flags(label_intervals(truth, series), len(series))
    assert np.nanmedian(series.channel("bt")[inside]) > 1.4 * np.nanmedian(
        series.channel("bt")[outside]
    )
    assert np.nanmedian(series.texrat[inside]) < 0.8 * np.nanmedian(series.texrat[outside])
    assert np.nanmedian(series.beta[inside]) < 0.5 * np.nanmedian(series.beta[outside])


def test_sheaths_are_denser_than_the_wind_ahead_of_their_shock(simulated_year):
    series, truth = simulated_year.series, simulated_year.truth
    with_sheath = truth[truth.mo_start_time > truth.icme_start_time]
    start = series.index_of(with_sheath.icme_start_time.to_numpy("datetime64[us]"))
    density = series.channel("np")
    ratios = [np.nanmedian(density[s : s + 12]) / np.nanmedian(density[s - 12 : s]) for s in start]
    assert len(ratios) > 5
    assert np.nanmedian(ratios) > 1.3


def test_the_rate_of_ejections_can_be_set():
    few = simulate(seed=1, days=200, ejections_per_year=5)
    many = simulate(seed=1, days=200, ejections_per_year=60)
    assert len(few.truth) < len(many.truth)


def test_gaps_can_be_left_out():
    assert simulate(seed=1, days=30, gaps=False).series.data.notna().all().all()


def test_a_simulation_that_is_too_short_or_starts_at_no_time_is_refused():
    with pytest.raises(PipelineError, match="too short"):
        simulate(days=1)
    with pytest.raises(PipelineError, match="not a time"):
        simulate(start="new year", days=30)
