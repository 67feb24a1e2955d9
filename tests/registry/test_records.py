"""What the records say."""

from __future__ import annotations

import httpx
import pytest
from lxml import etree
from vo_models.voregistry.models import Authority, Registry

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def record(client: httpx.Client, path: str) -> etree._Element:
    answer = client.get(f"/getRR/{path}")
    assert answer.status_code == 200
    return etree.fromstring(answer.content)


def texts(root: etree._Element, path: str) -> list[str]:
    return [element.text for element in root.findall(path)]


def canonical(element: etree._Element) -> bytes:
    """Return an element without the namespaces that it declares but does not use."""
    copied = etree.fromstring(etree.tostring(element))
    etree.cleanup_namespaces(copied)
    text: bytes = etree.tostring(copied, method="c14n", exclusive=True)
    return text


def test_the_record_of_a_table_says_who_made_it_and_under_which_terms(
    client: httpx.Client,
) -> None:
    root = record(client, "regfirst/epn_core")
    assert root.get(XSI_TYPE) == "vs:CatalogResource"
    assert root.get("status") == "active"
    assert texts(root, "curation/creator/name") == ["Doe, J.", "Roe, R."]
    assert texts(root, "curation/creator/altIdentifier") == [
        "https://orcid.org/0000-0002-1825-0097"
    ]
    assert texts(root, "curation/publisher") == ["Example Institute"]
    assert texts(root, "curation/contact/email") == ["help@example.org"]
    assert texts(root, "rights") == ["CC BY 4.0"]
    assert root.find("rights").get("rightsURI").startswith("https://creativecommons.org/")
    assert [each.get("role") for each in root.findall("curation/date")] == ["Created", "Updated"]


def test_the_record_of_a_table_says_what_it_is_about(client: httpx.Client) -> None:
    root = record(client, "regfirst/epn_core")
    assert texts(root, "content/subject") == ["solar-physics", "solar-wind"]
    assert texts(root, "content/description") == ["Events <found> in measurements."]
    assert texts(root, "content/type") == ["Catalog"]
    assert texts(root, "content/contentLevel") == ["Research"]
    assert texts(root, "facility") == ["Wind"]
    assert texts(root, "instrument") == ["MFI", "SWE"]


def test_the_first_publication_is_the_source_and_the_others_are_cited(
    client: httpx.Client,
) -> None:
    root = record(client, "regfirst/epn_core")
    (source,) = root.findall("content/source")
    assert (source.text, source.get("format")) == ("doi:10.1029/2022SW003149", "doi")
    cited = [
        each.findtext("relatedResource")
        for each in root.findall("content/relationship")
        if each.findtext("relationshipType") == "Cites"
    ]
    assert cited == ["A page (https://example.org/page)", "Another (doi:10.3847/1538-4357/ab08d2)"]


def test_the_coverage_in_time_is_that_of_the_rows(client: httpx.Client) -> None:
    # 2019-05-01T00:00 is MJD 58604, 2019-06-03T12:00 is MJD 58637.5; one row has no times.
    assert texts(record(client, "regfirst/epn_core"), "coverage/temporal") == [
        "58604.00000 58637.50000"
    ]


def test_the_table_is_served_by_the_tap_service(client: httpx.Client, base_url: str) -> None:
    root = record(client, "regfirst/epn_core")
    (capability,) = root.findall("capability")
    assert capability.get("standardID") == "ivo://ivoa.net/std/TAP#aux"
    (interface,) = capability.findall("interface")
    assert interface.get(XSI_TYPE) == "vs:ParamHTTP"
    assert (interface.get("role"), interface.get("version")) == ("std", "1.1")
    (url,) = interface.findall("accessURL")
    assert (url.text, url.get("use")) == (f"{base_url}/tap", "base")
    related = {
        each.findtext("relationshipType"): each.find("relatedResource").get("ivo-id")
        for each in root.findall("content/relationship")
    }
    assert related["IsServedBy"] == record(client, "tap").findtext("identifier")


def test_the_columns_are_those_that_tap_shows(client: httpx.Client) -> None:
    (table,) = record(client, "regfirst/epn_core").findall("tableset/schema/table")
    shown = etree.fromstring(client.get("/tap/tables/regfirst.epn_core").content)
    assert table.findtext("utype") == "ivo://ivoa.net/std/epntap#table-2.0"
    assert table.findtext("nrows") == "3"
    ours, theirs = table.findall("column"), shown.findall("column")
    assert len(ours) > 46
    assert [canonical(each) for each in ours] == [canonical(each) for each in theirs]


def test_the_service_has_the_capabilities_that_tap_shows(client: httpx.Client) -> None:
    root = record(client, "tap")
    assert root.get(XSI_TYPE) == "vs:CatalogService"
    shown = etree.fromstring(client.get("/tap/capabilities").content)
    ours, theirs = root.findall("capability"), shown.findall("capability")
    assert [canonical(each) for each in ours] == [canonical(each) for each in theirs]
    assert "ivo://ivoa.net/std/TAP" in [each.get("standardID") for each in ours]


def test_the_service_lists_every_published_table_and_no_other(client: httpx.Client) -> None:
    names = texts(record(client, "tap"), "tableset/schema/table/name")
    assert {"regfirst.epn_core", "regsecond.epn_core"} <= set(names)
    assert "regdropped.epn_core" not in names
    assert all(name.endswith(".epn_core") for name in names)


def test_the_placeholder_authority_says_that_it_is_one(client: httpx.Client) -> None:
    root = record(client, "authority")
    assert root.get(XSI_TYPE) == "vg:Authority"
    assert root.findtext("identifier") == "ivo://x-unregistered"
    assert "not registered" in root.findtext("content/description")


def test_a_withdrawn_record_is_gone_and_an_unknown_one_not_found(client: httpx.Client) -> None:
    gone = client.get("/getRR/regdropped/epn_core")
    assert gone.status_code == 410
    assert "withdrawn" in gone.text
    unknown = client.get("/getRR/nothing/epn_core")
    assert unknown.status_code == 404
    assert "regfirst/epn_core" in unknown.text


@pytest.mark.parametrize("path", ["authority", "registry", "tap", "regfirst/epn_core"])
def test_no_record_was_updated_before_it_was_created(client: httpx.Client, path: str) -> None:
    root = record(client, path)
    assert root.get("created") <= root.get("updated")


@pytest.mark.parametrize(("path", "model"), [("authority", Authority), ("registry", Registry)])
def test_a_reader_of_others_understands_the_records_of_the_registry(
    client: httpx.Client, path: str, model: type[Authority | Registry]
) -> None:
    content = client.get(f"/getRR/{path}").content
    read = model.from_xml(content)
    assert str(read.identifier) == record(client, path).findtext("identifier")
    if isinstance(read, Registry):
        assert read.full is False
        assert [str(each) for each in read.managed_authority] == ["x-unregistered"]
