"""What is let through without a closer look breaks no rule."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from astropy.io.votable.ucd import check_ucd
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.epncore import read_standard
from epntap.epncore.findings import Findings
from epntap.epncore.screening import distinct, doubtful
from epntap.epncore.ucds import is_ucd
from epntap.epncore.validation import _LOOKS, RowValidator

STANDARD = read_standard()
COLUMNS = tuple(
    column
    for name in STANDARD.columns
    if (column := STANDARD.column(name, frame="body")).datatype == "char"
    and column.xtype != "timestamp"
)
VALIDATOR = RowValidator(STANDARD, COLUMNS, "body", "test")

RIGHT = [
    "planet", "star#planet", "Mars", "phys.veloc;stat.mean#em.wl", "https://x.org/y", "text/csv",
    "ftp://x", "UTC", "Polygon UNKNOWNFrame 1 2 3 4 5.5 -6e0", "CIRCLE ICRS 10 -20 3",
    "3/12-15 4/70",
    "union (x)", "body", "0123456789abcdef0123456789abcdef", "AAAAAAAAAAAAAA-BBBBBBBBBB-C", "",
]  # fmt: skip
fragments = st.sampled_from([*"#'\" \0\n\t\u00a0éK\u212aſaZ09.;:/-+(){}", "  ", "//", "circle"])


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A text that may be right, with something put into it that may be wrong."""
    text = draw(st.sampled_from(RIGHT))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(fragments) + text[place:]
    return text


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@given(texts=st.lists(spoilt() | st.text(max_size=6), min_size=1, max_size=30))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_a_text_that_breaks_a_rule_is_always_looked_at(column, texts):
    rule = STANDARD.rule(column.name)
    cells = pa.array(texts, pa.large_string())
    looked_at = set(doubtful(cells, column.name, rule, _LOOKS.get(column.name)).tolist())
    for place, text in enumerate(texts):
        if text and VALIDATOR._text_fault(column, text, rule) is not None:
            assert place in looked_at, repr(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("granule_uid", "ICME_2020 a'b"),
        ("target_name", "Solar wind (1 au)"),
        ("access_url", "https://x.org/Schröter?a=b#c"),
        ("s_region", " Polygon ICRS 1 2 3 4 5.5 -6e0"),
        ("coverage", "3/12-15 4/70"),
        ("obs_id", "Krater Schröter"),
    ],
)
def test_what_is_surely_right_is_not_looked_at(name, text):
    cells = pa.array([text, None, ""], pa.large_string())
    assert doubtful(cells, name, STANDARD.rule(name), _LOOKS.get(name)).tolist() == []


def test_a_column_that_repeats_itself_is_reduced_to_its_distinct_texts():
    codes, texts = distinct(pa.array(["a", "b", None, "a"] * 500, pa.large_string()))
    assert codes is not None
    assert codes[:4].tolist() == [0, 1, -1, 0]
    assert texts.to_pylist() == ["a", "b"]
    codes, texts = distinct(pa.array(map(str, range(2000)), pa.large_string()))
    assert codes is None
    assert len(texts) == 2000


@given(st.text("aZ0.;-_: é\n", max_size=8))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_form_of_a_ucd_is_the_one_that_astropy_knows(text):
    assert is_ucd(text, known_words=False) == check_ucd(text)


@given(
    st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4),
    st.integers(0, 25),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_first_violations_are_the_first_of_all(masks, most):
    names = ("a", "b", "c", "d")
    found = Findings(np.arange(11, 16), names)
    for i, mask in reversed(list(enumerate(masks))):
        found.add(np.array(mask), names[i], lambda place: f"at {place}")
    everything = found.violations()
    assert len(everything) == found.per_row.sum() == np.sum(masks)
    assert found.violations(most) == everything[:most]
    assert [(v.row, v.column) for v in everything] == sorted((v.row, v.column) for v in everything)
