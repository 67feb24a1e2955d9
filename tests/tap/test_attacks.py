"""What must never reach the database."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ATTACKS = {
    "the catalogue of PostgreSQL": "SELECT usename FROM pg_catalog.pg_user",
    "the catalogue without its schema": "SELECT rolname FROM pg_roles",
    "the information schema": "SELECT table_name FROM information_schema.tables",
    "the state of the service": "SELECT * FROM epntap.version",
    "a physical table": "SELECT * FROM moons.epn_core_v1",
    "sleeping": "SELECT pg_sleep(10) FROM moons.epn_core",
    "settings": "SELECT set_config('role', 'postgres', false) FROM moons.epn_core",
    "current_setting": "SELECT current_setting('data_directory') FROM moons.epn_core",
    "stacked statements": "SELECT rank FROM moons.epn_core; DROP TABLE moons.epn_core",
    "two selects": "SELECT rank FROM moons.epn_core; SELECT rank FROM moons.epn_core",
    "block comments": "SELECT /* hidden */ rank FROM moons.epn_core",
    "dollar quoting": "SELECT $$x$$ FROM moons.epn_core",
    "tagged dollar quoting": "SELECT $a$x$a$ FROM moons.epn_core",
    "escape strings": r"SELECT E'\047 OR 1=1' FROM moons.epn_core",
    "unicode escapes": r"SELECT U&'\0027' FROM moons.epn_core",
    "reset role": "RESET ROLE",
    "set role": "SET ROLE postgres",
    "a file": "SELECT pg_read_file('/etc/passwd') FROM moons.epn_core",
    "a directory": "SELECT pg_ls_dir('.') FROM moons.epn_core",
    "a large object": "SELECT lo_import('/etc/passwd') FROM moons.epn_core",
    "copy": "COPY moons.epn_core TO PROGRAM 'id'",
    "another server": "SELECT dblink_connect('host=x') FROM moons.epn_core",
    "a query as text": "SELECT query_to_xml('SELECT 1', true, true, '') FROM moons.epn_core",
    "a cast of PostgreSQL": "SELECT 'pg_authid'::regclass FROM moons.epn_core",
    "insert": "INSERT INTO moons.epn_core (granule_uid) VALUES ('x')",
    "update": "UPDATE moons.epn_core SET rank = 1",
    "delete in a subquery": "SELECT rank FROM (DELETE FROM moons.epn_core) AS t",
    "select into": "SELECT rank INTO stolen FROM moons.epn_core",
    "locking": "SELECT rank FROM moons.epn_core FOR UPDATE",
    "a function of the schema udf": "SELECT udf.ivo_to_jd('2000-01-01') FROM moons.epn_core",
    "a homoglyph": "SELECT rаnk FROM moons.epn_core",
    "a NUL": "SELECT rank FROM moons.epn_core WHERE note = 'a\0b'",
    "deep parentheses": f"SELECT {'(' * 500}rank{')' * 500} FROM moons.epn_core",
    "deep subqueries": "SELECT rank FROM "
    + "(SELECT rank FROM " * 300
    + "moons.epn_core"
    + ") AS t" * 300,
    "deep NOT": f"SELECT rank FROM moons.epn_core WHERE {'NOT ' * 500} rank = 1",
    "a quote that does not end": "SELECT rank FROM moons.epn_core WHERE note = 'x",
    "an identifier that does not end": 'SELECT "rank FROM moons.epn_core',
    "a megabyte of terms": "SELECT rank FROM moons.epn_core WHERE "
    + "rank = 1 OR " * 100_000
    + "rank = 1",
}

WORDS = [
    "SELECT", "TOP", "10", "*", "FROM", "moons.epn_core", "WHERE", "rank", "note", "=", "<", "(",
    ")", ",", "'x'", "'it''s'", '"rank"', "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS",
    "NULL", "GROUP", "BY", "ORDER", "HAVING", "COUNT", "(*)", "JOIN", "ON", "AS", "t", ";", "--",
    "1e5", "-", "+", "/", "||", "UNION", "ALL", "CASE", "WHEN", "THEN", "END", "CAST", "INTEGER",
    "ivo_to_jd", "MAX", "EXISTS", ".", "pg_sleep", "$$", "::", "\\", "\0", "é", "/*", "*/", "E''",
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("moons")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_refused_with_a_message(client, attack):
    answer = client.post("/tap/sync", data={"LANG": "ADQL", "QUERY": attack})
    assert answer.status_code in (400, 413)
    assert 'name="QUERY_STATUS" value="ERROR"' in answer.text
    assert "postgres" not in answer.text.lower().replace(attack.lower(), "")


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.integers(0, 3))
@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_soup_of_words_is_answered_or_refused_but_never_breaks_anything(client, words, seed):
    """A refusal by PostgreSQL's own parser would be a 500: what it gets is always well formed."""
    words = list(words)
    if seed:
        # Most soup fails at its first word; broken copies of a good query get further.
        good = (
            "SELECT TOP 3 rank , MAX ( note ) AS n FROM moons.epn_core WHERE rank < 4 GROUP BY rank"
        )
        mixed = good.split()
        for word in words[:3]:
            mixed.insert(random.Random(seed).randrange(len(mixed)), word)
        words = mixed
    answer = client.post("/tap/sync", data={"LANG": "ADQL", "QUERY": " ".join(words) or " "})
    assert answer.status_code in (200, 400), answer.text
