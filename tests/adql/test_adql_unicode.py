"""Text beyond ASCII: which results are unicodeChar, and that the characters arrive."""

from __future__ import annotations

import pytest

from epntap.adql import translate
from epntap.tables import Column, TableSet, storage_type, wire_type


@pytest.mark.parametrize(
    ("expression", "datatype"),
    [
        ("feature", "unicodeChar"),
        ("plain", "char"),
        ("'Schröter'", "unicodeChar"),
        ("'Schroeter'", "char"),
        ("feature || '!'", "unicodeChar"),
        ("plain || '!'", "char"),
        ("plain || ' ü'", "unicodeChar"),
        ("plain || 5", "char"),
        ("UPPER(feature)", "unicodeChar"),
        ("LOWER(plain)", "char"),
        ("LOWER('É')", "unicodeChar"),
        ("MAX(feature)", "unicodeChar"),
        ("MAX(plain)", "char"),
        ("COALESCE(plain, feature)", "unicodeChar"),
        ("COALESCE(feature, plain)", "unicodeChar"),
        ("COALESCE(plain, 'é')", "unicodeChar"),
        ("COALESCE(plain, 'e')", "char"),
        ("CASE WHEN plain = 'é' THEN 'e' END", "char"),
        ("CASE WHEN plain = 'e' THEN 'e' ELSE feature END", "unicodeChar"),
        ("CAST(feature AS VARCHAR(3))", "unicodeChar"),
        ("CAST(feature AS CHAR(30))", "unicodeChar"),
        ("CAST('5' AS CHAR(3))", "char"),
        ("ivo_string_agg(feature, ',')", "unicodeChar"),
        ("ivo_string_agg(plain, ' – ')", "unicodeChar"),
        ("ivo_string_agg(plain, ',')", "char"),
        ("(SELECT MIN(feature) FROM gazetteer.toponyms)", "unicodeChar"),
        ("COUNT(feature)", "long"),
        ("ivo_nocasematch(MAX(feature), 'sch%')", "int"),
    ],
)
def test_text_made_of_unicode_text_is_unicode_text(
    tableset: TableSet, expression: str, datatype: str
):
    (column,) = translate(f"SELECT {expression} AS v FROM gazetteer.toponyms", tableset).columns
    assert column.datatype == datatype
    assert column.arraysize == (None if datatype in ("int", "long") else "*")


@pytest.mark.parametrize(
    ("query", "datatypes"),
    [
        ("SELECT q.* FROM (SELECT feature AS a, plain FROM gazetteer.toponyms) AS q", "u c"),
        ("WITH w AS (SELECT plain || 'ä' AS a FROM gazetteer.toponyms) SELECT a FROM w", "u"),
        ("SELECT plain FROM gazetteer.toponyms UNION SELECT feature FROM gazetteer.toponyms", "u"),
        (
            "SELECT feature FROM gazetteer.toponyms UNION ALL SELECT plain FROM gazetteer.toponyms",
            "u",
        ),
        ("SELECT plain FROM gazetteer.toponyms EXCEPT SELECT plain FROM gazetteer.toponyms", "c"),
        ("SELECT 'a' FROM sir.epn_core UNION SELECT 'ä' FROM sir.epn_core", "u"),
        (
            "SELECT a FROM (SELECT plain AS a FROM gazetteer.toponyms UNION "
            "(SELECT 'x' FROM sir.epn_core UNION SELECT feature FROM gazetteer.toponyms)) AS q",
            "u",
        ),
        (
            "SELECT plain FROM gazetteer.toponyms AS a FULL JOIN "
            "(SELECT feature AS plain FROM gazetteer.toponyms) AS b USING (plain)",
            "u",
        ),
        ("SELECT 1 FROM sir.epn_core UNION SELECT 2 FROM sir.epn_core", "i"),
    ],
)
def test_subqueries_joins_and_set_operators_keep_unicode_text(
    run, tableset: TableSet, query: str, datatypes: str
):
    letters = {"unicodeChar": "u", "char": "c", "int": "i"}
    columns = translate(query, tableset).columns
    assert " ".join(letters[column.datatype] for column in columns) == datatypes
    assert all(len(row) == len(columns) for row in run(query))


def test_a_column_of_unicode_text_keeps_its_metadata(tableset: TableSet):
    (column,) = translate("SELECT Feature FROM gazetteer.toponyms", tableset).columns
    assert column == Column(
        "feature", "unicodeChar", "*", ucd="meta.id", description="Name in its script"
    )


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("feature", ["Schröter", "Море Москвы"]),
        ("feature || ' ✓'", ["Schröter ✓", "Море Москвы ✓"]),
        ("CAST(feature AS VARCHAR(4))", ["Schr", "Море"]),
        ("CASE WHEN feature = 'Schröter' THEN 'ö' ELSE plain END", ["Mare Moscoviense", "ö"]),
        ("COALESCE(feature, plain)", ["Schröter", "Море Москвы"]),
    ],
)
def test_unicode_text_arrives_as_it_is(run, expression: str, rows: list[str]):
    assert sorted(row[0] for row in run(f"SELECT {expression} FROM gazetteer.toponyms")) == rows


def test_unicode_text_is_compared_with_any_text(run):
    query = (
        "SELECT plain FROM gazetteer.toponyms WHERE feature LIKE 'Schr_ter' AND feature <> plain"
    )
    assert run(query) == [("Schroeter",)]


def test_unicode_text_is_stored_and_sent_as_text():
    assert storage_type(Column("a", "unicodeChar", "*")) == "text"
    assert wire_type(Column("a", "unicodeChar", "*")) == "text"
    when = Column("a", "unicodeChar", "*", xtype="timestamp")
    assert (storage_type(when), wire_type(when)) == ("timestamp(3)", "text")
    with pytest.raises(ValueError, match="unicodeChar"):
        storage_type(Column("a", "string"))
