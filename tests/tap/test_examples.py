"""The examples page, as people and programs read it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import httpx
import pytest
import pyvo
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from registry.serving import serving
from starlette.applications import Starlette
from starlette.routing import Mount

from epntap.catalogue import ExampleQuery
from epntap.database import Database
from epntap.settings import Settings
from epntap.tap.examples import Example, ExamplesResource, examples_document, tables_named_in
from epntap.tap.query import TableSets
from epntap.tap.routes import TapRoutes

XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def base_url(database: Database, settings: Settings, moons: str) -> Iterator[str]:
    """The base URL of a TAP service with examples."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = settings.model_copy(update={"port": listener.getsockname()[1]})
        tablesets = TableSets(database)
        tap = TapRoutes(database, tablesets, here, ThreadPoolExecutor(2, "query"))
        examples = ExamplesResource(database, tablesets, here)
        # Ours comes first: the service may have mounted the same resource by itself.
        app = Starlette(routes=[Mount("/tap", routes=[*examples.routes(), *tap.routes()])])
        with serving(app, listener):
            yield here.url


@pytest.fixture(scope="module")
def page(base_url: str) -> ElementTree.Element:
    answer = httpx.get(f"{base_url}/tap/examples")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xhtml+xml")
    return ElementTree.fromstring(answer.content)


def examples_of(page: ElementTree.Element) -> list[ElementTree.Element]:
    return page.findall(".//*[@typeof='example']")


def properties(example: ElementTree.Element, name: str) -> list[str]:
    return [element.text or "" for element in example.iterfind(f".//*[@property='{name}']")]


def test_every_example_has_what_dali_asks_for(page: ElementTree.Element) -> None:
    vocabularies = [each.get("vocab") for each in page.iter() if each.get("vocab")]
    assert vocabularies == ["http://www.ivoa.net/rdf/examples#"]
    examples = examples_of(page)
    assert len(examples) >= 2
    identifiers = [example.get("id") for example in examples]
    assert len(set(identifiers)) == len(identifiers)
    for example in examples:
        assert example.get("resource") == f"#{example.get('id')}"
        assert len(properties(example, "name")) == len(properties(example, "query")) == 1


def test_no_property_stands_on_a_link(page: ElementTree.Element) -> None:
    assert all(each.get("property") is None for each in page.iter(f"{XHTML}a"))


def test_the_examples_of_a_catalogue_are_there_with_their_table(
    page: ElementTree.Element,
) -> None:
    found = {properties(each, "name")[0]: each for each in examples_of(page)}
    big = found["Big ones"]
    assert properties(big, "query") == [
        "SELECT granule_uid FROM moons.epn_core WHERE mean_radius > 2000"
    ]
    assert properties(big, "table") == ["moons.epn_core"]


def test_pyvo_reads_the_examples_and_each_of_them_runs(base_url: str) -> None:
    examples = pyvo.dal.TAPService(f"{base_url}/tap").examples
    assert len(examples) >= 2
    results = {query["QUERY"]: query.execute() for query in examples}
    discovery = next(result for text, result in results.items() if "TAP_SCHEMA" in text)
    assert "moons.epn_core" in list(discovery["table_name"])
    big = next(result for text, result in results.items() if "moons" in text)
    assert set(big["granule_uid"]) == {"Ganymede", "Callisto"}


def test_tables_are_found_in_a_query_without_regard_to_case() -> None:
    known = ["a.epn_core", "aa.epn_core", "TAP_SCHEMA.tables"]
    query = "SELECT * FROM A.EPN_CORE JOIN tap_schema.TABLES ON 1 = 1"
    assert tables_named_in(query, known) == ("a.epn_core", "TAP_SCHEMA.tables")
    assert tables_named_in("SELECT x FROM a.epn_core_old", known) == ()


texts = st.text(min_size=1, max_size=30)


@given(st.lists(st.tuples(texts, texts, texts, st.none() | texts), max_size=5))
def test_any_texts_make_a_well_formed_page_with_unique_ids(
    settings: Settings,
    given_texts: list[tuple[str, str, str, str | None]],
) -> None:
    examples = [
        Example(group, ExampleQuery(name=name, query=query, description=description), ("a.b",))
        for group, name, query, description in given_texts
    ]
    root = etree.fromstring(examples_document(examples, settings))
    found = root.findall(".//*[@typeof='example']")
    assert len({each.get("id") for each in found}) == len(found) == len(examples)
