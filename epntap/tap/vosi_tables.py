"""VOSI: which tables the service has (VOSI 1.1, section 2.3; VODataService 1.1).

The elements are written with lxml: vo-models 0.5 puts an ``xtype`` element into columns, which
VODataService does not know (it has ``dataType/@extendedType``), and escapes descriptions twice.
"""

from __future__ import annotations

from functools import lru_cache

from lxml import etree

from epntap.adql.words import RESERVED_WORDS
from epntap.tables import Column, ForeignKey, Schema, Table, TableSet

_VOSI = "http://www.ivoa.net/xml/VOSITables/v1.0"
_VS = "http://www.ivoa.net/xml/VODataService/v1.1"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NAMESPACES = {"vosi": _VOSI, "vs": _VS, "xsi": _XSI}


@lru_cache(maxsize=4)
def tables_document(tables: TableSet, *, with_columns: bool) -> bytes:
    """Return the tables of the service.

    Parameters
    ----------
    with_columns
        Whether the tables carry their columns; clients ask for less with ``detail=min``.
    """
    root = etree.Element(f"{{{_VOSI}}}tableset", nsmap=_NAMESPACES)
    for schema in tables.schemas:
        root.append(_schema(schema, with_columns=with_columns))
    return _serialized(root)


@lru_cache(maxsize=32)
def table_document(table: Table) -> bytes:
    """Return one table with its columns."""
    root = etree.Element(f"{{{_VOSI}}}table", nsmap=_NAMESPACES)
    _fill_table(root, table, with_columns=True)
    return _serialized(root)


def _schema(schema: Schema, *, with_columns: bool) -> etree._Element:
    element = etree.Element("schema")
    _text(element, "name", schema.name)
    _text(element, "description", schema.description)
    _text(element, "utype", schema.utype)
    for table in schema.tables:
        _fill_table(etree.SubElement(element, "table"), table, with_columns=with_columns)
    return element


def _fill_table(element: etree._Element, table: Table, *, with_columns: bool) -> None:
    element.set("type", "table")
    _text(element, "name", table.qualified_name)
    _text(element, "description", table.description)
    _text(element, "utype", table.utype)
    if with_columns:
        for column in table.columns:
            _fill_column(etree.SubElement(element, "column"), column)
        for key in table.foreign_keys:
            _fill_key(etree.SubElement(element, "foreignKey"), key)


def _fill_key(element: etree._Element, key: ForeignKey) -> None:
    _text(element, "targetTable", key.target)
    for here, there in key.columns:
        pair = etree.SubElement(element, "fkColumn")
        _text(pair, "fromColumn", _as_written(here))
        _text(pair, "targetColumn", _as_written(there))
    _text(element, "description", key.description)


def _fill_column(element: etree._Element, column: Column) -> None:
    if column.std:
        element.set("std", "true")
    _text(element, "name", _as_written(column.name))
    _text(element, "description", column.description)
    _text(element, "unit", column.unit)
    _text(element, "ucd", column.ucd)
    _text(element, "utype", column.utype)
    kind = _text(element, "dataType", column.datatype)
    if kind is not None:
        kind.set(f"{{{_XSI}}}type", "vs:VOTableType")
        if column.arraysize is not None:
            kind.set("arraysize", column.arraysize)
        if column.xtype is not None:
            kind.set("extendedType", column.xtype)
    if column.indexed:
        _text(element, "flag", "indexed")
    if column.principal:
        _text(element, "flag", "principal")


def _as_written(name: str) -> str:
    """Return a name as a query has to write it: reserved words are delimited."""
    return f'"{name}"' if name.upper() in RESERVED_WORDS else name


def _text(parent: etree._Element, name: str, text: str | None) -> etree._Element | None:
    if not text:
        return None
    child = etree.SubElement(parent, name)
    child.text = text
    return child


def _serialized(root: etree._Element) -> bytes:
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content
