"""What a client asks for, read by the form of a pipeline."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.plugins import Span
from epntap.requests.files import recognise, require_format
from epntap.requests.values import RunValues, read_values, require_source
from epntap.tap.errors import RequestError
from pipelines.request import RequestForm, RequestParameter

FORM = RequestForm(
    parameters=(
        RequestParameter("level", "float", "A level", 0.5, "nT", 0.0, 10.0),
        RequestParameter("count", "int", "A count", low=1, high=99),
        RequestParameter("who", "choice", "Somebody", choices=("Wind", "STEREO-A")),
        RequestParameter("since", "time", "A time"),
    ),
    longest_span=timedelta(days=100),
    file_formats=("csv", "votable"),
)

MAY = Span(datetime(2019, 5, 1), datetime(2019, 5, 11, 12))


def wrong(*pairs: tuple[str, str], form: RequestForm = FORM) -> str:
    with pytest.raises(RequestError) as caught:
        read_values(form, pairs)
    assert caught.value.status == 400
    return str(caught.value)


def test_names_are_read_in_any_case_and_empty_values_are_none():
    asked = read_values(FORM, [("Who", "wind"), ("COUNT", " 7 "), ("Level", ""), ("RUNID", "x")])
    assert asked == RunValues(values={"level": 0.5, "count": 7, "who": "Wind"})


@pytest.mark.parametrize(
    "pairs",
    [
        [("TIME", "2019-05-01/2019-05-11T12:00")],
        [("TIME", "2019-05-01 2019-05-11T12:00:00Z")],
        [("TMIN", "2019-05-01"), ("tmax", "2019-05-11T14:00:00+02:00")],
        [("TIME", "58604 58614.5")],
    ],
)
def test_a_span_is_written_in_several_ways(pairs):
    assert read_values(FORM, pairs).span == MAY


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=100)),
)
def test_any_span_is_read_back_as_it_was_written(start, length):
    text = f"{start.isoformat()}/{(start + length).isoformat()}"
    assert read_values(FORM, [("TIME", text)]).span == Span(start, start + length)
    aware = f"{start.replace(tzinfo=UTC).isoformat()}/{(start + length).isoformat()}"
    assert read_values(FORM, [("TIME", aware)]).span == Span(start, start + length)


@given(st.floats(0.0, 10.0), st.integers(1, 99))
def test_numbers_within_their_bounds_are_read_exactly(level, count):
    asked = read_values(FORM, [("LEVEL", repr(level)), ("COUNT", str(count))])
    assert (asked.values["level"], asked.values["count"]) == (level, count)


@given(st.sampled_from(["TIME", "TMIN", "LEVEL", "COUNT", "WHO", "SINCE", "FILE", "x"]), st.text())
def test_no_text_does_more_than_be_refused(name, text):
    try:
        asked = read_values(FORM, [(name, text)])
    except RequestError:
        return
    assert set(asked.values) <= {"level", "count", "who", "since"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("votable", "votable"),
        ("application/x-votable+xml", "votable"),
        ("CSV", "csv"),
        ("text/csv", "csv"),
        ("parquet", "parquet"),
        ("", "votable"),
    ],
)
def test_the_format_of_the_catalogue_is_named_as_everywhere(text, name):
    assert read_values(FORM, [("RESPONSEFORMAT", text)]).format == name


def test_what_cannot_be_is_refused_with_a_reason():
    assert "did you mean 'level'" in wrong(("LEVL", "1"))
    assert "given more than once" in wrong(("LEVEL", "1"), ("level", "2"))
    assert "LEVEL=11 is not between 0 and 10 nT" in wrong(("LEVEL", "11"))
    assert "LEVEL=nan is not between" in wrong(("LEVEL", "nan"))
    assert "COUNT=1.5 is not a whole number" in wrong(("COUNT", "1.5"))
    assert "WHO=ace is not a choice (Wind, STEREO-A)" in wrong(("WHO", "ace"))
    assert "SINCE: soon is not a time" in wrong(("SINCE", "soon"))
    assert "TMAX is missing" in wrong(("TMIN", "2019-01-01"))
    assert "before it starts" in wrong(("TIME", "2019-01-02/2019-01-01"))
    assert "longer than 100 days" in wrong(("TIME", "2019-01-01/2020-01-01"))
    assert "TIME says the same" in wrong(("TIME", "2019-01-01/2019-01-02"), ("TMIN", "2019-01-01"))
    assert "part of multipart/form-data" in wrong(("FILE", "/etc/passwd"))
    assert "runs do not write fits" in wrong(("RESPONSEFORMAT", "fits"))
    assert "one of votable, csv, parquet" in wrong(("RESPONSEFORMAT", "nonsense"))


def test_what_a_pipeline_does_not_take_is_refused():
    neither = replace(FORM, longest_span=None, file_formats=())
    assert "takes no time span" in wrong(("TIME", "2019-01-01/2019-01-02"), form=neither)
    with pytest.raises(RequestError, match="takes no files"):
        read_values(neither, [], ["FILE"])
    with pytest.raises(RequestError, match="more than once"):
        read_values(FORM, [], ["FILE", "file"])
    require_source(neither, RunValues())


def test_something_has_to_say_what_to_work_on():
    require_source(FORM, read_values(FORM, [], ["file"]))
    require_source(FORM, RunValues(span=MAY))
    with pytest.raises(RequestError, match="give TIME=start/stop or FILE"):
        require_source(FORM, RunValues())


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"time,bx\n2019-01-01,1\n", "csv"),
        ("time,größe\n".encode(), "csv"),
        (gzip.compress(b"time,bx\n", mtime=0), "csv.gz"),
        (b'<?xml version="1.0"?>\n<VOTABLE version="1.4">', "votable"),
        (b"SIMPLE  =                    T", "fits"),
        (b"\x89PNG\r\n\x1a\n....", "png"),
    ],
    ids=["csv", "csv in UTF-8", "csv.gz", "votable", "fits", "png"],
)
def test_a_file_is_known_by_what_is_in_it(content, found):
    file = io.BytesIO(content)
    assert recognise(file) == found
    assert file.tell() == 0


def test_a_file_of_another_kind_is_refused():
    with pytest.raises(RequestError, match="the file is png, which this pipeline does not read"):
        require_format(io.BytesIO(b"\x89PNG\r\n\x1a\n"), ("csv", "votable"))
    with pytest.raises(RequestError, match="no format that is known"):
        recognise(io.BytesIO(b"\x7fELF\0\0"))
    with pytest.raises(RequestError, match="no whole gzip file"):
        recognise(io.BytesIO(b"\x1f\x8b and no more"))


@given(st.binary(max_size=64))
def test_no_bytes_do_more_than_be_refused(content):
    known = ("csv", "csv.gz", "votable", "fits", "png")
    try:
        found = recognise(io.BytesIO(content))
    except RequestError:
        return
    assert found in known
