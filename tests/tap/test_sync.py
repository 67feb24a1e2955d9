"""The synchronous resource: parameters, formats, overflow, errors (TAP 1.1, DALI 1.1)."""

from __future__ import annotations

import csv
import io

import httpx
import pytest
from astropy.io.votable import parse

from epntap.tap.parameters import LANGUAGES

FIVE = "SELECT granule_uid, planet, rank, note FROM moons.epn_core ORDER BY granule_uid"

pytestmark = pytest.mark.usefixtures("moons")


def ask(client: httpx.Client, query: str, **more: str) -> httpx.Response:
    return client.post("/tap/sync", data={"LANG": "ADQL", "QUERY": query, **more})


def document(answer: httpx.Response):
    return parse(io.BytesIO(answer.content), verify="ignore")


def statuses(answer: httpx.Response) -> list[tuple[str, str]]:
    return [
        (info.value, info.content or "")
        for resource in document(answer).resources
        for info in resource.infos
        if info.name == "QUERY_STATUS"
    ]


def error_of(answer: httpx.Response) -> str:
    ((value, message),) = statuses(answer)
    assert value == "ERROR"
    assert answer.status_code >= 400
    assert answer.headers["content-type"] == "application/x-votable+xml"
    assert not list(document(answer).iter_tables())
    return message


def test_a_query_can_be_asked_in_all_three_ways(client):
    data = {"LANG": "ADQL", "QUERY": FIVE, "RESPONSEFORMAT": "csv"}
    answers = [
        client.get("/tap/sync", params=data),
        client.post("/tap/sync", data=data),
        client.post("/tap/sync", files={key: (None, value) for key, value in data.items()}),
        client.post(
            "/tap/sync", params={"LANG": "ADQL"}, data={k: data[k] for k in list(data)[1:]}
        ),
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("form", ["votable", "votable/td", "votable/b2", "votable/b"])
def test_every_serialisation_of_votable_says_the_same(client, form):
    answer = ask(client, FIVE, RESPONSEFORMAT=form)
    (table,) = document(answer).iter_tables()
    rows = table.to_table()
    assert list(rows["granule_uid"]) == ["Callisto", "Europa", "Ganymede", "Io", "Phobos"]
    assert rows["rank"].tolist() == [4, 2, 3, 1, None]
    assert rows["note"][1] == 'ice & "sea" <deep>'
    assert rows["note"][4] == "a,b\tc\nd"
    assert statuses(answer) == [("OK", "")]


def test_csv_and_tsv_have_a_header_and_keep_what_is_in_the_cells(client):
    answer = ask(client, FIVE, FORMAT="text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["granule_uid", "planet", "rank", "note"]
    assert rows[1] == ["Europa", "Jupiter", "2", 'ice & "sea" <deep>']
    assert rows[4] == ["Phobos", "Mars", "", "a,b\tc\nd"]
    tsv = ask(client, FIVE, FORMAT="tsv").text.splitlines()
    assert tsv[0].split("\t") == header
    assert len(tsv) == 6


def test_columns_carry_their_metadata_through_aliases_joins_and_subqueries(client):
    query = (
        "SELECT t.start_time, t.size, m.note AS remark FROM (SELECT granule_uid AS uid,"
        " time_min AS start_time, mean_radius AS size FROM moons.epn_core) AS t"
        " JOIN moons.epn_core AS m ON t.uid = m.granule_uid"
    )
    with pytest.raises(AssertionError):
        error_of(ask(client, query.replace("AS size", "AS sz").replace("t.size", "t.sz")))
    assert "size" in error_of(ask(client, query))
    answer = ask(client, query.replace("AS size", "AS sz").replace("t.size", "t.sz"))
    (table,) = document(answer).iter_tables()
    time, size, remark = table.fields
    assert (time.name, str(time.unit), time.ucd) == ("start_time", "d", "time.start;obs")
    assert (size.name, str(size.unit), size.ucd) == ("sz", "km", "phys.size.radius")
    assert (remark.name, remark.ucd) == ("remark", "meta.note")
    assert remark.description == 'A note with <, & and "'
    assert time.ref in {timesys.ID for timesys in document(answer).resources[0].time_systems}


def test_time_and_coordinate_systems_are_declared_and_referred_to(client):
    answer = ask(client, "SELECT time_min, c1min, granule_uid FROM moons.epn_core")
    (resource,) = document(answer).resources
    (timesys,) = resource.time_systems
    (coosys,) = resource.coordinate_systems
    assert (timesys.timescale, timesys.refposition) == ("UTC", "GEOCENTER")
    assert str(timesys.timeorigin) in ("JD-origin", "0.0")
    assert coosys.system == "ICRS"
    refs = [field.ref for field in resource.tables[0].fields]
    assert refs == [timesys.ID, coosys.ID, None]


def test_maxrec_cuts_and_says_so(client):
    answer = ask(client, FIVE, MAXREC="2")
    assert [value for value, _ in statuses(answer)] == ["OK", "OVERFLOW"]
    assert len(document(answer).get_first_table().array) == 2


def test_maxrec_that_is_just_enough_is_no_overflow(client):
    assert [value for value, _ in statuses(ask(client, FIVE, MAXREC="5"))] == ["OK"]


def test_maxrec_zero_gives_the_columns_alone(client):
    answer = ask(client, FIVE, MAXREC="0")
    table = document(answer).get_first_table()
    assert len(table.array) == 0
    assert [field.name for field in table.fields] == ["granule_uid", "planet", "rank", "note"]
    assert statuses(answer)[-1][0] == "OVERFLOW"


def test_top_is_the_querys_own_wish_and_no_overflow(client):
    assert statuses(ask(client, FIVE.replace("SELECT", "SELECT TOP 2"), MAXREC="3")) == [("OK", "")]


def test_names_of_parameters_have_no_case_and_old_and_unknown_ones_are_ignored(client):
    answer = client.get(
        "/tap/sync",
        params={
            "request": "doQuery", "Version": "1.0", "lang": "ADQL-2.0", "query": FIVE,
            "ResponseFormat": "csv", "gadget": "7", "Gadget": "8",
        },
    )  # fmt: skip
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == 7


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_declared_language_is_understood(client, language):
    assert ask(client, FIVE, LANG=language).status_code == 200


def test_the_runid_is_echoed(client):
    infos = document(ask(client, FIVE, RUNID="my run")).resources[0].infos
    assert ("RUNID", "my run") in [(info.name, info.value) for info in infos]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"LANG": "ADQL"}, "QUERY is missing"),
        ({"LANG": "OOBLECK", "QUERY": FIVE}, "not a language"),
        ({"LANG": "ADQL", "QUERY": FIVE, "MAXREC": "-1"}, "MAXREC"),
        ({"LANG": "ADQL", "QUERY": FIVE, "MAXREC": "many"}, "MAXREC"),
        ({"LANG": "ADQL", "QUERY": FIVE, "FORMAT": "application/x-doc"}, "application/x-doc"),
        ({"LANG": "ADQL", "QUERY": FIVE, "RUNID": "x" * 65}, "RUNID"),
        ({"LANG": "ADQL", "QUERY": "SELECT nothing FROM moons.epn_core"}, "line 1, column 8"),
        ({"LANG": "ADQL", "QUERY": "SELECT * FROM moons.epncore"}, "epn_core"),
        ({"LANG": "ADQL", "QUERY": "SELECT 1/0 AS x FROM moons.epn_core"}, "division by zero"),
    ],
)
def test_a_wrong_request_gets_a_votable_that_says_why(client, parameters, said):
    assert said in error_of(client.post("/tap/sync", data=parameters))


