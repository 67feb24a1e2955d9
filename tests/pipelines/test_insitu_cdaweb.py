"""CDAWeb through speasy, with stand-ins of the shape that speasy's variables have."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest

from pipelines.errors import MissingDependencyError, SourceError
from pipelines.sources.cdaweb import PRODUCTS, fetch_insitu, thermal_speed_to_temperature
from pipelines.sources.spacecraft import find_spacecraft

START, STOP = np.datetime64("2019-05-10", "us"), np.datetime64("2019-05-11", "us")


@dataclass
class Variable:
    """A SpeasyVariable: times in ns, values (n, k) in single precision, a fill value."""

    time: np.ndarray
    values: np.ndarray
    fill: float = -1e31

    def replace_fillval_by_nan(self, inplace=False, convert_to_float=False):
        assert not inplace
        assert convert_to_float
        values = self.values.astype(float)
        values[values == self.fill] = np.nan
        return Variable(self.time, values, self.fill)


class Service(ModuleType):
    """A stand-in for the module speasy that answers from a table of products."""

    def __init__(self, products, cadence_s=60):
        super().__init__("speasy")
        self.products, self.cadence, self.requests = products, cadence_s, []

    def get_data(self, product, start, stop):
        self.requests.append((product, start, stop))
        value = self.products[product]
        if value is None or isinstance(value, Exception):
            if value is None:
                return None
            raise value
        step = np.timedelta64(self.cadence, "s")
        time = np.arange(np.datetime64(start, "ns"), np.datetime64(stop, "ns"), step)
        return Variable(time, np.tile(np.array(value, "f4"), (len(time), 1)))


def wind(**changes):
    products = PRODUCTS["Wind"]
    values = {
        products.field: [-3.0, 2.0, -6.0],
        products.speed: [400.0],
        products.density: [5.0],
        products.temperature: [40.0],
    }
    return values | {getattr(products, name): value for name, value in changes.items()}


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
    products = PRODUCTS["STEREO-A"]
    speasy(
        {
            products.field: [1.0, 2.0, 2.0, 99.0],
            products.speed: [400.0],
            products.density: [5.0],
            products.temperature: [1e5],
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
    assert len(service.requests) == 3 * 4
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
