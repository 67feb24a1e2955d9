"""Coverage maps: what they hold of a shape, and how they are written."""

from __future__ import annotations

import re

import psycopg2
import pytest
from adql.sphere import POSITIONS, Polygon, around, polygons, vector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epntap.adql import translate

fewer = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def ask(database, sql: str, *arguments: object):
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", arguments)
        return cursor.fetchone()[0]


def parsed(text: str) -> dict[int, set[int]]:
    """Return the cells by order of a MOC as the service writes it."""
    assert re.fullmatch(r"\d+/[\d,-]*( \d+/[\d,-]+)*( \d+/)?", text)
    cells: dict[int, set[int]] = {}
    for part in text.split():
        order, _, ranges = part.partition("/")
        cells[int(order)] = set()
        for item in filter(None, ranges.split(",")):
            low, _, high = item.partition("-")
            cells[int(order)].update(range(int(low), int(high or low) + 1))
    return cells


def moc_of(database, order: int, shape: list[float]) -> dict[int, set[int]]:
    """Return the cells of a MOC by order; its text is checked."""
    text = ask(database, "udf.adql_moc(%s, udf.prepared(%s::float8[]))", order, shape)
    cells = parsed(text)
    assert list(cells) == sorted(cells)
    assert max(cells) == order
    return cells


def holds(database, cells: dict[int, set[int]], point: tuple[float, float]) -> bool:
    return any(
        ask(database, "udf.ivo_healpix_index(%s, %s, %s)", order, *point) in members
        for order, members in cells.items()
    )


@given(POSITIONS, st.floats(0, 60), st.integers(0, 4), st.floats(0, 360), st.floats(0, 1))
@fewer
def test_the_map_of_a_circle_holds_it_and_little_more(
    database, centre, radius, order, bearing, share
):
    cells = moc_of(database, order, [*centre, radius])
    assert holds(database, cells, around(centre, bearing, radius * share * (1 - 1e-9)))
    # Beyond the circle by more than a cell and a quarter.
    away = radius + 2 * 61.3 / 2**order * 1.25
    if away < 180:
        assert not holds(database, cells, around(centre, bearing, away))


@given(polygons(largest=20), st.integers(0, 5))
@fewer
def test_the_map_of_a_polygon_holds_its_vertices_and_no_far_point(
    database, polygon: Polygon, order
):
    cells = moc_of(database, order, polygon.array)
    for vertex in polygon.vertices:
        assert holds(database, cells, vertex)
    antipode = around(polygon.centre, 0, 180)
    if order > 1:
        assert not holds(database, cells, antipode)
    for cell in cells[order]:
        center = ask(database, "udf.ivo_healpix_center(%s, %s::bigint)", order, cell)
        p = vector(*center)
        assert polygon.contains(p) or polygon.edge_distance(p) <= 61.3 / 2**order * 1.25


@given(POSITIONS, st.integers(0, 8))
@fewer
def test_cells_are_neither_held_twice_nor_in_four_parts(database, centre, order):
    cells = moc_of(database, order, [*centre, 4.0])
    for number, members in cells.items():
        for cell in members:
            assert not any(cell >> 2 * (number - up) in cells.get(up, ()) for up in range(number))
            siblings = {4 * (cell >> 2) + part for part in range(4)}
            assert number == 0 or not siblings <= members


def test_the_whole_sphere_is_twelve_cells(database):
    assert ask(database, "udf.adql_moc(3, ARRAY[1, 2, 180]::float8[])") == "0/0-11 3/"


def test_a_map_comes_out_of_a_query(run):
    ((moc,),) = run("SELECT TOP 1 MOC(5, CIRCLE(10, 10, 3)) AS m FROM icme.epn_core")
    assert re.fullmatch(r"(4/[0-9,-]+ )?5/[0-9,-]+", moc)


@pytest.mark.parametrize("order", [-1, 28])
def test_orders_beyond_those_of_healpix_are_refused(database, order):
    with pytest.raises(psycopg2.DataError, match="between 0 and 27"):
        ask(database, "udf.adql_moc(%s, ARRAY[1, 2, 3]::float8[])", order)


MAPS = st.dictionaries(
    st.integers(0, 4),
    st.lists(st.integers(0, 3071), max_size=30),
    min_size=1,
    max_size=4,
).map(lambda cells: {order: {c % (12 * 4**order) for c in found} for order, found in cells.items()})


@st.composite
def written(draw: st.DrawFn, cells: dict[int, set[int]]) -> str:
    """Write a MOC in one of the ways that there are: ranges or not, in any order, twice."""
    words = []
    for order in draw(st.permutations(list(cells))):
        items = draw(st.permutations(sorted(cells[order])))
        ranges = [
            f"{cell}-{cell + 1}" if cell + 1 in cells[order] and draw(st.booleans()) else str(cell)
            for cell in items
        ]
        words.append(f"{order}/" + draw(st.sampled_from([",", " ", ", "])).join(ranges))
    return draw(st.sampled_from(["", "s", " "])) + " ".join(words)


def at_order(cells: dict[int, set[int]], order: int) -> set[int]:
    """Return the cells of one order, the highest, that a MOC covers."""
    return {
        (cell << 2 * (order - own)) + part
        for own, found in cells.items()
        for cell in found
        for part in range(4 ** (order - own))
    }


