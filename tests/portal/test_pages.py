"""The pages for people, and the paths of DaCHS."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from lxml import html
from registry.serving import serving
from starlette.applications import Starlette
from starlette.routing import Mount

from epntap.database import Database
from epntap.portal.dachs import dachs_routes
from epntap.portal.pages import Portal
from epntap.settings import Settings
from epntap.tap.query import TableSets
from epntap.tap.routes import TapRoutes

QUERY = {"LANG": "ADQL", "QUERY": "SELECT COUNT(*) AS n FROM moons.epn_core", "FORMAT": "csv"}


@pytest.fixture(scope="module")
def client(database: Database, settings: Settings, moons: str) -> Iterator[httpx.Client]:
    """A client of pages, TAP, and TAP as DaCHS has it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = settings.model_copy(update={"port": listener.getsockname()[1]})
        tablesets = TableSets(database)
        tap = TapRoutes(database, tablesets, here, ThreadPoolExecutor(2, "query")).routes()
        app = Starlette(
            routes=[
                Mount("/tap", routes=tap),
                *dachs_routes(tap),
                *Portal(database, tablesets, here).routes(),
            ]
        )
        with serving(app, listener), httpx.Client(base_url=here.url, timeout=60) as opened:
            yield opened


@pytest.mark.parametrize("prefix", ["/__system__/tap/run", "/__system__/tap/run/tap"])
def test_tap_answers_under_the_paths_of_dachs(client: httpx.Client, prefix: str) -> None:
    for answer in (
        client.get(f"{prefix}/sync", params=QUERY),
        client.post(f"{prefix}/sync", data=QUERY),
    ):
        assert answer.status_code == 200
        assert answer.text.split() == ["n", "5"]
    for path in ("capabilities", "availability", "tables", "tables/moons.epn_core"):
        assert client.get(f"{prefix}/{path}").content == client.get(f"/tap/{path}").content


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/__system__/tap/run", "/tap"),
        ("/__system__/tap/run/", "/tap"),
        ("/__system__/tap/run/tap", "/tap"),
        ("/__system__/tap/run/tap/", "/tap"),
        ("/__system__/adql/query/form", "/#query"),
        ("/__system__/dc_tables/list/form", "/#catalogues"),
        ("/static/help.shtml", "/help"),
    ],
)
def test_pages_of_dachs_lead_to_ours(client: httpx.Client, path: str, target: str) -> None:
    answer = client.get(path)
    assert answer.is_redirect
    assert answer.headers["location"] == target


def test_a_path_that_neither_has_is_not_found(client: httpx.Client) -> None:
    assert client.get("/__system__/tap/run/nothing").status_code == 404


def test_the_table_page_shows_every_column(client: httpx.Client) -> None:
    answer = client.get("/tableinfo/moons.epn_core")
    assert answer.status_code == 200
    page = html.fromstring(answer.text)
    names = page.xpath("//tbody/tr/td[1]/code/text()")
    vosi = html.fromstring(client.get("/tap/tables/moons.epn_core").content)
    assert names == vosi.xpath("//column/name/text()")
    assert 'A note with <, & and "' in page.xpath("//tr[@id='column-note']/td[5]")[0].text_content()


def test_the_table_page_is_found_without_regard_to_case(client: httpx.Client) -> None:
    assert client.get("/tableinfo/tap_schema.TABLES").status_code == 200


def test_an_unknown_table_has_a_page_that_says_so(client: httpx.Client) -> None:
    answer = client.get("/tableinfo/<script>.x")
    assert answer.status_code == 404
    assert "&lt;script&gt;" in answer.text
    assert "<script>" not in answer.text


def test_the_help_page_names_limits_formats_and_functions(client: httpx.Client) -> None:
    page = html.fromstring(client.get("/help").text)
    text = page.text_content()
    assert "20,000 rows" in text
    assert "ivo_hashlist_has(hashlist VARCHAR, item VARCHAR)" in text
    assert "application/x-votable+xml" in text


@pytest.mark.parametrize("path", ["/", "/help", "/catalogue/moons", "/tableinfo/moons.epn_core"])
def test_the_pages_link_to_nothing_that_is_not_there(client: httpx.Client, path: str) -> None:
    # Mounted by the service beside the pages, and tested with their own modules.
    elsewhere = ("/getRR/", "/oai.xml", "/tap/examples", "/run")
    page = html.fromstring(client.get(path).text)
    # A form is no link: what it leads to wants its fields.
    links = {
        link
        for _, attribute, link, _ in page.iterlinks()
        if attribute != "action" and link.startswith("/")
    }
    assert links
    for link in links:
        if not link.startswith(elsewhere):
            assert client.get(link, follow_redirects=True).status_code == 200, link


@pytest.mark.parametrize("path", ["/favicon.ico", "/favicon.png"])
def test_the_icon_is_a_picture(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


def test_the_catalogue_page_shows_rows_and_columns(client: httpx.Client) -> None:
    page = html.fromstring(client.get("/catalogue/moons").text)
    assert "Ganymede" in page.text_content()
    assert page.xpath("//tr[@id='column-granule_uid']")
