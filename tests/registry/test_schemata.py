"""The documents hold to the XML schemas of the standards, where these are at hand."""

from __future__ import annotations

import httpx
import pytest
from lxml import etree

from .schemata import find_schemata, load_schema, namespaces_used

VS = "http://www.ivoa.net/xml/VODataService/v1.1"
VG = "http://www.ivoa.net/xml/VORegistry/v1.0"
OAI = "http://www.openarchives.org/OAI/2.0/"
OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"


@pytest.fixture(scope="module")
def schemata() -> dict[str, bytes]:
    found = find_schemata()
    if VS not in found:
        pytest.skip("no VODataService schema here: install stilts or python3-gavo")
    return found


@pytest.fixture(scope="module")
def schema(schemata: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> etree.XMLSchema:
    return load_schema(tmp_path_factory.mktemp("xsd"), schemata)


def check(schema: etree.XMLSchema, schemata: dict[str, bytes], document: bytes) -> None:
    root = etree.fromstring(document)
    missing = namespaces_used(root) - set(schemata)
    if missing:
        pytest.skip(f"no schema here of {', '.join(sorted(missing))}: install python3-gavo")
    schema.assertValid(root)


@pytest.mark.parametrize("path", ["regfirst/epn_core", "tap", "registry", "authority"])
def test_every_kind_of_record_is_valid(
    client: httpx.Client, schema: etree.XMLSchema, schemata: dict[str, bytes], path: str
) -> None:
    answer = client.get(f"/getRR/{path}")
    assert answer.status_code == 200
    check(schema, schemata, answer.content)


@pytest.mark.parametrize(
    "query",
    [
        "verb=Identify",
        "verb=ListSets",
        "verb=ListMetadataFormats",
        "verb=ListIdentifiers&metadataPrefix=ivo_vor",
        "verb=ListRecords&metadataPrefix=ivo_vor",
        "verb=ListRecords&metadataPrefix=oai_dc",
        "verb=GetRecord&metadataPrefix=ivo_vor&identifier=ivo://x-unregistered/tap",
        "verb=GetRecord&metadataPrefix=ivo_vor&identifier=ivo://x-unregistered/regdropped/epn_core",
        "verb=GetRecord&metadataPrefix=oai_dc&identifier=ivo://x-unregistered/regfirst/epn_core",
        "verb=Nonsense",
    ],
)
def test_every_kind_of_answer_is_valid(
    client: httpx.Client, schema: etree.XMLSchema, schemata: dict[str, bytes], query: str
) -> None:
    check(schema, schemata, client.get(f"/oai.xml?{query}").content)


def test_a_wrong_record_is_found_out(
    client: httpx.Client, schema: etree.XMLSchema, schemata: dict[str, bytes]
) -> None:
    root = etree.fromstring(client.get("/getRR/regfirst/epn_core").content)
    root.find("content").remove(root.find("content/description"))
    with pytest.raises(etree.DocumentInvalid, match=r"source|referenceURL"):
        schema.assertValid(root)
