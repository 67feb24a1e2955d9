"""How clients ask for a format."""

from __future__ import annotations

import pytest

from epntap.formats import FORMATS, UnsupportedFormatError, negotiate

VOTABLE = "application/x-votable+xml"


@pytest.mark.parametrize(
    ("asked", "name", "mime"),
    [
        (None, "votable/b2", VOTABLE),
        ("", "votable/b2", VOTABLE),
        ("votable", "votable/b2", VOTABLE),
        ("VOTable", "votable/b2", VOTABLE),
        (VOTABLE, "votable/b2", VOTABLE),
        ("application/x-votable xml", "votable/b2", VOTABLE),
        (f"{VOTABLE};charset=utf-8", "votable/b2", VOTABLE),
        ("votable/b2", "votable/b2", f"{VOTABLE};serialization=BINARY2"),
        ("votable/td", "votable/td", f"{VOTABLE};serialization=TABLEDATA"),
        ("votable/b", "votable/b", f"{VOTABLE};serialization=BINARY"),
        (f"{VOTABLE};serialization=BINARY2", "votable/b2", f"{VOTABLE};serialization=BINARY2"),
        (
            f"{VOTABLE} ; Serialization=tabledata",
            "votable/td",
            f"{VOTABLE};serialization=TABLEDATA",
        ),
        (f'{VOTABLE};serialization="binary"', "votable/b", f"{VOTABLE};serialization=BINARY"),
        ("text/xml", "votable/td", "text/xml"),
        ("csv", "csv", "text/csv;header=present"),
        ("CSV", "csv", "text/csv;header=present"),
        ("text/csv", "csv", "text/csv"),
        ("Text/CSV; Header=Present", "csv", "text/csv;header=present"),
        ("tsv", "tsv", "text/tab-separated-values"),
        ("text/tab-separated-values", "tsv", "text/tab-separated-values"),
        ("fits", "fits", "application/fits"),
        ("application/fits", "fits", "application/fits"),
        ("parquet", "parquet", "application/vnd.apache.parquet"),
        ("application/vnd.apache.parquet", "parquet", "application/vnd.apache.parquet"),
        ("application/parquet", "parquet", "application/parquet"),
        ("application/x-parquet", "parquet", "application/x-parquet"),
        ("json", "json", "application/json"),
        ("application/json; charset=utf-8", "json", "application/json"),
        ("html", "html", "text/html;charset=utf-8"),
        ("text/html", "html", "text/html;charset=utf-8"),
        ("text", "text", "text/plain;charset=utf-8"),
        ("txt", "text", "text/plain;charset=utf-8"),
        ("text/plain", "text", "text/plain;charset=utf-8"),
    ],
)
def test_formats_are_found_by_content_type_and_by_short_name(asked, name, mime):
    found = negotiate(asked)
    assert (found.name, found.mime) == (name, mime)


@pytest.mark.parametrize(
    "asked",
    ["pdf", "text/markdown", f"{VOTABLE};serialization=FITS", "text/csv;header=absent", "/", ";"],
)
def test_other_formats_are_refused_with_the_list_of_those_that_exist(asked):
    with pytest.raises(UnsupportedFormatError) as caught:
        negotiate(asked)
    assert asked in str(caught.value)
    assert "votable/td" in str(caught.value)


def test_a_misspelt_format_gets_a_suggestion():
    with pytest.raises(UnsupportedFormatError, match=r"did you mean votable/td\?"):
        negotiate("votable/tdd")


def test_every_name_leads_to_its_format():
    for known in FORMATS:
        for name in (known.name, *known.aliases, known.mime, *known.also_mimes):
            assert negotiate(name).name == known.name
    names = [n for f in FORMATS for n in (f.name, *f.aliases, f.mime, *f.also_mimes)]
    assert len(set(names)) == len(names)
