"""A searchable registry that harvests us finds every table.

What a registry does to records when it takes them up is written down in RegTAP 1.1: which element
becomes which column, and which columns are put in lower case. Here a small one does the same to the
records that it harvests from us, and the queries by which people look for EPN-TAP tables are run
on it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from xml.etree import ElementTree

import httpx
import pytest
from pyvo.registry import Datamodel, Servicetype

OAI = "{http://www.openarchives.org/OAI/2.0/}"
RI = "{http://www.ivoa.net/xml/RegistryInterface/v1.0}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

TABLES = """
CREATE TABLE rr.resource (ivoid, res_type, res_title, content_level, content_type);
CREATE TABLE rr.res_subject (ivoid, res_subject);
CREATE TABLE rr.capability (ivoid, cap_index, cap_type, standard_id);
CREATE TABLE rr.interface (ivoid, cap_index, intf_index, intf_type, intf_role, std_version,
                           url_use, access_url);
CREATE TABLE rr.res_table (ivoid, table_index, table_name, table_utype, nrows);
CREATE TABLE rr.table_column (ivoid, table_index, name, ucd, unit, datatype);
CREATE TABLE rr.relationship (ivoid, relationship_type, related_id);
"""

#: The condition of EPN-TAP 2.0 on the utype; registries hold utypes in lower case.
EPN_TABLE = """(table_utype = 'ivo://vopdc.obspm/std/epncore#schema-2.0'
                OR table_utype LIKE 'ivo://ivoa.net/std/epntap#table-2.%')"""


def lower(text: str | None) -> str | None:
    return None if text is None else text.strip().lower()


def ingest(database: sqlite3.Connection, resource: ElementTree.Element) -> None:
    """Take one record up."""
    ivoid = lower(resource.findtext("identifier"))

    def add(table: str, *values: object) -> None:
        marks = ", ".join("?" * (len(values) + 1))
        database.execute(f"INSERT INTO rr.{table} VALUES ({marks})", (ivoid, *values))

    types = "#".join(lower(each.text) or "" for each in resource.iterfind("content/type"))
    add(
        "resource",
        lower(resource.get(XSI_TYPE)),
        resource.findtext("title"),
        lower(resource.findtext("content/contentLevel")),
        types,
    )
    for subject in resource.iterfind("content/subject"):
        add("res_subject", subject.text)
    for each in resource.iterfind("content/relationship"):
        for related in each.iterfind("relatedResource"):
            add(
                "relationship",
                lower(each.findtext("relationshipType")),
                lower(related.get("ivo-id")),
            )
    intf_index = 0
    for cap_index, capability in enumerate(resource.iterfind("capability"), start=1):
        add(
            "capability",
            cap_index,
            lower(capability.get(XSI_TYPE)),
            lower(capability.get("standardID")),
        )
        for interface in capability.iterfind("interface"):
            intf_index += 1
            url = interface.find("accessURL")
            assert url is not None
            add(
                "interface",
                cap_index,
                intf_index,
                lower(interface.get(XSI_TYPE)),
                lower(interface.get("role")),
                interface.get("version"),
                lower(url.get("use")),
                (url.text or "").strip(),
            )
    for table_index, table in enumerate(resource.iterfind("tableset/schema/table"), start=1):
        add(
            "res_table",
            table_index,
            lower(table.findtext("name")),
            lower(table.findtext("utype")),
            table.findtext("nrows"),
        )
        for column in table.iterfind("column"):
            add(
                "table_column",
                table_index,
                lower(column.findtext("name")),
                lower(column.findtext("ucd")),
                column.findtext("unit"),
                lower(column.findtext("dataType")),
            )


@pytest.fixture(scope="module")
def searchable(client: httpx.Client) -> Iterator[sqlite3.Connection]:
    """A searchable registry that has harvested ours."""
    database = sqlite3.connect(":memory:")
    database.execute("ATTACH ':memory:' AS rr")
    database.execute("PRAGMA case_sensitive_like = ON")
    database.executescript(TABLES)
    arguments = {"metadataPrefix": "ivo_vor", "set": "ivo_managed"}
    while arguments:
        answer = client.get("/oai.xml", params={"verb": "ListRecords", **arguments})
        root = ElementTree.fromstring(answer.content)
        for resource in root.iter(f"{RI}Resource"):
            ingest(database, resource)
        token = root.findtext(f".//{OAI}resumptionToken")
        arguments = {"resumptionToken": token} if token else {}
    yield database
    database.close()


@pytest.fixture(scope="module")
def published(client: httpx.Client) -> set[str]:
    """The EPN-TAP tables that the service itself shows."""
    root = ElementTree.fromstring(client.get("/tap/tables?detail=min").content)
    names = {table.findtext("name") or "" for table in root.iterfind("schema/table")}
    return {name for name in names if name.endswith(".epn_core")}


def test_the_query_of_the_standard_finds_every_table(
    searchable: sqlite3.Connection, published: set[str], base_url: str
) -> None:
    rows = searchable.execute(
        "SELECT DISTINCT table_name, access_url FROM rr.res_table NATURAL JOIN rr.capability"
        f" NATURAL JOIN rr.interface WHERE {EPN_TABLE}"
        " AND standard_id LIKE 'ivo://ivoa.net/std/tap%' AND intf_role = 'std'"
    ).fetchall()
    assert {"regfirst.epn_core", "regsecond.epn_core"} <= published
    assert set(rows) == {(name, f"{base_url}/tap") for name in published}


def test_clients_that_know_only_the_service_find_every_table_too(
    searchable: sqlite3.Connection, published: set[str], base_url: str
) -> None:
    """The notebooks of VESPA compare the standard id exactly and miss auxiliary capabilities."""
    rows = searchable.execute(
        "SELECT table_name, access_url FROM rr.res_table NATURAL JOIN rr.capability"
        f" NATURAL JOIN rr.interface WHERE {EPN_TABLE}"
        " AND standard_id = 'ivo://ivoa.net/std/tap' AND intf_role = 'std'"
    ).fetchall()
    assert sorted(rows) == sorted((name, f"{base_url}/tap") for name in published)


def test_pyvo_finds_every_table_with_and_without_auxiliary_services(
    searchable: sqlite3.Connection, published: set[str]
) -> None:
    model = Datamodel("epntap").get_search_condition(None)
    for services in (Servicetype("tap").include_auxiliary_services(), Servicetype("tap")):
        rows = searchable.execute(
            "SELECT DISTINCT table_name FROM rr.resource NATURAL JOIN rr.capability"
            " NATURAL JOIN rr.interface NATURAL JOIN rr.res_table"
            f" WHERE ({model}) AND ({services.get_search_condition(None)})"
        ).fetchall()
        assert {name for (name,) in rows} == published


def test_the_service_of_each_table_is_reached_by_its_relationship(
    searchable: sqlite3.Connection, published: set[str], base_url: str
) -> None:
    rows = searchable.execute(
        "SELECT t.table_name, i.access_url FROM rr.res_table AS t"
        " JOIN rr.capability AS c ON c.ivoid = t.ivoid"
        " AND c.standard_id = 'ivo://ivoa.net/std/tap#aux'"
        " JOIN rr.relationship AS r ON r.ivoid = t.ivoid AND r.relationship_type = 'isservedby'"
        " JOIN rr.capability AS s ON s.ivoid = r.related_id"
        " AND s.standard_id = 'ivo://ivoa.net/std/tap'"
        " JOIN rr.interface AS i ON i.ivoid = s.ivoid AND i.cap_index = s.cap_index"
    ).fetchall()
    assert sorted(rows) == sorted((name, f"{base_url}/tap") for name in published)


def test_tables_are_found_by_subject_and_by_what_their_columns_hold(
    searchable: sqlite3.Connection,
) -> None:
    by_subject = searchable.execute(
        "SELECT ivoid FROM rr.resource NATURAL JOIN rr.res_subject"
        " WHERE res_subject = 'solar-wind' AND res_type = 'vs:catalogresource'"
    ).fetchall()
    by_ucd = searchable.execute(
        "SELECT ivoid FROM rr.table_column WHERE ucd = 'phys.veloc' AND unit = 'km/s'"
    ).fetchall()
    assert ("ivo://x-unregistered/regfirst/epn_core",) in by_subject
    assert ("ivo://x-unregistered/regfirst/epn_core",) in by_ucd


def test_a_withdrawn_table_is_not_found(searchable: sqlite3.Connection) -> None:
    rows = searchable.execute("SELECT * FROM rr.res_table WHERE table_name LIKE 'regdropped%'")
    assert rows.fetchall() == []
