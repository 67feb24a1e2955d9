"""Random ADQL: queries that mostly make sense, and what becomes of them when they are damaged."""

from __future__ import annotations

import re
from random import Random

from epntap.adql.features import REGISTRY
from epntap.adql.registry import Accepts, Function, Parameter
from epntap.adql.values import Kind
from epntap.adql.words import RESERVED_WORDS

_NUMBERS = ("time_min", "time_max", "c1min", "c2min", "c3min", "processing_level", "access_estsize")
_TEXTS = ("granule_uid", "obs_id", "target_name", "dataproduct_type", "instrument_name", "s_region")
_TIMES = ("creation_date", "modification_date", "release_date")

_NUMBER_LITERALS = (
    *("0", "1", "-1", "2.5", "1e3", ".5", "7", "90", "1e308", "9223372036854775807"),
    *("9223372036854775808", "2147483648", "NULL", "32768"),
)
_TEXT_LITERALS = (
    *("''", "'a'", "'it''s'", "'%'", "'_#_'", "'\\'", "'Schröter'", "'ev#ci'", "NULL", "'\u200b'"),
    *("'Circle ICRS 10 0 5'", "'Polygon 1 2 3 4 5 6'", "'10 20'", "'NaN'", "'𝕏'"),
)
_TIME_LITERALS = (
    *("'2020-01-01'", "'2020-01-01T12:00:00.5'", "TIMESTAMP('2021-02-03T04:05:06')", "NULL"),
    *("'0001-01-01'", "'9999-12-31T23:59:59'"),
)
_TABLES = ("bench.epn_core", "epn_core", "Bench.EPN_Core")
_CASTS = {
    "number": ("INTEGER", "SMALLINT", "BIGINT", "REAL", "DOUBLE PRECISION"),
    "text": ("CHAR(3)", "VARCHAR", "VARCHAR(2)", "CHAR"),
    "time": ("TIMESTAMP",),
}
_UNITS = ("'s'", "'km'", "'AU'", "'deg'", "'rad'", "'h'", "'m/s'", "'furlong'", "''")

_FUNCTIONS = tuple(
    REGISTRY[name][place] for name in sorted(REGISTRY) for place in range(len(REGISTRY[name]))
)
_NUMERIC = tuple(
    function
    for function in _FUNCTIONS
    if not function.aggregate
    and function.returns in (None, Kind.INT, Kind.LONG, Kind.DOUBLE)
    and Accepts.SHAPE not in [given.accepts for given in function.parameters]
)

#: What is put into queries to break them: signs that mean something to PostgreSQL among it.
_NOISE = (
    *sorted(RESERVED_WORDS),
    *("(", ")", ",", ".", ";", "--", "/*", "*/", "'", '"', "$$", "$a$", "::", "\\", "||", "<>"),
    *("!=", "E'\\047'", "U&'\\0027'", "%", "%s", "{0}", "{", "}", "\0", "\n", "\t", "\r", "\u00a0"),
    *("\ufeff", "é", "ﬁ", "𝕏", "\u202e", "0x1F", "1e", "1e999", "99999999999999999999", "@", "#"),
    *("[1]", "pg_sleep(1)", "udf.ivo_to_jd", "pg_catalog.pg_user", "current_user", "ctid", "xmin"),
)


