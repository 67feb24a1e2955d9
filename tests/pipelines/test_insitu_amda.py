"""Lists of AMDA, with a stand-in for speasy: its catalogues, timetables and their inventory.

The shapes are those of speasy 1.9 (`speasy.products.Catalog`, `TimeTable`, `DateTimeRange`,
`speasy.core.inventory`); nothing here asks a network.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest

from pipelines.errors import LabelError, MissingDependencyError
from pipelines.icme.labels import read_labels, read_regions
from pipelines.sources.amda import fetch_events


@dataclass
class Event:
    start_time: datetime
    stop_time: datetime
    meta: dict[str, str] = field(default_factory=dict)


@dataclass
class Range:
    start_time: datetime
    stop_time: datetime


@dataclass
class Index:
    shown: str

    def spz_name(self) -> str:
        return self.shown


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2012, 1, number, hour, tzinfo=UTC)


LISTS = {
    "sharedcatalog_8": [Event(day(5), day(6), {"Quality": "1"}), Event(day(1, 6), day(2))],
    "sharedtimeTable_3": [Range(day(9), day(10))],
    "sharedcatalog_9": [],
    "sharedcatalog_10": ConnectionError("timed out"),
}


@pytest.fixture
def speasy(monkeypatch):
    def get(uid):
        found = LISTS[uid]
        if isinstance(found, Exception):
            raise found
        return found

    inventory = SimpleNamespace(
        catalogs={
            "sharedcatalog_8": Index("listOfICMEs_Nguyen"),
            "sharedcatalog_9": Index("none"),
            "sharedcatalog_10": Index("broken"),
        },
        timetables={"sharedtimeTable_3": Index("SIR_of_mine")},
    )
    module = ModuleType("speasy")
    module.inventories = SimpleNamespace(flat_inventories=SimpleNamespace(amda=inventory))
    module.amda = SimpleNamespace(get_catalog=get, get_timetable=get)
    monkeypatch.setitem(sys.modules, "speasy", module)


@pytest.mark.parametrize("name", ["listOfICMEs_Nguyen", "listoficmes_nguyen", "sharedcatalog_8"])
def test_a_catalogue_is_found_by_its_name_or_its_identifier(speasy, name):
    events = fetch_events(name)
    assert events.start.tolist() == [pd.Timestamp("2012-01-05"), pd.Timestamp("2012-01-01T06:00")]
    assert events.quality[0] == "1"


def test_a_catalogue_of_amda_is_a_list_of_labels_like_a_file(speasy, tmp_path):
    labels = read_labels("amda:listOfICMEs_Nguyen", "Wind")
    path = tmp_path / "list.csv"
    path.write_text("start,end\n2012-01-05,2012-01-06\n2012-01-01T06:00,2012-01-02\n")
    pd.testing.assert_frame_equal(labels, read_labels(path))


def test_a_timetable_serves_as_a_list_of_regions(speasy):
    regions = read_regions("amda:SIR_of_mine")
    assert regions.sir_start_time[0] == pd.Timestamp("2012-01-09")
    assert regions.interface_time.isna().all()


def test_what_goes_wrong_is_told(speasy):
    with pytest.raises(LabelError, match="AMDA has no list nothing") as caught:
        fetch_events("nothing")
    assert "listOfICMEs_Nguyen" in caught.value.hint
    with pytest.raises(LabelError, match="has no events"):
        fetch_events("none")
    with pytest.raises(LabelError, match=r"did not deliver the list broken: timed out"):
        fetch_events("broken")


def test_without_speasy_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "speasy", None)
    with pytest.raises(MissingDependencyError, match=r"epntap\[insitu\]"):
        fetch_events("listOfICMEs_Nguyen")
