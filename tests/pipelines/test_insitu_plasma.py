"""Derived quantities against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.plasma import (
    dynamic_pressure,
    expected_temperature,
    plasma_beta,
    temperature_ratio,
)


def one(value: float) -> np.ndarray:
    return np.array([value])


def test_beta_of_five_protons_at_a_hundred_thousand_kelvin_in_five_nanotesla():
    # 5e6 * 1.380649e-23 * 1e5 = 6.903e-12 Pa over (5e-9)^2 / (2 * 1.256637e-6) = 9.947e-12 Pa
    assert plasma_beta(one(5), one(1e5), one(5))[0] == pytest.approx(0.69399, rel=1e-4)


def test_dynamic_pressure_of_five_protons_at_four_hundred_km_s():
    # 1.67262e-27 * 5e6 * (4e5)^2 = 1.33810e-9 Pa
    assert dynamic_pressure(one(5), one(400))[0] == pytest.approx(1.33810, rel=1e-5)


def test_expected_temperature_follows_lopez_on_both_sides_of_five_hundred_km_s():
    # (0.031 * 400 - 5.1)^2 = 7.3^2 = 53.29; 0.51 * 600 - 142 = 164
    assert expected_temperature(np.array([400.0, 600.0])) == pytest.approx([53_290, 164_000])


def test_temperature_ratio_is_one_at_the_expected_temperature():
    assert temperature_ratio(one(53_290), one(400))[0] == pytest.approx(1)


def test_no_field_gives_infinite_beta_without_a_warning():
    assert np.isinf(plasma_beta(one(5), one(1e5), one(0)))


@given(
    density=st.floats(0.1, 100),
    temperature=st.floats(1e3, 1e7),
    field=st.floats(0.5, 100),
    factor=st.floats(1.1, 5),
)
def test_beta_is_linear_in_pressure_and_falls_with_the_square_of_the_field(
    density, temperature, field, factor
):
    beta = plasma_beta(one(density), one(temperature), one(field))
    assert plasma_beta(one(density * factor), one(temperature), one(field)) == pytest.approx(
        beta * factor
    )
    assert plasma_beta(one(density), one(temperature), one(field * factor)) == pytest.approx(
        beta / factor**2
    )


def test_derived_columns_of_the_real_series_agree_with_ours(real_data):
    import pandas as pd

    table = pd.read_csv(real_data / "insitu_stereob_2013_2014_10min.csv.gz", nrows=5000)
    moments = {name: table[name].to_numpy() for name in ("np", "tp", "bt", "vt")}
    ours = plasma_beta(moments["np"], moments["tp"], moments["bt"])
    assert np.median(ours / table["beta"]) == pytest.approx(1, abs=0.02)
    pressure = dynamic_pressure(moments["np"], moments["vt"])
    assert np.median(pressure * 1e-9 / table["pdyn"]) == pytest.approx(1, abs=0.001)
    ratio = temperature_ratio(moments["tp"], moments["vt"])
    assert np.median(ratio / table["texrat"]) == pytest.approx(1, abs=0.001)
