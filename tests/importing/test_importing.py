"""DaCHS descriptors become catalogues; what does not is told, with its line."""

from __future__ import annotations

import contextlib
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests_support import read_published

from epntap.catalogue import read_catalogue
from epntap.commands.importing import import_descriptor
from epntap.database import load_tableset
from epntap.errors import UserError
from epntap.importing import DescriptorError, translate_descriptor
from epntap.importing.expressions import Source, UntranslatableError, read_expression
from epntap.publish import DataFrameSource, drop, open_native, publish

CRATERS = Path(__file__).parent / "craters.rd"
REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = REPOSITORY / ".." / "shared" / "peers"


@pytest.fixture
def craters():
    return translate_descriptor(CRATERS)


def test_metadata_are_translated(craters):
    given = craters.description
    assert given["name"] == "craters"
    assert given["title"] == "Craters of Mars"
    assert given["description"] == "Craters, their diameters and depths."
    assert given["creators"] == ["Doe, J.", "Roe, R."]
    assert given["publisher"] == "Example Institute"
    assert given["contact"] == {"name": "Jane Doe", "email": "jane@example.org"}
    assert given["subjects"] == ["planetary-science", "craters"]
    assert given["rights"] == "CC BY 4.0"
    assert given["rights_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert given["references"] == [{"title": "10.1000/182", "doi": "10.1000/182"}]
    assert given["instruments"] == ["HRSC"]
    assert given["spatial_frame_type"] == "body"


def test_binds_maps_and_variables_become_the_mapping(craters):
    assert craters.description["mapping"] == {
        "granule_uid": {"template": "crater {id}"},
        "granule_gid": {"constant": "craters"},
        "obs_id": "id",
        "target_name": {"constant": "Mars"},
        "target_class": {"constant": "planet"},
        "time_min": {"column": "seen", "time": "iso"},
        "time_max": {"column": "seen_mjd", "time": "mjd"},
        "c1min": {"column": "lon", "modulo": 360},
        "c1max": {"column": "lon", "modulo": 360},
        "c2min": {"column": "lat", "values": {"-999": None}},
        "c2max": {"column": "lat", "values": {"-999": None}},
        "processing_level": {"constant": 5},
        "creation_date": "made",
        "thumbnail_url": {"template": "https://example.org/{kind}/{id}.png"},
        "diameter": "diameter",
    }


def test_own_columns_and_indexes_are_translated(craters):
    assert craters.description["columns"] == [
        {
            "name": "depth", "datatype": "double", "unit": "m", "ucd": "phys.size;src",
            "description": "Depth of the floor", "from": {"column": "depth", "scale": 1000},
        },
        {
            "name": "hits", "datatype": "long", "description": "Impacts on the floor",
            "from": "n_hits",
        },
        {
            "name": "half_depth", "datatype": "double", "unit": "m",
            "description": "Half of depth", "from": {"column": "depth", "scale": 500.0},
        },
    ]  # fmt: skip
    assert craters.description["indexes"] == ["diameter", "depth"]


def test_everything_else_is_told_with_its_line(craters):
    lines = CRATERS.read_text().splitlines()
    told = [str(note) for note in craters.notes]
    for part, words in (
        ("subject 'Planetary science'", "written as 'planetary-science'"),
        ("meta news", "no counterpart"),
        ("optional column no_such_column", "not a column of EPN-TAP"),
        ("index of diameter, feature_name", "an index of each"),
        ("column hits", "'phys.hits' is not a valid UCD"),
        ("column size", "cannot be the name"),
        ("column flag", "type 'boolean'"),
        ("param of the table", "not translated"),
        ("content of csvGrammar", "not translated"),
        ("var secret", "someCode() has no counterpart"),
        ("apply //procs#simpleSelect", "code is not translated"),
        ("bind target_region", "defined by what could not be translated"),
        ("bind feature_name", "more than a mapping can"),
        ("bind service_title", "a macro"),
        ("column filter", "nothing fills it"),
        ("service web", "not translated"),
    ):
        (line,) = [each for each in told if part in each and words in each]
        number = int(line.removeprefix("line ").partition(":")[0]) if line[:4] == "line" else 0
        assert number == 0 or part.split()[-1].split("#")[-1].strip("'") in "\n".join(
            lines[number - 2 : number + 3]
        )
    assert [line.partition(": ")[2] for line in craters.sources] == [
        "files res/*.csv",
        'read by csvGrammar delimiter=";"',
    ]


def test_the_written_file_is_a_valid_catalogue_and_lists_the_notes(tmp_path, capsys, craters):
    path = tmp_path / "craters.yaml"
    import_descriptor(CRATERS, path)
    catalogue = read_catalogue(path)
    assert catalogue.name == "craters"
    text = path.read_text()
    shown = capsys.readouterr().err
    assert len(craters.notes) > 15
    for note in craters.notes:
        assert str(note) in text
        assert str(note) in shown
    with pytest.raises(UserError, match="exists already"):
        import_descriptor(CRATERS, path)


def test_without_a_file_the_result_is_printed(capsys, tmp_path):
    import_descriptor(CRATERS, None)
    path = tmp_path / "printed.yaml"
    path.write_text(capsys.readouterr().out)
    assert read_catalogue(path).frame == "body"


def test_rows_are_published_as_the_descriptor_says(database, tmp_path):
    import pandas as pd

    path = tmp_path / "craters.yaml"
    import_descriptor(CRATERS, path)
    catalogue = read_catalogue(path)
    rows = pd.DataFrame(
        {
            "id": ["7", "8"], "depth": ["1.5", None], "n_hits": ["3", "4"],
            "seen": ["2020-01-01T12:00:00"] * 2, "seen_mjd": ["58850.5"] * 2,
            "lon": ["-10", "20"], "lat": ["5", "-999"], "made": ["2021-01-01T00:00:00"] * 2,
            "kind": ["c", "d"], "diameter": ["3", "4"],
        }
    )  # fmt: skip
    publish(database, catalogue, DataFrameSource(rows, "craters"))
    try:
        columns = "granule_uid, time_min, time_max, c1min, c2max, depth, half_depth, hits,"
        published = read_published(database, catalogue, columns + " thumbnail_url, service_title")
    finally:
        drop(database, "craters")
    assert published == [
        ("crater 7", 2458850.0, 2458851.0, 350.0, 5.0, 1500.0, 750.0, 3,
         "https://example.org/c/7.png", "craters"),
        ("crater 8", 2458850.0, 2458851.0, 20.0, None, None, None, 4,
         "https://example.org/d/8.png", "craters"),
    ]  # fmt: skip


@pytest.mark.skipif(not PEERS.is_dir(), reason="needs ../shared with a descriptor of DaCHS")
def test_a_real_descriptor_gives_the_rows_of_the_catalogue_written_by_hand(database, tmp_path):
    rows = runpy.run_path(str(PEERS / "gen_epn.py"))
    csv = tmp_path / "rows.csv"
    names = [name for name, _ in rows["COLS"]]
    lines = [",".join(names)] + [",".join(map(str, row)) for row in rows["rows"](300)]
    csv.write_text("\n".join(lines) + "\n")
    imported = tmp_path / "bench.yaml"
    import_descriptor(PEERS / "q.rd", imported)
    tables = []
    for yaml in (imported, REPOSITORY / "tests" / "data" / "bench.yaml"):
        catalogue = read_catalogue(yaml)
        publish(database, catalogue, open_native(csv))
        try:
            with database.reader() as connection:
                table = load_tableset(connection).table("bench.epn_core")
            # Each publication is a run of its own; all else is compared.
            compared = ", ".join(each.name for each in table.columns if each.name != "run_id")
            tables.append((table.columns, read_published(database, catalogue, compared)))
        finally:
            drop(database, "bench")
    assert len(tables[0][1]) == 300
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("@x", Source(column="x")),
        ("int(float(@x))", Source(column="x")),
        ('"a"', Source(constant="a")),
        ("3.5", Source(constant=3.5)),
        ("-2*3", Source(constant=-6)),
        ("None", Source()),
        ("float(@x)*1000 + 5", Source(column="x", scale=1000.0, offset=5.0)),
        ("(float(@x) + 5)*2", Source(column="x", scale=2.0, offset=10.0)),
        ("90 - float(@x)", Source(column="x", scale=-1.0, offset=90.0)),
        ("float(@x)/4", Source(column="x", scale=0.25)),
        ("'user@x.org'", Source(constant="user@x.org")),
        ('"a-%s" % @x', Source(template="a-{x}")),
        ('f"a-{@x}"', Source(template="a-{x}")),
        ('@x + "_" + @y', Source(template="{x}_{y}")),
        ("getJD(@x)", Source(column="x", time="iso")),
        ("dateTimeToJdn(mjdToDateTime(float(@x)))", Source(column="x", time="mjd")),
        ("parseTimestamp(@x, '%Y-%m-%d %H:%M:%S.%f')", Source(column="x")),
    ],
)
def test_simple_expressions_are_read(text, source):
    assert read_expression(text, {}) == source


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "import os", "os.system('x')", "__import__('os')", "@x if @y else 1", "@x + @y",
        "@x ** 2", "float(@x, 2)", "parseTimestamp(@x, '%d.%m.%Y')", "[1, 2]", "lambda: 1",
        "@x.strip()", "'{' + @x", '"%d" % @x', "1e308 * 10 * float(@x)", "True", "1/0", "@x % 0",
        "dateTimeToJdn(float(@x) * 2)", "f'{1:d}'", "'\\n'", "(" * 900,
        "float(@x)" + " * " + "9" * 400,
    ],
)  # fmt: skip
def test_what_a_mapping_cannot_do_is_refused(text):
    with pytest.raises(UntranslatableError):
        read_expression(text, {})


