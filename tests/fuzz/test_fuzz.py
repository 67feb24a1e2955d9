"""A short run of every attack, and that the hunt finds faults where there are some."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from epntap.database import Database
from epntap.settings import Settings

from . import queries, votables
from .hunting import ATTACKS, hunt
from .run import save
from .target import Target, ViolationError
from .target import target as attacked_target


@pytest.fixture(scope="module")
def target(database: Database, settings: Settings) -> Iterator[Target]:
    with attacked_target(database, settings) as attacked:
        yield attacked


def test_twenty_seconds_of_every_attack_find_nothing(target: Target):
    tally = hunt(target, 20.0, first_seed=3, batch=25)
    assert not tally.found, "\n".join(f"{found}\n{found.example!r}" for found in tally.found)
    for attack in ATTACKS:
        assert tally.tried[attack.name] >= 25, attack.name
        assert tally.accepted[attack.name] < tally.tried[attack.name], attack.name
    for attack in ATTACKS:
        # Most of what is damaged is refused, all of it in a short run.
        if not attack.name.startswith("damaged"):
            assert tally.accepted[attack.name] > 0, attack.name


def test_sql_that_postgresql_rejects_is_a_violation(
    target: Target, monkeypatch: pytest.MonkeyPatch
):
    class Broken:
        sql = "SELECT FROM WHERE"

    monkeypatch.setattr("fuzz.target.translate", lambda *_given, **_more: Broken)
    with pytest.raises(ViolationError, match="syntax error"):
        target.check_translation("SELECT 1 FROM bench.epn_core")


def test_an_exception_of_the_translator_is_a_violation_and_is_shrunk(
    target: Target, monkeypatch: pytest.MonkeyPatch
):
    def broken(query: str, *_given: object, **_more: object) -> None:
        raise IndexError(query)

    monkeypatch.setattr("fuzz.target.translate", broken)
    found = hunt(target, 0.5, batch=5).found
    assert found
    assert all("IndexError" in str(violation) for violation in found)


def test_what_is_found_is_saved_with_its_message(tmp_path):
    path = save(ViolationError("it broke", "SELECT 'é'"), tmp_path / "new")
    assert path.read_text(encoding="utf-8") == "SELECT 'é'"
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == "it broke\n"


@given(st.integers(0, 2**32))
@examples(max_examples=20, deadline=None)
def test_the_same_seed_makes_the_same_examples(number: int):
    for make in (
        lambda chance: queries.damaged(queries.Grammar(chance, geometry=True).query(), chance),
        lambda chance: votables.damaged(votables.document(chance), chance),
    ):
        assert make(Random(number)) == make(Random(number))
