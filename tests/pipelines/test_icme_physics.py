"""Ropes, shocks and wind of the simulator against what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.icme.ropes import FIRST_ZERO_J0, Rope, gold_hoyle, lundquist, rope_field
from pipelines.icme.shock import fast_speed, mach_for_speed_jump, shock_jump
from pipelines.icme.wind import ambient_wind, ornstein_uhlenbeck

RADIUS = np.linspace(1e-3, 1 - 1e-3, 4001)


def derivative(values: np.ndarray) -> np.ndarray:
    return np.gradient(values, RADIUS, edge_order=2)


@pytest.mark.parametrize("handedness", [1, -1])
def test_the_lundquist_field_is_force_free_with_constant_alpha(handedness):
    axial, azimuthal = lundquist(RADIUS, handedness)
    # curl B in cylinder coordinates: (-dBz/dr) around, (1/r d(r Bphi)/dr) along the axis.
    assert -derivative(axial) == pytest.approx(handedness * FIRST_ZERO_J0 * azimuthal, abs=1e-3)
    along = derivative(RADIUS * azimuthal) / RADIUS
    assert along[5:] == pytest.approx(handedness * FIRST_ZERO_J0 * axial[5:], abs=1e-3)
    assert axial[-1] == pytest.approx(0, abs=2e-3)


@pytest.mark.parametrize("handedness", [1, -1])
def test_the_gold_hoyle_field_is_force_free_with_uniform_twist(handedness):
    axial, azimuthal = gold_hoyle(RADIUS, handedness, twist=2.0)
    assert azimuthal / (RADIUS * axial) == pytest.approx(np.full_like(RADIUS, 2.0 * handedness))
    # J x B = 0: (curl B)_phi B_z = (curl B)_z B_phi.
    around, along = -derivative(axial), derivative(RADIUS * azimuthal) / RADIUS
    assert (around * axial - along * azimuthal)[5:-5] == pytest.approx(0, abs=1e-3)


@settings(max_examples=40)
@given(
    latitude=st.floats(-80, 80),
    longitude=st.floats(60, 120),
    impact=st.floats(-0.9, 0.9),
    handedness=st.sampled_from([1, -1]),
)
def test_the_field_along_the_path_has_the_strength_of_the_profile(
    latitude, longitude, impact, handedness
):
    field = rope_field(Rope(lundquist, handedness, latitude, longitude, impact), 101)
    path = np.linspace(np.sqrt(1 - impact**2), -np.sqrt(1 - impact**2), 101)
    axial, azimuthal = lundquist(np.hypot(path, impact), handedness)
    assert np.linalg.norm(field, axis=1) == pytest.approx(np.hypot(axial, azimuthal), abs=1e-6)


def test_a_rope_lying_in_the_ecliptic_turns_its_north_component_from_one_sign_to_the_other():
    field = rope_field(Rope(lundquist, 1, 0.0, 90.0, 0.0), 101)
    north = field[:, 2]
    assert north[0] == pytest.approx(-north[-1])
    assert abs(north[0]) > 0.4
    assert (np.diff(np.sign(north)) != 0).sum() in (1, 2)


@pytest.mark.parametrize(
    ("mach", "compression", "pressure"),
    # For gamma = 5/3: X = 4 M^2 / (M^2 + 3), p2/p1 = (5 M^2 - 1) / 4.
    [(1.0, 1.0, 1.0), (2.0, 16 / 7, 4.75), (3.0, 3.0, 11.0)],
)
def test_shock_jumps_have_the_tabulated_values(mach, compression, pressure):
    jump = shock_jump(mach)
    assert jump.compression == pytest.approx(compression)
    assert jump.pressure == pytest.approx(pressure)
    assert jump.temperature == pytest.approx(pressure / compression)


@given(st.floats(1.0, 50))
def test_mass_momentum_and_energy_are_conserved_across_the_shock(mach):
    jump = shock_jump(mach)
    gamma, density, pressure = 5 / 3, 1.0, 1.0
    speed = mach * np.sqrt(gamma * pressure / density)
    density2, pressure2 = density * jump.compression, pressure * jump.pressure
    speed2 = speed / jump.compression
    assert density2 * speed2 == pytest.approx(density * speed)
    assert pressure2 + density2 * speed2**2 == pytest.approx(pressure + density * speed**2)
    enthalpy, enthalpy2 = (
        gamma / (gamma - 1) * p / d for p, d in ((pressure, density), (pressure2, density2))
    )
    assert enthalpy2 + speed2**2 / 2 == pytest.approx(enthalpy + speed**2 / 2)
    assert 1 <= jump.compression < 4


def test_there_is_no_shock_below_mach_one():
    with pytest.raises(ValueError, match="at least 1"):
        shock_jump(0.9)


@given(jump=st.floats(0, 1000), fast=st.floats(20, 200))
def test_the_mach_number_of_a_speed_jump_gives_that_jump_again(jump, fast):
    mach = mach_for_speed_jump(jump, fast)
    assert mach * fast * (1 - 1 / shock_jump(mach).compression) == pytest.approx(jump, abs=1e-6)


def test_the_fast_mode_of_typical_wind_is_the_root_of_both_squares():
    # v_A = 21.8 B / sqrt(n) km/s = 48.8 km/s for 5 nT and 5 protons; c_s = 52.5 km/s at 1e5 K.
    assert fast_speed(5.0, 1e5, 5.0) == pytest.approx(np.hypot(48.8, 52.5), rel=0.01)


def test_ornstein_uhlenbeck_has_unit_variance_and_its_correlation_time():
    values = ornstein_uhlenbeck(np.random.default_rng(3), 200_000, 5.0)
    assert values.std() == pytest.approx(1, abs=0.05)
    lagged = np.corrcoef(values[:-30], values[30:])[0, 1]
    assert lagged == pytest.approx(np.exp(-1), abs=0.05)


def test_ambient_wind_has_the_marginals_of_the_wind_at_one_au():
    wind = ambient_wind(np.random.default_rng(5), 52_560)
    assert 330 < np.median(wind.speed) < 450
    assert 2 < np.median(wind.density) < 9
    assert 3.5 < np.median(np.linalg.norm(wind.field, axis=1)) < 6
    assert 3e4 < np.median(wind.temperature) < 1.2e5
    # Parker spiral: field lines lie in the quadrants where B_R and B_T have opposite signs.
    assert (wind.field[:, 0] * wind.field[:, 1] < 0).mean() > 0.6
