"""Positions in HEEQ against published values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.ephemeris import (
    STEREO_ELEMENTS,
    KeplerElements,
    earth_ecliptic,
    ecliptic_to_heeq,
    heeq_position,
    kepler_position,
    to_heeq,
)
from pipelines.sources.insitu import KM_PER_AU
from pipelines.sources.spacecraft import Spacecraft, find_spacecraft


def days(date: str) -> np.ndarray:
    return np.array(
        [
            (np.datetime64(date, "us") - np.datetime64("2000-01-01T12:00:00", "us"))
            / np.timedelta64(1, "D")
        ]
    )


def earth_heeq(date: str) -> np.ndarray:
    earth = earth_ecliptic(days(date))
    return ecliptic_to_heeq(earth, earth)[0]


@pytest.mark.parametrize(
    ("date", "latitude"),
    # Heliographic latitude of the centre of the disc (B0) in the Astronomical Almanac's tables.
    [("2024-09-08", 7.25), ("2024-03-06", -7.25), ("2024-06-06", 0.0), ("2024-12-07", 0.0)],
)
def test_the_earth_stands_at_the_tabulated_heliographic_latitude(date, latitude):
    x, y, z = earth_heeq(date)
    assert np.degrees(np.arctan2(z, np.hypot(x, y))) == pytest.approx(latitude, abs=0.1)
    assert y == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("date", "distance"), [("2024-01-03", 0.98331), ("2024-07-05", 1.01673)])
def test_the_earth_is_where_it_should_be_at_perihelion_and_aphelion(date, distance):
    assert np.linalg.norm(earth_heeq(date)) == pytest.approx(distance, abs=2e-4)


def test_wind_is_a_hundredth_of_the_way_to_the_sun():
    times = np.array(["2019-05-10T17:10:00"], "datetime64[us]")
    wind = heeq_position(find_spacecraft("Wind"), times)[0] / KM_PER_AU
    assert np.linalg.norm(wind) == pytest.approx(
        0.99 * np.linalg.norm(earth_heeq("2019-05-10T17:10")), abs=1e-3
    )


def test_the_rotation_keeps_lengths_and_angles():
    earth = earth_ecliptic(np.arange(0.0, 3650, 100))
    place = kepler_position(STEREO_ELEMENTS["STEREO-B"], np.arange(0.0, 3650, 100))
    a, b = ecliptic_to_heeq(place, earth), ecliptic_to_heeq(earth, earth)
    assert np.einsum("ij,ij->i", a, b) == pytest.approx(np.einsum("ij,ij->i", place, earth))
    assert np.linalg.norm(a, axis=1) == pytest.approx(np.linalg.norm(place, axis=1))


@settings(max_examples=40, deadline=None)
@given(
    eccentricity=st.floats(0, 0.09),
    inclination=st.floats(0, 5),
    node=st.floats(0, 360),
    perihelion=st.floats(0, 360),
    longitude=st.floats(0, 360),
)
def test_kepler_orbits_stay_between_perihelion_and_aphelion_and_keep_their_plane(
    eccentricity, inclination, node, perihelion, longitude
):
    elements = KeplerElements(1.0, eccentricity, inclination, node, perihelion, longitude, 0.9856)
    place = kepler_position(elements, np.linspace(0, 365, 50))
    distance = np.linalg.norm(place, axis=1)
    assert (distance >= 1 - eccentricity - 1e-9).all()
    assert (distance <= 1 + eccentricity + 1e-9).all()
    tilt, ascending = np.radians(inclination), np.radians(node)
    normal = [np.sin(tilt) * np.sin(ascending), -np.sin(tilt) * np.cos(ascending), np.cos(tilt)]
    assert place @ np.array(normal) == pytest.approx(np.zeros(50), abs=1e-9)


@pytest.mark.parametrize(
    ("spacecraft", "median", "nearly_all"),
    [("Wind", 0.005, 0.016), ("STEREO-A", 0.001, 0.006), ("STEREO-B", 0.0005, 0.001)],
)
def test_positions_agree_with_those_of_icmecat(real_data, spacecraft, median, nearly_all):
    import pandas as pd

    table = pd.read_csv(real_data / "HELIO4CAST_ICMECAT_v22.csv")
    columns = ["mo_sc_heliodistance", "mo_sc_long_heeq", "mo_sc_lat_heeq"]
    table = table[table.sc_insitu == spacecraft].dropna(subset=columns).sort_values("mo_start_time")
    times = pd.to_datetime(table.mo_start_time).dt.tz_localize(None).to_numpy("datetime64[us]")
    distance, longitude, latitude = table[columns].to_numpy().T
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    published = distance[:, None] * np.column_stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
    ours = heeq_position(find_spacecraft(spacecraft), times) / KM_PER_AU
    error = np.linalg.norm(ours - published, axis=1)
    assert len(error) > 100
    assert np.median(error) < median
    assert np.quantile(error, 0.95) < nearly_all


def test_a_spacecraft_without_an_orbit_asks_for_positions():
    nowhere = Spacecraft("Ulysses", "ULYSSES", (), "VHM#SWOOPS", "unknown")
    with pytest.raises(SourceError, match="x_heeq"):
        heeq_position(nowhere, np.array(["2000-01-01"], "datetime64[us]"))


def at(date: str) -> np.ndarray:
    return np.array([date], "datetime64[us]")


@pytest.mark.parametrize(
    ("date", "turn"),
    # The Earth crosses the solar equator upwards around December 7, at its ascending node, where
    # the longitudes of HCI and HGI begin, and downwards around June 7 (Astronomical Almanac).
    [("2024-12-07T12:00", 0.0), ("2024-06-06T12:00", 180.0)],
)
def test_longitudes_of_hci_and_hgi_are_those_of_heeq_when_the_earth_is_at_the_node(date, turn):
    latitude, longitude = 5.0, 60.0
    hgi = np.array([[KM_PER_AU, latitude, longitude + turn]])
    x, y, z = to_heeq(hgi, "HGI", at(date))[0] / KM_PER_AU
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(longitude, abs=1.0)
    assert np.degrees(np.arcsin(z)) == pytest.approx(latitude, abs=1e-9)
    angle = np.radians(longitude + turn)
    flat = np.array([[np.cos(angle), np.sin(angle), 0.0]]) * KM_PER_AU * np.cos(np.radians(5.0))
    flat[0, 2] = KM_PER_AU * np.sin(np.radians(5.0))
    assert to_heeq(flat, "HCI", at(date))[0] == pytest.approx(np.array([x, y, z]) * KM_PER_AU)


def test_a_place_between_sun_and_earth_in_gse_is_on_the_x_axis_of_heeq():
    x, y, z = to_heeq(np.array([[1.5e6, 0.0, 0.0]]), "GSE", at("2024-09-08"))[0]
    earth = earth_heeq("2024-09-08") * KM_PER_AU
    assert np.linalg.norm([x, y, z]) == pytest.approx(np.linalg.norm(earth) - 1.5e6, rel=1e-9)
    assert y == pytest.approx(0, abs=1)
    # North of the ecliptic and west of the Sun as seen from the Earth are up and to smaller y:
    # the solar west limb is ahead of the Earth, at larger longitude, and GSE y points against it.
    up = to_heeq(np.array([[0.0, 0.0, 1e6]]), "GSE", at("2024-09-08"))[0] - earth
    assert up[2] == pytest.approx(1e6 * np.cos(np.radians(7.25)), rel=1e-3)
    east = to_heeq(np.array([[0.0, 1e6, 0.0]]), "GSE", at("2024-09-08"))[0] - earth
    assert east[1] < -0.99e6


def test_positions_in_heeq_stay_and_other_axes_are_refused():
    place = np.array([[1.0, 2.0, 3.0]])
    assert to_heeq(place, "HEEQ", at("2024-09-08")) is place
    with pytest.raises(SourceError, match="GSM"):
        to_heeq(place, "GSM", at("2024-09-08"))