class Grammar:
    """Writes queries, one choice after another.

    Parameters
    ----------
    chance
        Makes the choices.
    geometry
        Whether there is much of geometry in them, or next to none.
    """

    def __init__(self, chance: Random, *, geometry: bool) -> None:
        self._chance = chance
        self._shapes = 1 if geometry else 0

    def query(self) -> str:
        """Return a query as a user could write it."""
        text = self._select(3)
        if self._maybe(0.15):
            operator = self._chance.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
            text = f"{text} {operator} {self._select(2)}"
        if self._maybe(0.3):
            text += f" ORDER BY {self._chance.choice(['1', '1', '2', self._value(1)])}"
            text += self._chance.choice(["", " DESC", " ASC"])
        if self._maybe(0.1):
            text += f" OFFSET {self._chance.randrange(100)}"
        if self._maybe(0.1):
            text = f"WITH w AS ({text}) SELECT * FROM w"
        return text

    def _maybe(self, share: float) -> bool:
        return self._chance.random() < share

    def _select(self, depth: int) -> str:
        start = self._chance.choice(["SELECT", "SELECT DISTINCT", "SELECT TOP 5", "SELECT"])
        text = f"{start} {self._items(depth)} FROM {self._source(depth)}"
        if self._maybe(0.7):
            text += f" WHERE {self._condition(depth)}"
        if self._maybe(0.15):
            key = self._value(1)
            text = f"SELECT {key}, {self._set_function()} FROM {self._source(depth)} GROUP BY {key}"
            if self._maybe(0.5):
                text += f" HAVING {self._set_function()} > {self._number(0)}"
        return text

    def _set_function(self) -> str:
        function = self._chance.choice(
            ["MIN", "MAX", "SUM", "AVG", "COUNT", "COUNT", "COUNT(DISTINCT"]
        )
        if "(" in function:
            return f"{function} {self._value(1)})"
        return f"{function}({self._number(1)})"

    def _items(self, depth: int) -> str:
        if self._maybe(0.1):
            return self._chance.choice(["*", "COUNT(*)", "t.*", "COUNT(*) AS n"])
        items = []
        for _ in range(self._chance.randrange(1, 4)):
            alias = self._chance.choice(["", "", " AS x", ' AS "Ünd "', " y"])
            items.append(self._value(depth) + alias)
        return ", ".join(items)

    def _source(self, depth: int) -> str:
        table = self._chance.choice(_TABLES)
        choice = self._chance.randrange(10) if depth > 1 else 0
        if choice < 6:
            return table + self._chance.choice(["", "", " AS t", " t"])
        if choice == 6:
            return f"(SELECT * FROM bench.epn_core WHERE {self._condition(depth - 1)}) AS s"
        join = self._chance.choice(["JOIN", "LEFT JOIN", "RIGHT OUTER JOIN", "FULL JOIN"])
        few = f"(SELECT granule_uid, {self._number(1)} AS z FROM {table}) AS a"
        if choice == 7:
            return f"{few} {join} TAP_SCHEMA.columns AS b ON a.granule_uid = b.column_name"
        if choice == 8:
            return f"{few} {join} bench.epn_core AS b USING (granule_uid)"
        return f"{few} NATURAL {join} {table} AS b"

    def _value(self, depth: int) -> str:
        kind = self._chance.choice(
            ["number"] * 5 + ["text"] * 3 + ["time"] + ["shape"] * self._shapes
        )
        return str(getattr(self, f"_{kind}")(depth))

    def _any(self, depth: int, kind: str) -> str:
        """Return what can be made of values of any kind, and is of that kind."""
        value = getattr(self, f"_{kind}")
        forms = (
            lambda: f"({value(depth)})",
            lambda: f"COALESCE({value(depth)}, {value(depth)})",
            lambda: (
                f"CASE WHEN {self._condition(depth)} THEN {value(depth)} ELSE {value(depth)} END"
            ),
            lambda: (
                f"(SELECT {self._chance.choice(['MIN', 'MAX'])}({value(depth)}) FROM epn_core AS q)"
            ),
            lambda: f"(SELECT TOP 1 {value(depth)} FROM bench.epn_core AS q)",
            lambda: f"CAST({value(depth)} AS {self._chance.choice(_CASTS[kind])})",
        )
        return self._chance.choice(forms)()

    def _number(self, depth: int) -> str:
        if depth <= 0 or self._maybe(0.3):
            return self._chance.choice(_NUMBERS if self._maybe(0.6) else _NUMBER_LITERALS)
        choice = self._chance.randrange(10)
        if choice < 3:
            operator = self._chance.choice("+-*/")
            return f"{self._number(depth - 1)} {operator} {self._number(depth - 1)}"
        if choice < 7:
            return self._call(depth - 1)
        if choice == 7 and self._maybe(0.4):
            return f"IN_UNIT({self._number(depth - 1)}, {self._chance.choice(_UNITS)})"
        if choice == 8:
            return f"-{self._number(depth - 1)}"
        return self._any(depth - 1, "number")

    def _text(self, depth: int) -> str:
        if depth <= 0 or self._maybe(0.5):
            return self._chance.choice(_TEXTS if self._maybe(0.5) else _TEXT_LITERALS)
        if self._maybe(0.4):
            return f"{self._text(depth - 1)} || {self._value(depth - 1)}"
        if self._maybe(0.5):
            return f"{self._chance.choice(['UPPER', 'LOWER'])}({self._text(depth - 1)})"
        return self._any(depth - 1, "text")

    def _time(self, depth: int) -> str:
        if depth <= 0 or self._maybe(0.7):
            return self._chance.choice(_TIMES if self._maybe(0.5) else _TIME_LITERALS)
        return self._any(depth - 1, "time")

    def _shape(self, depth: int) -> str:
        """Return a value of geometry, or a number made of some."""
        numbers = [self._number(depth - 2) for _ in range(6)]
        point = f"POINT({numbers[0]}, {numbers[1]})"
        other = self._chance.choice([f"POINT({numbers[2]}, {numbers[3]})", "s_region"])
        circle = f"CIRCLE({', '.join(numbers[1:4])})"
        frame = self._chance.choice(["", "'ICRS', ", "'UNKNOWNFrame', "])
        shapes = [
            *(point, circle, f"POLYGON({frame}{', '.join(numbers)})", other),
            f"BOX({', '.join(numbers[:4])})",
            f"REGION({self._chance.choice(_TEXT_LITERALS)})",
        ]
        one, two = self._chance.choice(shapes), self._chance.choice(shapes)
        measures = [
            *(f"DISTANCE({point}, {other})", f"DISTANCE({', '.join(numbers[:4])})"),
            *(f"AREA({one})", f"COORD1({point})", f"COORD2(CENTROID({one}))", f"COORDSYS({one})"),
            *(f"CONTAINS({one}, {two})", f"INTERSECTS({one}, {two})", f"CENTROID({one})"),
        ]
        return self._chance.choice([one, *measures])

    def _call(self, depth: int) -> str:
        """Return a call of any function that there is."""
        function = self._chance.choice(_NUMERIC if self._maybe(0.95) else _FUNCTIONS)
        return f"{function.name}({', '.join(self._arguments(function, depth))})"

    def _arguments(self, function: Function, depth: int) -> list[str]:
        arguments = [self._argument(parameter, depth) for parameter in function.parameters]
        if self._maybe(0.03):
            arguments.append("1")
        return arguments

    def _argument(self, parameter: Parameter, depth: int) -> str:
        if self._maybe(0.03):
            return self._value(0)
        if parameter.literal:
            literals = {Kind.TEXT: _TEXT_LITERALS, Kind.TIMESTAMP: _TIME_LITERALS[:2]}
            return self._chance.choice(literals.get(parameter.accepts, ("0", "3", "-2", "12")))
        if parameter.accepts is Kind.TEXT:
            return self._text(depth)
        if parameter.accepts in (Kind.TIMESTAMP, Accepts.TIME):
            return self._time(depth)
        if parameter.accepts in (Kind.POINT, Accepts.SHAPE):
            return self._shape(depth)
        return self._number(depth)

    def _condition(self, depth: int) -> str:
        if depth > 0 and self._maybe(0.3):
            word = self._chance.choice(["AND", "OR", "AND NOT"])
            return f"({self._condition(depth - 1)} {word} {self._condition(depth - 1)})"
        kind = self._chance.choice(["number", "number", "text", "time"])
        value = getattr(self, f"_{kind}")
        one, two = value(depth - 1), value(depth - 1)
        forms = (
            *(f"{one} {sign} {two}" for sign in ("=", "<", ">=", "<>", "!=")),
            f"{one} BETWEEN {two} AND {two}",
            f"{one} NOT IN ({two}, {one})",
            f"{one} IN (SELECT {two} FROM bench.epn_core AS i)",
            f"{one} IS NOT NULL",
            f"EXISTS (SELECT {two} FROM TAP_SCHEMA.tables AS e)",
            f"{self._text(0)} {self._chance.choice(['LIKE', 'NOT ILIKE'])} {self._text(0)}",
            f"1 = {self._call(depth - 1)}",
        )
        if self._shapes and self._maybe(0.2):
            return f"{self._shape(depth)} = 1"
        return self._chance.choice(forms)


_TOKEN = re.compile(r"\s+|\w+|'[^']*'|\"[^\"]*\"|.", re.DOTALL)


def damaged(query: str, chance: Random) -> str:
    """Return a query with some of its tokens removed, doubled, exchanged, or replaced by noise."""
    tokens = _TOKEN.findall(query)
    for _ in range(chance.randrange(1, 4)):
        if not tokens:
            break
        place, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        what = chance.randrange(8)
        if what == 0:
            del tokens[place]
        elif what == 1:
            tokens[place:place] = tokens[place : place + chance.randrange(1, 6)]
        elif what == 2:
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif what == 3:
            del tokens[place:]
        elif what == 4:
            tokens[place] = tokens[place].swapcase()
        elif what == 5:
            tokens[place] = tokens[place] * chance.choice([2, 3, 300])
        else:
            tokens.insert(place, f" {chance.choice(_NOISE)} ")
    return "".join(tokens)
