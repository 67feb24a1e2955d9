"""Simulated wind beside real wind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("scipy")
pytest.importorskip("sklearn")

from pipelines.icme.realism import day_statistics, memory_hours, quantiles, table, telling_apart
from pipelines.icme.simulate import simulate
from pipelines.icme.wind import magnetic_holes, sudden_changes
from pipelines.signals.events import REGION_COLUMNS


@pytest.fixture(scope="module")
def years():
    return [simulate(seed=seed, days=120).series for seed in (71, 72)]


def test_one_wind_cannot_be_told_from_its_like_but_from_another(years):
    assert telling_apart(years[:1], years[:1]) == pytest.approx(0.5, abs=0.1)
    from dataclasses import replace

    other = replace(years[0], data=years[0].data.assign(bt=years[0].data.bt * 3))
    assert telling_apart(years[:1], [other]) > 0.9
    assert telling_apart(years[:1], [other], steps=False) > 0.9


def test_memory_and_quantiles_of_a_known_series(years):
    assert quantiles(years, "bt")[2] == pytest.approx(
        np.nanmedian(np.concatenate([each.channel("bt") for each in years])), rel=0.01
    )
    assert 5 < memory_hours(years, "vt") < 120
    assert np.isfinite(day_statistics(years[0])).all()


def test_the_table_has_a_line_for_each_quantity_and_wind(years):
    lines = table(years[:1], years[1:])
    assert sum("| real |" in line for line in lines) == 5
    assert "AUC" in lines[-1]
    assert not any("one real spacecraft" in line for line in lines)
    both = table(years, years[1:])
    assert any("one real spacecraft" in line for line in both)


def test_without_steps_a_day_is_described_by_its_values_alone(years):
    shuffled = years[0].data.copy()
    day = 24 * 6
    count = len(shuffled) // day * day
    order = np.random.default_rng(3).permuted(np.arange(count).reshape(-1, day), axis=1).ravel()
    from dataclasses import replace

    whole = replace(years[0], data=shuffled.ffill().bfill())
    mixed = replace(whole, data=whole.data.iloc[order].reset_index(drop=True))
    assert day_statistics(mixed, steps=False) == pytest.approx(
        day_statistics(whole.between(whole.start, whole.time_of(np.array([count]))[0]), steps=False)
    )
    assert telling_apart([whole], [mixed]) > 0.9


def test_simulated_medians_are_near_the_real_ones(real_data):
    from pipelines.icme.source import open_source

    real = [open_source(real_data / "insitu_stereob_2013_2014_10min.csv.gz")]
    simulated = [simulate(seed=seed).series for seed in (301, 302)]
    for name, tolerance in (("bt", 0.2), ("vt", 0.15), ("np", 0.35), ("tp", 0.35)):
        ratio = quantiles(simulated, name)[2] / quantiles(real, name)[2]
        assert ratio == pytest.approx(1, abs=tolerance), name


def test_interaction_regions_compress_and_speed_up_the_wind(simulated_year):
    series, regions = simulated_year.series, simulated_year.regions
    assert 8 < len(regions) < 60
    start, middle, end = (
        series.index_of(regions[name].to_numpy("datetime64[us]")) for name in REGION_COLUMNS
    )
    assert ((start < middle) & (middle < end)).all()
    speed, field = series.channel("vt"), series.channel("bt")
    rises = [
        np.nanmean(speed[e : e + 36]) - np.nanmean(speed[max(s - 36, 0) : s + 1])
        for s, e in zip(start, end, strict=True)
    ]
    assert np.median(rises) > 60
    inside = np.concatenate([field[s:e] for s, e in zip(start, end, strict=True)])
    assert np.nanmedian(inside) > 1.2 * np.nanmedian(field)


def test_jumps_have_unit_variance_and_holes_only_lower_the_field():
    random = np.random.default_rng(1)
    changes = sudden_changes(random, 200_000, 3.0)
    assert changes.std() == pytest.approx(1, abs=0.1)
    assert pd.Series(changes).kurt() > 0.5
    holes = magnetic_holes(random, 10_000)
    assert holes.max() == 1
    assert 0 < holes.min() < 1