def test_a_long_sum_is_computed_or_refused_but_no_crash():
    with contextlib.suppress(UntranslatableError):
        assert read_expression("1" + "+1" * 990, {}) == Source(constant=991)


@given(st.text("@xy01.5+-*/%()'\"[]{}, floatpsre\\", max_size=40))
def test_no_expression_breaks_the_reader(text):
    try:
        source = read_expression(text, {"y": None})
    except UntranslatableError:
        return
    assert source.as_mapping() is not None


numbers = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-6)


@given(numbers, numbers, numbers)
def test_a_linear_expression_means_what_python_computes(value, scale, offset):
    source = read_expression(f"(float(@x) - {offset!r}) * {scale!r} + 1", {})
    assert source.column == "x"
    expected = (value - offset) * scale + 1
    assert value * source.scale + source.offset == pytest.approx(expected, rel=1e-9, abs=1e-3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<resource", "not valid XML"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><resource schema="x">&a;</resource>', "has a DOCTYPE"),
        ("<service/>", "not with <resource>"),
        ('<resource schema="x"/>', "has no tables with the mixin"),
        (
            '<resource schema="9 x"><table mixin="//epntap2#table-2_0"/></resource>',
            "cannot be the name",
        ),
    ],
)
def test_what_is_no_descriptor_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "q.rd"
    path.write_text(content)
    with pytest.raises(DescriptorError) as caught:
        translate_descriptor(path)
    assert reason in str(caught.value)


def test_files_elsewhere_are_never_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("do not tell")
    path = tmp_path / "q.rd"
    path.write_text(
        f'<!DOCTYPE r [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
        '<resource schema="x"><meta name="title">&a;</meta></resource>'
    )
    with pytest.raises(DescriptorError) as caught:
        translate_descriptor(path)
    assert "do not tell" not in str(caught.value)


def test_a_descriptor_with_next_to_nothing_still_becomes_a_catalogue(tmp_path, capsys):
    path = tmp_path / "q.rd"
    path.write_text('<resource schema="bare"><table mixin="//epntap2#table-2_0"/></resource>')
    import_descriptor(path, tmp_path / "bare.yaml")
    shown = capsys.readouterr().err
    for what in ("title", "publisher", "rights", "subjects", "the source of granule_uid"):
        assert f"{what}: is not given" in shown
    assert read_catalogue(tmp_path / "bare.yaml").frame == "none"
