"""What a page shows of the first rows."""

from __future__ import annotations

import math

from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from epntap.portal.preview import Cell, preview
from epntap.tables import Column, Relation, Table, TimeSystem

UTC = TimeSystem("UTC", "UNKNOWN")


def table(*columns: Column) -> Table:
    return Table("pits", "epn_core", columns, Relation("pits", "v1"))


def cell(column: Column, value: str) -> Cell:
    (row,) = preview(table(column), frozenset(), [column.name], [[value]]).rows
    return row[0]


def test_names_and_dates_come_first_then_what_is_special_and_nothing_that_is_empty():
    columns = [
        Column("obs_id", "char", "*", std=True),
        Column("run_id", "char", "*"),
        Column("time_min", "double", std=True, system=UTC),
        Column("depth", "double"),
        Column("c1min", "double", std=True),
        Column("granule_uid", "char", "*", std=True),
    ]
    rows = [["o", "r", "2451545.0", "3", "", "a"], ["o", "r", "", "", "", "b"]]
    shown = preview(table(*columns), frozenset({"run_id"}), [each.name for each in columns], rows)
    assert shown.columns == ("granule_uid", "time_min", "depth", "obs_id", "run_id")
    assert [each.text for each in shown.rows[1]] == ["b", "", "", "o", "r"]


@given(st.floats(1_800_000, 5_000_000))
def test_a_julian_date_is_shown_as_a_date_to_a_millisecond(day):
    shown = cell(Column("time_min", "double", system=UTC), repr(day))
    assert shown.title == f"JD {day!r}"
    # Of the same calendar and without leap seconds: TAI, since UTC days differ in length.
    assert abs(Time(shown.text, scale="tai").jd - day) * 86_400_000 < 0.6


def test_a_date_beyond_the_calendar_is_left_as_it_is():
    assert cell(Column("time_min", "double", system=UTC), "-1e9") == Cell("-1e9")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_shown_to_six_digits_and_told_in_full(number):
    shown = cell(Column("depth", "double"), repr(number))
    assert math.isclose(float(shown.text), number, rel_tol=1e-5, abs_tol=1e-320)
    assert float(shown.title or shown.text) == number


def test_digits_before_the_point_are_never_left_out():
    assert cell(Column("position", "double"), "-12345678.9").text == "-12345679"
    assert cell(Column("position", "double"), "2e16").text == "2e+16"


def test_whole_numbers_keep_all_their_digits():
    assert cell(Column("rank", "int"), "123456789") == Cell("123456789")


def test_links_are_followed_and_pictures_shown():
    url = "https://example.org/products/pits/ab12/profile.csv"
    assert cell(Column("access_url", "char", "*"), url) == Cell("profile.csv", url, url)
    shown = cell(Column("thumbnail_url", "char", "*"), "http://example.org/a.png")
    assert (shown.link, shown.picture) == ("http://example.org/a.png", True)


@given(st.one_of(st.text(min_size=1), st.just("javascript:alert(1)"), st.just("data:text/html,x")))
def test_nothing_but_an_address_of_the_web_is_a_link(text):
    for name in ("access_url", "thumbnail_url"):
        shown = cell(Column(name, "unicodeChar", "*"), text)
        assert bool(shown.link) == text.startswith(("http://", "https://"))
        assert shown.picture <= bool(shown.link)