@given(MAPS, MAPS, st.data())
@settings(fewer, max_examples=60)
def test_union_and_intersection_are_those_of_the_sets_of_cells(database, one, other, data):
    texts = data.draw(written(one)), data.draw(written(other))
    highest = max([*one, *other])
    sets = at_order(one, highest), at_order(other, highest)
    for function, expected in (
        ("gavo_mocunion", sets[0] | sets[1]),
        ("gavo_mocintersect", sets[0] & sets[1]),
    ):
        answer = ask(database, f"udf.{function}(%s, %s)", *texts)
        cells = parsed(answer)
        assert at_order(cells, highest) == expected
        assert max(cells) == highest
        assert list(cells) == sorted(cells)
        # As few cells as can be, and none twice.
        for order, found in cells.items():
            assert not any(
                cell >> 2 * (order - up) in cells.get(up, ())
                for cell in found
                for up in range(order)
            )
            assert order == 0 or not any(
                {4 * (cell >> 2) + part for part in range(4)} <= found for cell in found
            )
        assert ask(database, f"udf.{function}(%s, %s)", answer, answer) == answer


@pytest.mark.parametrize(
    ("function", "one", "other", "expected"),
    [
        ("gavo_mocunion", "1/0-2", "1/3", "0/0 1/"),
        ("gavo_mocunion", "0/0-5", "0/6-11", "0/0-11"),
        ("gavo_mocunion", "3/", "2/7", "2/7 3/"),
        ("gavo_mocunion", "29/3458764513820540927", "29/0", "29/0,3458764513820540927"),
        ("gavo_mocintersect", "0/0", "1/2-5 3/", "1/2-3 3/"),
        ("gavo_mocintersect", "0/0", "0/1", "0/"),
        ("gavo_mocintersect", "0/0-11", "29/3458764513820540927", "29/3458764513820540927"),
        ("gavo_mocintersect", "s1/4 6\n2/", "1/4,5", "1/4 2/"),
        ("gavo_mocunion", None, "1/3", None),
        ("gavo_mocintersect", "1/3", None, None),
    ],
)
def test_maps_are_combined(database, function, one, other, expected):
    assert ask(database, f"udf.{function}(%s, %s)", one, other) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "5", "1/a", "30/1", "1/48", "0/3-2", "0/12", "1/3;4", "t61/5", "-1/3", "1/2/3",
     "29/9999999999999999999", "Circle ICRS 1 2 3"],
)  # fmt: skip
def test_what_is_no_map_is_an_error(database, text):
    with pytest.raises(psycopg2.DataError):
        ask(database, "udf.gavo_mocunion(%s, '1/3')", text)


@given(POSITIONS, POSITIONS, st.floats(1, 40), st.floats(1, 40), st.integers(0, 4))
@settings(fewer, max_examples=10)
def test_a_point_of_two_circles_is_in_both_combinations_of_their_maps(
    database, one, other, radius, width, order
):
    maps = [
        ask(database, "udf.adql_moc(%s, udf.prepared(%s::float8[]))", order, [*centre, size])
        for centre, size in ((one, radius), (other, width))
    ]
    union = parsed(ask(database, "udf.gavo_mocunion(%s, %s)", *maps))
    both = parsed(ask(database, "udf.gavo_mocintersect(%s, %s)", *maps))
    for centre in (one, other):
        assert holds(database, union, centre)
        assert holds(database, both, centre) is all(
            holds(database, parsed(text), centre) for text in maps
        )


@pytest.mark.parametrize(
    ("expression", "xtype"),
    [
        ("coverage", "moc"),
        ("MOC(3, CIRCLE(10, 20, 3))", "moc"),
        ("gavo_mocunion(coverage, '1/3')", "moc"),
        ("gavo_mocintersect(coverage, MOC(2, POINT(10, 20)))", "moc"),
        ("(SELECT MAX(gavo_mocunion('1/0', '1/3')) FROM sir.epn_core)", "moc"),
        ("COALESCE(coverage, gavo_mocunion('1/0', '1/3'))", "moc"),
        ("COALESCE(coverage, NULL)", "moc"),
        ("COALESCE(coverage, '1/0')", None),
        ("CASE WHEN 1 = 1 THEN coverage ELSE plain END", None),
        ("coverage || ' 3/5'", None),
        ("UPPER(coverage)", None),
        ("CAST(coverage AS VARCHAR)", None),
    ],
)
def test_maps_have_the_xtype_of_maps_and_other_text_has_none(run, tableset, expression, xtype):
    query = f"SELECT {expression} AS m FROM gazetteer.toponyms"
    (column,) = translate(query, tableset).columns
    assert (column.datatype, column.arraysize, column.xtype) == ("char", "*", xtype)
    assert len(run(query)) == 2


def test_maps_of_a_column_are_combined_in_a_query(run):
    query = (
        "SELECT gavo_mocintersect(coverage, '1/0-3') AS m FROM gazetteer.toponyms "
        "WHERE gavo_mocintersect(coverage, '2/20') <> '2/'"
    )
    assert run(query) == [("1/0 2/",)]
