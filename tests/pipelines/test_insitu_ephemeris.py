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
