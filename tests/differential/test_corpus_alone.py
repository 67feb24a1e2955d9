"""The whole corpus on this service alone: what shall work works, and the rest is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from tests_support import serving

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, publish
from epntap.settings import Settings

from .answers import PLACE, ask, offered
from .corpus import Case, Outcome, read_corpus
from .rows import bench_rows

CASES = read_corpus()

YAML = Path(__file__).parents[1] / "data" / "bench.yaml"


@pytest.fixture(scope="module")
def bench(settings: Settings, new_home: Callable[[], Path]) -> Iterator[str]:
    """TAP URL of a service that has the small catalogue and nothing else.

    With others beside it a table without its schema would be ambiguous.
    """
    here = settings.model_copy(
        update={"home": new_home(), "maxrec": 20_000, "query_seconds": 5.0, "stream_seconds": 60.0}
    )
    with Database.open(here) as database:
        publish(database, read_catalogue(YAML), DataFrameSource(bench_rows(), "simulated events"))
        with serving(database, here) as shown:
            yield f"{shown.url}/tap"


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


@pytest.fixture(scope="module")
def capable(bench: str, session: requests.Session) -> frozenset[str]:
    return offered(bench, session)


def test_the_corpus_is_large_and_every_query_is_there_once():
    assert len(CASES) >= 300
    assert len({case.adql for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_query_of_the_corpus_is_answered_as_expected(
    case: Case, bench: str, capable: frozenset[str], session: requests.Session
):
    missing = sorted(set(case.needs) - capable)
    if missing:
        pytest.skip(f"this service does not offer {', '.join(missing)}")
    answer = ask(bench, case.adql, session)
    assert answer.outcome is case.ours, answer.message
    if case.ours is Outcome.ROWS:
        assert answer.fields
        assert len({field.name for field in answer.fields}) == len(answer.fields)
    else:
        assert answer.message
        assert bool(PLACE.search(answer.message)) is (case.ours is Outcome.REFUSED)
