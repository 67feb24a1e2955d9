"""Text to tree: precedence, places, words, and what is said of mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.adql import AdqlError, translate
from epntap.adql.errors import Fault
from epntap.adql.features import FEATURES, REGISTRY
from epntap.adql.lexer import DELIMITED, STRING, tokenize
from epntap.adql.parser import parse
from epntap.adql.tree import (
    And,
    Arithmetic,
    Comparison,
    Expression,
    GeometryCall,
    Number,
    Or,
    Select,
    SelectItem,
    SetOperation,
)
from epntap.adql.words import (
    AGGREGATE_WORDS,
    FUNCTION_WORDS,
    GEOMETRY_WORDS,
    RESERVED_WORDS,
)
from epntap.tables import TableSet


def expression(text: str) -> Expression:
    body = parse(f"SELECT {text} FROM t").body
    assert isinstance(body, Select)
    item = body.items[0]
    assert isinstance(item, SelectItem)
    return item.expression


def condition(text: str) -> Expression | None:
    body = parse(f"SELECT a FROM t WHERE {text}").body
    assert isinstance(body, Select)
    return body.where


def test_multiplication_binds_tighter_than_addition():
    product = Arithmetic(Number(2), (("*", Number(3)),))
    assert expression("1 + 2 * 3 - 4") == Arithmetic(Number(1), (("+", product), ("-", Number(4))))


def test_and_binds_tighter_than_or_and_chains_are_flat():
    node = condition("a = 1 OR a = 2 AND a = 3 AND a = 4")
    assert isinstance(node, Or)
    assert isinstance(node.operands[0], Comparison)
    assert isinstance(node.operands[1], And)
    assert len(node.operands[1].operands) == 3


def test_both_signs_for_unequal_mean_the_same():
    assert condition("a != 1") == condition("a <> 1")


def test_intersect_binds_tighter_than_union():
    body = parse("SELECT 1 FROM t UNION SELECT 2 FROM t INTERSECT SELECT 3 FROM t").body
    assert isinstance(body, SetOperation)
    assert body.operator == "UNION"
    assert isinstance(body.right, SetOperation)


@pytest.mark.parametrize("frame", ["'ICRS', ", "'UNKNOWNFrame', ", "'', ", ""])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("POINT", "1, 2"), ("CIRCLE", "1, 2, 3"), ("BOX", "1, 2, 3, 4"), ("POLYGON", "1,2,3,4,5,6")],
)
def test_the_frame_of_a_geometry_is_read_and_set_apart(frame: str, name: str, arguments: str):
    node = expression(f"{name}({frame}{arguments})")
    assert isinstance(node, GeometryCall)
    assert node.frame == (frame[1:-3] if frame else None)
    assert len(node.arguments) == len(arguments.split(","))


def test_every_geometry_function_is_parsed():
    for name in GEOMETRY_WORDS:
        assert isinstance(expression(f"{name}(a, b)"), GeometryCall)


def test_words_for_functions_are_reserved_and_can_be_called():
    assert GEOMETRY_WORDS | AGGREGATE_WORDS | FUNCTION_WORDS <= RESERVED_WORDS
    special = {"COALESCE", "IN_UNIT"}
    reserved = {name for name in REGISTRY if name in RESERVED_WORDS}
    assert reserved | special == FUNCTION_WORDS


@pytest.mark.parametrize("word", sorted(RESERVED_WORDS - {"END-EXEC"}))
def test_a_reserved_word_is_a_name_only_in_double_quotes(tableset: TableSet, word: str):
    with pytest.raises(AdqlError):
        translate(f"SELECT time_min AS {word} FROM icme.epn_core", tableset)
    translation = translate(f'SELECT time_min AS "{word}" FROM icme.epn_core', tableset)
    assert translation.columns[0].name == word


def test_comments_end_with_their_line(tableset: TableSet):
    query = "SELECT -- all '\n time_min --\r\n FROM icme.epn_core -- done"
    assert translate(query, tableset).columns[0].name == "time_min"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_string_comes_out_of_its_quotes_unchanged(text: str):
    quoted = text.replace("'", "''")
    tokens = tokenize(f"'{quoted}'")
    assert tokens.kinds[0] == STRING
    assert tokens.texts[0] == text


@given(
    st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=15
    )
)
def test_any_short_name_comes_out_of_its_double_quotes_unchanged(text: str):
    quoted = text.replace('"', '""')
    tokens = tokenize(f'"{quoted}"')
    assert tokens.kinds[0] == DELIMITED
    assert tokens.texts[0] == text


@given(st.floats(min_value=0, allow_infinity=False, allow_nan=False))
def test_any_number_is_read_exactly(value: float):
    assert expression(repr(value)) == Number(value)


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_any_whole_number_of_64_bits_is_read_exactly(value: int):
    assert expression(str(value)) == Number(value)


@pytest.mark.parametrize("text", ["12abc", "1.2.3", "1e", "1e+", "0x1F", "1_000", "."])
def test_what_is_nearly_a_number_is_none(text: str):
    with pytest.raises(Fault):
        parse(f"SELECT {text} FROM t")


@pytest.mark.parametrize(
    ("query", "line", "column", "texts"),
    [
        ("SELECT *\nFORM icme.epn_core", 2, 1, ["expected FROM", "did you mean FROM?"]),
        ("SELECT targt_name FROM icme.epn_core", 1, 8, ["did you mean target_name?"]),
        ("SELECT\n\te.targt_name FROM icme.epn_core AS e", 2, 2, ["in e", "target_name"]),
        ("SELECT * FROM icme.epncore", 1, 15, ["did you mean icme.epn_core?"]),
        ("SELECT * FROM colums", 1, 15, ["did you mean TAP_SCHEMA.columns?"]),
        (
            "SELECT ivo_hashlist_hs(target_name, 'a') FROM icme.epn_core",
            1,
            8,
            ["ivo_hashlist_has?"],
        ),
        ("SELECT SQRT(1, 2) FROM icme.epn_core", 1, 8, ["SQRT(x DOUBLE PRECISION)"]),
        ("SELECT * FROM icme.epn_core WHERE", 1, 34, ["expected a value", "the query ends"]),
        ("SELECT size FROM TAP_SCHEMA.columns", 1, 8, ["reserved word", '"size"']),
        ("SELECT * FROM epn_core", 1, 15, ["icme.epn_core, sir.epn_core"]),
        ("SELECT * FROM icme.epn_core LIMIT 5", 1, 35, ["SELECT TOP n"]),
        ("SELECT x.time_min FROM icme.epn_core AS e", 1, 8, ["no table x", "FROM has e"]),
    ],
)
def test_an_error_says_where_it_is_and_what_would_be_right(
    tableset: TableSet, query: str, line: int, column: int, texts: list[str]
):
    with pytest.raises(AdqlError) as caught:
        translate(query, tableset)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert error.snippet == query.splitlines()[line - 1]
    assert len(error.caret) == column
    for text in texts:
        assert text in str(error)


def test_an_error_in_a_long_line_shows_what_is_around_it(tableset: TableSet):
    query = f"SELECT {'time_min, ' * 50}nothing, {'time_min, ' * 50}c1min FROM icme.epn_core"
    with pytest.raises(AdqlError) as caught:
        translate(query, tableset)
    error = caught.value
    assert len(error.snippet) <= 120
    assert error.snippet[len(error.caret) - 1 :].startswith("nothing")


def test_forms_of_functions_are_as_tapregext_wants_them():
    forms = {feature.form for features in FEATURES.values() for feature in features}
    assert "ivo_hashlist_has(hashlist VARCHAR, item VARCHAR) -> INTEGER" in forms
    assert "ivo_to_jd(d TIMESTAMP) -> DOUBLE PRECISION" in forms
    assert all(key.startswith("ivo://ivoa.net/std/TAPRegExt#features-") for key in FEATURES)
