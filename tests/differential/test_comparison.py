"""The comparison itself: what counts as equal, as tolerated, and as a difference."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .answers import Answer, FieldType
from .comparison import Verdict, compare
from .corpus import Blame, Case, Difference, Outcome, read_corpus

DOUBLE = FieldType("x", "double", "", "", "d")


def case(**given_: object) -> Case:
    known = {
        "id": "group/name",
        "group": "Group",
        "adql": "SELECT x FROM t",
        "ours": Outcome.ROWS,
        "ordered": False,
        "needs": (),
        "difference": None,
    }
    return Case(**{**known, **given_})  # type: ignore[arg-type]


def rows(*values: object, field: FieldType = DOUBLE) -> Answer:
    return Answer(Outcome.ROWS, (field,), tuple((value,) for value in values))


REFUSED = Answer(Outcome.REFUSED, message="no (line 1, column 2)")
FAILED = Answer(Outcome.FAILED, message="division by zero")
EXPLAINED = Difference(Blame.DACHS, "because", metadata=False)
METADATA = Difference(Blame.DACHS, "because", metadata=True)


@pytest.mark.parametrize(
    ("ours", "dachs", "verdict"),
    [
        (rows(1.0, 2.0), rows(2.0, 1.0), Verdict.SAME),
        (rows(1.0), rows(1.0 + 1e-12), Verdict.SAME),
        (rows(1.0), rows(1.0 + 1e-6), Verdict.UNEXPLAINED),
        (rows(1.0), rows(1.0, 1.0), Verdict.UNEXPLAINED),
        (rows(None), rows(0.0), Verdict.UNEXPLAINED),
        (rows(None), rows(math.nan), Verdict.UNEXPLAINED),
        (rows(math.nan), rows(math.nan), Verdict.SAME),
        (rows("a"), rows("A"), Verdict.UNEXPLAINED),
        (rows((1.0, 2.0)), rows((1.0, 2.0 + 1e-12)), Verdict.SAME),
        (rows((1.0, 2.0)), rows((2.0, 1.0)), Verdict.UNEXPLAINED),
        (rows(1.0), REFUSED, Verdict.UNEXPLAINED),
        (REFUSED, rows(1.0), Verdict.UNEXPLAINED),
    ],
)
def test_rows_are_the_same_or_are_not(ours: Answer, dachs: Answer, verdict: Verdict):
    assert compare(case(), ours, dachs).verdict is verdict


def test_rows_in_another_order_differ_only_where_the_order_is_total():
    ours, dachs = rows(1.0, 2.0), rows(2.0, 1.0)
    assert compare(case(), ours, dachs).verdict is Verdict.SAME
    assert compare(case(ordered=True), ours, dachs).verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize("refusal", [REFUSED, FAILED])
def test_both_refuse_in_whatever_way_dachs_does(refusal: Answer):
    assert compare(case(ours=Outcome.REFUSED), REFUSED, refusal).verdict is Verdict.SAME


def test_a_refusal_of_another_sort_than_expected_is_never_explained():
    verdict = compare(case(ours=Outcome.REFUSED, difference=EXPLAINED), FAILED, REFUSED).verdict
    assert verdict is Verdict.UNEXPLAINED


def test_an_explanation_covers_a_difference_and_is_stale_without_one():
    explained = case(difference=EXPLAINED)
    assert compare(explained, rows(1.0), rows(2.0)).verdict is Verdict.EXPLAINED
    assert compare(explained, rows(1.0), rows(1.0)).verdict is Verdict.STALE


def test_an_explanation_of_metadata_does_not_cover_rows():
    explained = case(difference=METADATA)
    other = rows(1.0, field=FieldType("x", "double", "", "", "s"))
    assert compare(explained, rows(1.0), other).verdict is Verdict.EXPLAINED
    assert compare(explained, rows(1.0), rows(2.0)).verdict is Verdict.UNEXPLAINED


def test_metadata_that_is_always_tolerated_is_told_from_what_is_not():
    count = FieldType("n", "long", "", "", "")
    theirs = FieldType("n", "int", "", "", "")
    assert compare(case(), rows(1, field=count), rows(1, field=theirs)).verdict is Verdict.TOLERATED
    verdict = compare(case(), rows(1, field=theirs), rows(1, field=count)).verdict
    assert verdict is Verdict.UNEXPLAINED


def test_columns_in_another_order_are_compared_by_name():
    one, two = FieldType("a", "int", "", "", ""), FieldType("b", "int", "", "", "")
    ours = Answer(Outcome.ROWS, (one, two), ((1, 2),))
    assert compare(case(), ours, Answer(Outcome.ROWS, (two, one), ((2, 1),))).verdict is (
        Verdict.TOLERATED
    )
    assert compare(case(), ours, Answer(Outcome.ROWS, (two, one), ((1, 2),))).verdict is (
        Verdict.UNEXPLAINED
    )


@given(
    st.lists(
        st.one_of(
            st.none(), st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False)
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_rows_shuffled_are_the_same_rows(values: list[object], chance):
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert compare(case(), rows(*values), rows(*shuffled)).verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("title: T\nqueries:\n  a: SELECT 1\n  a: SELECT 2\n", "twice"),
        ("title: T\nqueries:\n  a: {adql: SELECT 1, order: random}\n", "order"),
        ("title: T\nqueries:\n  a: {adql: SELECT 1, dachs: same}\n", "unknown keys"),
        ("title: T\nqueries:\n  A b: SELECT 1\n", "lower-case"),
        ("title: T\nqueries:\n  a: {adql: SELECT 1, ours: maybe}\n", "maybe"),
    ],
)
def test_a_mistake_in_the_corpus_is_reported(tmp_path, text: str, fault: str):
    (tmp_path / "wrong.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=fault):
        read_corpus(tmp_path)