def test_a_parameter_that_has_one_value_is_refused_twice(client):
    url = httpx.URL("/tap/sync", params=[("LANG", "ADQL"), ("QUERY", FIVE), ("query", FIVE)])
    assert "QUERY is given more than once" in error_of(client.get(url))


def test_quoted_numbers_are_numbers_as_the_portal_sends_them(client):
    answer = ask(
        client,
        "SELECT granule_uid FROM moons.epn_core WHERE time_min > '2400000.5'",
        FORMAT="csv",
    )
    assert answer.text.split() == ["granule_uid", "Phobos"]


def test_tap_schema_describes_itself_and_the_catalogue(client):
    answer = ask(
        client,
        "SELECT c.column_name, c.ucd, c.unit FROM TAP_SCHEMA.columns AS c"
        " JOIN TAP_SCHEMA.tables AS t ON c.table_name = t.table_name"
        " WHERE t.utype = 'ivo://ivoa.net/std/epntap#table-2.0'"
        " AND t.table_name = 'moons.epn_core' AND c.column_name LIKE '%radius'",
        FORMAT="csv",
    )
    assert answer.text.splitlines() == ["column_name,ucd,unit", "mean_radius,phys.size.radius,km"]
    own = ask(client, "SELECT table_name FROM TAP_SCHEMA.tables", FORMAT="csv").text.split()
    assert {"TAP_SCHEMA.schemas", "TAP_SCHEMA.columns", "TAP_SCHEMA.key_columns"} <= set(own)


def test_the_functions_of_the_vespa_portal_are_there(client):
    query = (
        "SELECT granule_uid FROM moons.epn_core WHERE 1 = ivo_hashlist_has(lower(planet), 'mars')"
        " AND 1 = ivo_interval_overlaps(time_min, time_max, ivo_to_jd('1870-01-01'), 2500000)"
        " AND 1 = ivo_nocasematch(granule_uid, 'PHO%')"
    )
    assert ask(client, query, FORMAT="csv").text.split() == ["granule_uid", "Phobos"]


def test_browsers_of_any_site_may_ask(client):
    answer = client.get(
        "/tap/sync", params={"QUERY": FIVE}, headers={"Origin": "https://example.org"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_server_says_what_it_is_and_does_not_compress(client):
    answer = client.get("/tap/capabilities", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["server"].startswith("epntap/")
    assert "content-encoding" not in answer.headers


def test_a_body_that_is_no_form_is_refused(client):
    answer = client.post("/tap/sync", content=b"{}", headers={"content-type": "application/json"})
    assert "application/json" in error_of(answer)


def test_a_body_that_is_too_long_is_refused(client):
    answer = ask(client, "SELECT " + "1," * 3_000_000 + "1 AS x FROM moons.epn_core")
    assert answer.status_code == 413
    assert "MiB" in error_of(answer)
