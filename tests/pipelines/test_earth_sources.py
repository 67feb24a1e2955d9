"""Series of moments: files, CDAWeb through a stand-in for speasy, lists of what is true."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.contract import Span
from pipelines.earth_boundaries.fetch import fetch_moments
from pipelines.earth_boundaries.files import EV_PER_KELVIN, read_moments
from pipelines.earth_boundaries.instruments import find_mission, missions
from pipelines.earth_boundaries.labels import ANY, read_truth
from pipelines.earth_boundaries.moments import CHANNELS, MomentSeries
from pipelines.earth_boundaries.source import open_series
from pipelines.errors import LabelError, NoDataError, SourceError

START, STOP = np.datetime64("2003-02-01", "us"), np.datetime64("2003-02-01T02:00", "us")


def series(minutes: int = 120, spacecraft: str = "Cluster 1") -> MomentSeries:
    values = np.random.default_rng(5).random((minutes, len(CHANNELS)))
    data = pd.DataFrame(values, columns=list(CHANNELS))
    return MomentSeries(spacecraft, "FGM#CIS", START, data, "made up")


def csv(path, **columns):
    minutes = len(next(iter(columns.values())))
    times = START + np.arange(minutes) * np.timedelta64(60, "s")
    pd.DataFrame({"time": times, **columns}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["Cluster 1", "cluster1", "C1", "CLUSTER_1", "c1"])
def test_a_spacecraft_is_found_whatever_the_spelling(name):
    assert find_mission(name).name == "Cluster 1"


def test_all_spacecraft_have_variables_and_names_of_their_own():
    real = [each for each in missions() if each.name != "simulation"]
    assert len(real) == 13
    assert len({each.name for each in real}) == len({each.field for each in real}) == 13
    for each in real:
        plasma = (each.density, each.velocity)
        assert all(plasma) == (each.name != "Cluster 2")
        for variable in (each.field, each.position, *(plasma if all(plasma) else ())):
            assert variable.startswith("cda/")
            assert variable.count("/") == 2
        assert sum(each.weights) == pytest.approx(1 if all(plasma) else 0)
        assert len(each.weights) == len(each.temperature)


def test_an_unknown_spacecraft_is_refused_with_those_that_are_known():
    with pytest.raises(SourceError, match="Voyager") as error:
        find_mission("Voyager 1")
    assert "THEMIS A" in error.value.hint


def test_a_file_is_averaged_over_minutes_with_gaps(tmp_path):
    path = tmp_path / "mms1.csv"
    path.write_text(
        "time,bx,by,bz\n2016-01-01T00:00:10,1,0,0\n2016-01-01T00:00:40,3,0,0\n"
        "2016-01-01T00:03:00,5,,1e31\n"
    )
    found = read_moments(path)
    assert found.spacecraft == "MMS 1"
    np.testing.assert_array_equal(found.channel("bx"), [2, np.nan, np.nan, 5])
    assert np.isnan(found.channel("by")[3])
    assert np.isnan(found.channel("bz")[3])
    assert np.isnan(found.channel("n")).all()


def test_columns_of_the_published_cluster_files_are_understood(tmp_path):
    ones = np.ones(5)
    path = csv(
        tmp_path / "cluster1_resampled.csv",
        dens=5 * ones, tpar=0.3 * ones, tperp=0.6 * ones, vel_gse_x=-400 * ones,
        vel_gse_y=0 * ones, vel_gse_z=0 * ones, b_gse_x=ones, b_gse_y=ones, b_gse_z=ones,
    )  # fmt: skip
    found = read_moments(path)
    assert found.spacecraft == "Cluster 1"
    assert found.channel("t")[0] == pytest.approx(0.5e6 * EV_PER_KELVIN)
    assert found.channel("vx")[0] == -400


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bx,by,bz\n1,2,3\n", "no column 'time'"),
        ("time,bx\n", "no rows"),
        ("time,bx\nnoon,1\n", "line 2, column time"),
        ("time,bx\n2003-02-01T00:00:00,strong\n", "line 2, column bx"),
        ("time,n,bx\n2003-02-01T00:00:00,-3,1\n", "line 2, column n"),
        ("time,x,y,z\n2003-02-01T00:00:00,1,2,3\n", "neither field nor plasma"),
    ],
    ids=["no time", "no rows", "bad time", "bad number", "negative density", "place alone"],
)
def test_files_that_cannot_be_used_say_where(tmp_path, text, said):
    path = tmp_path / "cluster1.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=said):
        read_moments(path)


@settings(max_examples=50, deadline=None)
@given(first=st.integers(-50, 200), length=st.integers(0, 250))
def test_a_part_of_a_series_has_the_minutes_that_begin_in_its_span(first, length):
    whole = series()
    low = (START + first * np.timedelta64(60, "s")).item()
    high = (START + (first + length) * np.timedelta64(60, "s")).item()
    part = whole.within(Span(low, high))
    expected = whole.data.iloc[max(first, 0) : max(first + length, 0)]
    if part is None:
        assert expected.empty
    else:
        np.testing.assert_array_equal(part.data.to_numpy(), expected.to_numpy())
        assert part.digest(part.extent) == whole.digest(part.extent)


@dataclass
class Variable:
    """A variable of speasy as far as it is used."""

    time: np.ndarray
    values: np.ndarray
    fill: float = -1e31

    def replace_fillval_by_nan(self, inplace, convert_to_float):
        assert not inplace
        assert convert_to_float
        values = self.values.astype(float)
        values[values == self.fill] = np.nan
        return Variable(self.time, values)


class Service(ModuleType):
    """A stand-in for the module speasy."""

    def __init__(self, products):
        super().__init__("speasy")
        self.products, self.asked = products, []

    def get_data(self, product, start, stop):
        self.asked.append(product)
        found = self.products.get(product)
        if isinstance(found, Exception):
            raise found
        return found


def cluster_variables():
    mission = find_mission("Cluster 1")
    spins = (START + np.arange(1800) * np.timedelta64(4, "s")).astype("datetime64[ns]")
    slow = (START + np.arange(13) * np.timedelta64(600, "s")).astype("datetime64[ns]")
    field = np.column_stack([np.full(1800, 3.0), np.zeros(1800), np.ones(1800)])
    field[:15, 0] = -1e31
    place = np.column_stack([np.linspace(70_000, 82_000, 13), np.zeros(13), np.zeros(13)])
    return {
        mission.field: Variable(spins, field),
        mission.density: Variable(spins, np.full(1800, 7.0)),
        mission.velocity: Variable(spins, np.tile([-400.0, 0, 0], (1800, 1))),
        mission.position: Variable(slow, place),
        mission.temperature[0]: Variable(spins, np.full(1800, 1.0)),
        mission.temperature[1]: Variable(spins, np.full(1800, 4.0)),
    }


def test_moments_of_cluster_are_fetched_in_our_units(monkeypatch):
    monkeypatch.setitem(sys.modules, "speasy", Service(cluster_variables()))
    opened = open_series("speasy:C1/2003-02-01/2003-02-01T02:00")
    found = opened.whole
    assert found.spacecraft == "Cluster 1"
    assert len(found) == 121
    assert np.isnan(found.channel("bx")[0])
    assert found.channel("bx")[1] == 3.0
    # Parallel temperature counts once, perpendicular twice; 3 MK are 258.5 eV.
    assert found.channel("t")[5] == pytest.approx(3e6 * EV_PER_KELVIN, rel=1e-6)
    # Positions have a point in ten minutes and are interpolated.
    np.testing.assert_allclose(np.diff(found.channel("x")), 100, atol=1e-6)


def test_a_spacecraft_without_plasma_is_fetched_with_its_field_alone(monkeypatch):
    found = {name.replace("C1", "C2"): variable for name, variable in cluster_variables().items()}
    service = Service(found)
    monkeypatch.setitem(sys.modules, "speasy", service)
    series = fetch_moments(find_mission("C2"), START, STOP)
    assert len(service.asked) == 2
    assert np.isfinite(series.channel("bx")[1:60]).all()
    assert np.isnan(series.channel("n")).all()
    assert np.isnan(series.channel("t")).all()


def test_a_mission_without_data_is_news_of_its_own_kind(monkeypatch):
    monkeypatch.setitem(sys.modules, "speasy", Service({}))
    with pytest.raises(NoDataError, match="MMS 1"):
        fetch_moments(find_mission("MMS 1"), START, STOP)


def test_a_failure_of_the_service_names_the_variable(monkeypatch):
    mission = find_mission("THEMIS C")
    service = Service({mission.field: ConnectionError("no route")})
    monkeypatch.setitem(sys.modules, "speasy", service)
    with pytest.raises(SourceError, match=r"THC_L2_FGM.*no route"):
        fetch_moments(mission, START, STOP)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("speasy:C1/2003-02-01", "is not a source"),
        ("speasy:C1/2003-02-02/2003-02-01", "ends before"),
        ("simulation:yesterday/2003-02-01", "is not a time"),
        ("simulation:2003-02-01/2003-02-02/x", "is not a seed"),
        ("nowhere.csv", "cannot be read"),
    ],
    ids=["too short", "backwards", "no time", "no seed", "no file"],
)
def test_sources_that_cannot_be_opened_are_refused(source, said):
    with pytest.raises(SourceError, match=said):
        open_series(source)


def test_lines_of_the_cluster_list_are_bow_shocks_of_their_spacecraft(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(
        "C1 2003-02-01T00:30:00\nC2 2003-02-01T00:31:00\nC1 2003-02-01T00:10:30\n"
        "C1 2005-02-01T00:10:30\n"
    )
    truth = read_truth(path, series())
    assert truth.regions is None
    np.testing.assert_allclose(truth.time, [10.5, 30])
    assert truth.boundary.tolist() == [0, 0]
    assert truth.inward.tolist() == [ANY, ANY]
    with pytest.raises(LabelError, match="no crossing of MMS 1"):
        read_truth(path, series(spacecraft="MMS 1"))


def test_regions_give_their_crossings(tmp_path):
    path = tmp_path / "regions.csv"
    path.write_text(
        "start,stop,region\n2003-02-01T00:00:00,2003-02-01T00:40:00,solar_wind\n"
        "2003-02-01T00:40:00,2003-02-01T01:00:00,magnetosheath\n"
        "2003-02-01T01:30:00,2003-02-01T02:00:00,magnetosphere\n"
    )
    truth = read_truth(path, series())
    assert np.bincount(truth.regions + 1).tolist() == [30, 40, 0, 20, 30]
    assert truth.time.tolist() == [40.0]
    assert truth.inward.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("when\n2003\n", "neither regions nor crossings"),
        ("time,boundary\n2003-02-01T00:10:00,ionopause\n", "'ionopause' is no boundary"),
        ("time\nsoon\n", "'soon' is no time"),
        ("time\n2009-02-01T00:10:00\n", "lies in"),
        ("C1 2003-02-01T00:30:00\nC1 then\n", "line 2"),
    ],
    ids=["no columns", "no boundary", "no time", "elsewhere", "bad line"],
)
def test_lists_that_cannot_be_used_say_why(tmp_path, text, said):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(LabelError, match=said):
        read_truth(path, series())


def test_the_files_of_a_folder_are_one_series(tmp_path):
    whole = series(90)
    rows = {name: whole.channel(name) for name in CHANNELS}
    table = pd.DataFrame({"time": whole.time, **rows})
    table[:50].to_csv(tmp_path / "cluster1_a.csv", index=False)
    table[40:].to_csv(tmp_path / "cluster1_b.csv.gz", index=False)
    opened = open_series(tmp_path).whole
    assert opened.spacecraft == "Cluster 1"
    np.testing.assert_array_equal(opened.time, whole.time)
    np.testing.assert_allclose(opened.vectors(CHANNELS), whole.vectors(CHANNELS))


def test_a_folder_of_two_spacecraft_or_of_nothing_is_refused(tmp_path):
    with pytest.raises(SourceError, match="has no files"):
        open_series(tmp_path)
    for name in ("cluster1.csv", "mms2.csv"):
        csv(tmp_path / name, bx=np.ones(5), by=np.ones(5), bz=np.ones(5))
    with pytest.raises(SourceError, match="Cluster 1, MMS 2"):
        open_series(tmp_path)
