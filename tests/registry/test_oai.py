"""OAI-PMH 2.0 at /oai.xml."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from starlette.applications import Starlette

from epntap.errors import DatabaseUnavailableError
from epntap.registry import RegistryRoutes
from epntap.registry.oai import Repository
from epntap.registry.oai_requests import OaiError, Selection, read_token, write_token
from epntap.settings import Settings
from epntap.tap.query import TableSets

from .conftest import SINCE

NAMESPACES = {
    "oai": "http://www.openarchives.org/OAI/2.0/",
    "ri": "http://www.ivoa.net/xml/RegistryInterface/v1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
}

EVERYTHING = {
    "ivo://x-unregistered",
    "ivo://x-unregistered/registry",
    "ivo://x-unregistered/tap",
    "ivo://x-unregistered/regfirst/epn_core",
    "ivo://x-unregistered/regsecond/epn_core",
    "ivo://x-unregistered/regdropped/epn_core",
}


def find(root: etree._Element, path: str) -> list[etree._Element]:
    return root.findall(path, NAMESPACES)


def texts(root: etree._Element, path: str) -> list[str]:
    return [element.text for element in find(root, path)]


def ask(client: httpx.Client, **arguments: str) -> etree._Element:
    answer = client.get("/oai.xml", params=arguments)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    return etree.fromstring(answer.content)


def error_codes(root: etree._Element) -> list[str]:
    return [element.get("code") for element in find(root, "oai:error")]


def pages(client: httpx.Client, verb: str, **arguments: str) -> list[etree._Element]:
    """Return all answers of a list request."""
    answers = [ask(client, verb=verb, **arguments)]
    while token := answers[-1].findtext(f"oai:{verb}/oai:resumptionToken", None, NAMESPACES):
        answers.append(ask(client, verb=verb, resumptionToken=token))
    return answers


def identifiers(answers: list[etree._Element]) -> list[str]:
    return [each for root in answers for each in texts(root, ".//oai:header/oai:identifier")]


def test_identify_describes_the_registry(client: httpx.Client, base_url: str) -> None:
    identify = ask(client, verb="Identify").find("oai:Identify", NAMESPACES)
    assert identify.findtext("oai:baseURL", None, NAMESPACES) == f"{base_url}/oai.xml"
    assert identify.findtext("oai:deletedRecord", None, NAMESPACES) == "persistent"
    assert identify.findtext("oai:granularity", None, NAMESPACES) == "YYYY-MM-DDThh:mm:ssZ"
    registry = identify.find("oai:description/ri:Resource", NAMESPACES)
    assert registry.findtext("identifier") == "ivo://x-unregistered/registry"
    assert registry.findtext("managedAuthority") == "x-unregistered"
    assert registry.findtext("capability/maxRecords") == "2"


def test_the_earliest_datestamp_is_before_all_records(client: httpx.Client) -> None:
    earliest = ask(client, verb="Identify").findtext(".//oai:earliestDatestamp", None, NAMESPACES)
    answers = pages(client, "ListIdentifiers", metadataPrefix="ivo_vor")
    assert all(earliest <= stamp for root in answers for stamp in texts(root, ".//oai:datestamp"))


def test_the_set_of_managed_records_is_listed(client: httpx.Client) -> None:
    assert texts(ask(client, verb="ListSets"), ".//oai:setSpec") == ["ivo_managed"]


@pytest.mark.parametrize("arguments", [{}, {"identifier": "ivo://x-unregistered/tap"}])
def test_both_formats_are_listed(client: httpx.Client, arguments: dict[str, str]) -> None:
    root = ask(client, verb="ListMetadataFormats", **arguments)
    assert texts(root, ".//oai:metadataPrefix") == ["ivo_vor", "oai_dc"]


@pytest.mark.parametrize("verb", ["ListIdentifiers", "ListRecords"])
@pytest.mark.parametrize("prefix", ["ivo_vor", "oai_dc"])
@pytest.mark.parametrize("chosen", [{}, {"set": "ivo_managed"}])
def test_tokens_lead_through_all_records_once(
    client: httpx.Client, verb: str, prefix: str, chosen: dict[str, str]
) -> None:
    answers = pages(client, verb, metadataPrefix=prefix, **chosen)
    found = identifiers(answers)
    assert set(found) >= EVERYTHING
    assert len(found) == len(set(found))
    assert all(len(identifiers([root])) <= 2 for root in answers)
    tokens = [find(root, ".//oai:resumptionToken")[0] for root in answers]
    assert [int(token.get("cursor")) for token in tokens] == list(range(0, len(found), 2))
    assert {token.get("completeListSize") for token in tokens} == {str(len(found))}
    assert tokens[-1].text is None


def test_a_list_that_fits_one_answer_has_no_token(registry: RegistryRoutes) -> None:
    repository = registry.repository()
    whole = Repository(repository.site, repository.holdings, repository.records, page_size=1000)
    root = etree.fromstring(
        whole.answer([("verb", "ListIdentifiers"), ("metadataPrefix", "ivo_vor")])
    )
    assert set(identifiers([root])) >= EVERYTHING
    assert not find(root, ".//oai:resumptionToken")


def test_a_withdrawn_catalogue_is_a_deleted_record(client: httpx.Client) -> None:
    for prefix in ("ivo_vor", "oai_dc"):
        root = ask(
            client,
            verb="GetRecord",
            metadataPrefix=prefix,
            identifier="ivo://x-unregistered/regdropped/epn_core",
        )
        (header,) = find(root, ".//oai:header")
        assert header.get("status") == "deleted"
        assert not find(root, ".//oai:metadata")


def test_a_record_comes_in_both_formats(client: httpx.Client) -> None:
    arguments = {"verb": "GetRecord", "identifier": "ivo://x-unregistered/regfirst/epn_core"}
    root = ask(client, metadataPrefix="ivo_vor", **arguments)
    assert texts(root, ".//ri:Resource/title") == ["Events of regfirst & others"]
    root = ask(client, metadataPrefix="oai_dc", **arguments)
    assert texts(root, ".//dc:title") == ["Events of regfirst & others"]
    assert texts(root, ".//dc:creator") == ["Doe, J.", "Roe, R."]
    assert texts(root, ".//dc:relation") == ["ivo://x-unregistered/tap"]


def test_identifiers_are_compared_without_case(client: httpx.Client) -> None:
    root = ask(
        client, verb="GetRecord", metadataPrefix="ivo_vor", identifier="IVO://X-Unregistered/TAP"
    )
    assert texts(root, ".//oai:header/oai:identifier") == ["ivo://x-unregistered/tap"]


def test_a_posted_request_gets_the_same_answer(client: httpx.Client) -> None:
    arguments = {"verb": "ListIdentifiers", "metadataPrefix": "ivo_vor"}
    posted = etree.fromstring(client.post("/oai.xml", data=arguments).content)
    assert identifiers([posted]) == identifiers([ask(client, **arguments)])


def test_the_request_is_repeated_in_the_answer(client: httpx.Client, base_url: str) -> None:
    (echo,) = find(
        ask(client, verb="GetRecord", metadataPrefix="ivo_vor", identifier="ivo://a/b"),
        "oai:request",
    )
    assert echo.text == f"{base_url}/oai.xml"
    assert dict(echo.attrib) == {
        "verb": "GetRecord",
        "metadataPrefix": "ivo_vor",
        "identifier": "ivo://a/b",
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "badVerb"),
        ("verb=Nonsense", "badVerb"),
        ("verb=identify", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&metadataPrefix=ivo_vor", "badArgument"),
        ("verb=GetRecord&identifier=ivo://x-unregistered/tap", "badArgument"),
        ("verb=GetRecord&metadataPrefix=ivo_vor", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&metadataPrefix=ivo_vor", "badArgument"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&resumptionToken=x", "badArgument"),
        ("verb=GetRecord&resumptionToken=x", "badArgument"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&from=yesterday", "badArgument"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&from=2020-02-30", "badArgument"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&until=2020-01-01T00:00:00", "badArgument"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&until=2020-01-01T00:00Z", "badArgument"),
        (
            "verb=ListRecords&metadataPrefix=ivo_vor&from=2020-01-01&until=2021-01-01T00:00:00Z",
            "badArgument",
        ),
        ("verb=ListRecords&metadataPrefix=ivo_vor&from=2021-01-01&until=2020-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=marc21", "cannotDisseminateFormat"),
        (
            "verb=GetRecord&metadataPrefix=marc21&identifier=ivo://x-unregistered/tap",
            "cannotDisseminateFormat",
        ),
        ("verb=GetRecord&metadataPrefix=ivo_vor&identifier=ivo://nobody/nothing", "idDoesNotExist"),
        ("verb=ListMetadataFormats&identifier=ivo://nobody/nothing", "idDoesNotExist"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&set=other", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&until=1999-12-31", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=ivo_vor&from=2999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=nonsense", "badResumptionToken"),
        ("verb=ListIdentifiers&resumptionToken=", "badResumptionToken"),
        ("verb=ListSets&resumptionToken=nonsense", "badResumptionToken"),
    ],
)
def test_each_mistake_has_its_code(client: httpx.Client, query: str, code: str) -> None:
    root = etree.fromstring(client.get(f"/oai.xml?{query}").content)
    assert error_codes(root) == [code]
    (echo,) = find(root, "oai:request")
    assert bool(echo.attrib) == (code not in ("badVerb", "badArgument"))


def test_from_and_until_are_inclusive(registry: RegistryRoutes) -> None:
    repository = registry.repository()

    def listed(**arguments: str) -> set[str]:
        pairs = [("verb", "ListIdentifiers"), ("metadataPrefix", "ivo_vor"), *arguments.items()]
        whole = Repository(repository.site, repository.holdings, repository.records, 1000)
        return set(identifiers([etree.fromstring(whole.answer(pairs))]))

    record = next(each for each in repository.records if "regfirst" in each.identifier)
    moment, second = record.datestamp, timedelta(seconds=1)
    assert record.identifier in listed(**{"from": f"{moment:%Y-%m-%dT%H:%M:%SZ}"})
    assert record.identifier not in listed(**{"from": f"{moment + second:%Y-%m-%dT%H:%M:%SZ}"})
    assert record.identifier in listed(until=f"{moment:%Y-%m-%dT%H:%M:%SZ}")
    assert record.identifier not in listed(until=f"{moment - second:%Y-%m-%dT%H:%M:%SZ}")
    assert record.identifier in listed(**{"from": f"{moment:%Y-%m-%d}"})
    assert record.identifier in listed(until=f"{moment:%Y-%m-%d}")
    assert record.identifier not in listed(until=f"{moment - timedelta(days=1):%Y-%m-%d}")


def test_a_list_that_lost_its_end_is_to_be_harvested_anew(client: httpx.Client) -> None:
    late = Selection("ivo_vor", cursor=2, after=(datetime(2999, 1, 1, tzinfo=UTC), "ivo://z"))
    root = ask(client, verb="ListRecords", resumptionToken=write_token(late))
    assert error_codes(root) == ["badResumptionToken"]


def test_a_request_that_is_too_long_is_refused(client: httpx.Client) -> None:
    assert client.post("/oai.xml", content=b"verb=Identify&x=" + b"y" * 100_000).status_code == 413
    assert client.get("/oai.xml?" + "&".join(["a=b"] * 200)).status_code == 413


class NoDatabase:
    """A database that does not answer."""

    def publisher(self) -> None:
        raise DatabaseUnavailableError("the database does not answer")


@pytest.mark.parametrize("path", ["/oai.xml?verb=Identify", "/getRR/tap"])
def test_a_harvester_is_told_to_come_back_when_the_database_is_away(
    registry_settings: Settings, path: str
) -> None:
    away: Any = NoDatabase()
    routes = RegistryRoutes(away, TableSets(away), registry_settings).routes()

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    answer = asyncio.run(ask())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(
    st.builds(
        Selection,
        prefix=st.sampled_from(["ivo_vor", "oai_dc"]),
        earliest=st.none() | moments,
        latest=st.none() | moments,
        set_name=st.sampled_from([None, "ivo_managed"]),
        cursor=st.integers(1, 10**8),
        after=st.tuples(moments, st.text(min_size=1).map(lambda text: f"ivo://{text}")),
    )
)
def test_a_token_brings_back_its_selection(chosen: Selection) -> None:
    assert read_token(write_token(chosen)) == chosen


@given(st.text() | st.binary().map(lambda data: data.hex()))
def test_any_other_text_is_no_token(text: str) -> None:
    with pytest.raises(OaiError) as caught:
        read_token(text)
    assert caught.value.code == "badResumptionToken"


@pytest.fixture(scope="module")
def repository(registry: RegistryRoutes) -> Repository:
    return registry.repository()


words = st.sampled_from(
    ["verb", "Identify", "ListRecords", "GetRecord", "ListSets", "metadataPrefix", "ivo_vor",
     "identifier", "from", "until", "set", "resumptionToken", "2020-01-01", str(SINCE)]
)  # fmt: skip


@given(st.lists(st.tuples(words | st.text(), words | st.text()), max_size=5), st.booleans())
def test_any_arguments_get_a_well_formed_answer(
    repository: Repository, pairs: list[tuple[str, str]], with_verb: bool
) -> None:
    if with_verb:
        pairs = [("verb", "ListIdentifiers"), ("metadataPrefix", "ivo_vor"), *pairs]
    root = etree.fromstring(repository.answer(pairs))
    assert len(root) == 3
    assert etree.QName(root[2]).localname in ("error", *dict(pairs).values())
