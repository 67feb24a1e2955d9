"""A new version is held to rules before anybody sees it, and can be tried without storing it."""

from __future__ import annotations

import pytest
from tests_support import read_published

from epntap.catalogue import read_catalogue
from epntap.provenance import get_run, list_runs, new_run
from epntap.publish import (
    Acceptance,
    InvalidRowsError,
    RefusedError,
    attempt,
    list_catalogues,
    publish,
)
from epntap.publish.acceptance import Candidate
from epntap.publish.comparison import Comparison, Diff


def candidate(rows=100, before=100, dropped=0):
    return Candidate("x", rows, before, dropped, Comparison())


@pytest.mark.parametrize(
    ("rows", "before", "accepted"),
    [(50, 100, True), (49, 100, False), (200, 100, True), (201, 100, False), (7, None, True),
     (0, None, False), (0, 100, False)],
)  # fmt: skip
def test_the_number_of_rows_stays_within_a_factor(rows, before, accepted):
    reasons = Acceptance(rows_factor=2).reasons(candidate(rows, before))
    assert (reasons == ()) == accepted


def test_an_empty_result_is_refused_whatever_the_rules():
    assert Acceptance(dropped_rows=None).reasons(candidate(0)) == ("there is no row to publish",)


def test_every_broken_rule_is_told():
    rules = Acceptance(rows_factor=1.5, dropped_rows=1, check=lambda _candidate: ["f1 is 0.2"])
    assert rules.reasons(candidate(10, 100, dropped=2)) == (
        "10 rows are less than 1/1.5 of the 100 rows that there are",
        "2 rows break a rule of EPNcore, 1 may",
        "f1 is 0.2",
    )


@pytest.mark.parametrize("wrong", [{"rows_factor": 0.5}, {"rows_factor": float("nan")},
                                   {"dropped_rows": -1}])  # fmt: skip
def test_rules_that_nothing_could_satisfy_are_refused(wrong):
    with pytest.raises(ValueError, match=r"has to be 1|cannot be negative"):
        Acceptance(**wrong)


def test_a_refused_version_leaves_everything_as_it_was_and_says_why(database, catalogue, craters):
    publish(database, catalogue, craters(10))
    run = new_run(catalogue.name, "regeneration", source="half the data")
    with pytest.raises(RefusedError) as caught, attempt(database, run):
        publish(database, catalogue, craters(4), run=run, accept=Acceptance(rows_factor=2))
    (reason,) = caught.value.reasons
    assert reason == "4 rows are less than 1/2 of the 10 rows that there are"
    assert len(read_published(database, catalogue, "granule_uid")) == 10
    with database.publisher() as connection:
        stored = get_run(connection, run.run_id)
    assert (stored.state, stored.reason, stored.version) == ("refused", reason, None)
    assert (stored.row_count, stored.unchanged_rows, stored.gone_rows) == (4, 4, 6)
    (listing,) = [each for each in list_catalogues(database) if each.name == catalogue.name]
    assert (listing.version, listing.previous) == (1, None)


def test_an_empty_result_is_a_refusal_where_there_are_rules(database, catalogue, craters):
    publish(database, catalogue, craters(2))
    with pytest.raises(RefusedError, match="no row to publish"):
        publish(database, catalogue, craters(0), accept=Acceptance())
    assert len(read_published(database, catalogue, "granule_uid")) == 2


def test_rows_that_are_left_out_count_against_the_rule(database, catalogue, craters):
    source = craters(4, lat=["5", "95", "6", "96"])
    with pytest.raises(RefusedError, match="2 rows break a rule of EPNcore, 1 may"):
        publish(database, catalogue, source, drop_invalid=True, accept=Acceptance(dropped_rows=1))
    rules = Acceptance(dropped_rows=2)
    assert publish(database, catalogue, source, drop_invalid=True, accept=rules).rows == 2


def test_a_check_sees_the_comparison(database, catalogue, craters):
    publish(database, catalogue, craters(3))
    seen = []

    def check(found):
        seen.append(found)
        return []

    publish(database, catalogue, craters(2, d=["1500", "2"]), accept=Acceptance(check=check))
    assert seen == [Candidate(catalogue.name, 2, 3, 0, Comparison(0, 1, 1, 1))]


def test_a_trial_tells_what_would_change_and_stores_nothing(database, catalogue, craters):
    publish(database, catalogue, craters(3))
    before = read_published(database, catalogue, "*")
    tried = publish(
        database,
        catalogue,
        craters(3, id=["crater 1", "crater 2", "crater 9"], d=["1500", "7", "1500"]),
        dry_run=True,
        accept=Acceptance(check=lambda _found: ["not today"]),
    )
    assert (tried.state, tried.new, tried.changed, tried.unchanged, tried.gone) == (
        "tried", 1, 2, 0, 1,
    )  # fmt: skip
    # Longitudes move along with the rows of the fixture: both known ones have changed.
    assert tried.diff == Diff(("crater 9",), ("crater 1", "crater 2"), ("crater 0",))
    assert tried.refusals == ("not today",)
    assert read_published(database, catalogue, "*") == before
    with database.publisher() as connection, connection.cursor() as cursor:
        assert len(list_runs(connection, catalogue.name)) == 1
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'",
            (catalogue.name,),
        )
        assert cursor.fetchall() == [("epn_core_v1",)]


def test_a_trial_of_a_first_version_leaves_no_schema_behind(database, catalogue, craters):
    tried = publish(database, catalogue, craters(3), dry_run=True, diff_rows=2)
    assert tried.diff == Diff(new=("crater 0", "crater 1"))
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s)", (catalogue.name,))
        assert cursor.fetchone() == (None,)


def test_the_list_of_differences_is_as_long_as_was_asked_for(database, catalogue, craters):
    publish(database, catalogue, craters(5, id=[f"old {i}" for i in range(5)]))
    result = publish(database, catalogue, craters(5), diff_rows=2)
    assert result.diff == Diff(("crater 0", "crater 1"), (), ("old 0", "old 1"))
    assert publish(database, catalogue, craters(5)).diff is None


def test_nothing_is_done_when_nothing_differs(database, catalogue, craters, tmp_path):
    publish(database, catalogue, craters(3))
    run = new_run(catalogue.name, "regeneration")
    result = publish(database, catalogue, craters(3), run=run, only_if_different=True)
    assert (result.state, result.version, result.unchanged) == ("unchanged", 1, 3)
    with database.publisher() as connection:
        stored = get_run(connection, run.run_id)
    assert (stored.state, stored.version, stored.unchanged_rows) == ("unchanged", 1, 3)
    changed = publish(database, catalogue, craters(2), only_if_different=True)
    assert (changed.state, changed.version, changed.gone) == ("published", 2, 1)
    # The same rows under another description are another version.
    path = tmp_path / f"{catalogue.name}.yaml"
    path.write_text(path.read_text().replace("A few craters", "Some craters"))
    other = publish(database, read_catalogue(path), craters(2), only_if_different=True)
    assert (other.state, other.version, other.unchanged) == ("published", 3, 2)


def test_rules_do_not_let_invalid_rows_pass_unseen(database, catalogue, craters):
    publish(database, catalogue, craters(1))
    run = new_run(catalogue.name, "regeneration")
    with (
        pytest.raises(InvalidRowsError, match="2 violations in 1 row"),
        attempt(database, run),
    ):
        publish(database, catalogue, craters(2, lat=["5", "95"]), run=run, accept=Acceptance())
    with database.publisher() as connection:
        stored = get_run(connection, run.run_id)
    assert (stored.state, stored.row_count) == ("refused", None)
    assert "2 violations in 1 row" in stored.reason
