"""Text beyond ASCII from where it comes to where it goes: literals, uploads, catalogues."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest
from astropy.io.votable import parse
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, drop, publish
from epntap.validator import LocalTapClient, validate

pytestmark = pytest.mark.usefixtures("moons")

FORMS = ["votable/b2", "votable/b", "votable/td"]

#: What XML and PostgreSQL can hold, without blanks at the ends, which readers of TABLEDATA drop.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=20
).filter(lambda text: text == text.strip())


def ask(client: httpx.Client, query: str, form: str, **files: bytes):
    """Return the first table of the answer."""
    data = {"LANG": "ADQL", "QUERY": query, "FORMAT": form}
    if files:
        data["UPLOAD"] = ";".join(f"{name},param:{name}" for name in files)
    answer = client.post("/tap/sync", data=data, files=files or None)
    assert answer.status_code == 200, answer.text
    return parse(io.BytesIO(answer.content)).get_first_table()


def cells(table, name: str) -> list[str]:
    return [str(cell) for cell in table.array[name]]


@pytest.mark.parametrize("form", FORMS)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=TEXTS)
def test_a_literal_string_comes_back_exactly(client, form, text):
    quoted = text.replace("'", "''")
    table = ask(client, f"SELECT TOP 1 '{quoted}' AS s FROM moons.epn_core", form)
    assert cells(table, "s") == [text]
    assert table.fields[0].datatype == ("char" if text.isascii() else "unicodeChar")


NAMES = ["Schröter", "Ὀλύμπια", "𝔐are", "plain"]


@pytest.mark.parametrize("form", FORMS)
def test_an_uploaded_table_comes_back_in_the_type_it_had(client, form):
    made = io.BytesIO()
    Table({"name": NAMES, "n": [1, 2, 3, 4]}).write(made, format="votable")
    assert b'datatype="unicodeChar"' in made.getvalue()
    query = "SELECT name, LOWER(name) AS low FROM TAP_UPLOAD.mine WHERE name > 'A' ORDER BY n"
    table = ask(client, query, form, mine=made.getvalue())
    assert [field.datatype for field in table.fields] == ["unicodeChar", "unicodeChar"]
    assert cells(table, "name") == NAMES


YAML = """\
name: toponyms
title: Names of a test
description: A few names.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: body
mapping:
  granule_uid: id
  target_name: {constant: Mars}
  target_class: {constant: planet}
columns:
  - {name: local_name, datatype: unicodeChar, ucd: meta.id, description: Name in its script}
"""


@pytest.fixture
def toponyms(tmp_path: Path, database: Database) -> Iterator[str]:
    """A catalogue with a column of unicodeChar."""
    path = tmp_path / "toponyms.yaml"
    path.write_text(YAML, encoding="utf-8")
    frame = pd.DataFrame({"id": [f"n{i}" for i in range(5)], "local_name": [*NAMES, None]})
    publish(database, read_catalogue(path), DataFrameSource(frame, "names"))
    yield "toponyms.epn_core"
    drop(database, "toponyms")


@pytest.mark.parametrize("form", FORMS)
def test_a_column_of_a_catalogue_comes_back_as_it_was_published(client, toponyms, form):
    table = ask(client, f"SELECT local_name FROM {toponyms} ORDER BY granule_uid", form)
    (field,) = table.fields
    assert (field.datatype, field.arraysize, field.ucd) == ("unicodeChar", "*", "meta.id")
    assert cells(table, "local_name") == [*NAMES, ""]


def test_the_tables_resource_and_tap_schema_declare_unicode_text(client, toponyms):
    answer = client.get(f"/tap/tables/{toponyms}")
    assert answer.status_code == 200
    column = answer.text.partition("<name>local_name</name>")[2].partition("</column>")[0]
    assert ">unicodeChar</dataType>" in column
    query = (
        "SELECT datatype, arraysize FROM TAP_SCHEMA.columns "
        f"WHERE table_name = '{toponyms}' AND column_name = 'local_name'"
    )
    table = ask(client, query, "votable")
    assert (cells(table, "datatype"), cells(table, "arraysize")) == (["unicodeChar"], ["*"])


def test_the_validator_accepts_a_column_of_unicode_text(database, toponyms):
    report = validate(LocalTapClient(database), "toponyms")
    assert report.tables[0].rows == len(NAMES) + 1
    # That the catalogue has a column of its own, and nothing else.
    assert [one.code for one in report.all_findings] == ["I_PNNS"]


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "text", "html", "parquet", "fits"])
def test_a_column_of_unicode_text_can_be_had_in_every_format(client, toponyms, form):
    query = f"SELECT local_name FROM {toponyms} WHERE granule_uid = 'n0'"
    answer = client.post("/tap/sync", data={"LANG": "ADQL", "QUERY": query, "FORMAT": form})
    assert answer.status_code == 200, answer.text
    # FITS has ASCII only (FITS 4.0, section 7.3.3.1).
    assert "Schr\N{LATIN SMALL LETTER O WITH DIAERESIS}ter".encode() in answer.content or (
        form == "fits" and b"Schr" in answer.content
    )
