"""Coverage maps: what they hold of a shape, and how they are written."""

from __future__ import annotations

import re

import psycopg2
import pytest
from adql.sphere import POSITIONS, Polygon, around, polygons, vector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def moc_of(database, order: int, shape: list[float]) -> dict[int, set[int]]:
    """Return the cells of a MOC by order; its text is checked."""
    text = ask(database, "udf.adql_moc(%s, udf.prepared(%s::float8[]))", order, shape)
    assert re.fullmatch(r"\d+/[\d,-]*( \d+/[\d,-]+)*( \d+/)?", text)
    cells: dict[int, set[int]] = {}
    for part in text.split():
        number, ranges = part.split("/")
        cells[int(number)] = set()
        for item in filter(None, ranges.split(",")):
            low, _, high = item.partition("-")
            cells[int(number)].update(range(int(low), int(high or low) + 1))
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
