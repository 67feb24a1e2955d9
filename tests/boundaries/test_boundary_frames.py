"""Frames agree with independent calculations, and geometry of crossings with constructed ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.boundaries.frames import (
    aberrate,
    aberration_angle,
    dipole_axis,
    dipole_tilt,
    gse_to_gsm,
    gsm_to_gse,
    local_time,
    mercury_orbit,
    msm_to_mso,
    mso_to_msm,
    straighten,
)
from pipelines.boundaries.shocks import coplanarity_normal, four_spacecraft_timing, theta_bn

HOURS = np.datetime64("2003-01-01", "us") + np.arange(0, 365 * 24, 7) * np.timedelta64(1, "h")


def test_the_dipole_tilt_is_that_of_the_sun_in_the_sky_of_the_dipole():
    from astropy.coordinates import ITRS, get_sun
    from astropy.time import Time
    from astropy.utils import iers

    times = HOURS[::40]
    with iers.conf.set_temp("auto_download", False):
        moments = Time(times.astype(str), scale="utc")
        sun = get_sun(moments).transform_to(ITRS(obstime=moments))
    direction = sun.cartesian.xyz.value.T
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    expected = np.arcsin(np.sum(direction * dipole_axis(times), axis=1))
    np.testing.assert_allclose(dipole_tilt(times), expected, atol=np.radians(0.02))


def test_the_dipole_points_to_northern_greenland_in_2010():
    x, y, z = dipole_axis(np.array(["2010-01-01"], dtype="datetime64[us]"))[0]
    # IGRF: 80.1 N, 72.2 W at epoch 2010.0.
    assert np.degrees(np.arcsin(z)) == pytest.approx(80.0, abs=0.15)
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(-72.2, abs=0.15)


def test_the_tilt_stays_within_obliquity_and_the_lean_of_the_dipole():
    tilt = np.degrees(dipole_tilt(HOURS))
    assert 33 < tilt.max() < 35
    assert -35 < tilt.min() < -33


def test_gsm_keeps_lengths_and_x_and_comes_back():
    vectors = np.random.default_rng(1).normal(size=(len(HOURS), 3))
    turned = gse_to_gsm(vectors, HOURS)
    np.testing.assert_allclose(turned[:, 0], vectors[:, 0])
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(vectors, axis=1))
    np.testing.assert_allclose(gsm_to_gse(turned, HOURS), vectors, atol=1e-12)


def test_in_gsm_the_dipole_has_no_y_and_a_positive_z():
    from pipelines.boundaries.frames import dipole_axis_gse

    axis = gse_to_gsm(dipole_axis_gse(HOURS), HOURS)
    np.testing.assert_allclose(axis[:, 1], 0.0, atol=1e-12)
    assert (axis[:, 2] > 0).all()


@given(angle=st.floats(-0.5, 0.5), x=st.floats(-9, 9), y=st.floats(-9, 9), z=st.floats(-9, 9))
def test_aberration_and_the_offset_of_the_dipole_can_be_undone(angle, x, y, z):
    position = np.array([[x, y, z]])
    back = straighten(aberrate(position, angle), angle)
    np.testing.assert_allclose(back, position, atol=1e-12)
    np.testing.assert_allclose(msm_to_mso(mso_to_msm(position)), position, atol=1e-9)


def test_wind_that_seems_to_come_from_ahead_of_the_planet_flows_along_minus_x():
    # The planet moves along -y: in its frame radial wind gains a component along +y.
    angle = aberration_angle(np.array(47.4), 400.0)
    flow = aberrate(np.array([[-400.0, 47.4, 0.0]]), angle)
    np.testing.assert_allclose(flow[0, 1:], 0.0, atol=1e-9)
    assert flow[0, 0] < -400


def test_mercury_has_its_known_distances_and_speeds():
    times = np.datetime64("2011-03-18", "us") + np.arange(0, 88 * 24) * np.timedelta64(1, "h")
    motion = mercury_orbit(times)
    distance, speed = motion.distance, motion.speed
    assert distance.min() == pytest.approx(0.3075, abs=2e-4)
    assert distance.max() == pytest.approx(0.4667, abs=2e-4)
    assert speed.max() == pytest.approx(58.98, abs=0.05)
    assert speed.min() == pytest.approx(38.86, abs=0.05)


def test_the_velocity_of_mercury_is_how_its_place_changes():
    times = np.datetime64("2012-02-01", "us") + np.arange(0, 88 * 24) * np.timedelta64(1, "h")
    motion = mercury_orbit(times)
    place = 149597870.7 * motion.distance * np.exp(1j * motion.longitude)
    velocity = np.gradient(place, 3600.0) * np.exp(-1j * motion.longitude)
    np.testing.assert_allclose(velocity[1:-1].real, motion.along[1:-1], atol=0.01)
    np.testing.assert_allclose(velocity[1:-1].imag, motion.across[1:-1], atol=0.01)


def test_mercury_is_where_another_ephemeris_has_it():
    from astropy.coordinates import HeliocentricMeanEcliptic, get_body
    from astropy.time import Time
    from astropy.utils import iers

    times = np.datetime64("2011-12-27", "us") + np.arange(0, 120, 10) * np.timedelta64(1, "D")
    with iers.conf.set_temp("auto_download", False):
        moments = Time(times.astype(str), scale="utc")
        place = get_body("mercury", moments).transform_to(HeliocentricMeanEcliptic(obstime=moments))
    distance = mercury_orbit(times).distance
    # astropy gives the place at the time of emission, minutes earlier: 1e-4 AU.
    np.testing.assert_allclose(distance, place.distance.to_value("AU"), atol=1e-3)


def test_local_time_is_noon_towards_the_sun_and_dawn_against_the_motion():
    places = np.array([[1.0, 0, 0], [0, 1.0, 0], [-1.0, 0, 0], [0, -1.0, 0]])
    np.testing.assert_allclose(local_time(places), [12, 18, 0, 6])


def test_theta_bn_is_acute_whatever_the_sense_of_the_normal():
    field = np.array([[5.0, 0, 0], [5.0, 0, 0], [1.0, 1.0, 0], [0, 0, 0]])
    normal = np.array([[-1.0, 0, 0], [0, 2.0, 0], [1.0, 0, 0], [1.0, 0, 0]])
    np.testing.assert_allclose(theta_bn(field, normal), [0, 90, 45, np.nan], atol=1e-5)


def test_coplanarity_finds_the_normal_along_which_the_field_does_not_change():
    normal = np.array([0.8, 0.6, 0.0])
    tangent = np.array([0.0, 0.0, 1.0])
    upstream, downstream = 3 * normal + 2 * tangent, 3 * normal + 7 * tangent
    found = coplanarity_normal(upstream, downstream)
    assert abs(found @ normal) == pytest.approx(1.0)
    assert np.isnan(coplanarity_normal(upstream, 2 * upstream)).all()


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda each: np.linalg.norm(each) > 0.1)


@given(direction=directions, speed=st.floats(5.0, 500.0))
def test_timing_recovers_a_plane_that_passed_a_tetrahedron(direction, speed):
    normal = np.array(direction) / np.linalg.norm(direction)
    places = 1000.0 * np.array([[0, 0, 0], [1, 0, 0], [0.3, 1, 0], [0.2, 0.3, 1.0]])
    found = four_spacecraft_timing(places + 70000.0, places @ normal / speed)
    np.testing.assert_allclose(found.normal, normal, atol=1e-6)
    assert found.speed == pytest.approx(speed, rel=1e-6)


def test_the_errors_of_timing_are_those_of_repeated_trials():
    random = np.random.default_rng(4)
    places = 1000.0 * np.array([[0, 0, 0], [1, 0, 0], [0.3, 1, 0], [0.2, 0.3, 1.0]])
    normal = np.array([0.6, 0.0, 0.8])
    times = places @ normal / 50.0
    stated = four_spacecraft_timing(places, times, time_error=0.5)
    trials = [
        four_spacecraft_timing(places, times + 0.5 * random.normal(size=4)) for _ in range(2000)
    ]
    speeds = np.array([each.speed for each in trials])
    angles = np.degrees(np.arccos([min(1.0, np.dot(each.normal, normal)) for each in trials]))
    assert stated.speed_error == pytest.approx(speeds.std(), rel=0.1)
    assert stated.normal_error == pytest.approx(np.sqrt(np.mean(angles**2)), rel=0.1)


def test_timing_is_refused_where_the_spacecraft_cannot_tell():
    flat = 1000.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.001]])
    assert four_spacecraft_timing(flat, np.arange(4.0)) is None
    places = 1000.0 * np.array([[0, 0, 0], [1, 0, 0], [0.3, 1, 0], [0.2, 0.3, 1.0]])
    assert four_spacecraft_timing(places, np.zeros(4)) is None
    with pytest.raises(ValueError, match="four spacecraft"):
        four_spacecraft_timing(places[:3], np.zeros(3))
