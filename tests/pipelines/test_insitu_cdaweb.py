"""Services through speasy, with stand-ins of the shape that speasy's variables have.

Nothing here asks a network: the module speasy is replaced where the pipelines call it
(`pipelines.sources.services`), by objects with the attributes of its SpeasyVariable that are used
there. What data sets really hold can only be seen with a network.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest

from pipelines.errors import MissingDependencyError, SourceError
from pipelines.sources.cdaweb import fetch_insitu
from pipelines.sources.datasets import data_sets, products_of
from pipelines.sources.ephemeris import heeq_position
from pipelines.sources.insitu import KM_PER_AU
from pipelines.sources.plasma import thermal_speed_to_temperature
from pipelines.sources.services import Samples, tidied
from pipelines.sources.spacecraft import find_spacecraft

START, STOP = np.datetime64("2019-05-10", "us"), np.datetime64("2019-05-11", "us")


@dataclass
class Variable:
    """A SpeasyVariable: times in ns, values (n, k) in single precision, a fill value."""

    time: np.ndarray
    values: np.ndarray
    fill: float = -1e31
    unit: str = ""

    def replace_fillval_by_nan(self, inplace=False, convert_to_float=False):
        assert not inplace
        assert convert_to_float
        values = self.values.astype(float)
        values[values == self.fill] = np.nan
        return Variable(self.time, values, self.fill, self.unit)


class Service(ModuleType):
    """A stand-in for the module speasy that answers from a table of products."""

    def __init__(self, products, cadence_s=60):
        super().__init__("speasy")
        self.products, self.cadence, self.requests = products, cadence_s, []
        self.units = {}

    def get_data(self, product, start, stop):
        self.requests.append((product, start, stop))
        value = self.products[product]
        if value is None or isinstance(value, Exception):
            if value is None:
                return None
            raise value
        step = np.timedelta64(self.cadence, "s")
        time = np.arange(np.datetime64(start, "ns"), np.datetime64(stop, "ns"), step)
        if callable(value):
            return Variable(time, value(time), unit=self.units.get(product, ""))
        values = np.tile(np.array(value, "f4"), (len(time), 1))
        return Variable(time, values, unit=self.units.get(product, ""))


def wind(**changes):
    products = products_of("Wind")
    values = {
        products.field.variable: [-3.0, 2.0, -6.0],
        products.speed.variable: [400.0],
        products.density.variable: [5.0],
        products.temperature.variable: [40.0],
        products.position.variables[0]: None,
    }
    return values | {getattr(products, name).variable: value for name, value in changes.items()}


@pytest.fixture
def speasy(monkeypatch):
    def install(products, **options):
        service = Service(products, **options)
        monkeypatch.setitem(sys.modules, "speasy", service)
        return service

    return install


def test_wind_is_gridded_in_our_units_and_axes(speasy):
    speasy(wind())
    series = fetch_insitu(find_spacecraft("Wind"), START, STOP)
    assert len(series) == 144
    assert series.start == START
    assert series.data.iloc[7].to_dict() == pytest.approx(
        {
            "bx": 3.0,  # GSE x points to the Sun, R away from it
            "by": -2.0,
            "bz": -6.0,
            "bt": 7.0,
            "vt": 400.0,
            "np": 5.0,
            "tp": 1.67262192369e-27 * 4e4**2 / (2 * 1.380649e-23),
        }
    )
    assert not series.simulated


def test_the_thermal_speed_of_forty_km_s_is_ninety_seven_thousand_kelvin():
    assert thermal_speed_to_temperature(np.array([40.0]))[0] == pytest.approx(96_917, rel=1e-4)


def test_stereo_fields_have_a_fourth_component_that_is_left_out(speasy):
    products = products_of("STEREO-A")
    speasy(
        {
            products.field.variable: [1.0, 2.0, 2.0, 99.0],
            products.speed.variable: [400.0],
            products.density.variable: [5.0],
            products.temperature.variable: [1e5],
            products.position.variables[0]: None,
        }
    )
    series = fetch_insitu(find_spacecraft("STEREO-A"), START, STOP)
    assert series.channel("bt")[0] == pytest.approx(3.0)
    assert series.channel("tp")[0] == pytest.approx(1e5)


def test_fill_values_and_missing_plasma_become_gaps(speasy):
    speasy(wind(speed=[-1e31], density=None))
    series = fetch_insitu(find_spacecraft("Wind"), START, STOP)
    assert np.isnan(series.channel("vt")).all()
    assert np.isnan(series.channel("np")).all()
    assert not np.isnan(series.channel("bz")).any()


def test_long_spans_are_fetched_in_pieces_of_a_month_and_give_the_same_grid(speasy):
    service = speasy(wind(), cadence_s=600)
    told = []
    series = fetch_insitu(
        find_spacecraft("Wind"),
        START,
        START + np.timedelta64(65, "D"),
        progress=lambda description, done, total: told.append((done, total)),
    )
    assert len(series) == 65 * 144
    assert len(service.requests) == 3 * 5  # field, speed, density, temperature, position
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_failing_service_names_the_product_and_the_reason(speasy):
    speasy(wind(density=ConnectionError("no route to host")))
    with pytest.raises(SourceError, match=r"WI_H1_SWE/Proton_Np_nonlin.*no route to host"):
        fetch_insitu(find_spacecraft("Wind"), START, STOP)


def test_a_span_without_any_data_is_told(speasy):
    speasy(dict.fromkeys(wind()))
    with pytest.raises(SourceError, match="no data of Wind"):
        fetch_insitu(find_spacecraft("Wind"), START, STOP)


def test_without_speasy_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "speasy", None)
    with pytest.raises(MissingDependencyError, match=r"epntap\[insitu\]"):
        fetch_insitu(find_spacecraft("Wind"), START, STOP)


def test_spacecraft_without_data_sets_list_those_with_some():
    with pytest.raises(SourceError, match="STEREO-B"):
        fetch_insitu(find_spacecraft("simulation"), START, STOP)


def everything(name: str, values: dict[str, object]) -> dict[str, object]:
    """Answers for all variables of a spacecraft; those not given have no data."""
    products = products_of(name)
    variables = {
        each: getattr(products, each).variable
        for each in ("field", "speed", "density", "temperature")
    }
    answers = dict.fromkeys((*variables.values(), *products.position.variables))
    return answers | {variables.get(each, each): value for each, value in values.items()}


def test_the_table_of_data_sets_has_every_spacecraft_that_measures():
    assert set(data_sets()) == {
        "Wind",
        "ACE",
        "DSCOVR",
        "STEREO-A",
        "STEREO-B",
        "Solar Orbiter",
        "Parker Solar Probe",
    }
    for name, products in data_sets().items():
        assert find_spacecraft(name).name == name
        for each in (products.field, products.speed, products.density, products.temperature):
            assert len(each.variable.split("/")) == 3


def test_a_vector_of_velocity_becomes_a_speed_and_an_energy_a_temperature(speasy):
    speasy(
        everything(
            "Solar Orbiter",
            {"field": [3.0, 2.0, -6.0], "speed": [300.0, 0.0, 400.0], "density": [9.0],
             "temperature": [8.6]},
        )
    )  # fmt: skip
    series = fetch_insitu(find_spacecraft("solo"), START, STOP)
    assert series.channel("vt")[0] == pytest.approx(500)
    assert series.channel("tp")[0] == pytest.approx(8.6 * 11604.5, rel=1e-4)
    assert series.channel("bx")[0] == pytest.approx(3)
    assert not series.has_position


def test_the_unit_that_a_variable_states_counts_more_than_that_of_the_table(speasy):
    service = speasy(wind(speed=[0.4], density=[5e6]))
    products = products_of("Wind")
    service.units = {
        products.speed.variable: "Mm/s",
        products.density.variable: "m-3",
        products.field.variable: "nT (GSE)",  # not understood, so that of the table
    }
    series = fetch_insitu(find_spacecraft("Wind"), START, STOP)
    assert series.channel("vt")[0] == pytest.approx(400)
    assert series.channel("np")[0] == pytest.approx(5)
    assert series.channel("bt")[0] == pytest.approx(7)
    service.units[products.speed.variable] = "nT"
    with pytest.raises(SourceError, match="Proton_V_nonlin: column vt is said to be in nT"):
        fetch_insitu(find_spacecraft("Wind"), START, STOP)


def test_a_position_in_gse_becomes_heeq_beside_the_ephemeris(speasy):
    speasy(wind() | {products_of("Wind").position.variables[0]: [1.5e6, 1e5, 0.0]})
    series = fetch_insitu(find_spacecraft("Wind"), START, STOP)
    assert series.has_position
    place = series.data[["x_heeq", "y_heeq", "z_heeq"]].to_numpy()
    ephemeris = heeq_position(find_spacecraft("Wind"), series.time)
    assert np.abs(place - ephemeris).max() / KM_PER_AU < 0.001
    assert place[0, 1] == pytest.approx(-1e5 * np.cos(np.radians(7.0)), rel=0.02)
    assert series.cleaning.position == "cda/WI_OR_PRE/GSE_POS"


def test_daily_positions_in_hgi_are_interpolated_and_near_spans_agree(speasy):
    variables = products_of("Solar Orbiter").position.variables
    day = lambda time: ((time - START) / np.timedelta64(1, "D")).reshape(-1, 1)  # noqa: E731
    answers = everything(
        "Solar Orbiter",
        {
            "field": [3.0, 2.0, -6.0],
            variables[0]: lambda time: 0.5 + 0.01 * day(time),
            variables[1]: lambda time: 3.0 + 0 * day(time),
            variables[2]: lambda time: 100.0 + 4 * day(time),
        },
    )
    speasy(answers, cadence_s=86400)
    # One sample a day of everything: enough for the position, and the field has its gaps.
    whole = fetch_insitu(find_spacecraft("solo"), START, START + np.timedelta64(5, "D"))
    place = whole.data[["x_heeq", "y_heeq", "z_heeq"]].to_numpy() / KM_PER_AU
    assert np.linalg.norm(place, axis=1)[0] == pytest.approx(0.5, abs=0.02)
    assert np.isfinite(place).all()
    part = fetch_insitu(
        find_spacecraft("solo"), START + np.timedelta64(1, "D"), START + np.timedelta64(3, "D")
    )
    both = whole.between(part.time[0], part.time[-1] + np.timedelta64(600, "s"))
    assert part.data["x_heeq"].to_numpy() == pytest.approx(both.data["x_heeq"].to_numpy())


def test_a_position_that_is_no_place_in_the_heliosphere_is_refused(speasy):
    service = speasy(wind() | {products_of("Wind").position.variables[0]: [1.5e6, 1e5, 0.0]})
    service.units[products_of("Wind").position.variables[0]] = "AU"
    with pytest.raises(SourceError, match=r"GSE_POS puts the spacecraft .* AU from the Sun"):
        fetch_insitu(find_spacecraft("Wind"), START, STOP)


def jumping(time):
    values = np.full((len(time), 1), 400.0)
    values[time == np.datetime64("2019-05-10T12:00", "ns")] = 1500.0
    return values + np.arange(len(time)).reshape(-1, 1) % 3


def test_spikes_of_a_service_are_counted_once_wherever_pieces_end(speasy):
    products = products_of("Wind")
    speasy(wind() | {products.speed.variable: jumping})
    middle = np.datetime64("2019-05-10T12:00", "us")
    whole = fetch_insitu(find_spacecraft("Wind"), START, STOP)
    assert whole.cleaning.spikes_plasma == 1
    assert np.nanmax(whole.channel("vt")) < 410
    parts = [
        fetch_insitu(find_spacecraft("Wind"), START, middle),
        fetch_insitu(find_spacecraft("Wind"), middle, STOP),
    ]
    assert sum(part.cleaning.spikes_plasma for part in parts) == 1
    joined = np.concatenate([part.channel("vt") for part in parts])
    assert joined == pytest.approx(whole.channel("vt"), rel=1e-12)


def test_samples_of_a_service_out_of_order_or_there_twice_are_counted():
    times = START + np.array([0, 60, 60, 30, 90, 90]) * np.timedelta64(1, "s")
    values = np.array([[1.0], [2.0], [2.0], [4.0], [5.0], [6.0]])
    samples, done = tidied(Samples(times, values))
    assert (done.unordered, done.repeated, done.contradicting, done.samples) == (1, 1, 1, 6)
    assert samples.values[:, 0].tolist() == [1, 4, 2, 5, 6]
    assert (np.diff(samples.times) >= np.timedelta64(0)).all()


def test_channels_without_a_measurement_are_named(speasy):
    speasy(wind(speed=None, density=None, temperature=None))
    series = fetch_insitu(find_spacecraft("Wind"), START, STOP)
    assert series.cleaning.missing == ("vt", "np", "tp")
