"""Runs on request as programs find them: service descriptors (DataLink 1.1, section 4).

The document is a table of links, one row a pipeline, and for each of them a RESOURCE that says
where to post and which parameters there are; so pyvo reads it, and knows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from epntap.formats.markup import attributes, text, unique_ids
from epntap.plugins import RequestParameter
from epntap.requests.offers import Offer
from epntap.requests.values import FILE, SUFFIXES, readable_duration

#: Media type of the document (DataLink 1.1, section 3.3).
DESCRIPTOR_MIME = "application/x-votable+xml;content=datalink"

#: Columns of the table of links that DataLink 1.1, section 3.2, demands, with their UCDs there.
_LINK_FIELDS = (
    ("ID", "meta.id;meta.main"),
    ("access_url", "meta.ref.url"),
    ("service_def", "meta.ref"),
    ("error_message", "meta.code.error"),
    ("description", "meta.note"),
    ("semantics", "meta.code"),
    ("content_type", "meta.code.mime"),
)

_DATATYPES = {"float": "double", "int": "long", "choice": "char", "time": "char"}


@dataclass(frozen=True, slots=True)
class _Param:
    """A PARAM of a descriptor."""

    name: str
    datatype: str
    description: str
    value: str = ""
    unit: str = ""
    xtype: str | None = None
    low: float | None = None
    high: float | None = None
    options: tuple[str, ...] = ()


def descriptor_document(offers: Sequence[Offer], base: str) -> bytes:
    """Return what tells programs how pipelines are run.

    Parameters
    ----------
    offers
        The pipelines.
    base
        URL below which their job lists are, by name: ``http://host/run``.
    """
    ids = unique_ids((offer.name for offer in offers), ["links"])
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        '<RESOURCE type="results">\n'
        '<INFO name="standardID" value="ivo://ivoa.net/std/DataLink#links-1.1"/>\n'
        '<INFO name="QUERY_STATUS" value="OK"/>\n<TABLE name="links">\n',
        *(_link_field(name, ucd) for name, ucd in _LINK_FIELDS),
        # Of a service no length is known.
        '<FIELD name="content_length" datatype="long" unit="byte" ucd="phys.size;meta.file">'
        '<VALUES null="-1"/></FIELD>\n',
        "<DATA><TABLEDATA>\n",
        *(_link(offer, number) for offer, number in zip(offers, ids, strict=True)),
        "</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n",
        *(_service(offer, number, base) for offer, number in zip(offers, ids, strict=True)),
        "</VOTABLE>\n",
    ]
    return "".join(parts).encode()


def _link_field(name: str, ucd: str) -> str:
    return f"<FIELD{attributes(name=name, datatype='char', arraysize='*', ucd=ucd)}/>\n"


def _link(offer: Offer, identifier: str) -> str:
    cells = (
        offer.name,
        "",
        identifier,
        "",
        offer.title,
        "#proc",
        "application/x-votable+xml",
        "-1",
    )
    return "<TR>" + "".join(f"<TD>{text(cell)}</TD>" for cell in cells) + "</TR>\n"


def _service(offer: Offer, identifier: str, base: str) -> str:
    url = attributes(name="accessURL", datatype="char", arraysize="*", value=f"{base}/{offer.name}")
    described = f"{offer.title}. POST makes a job of UWS 1.1; with PHASE=RUN it is started at once."
    return "".join(
        [
            f"<RESOURCE{attributes(type='meta', utype='adhoc:service', ID=identifier)}>\n"
            f"<DESCRIPTION>{text(described)}</DESCRIPTION>\n"
            f"<PARAM{url}/>\n"
            '<GROUP name="inputParams">\n',
            *map(_param, _params(offer)),
            "</GROUP>\n</RESOURCE>\n",
        ]
    )


def _params(offer: Offer) -> Iterable[_Param]:
    form = offer.form
    if form.longest_span is not None:
        longest = readable_duration(form.longest_span)
        yield _Param("TIME", "char", f"Time span: start/stop in UTC, at most {longest}")
    if form.file_formats:
        formats = ", ".join(form.file_formats)
        yield _Param(
            FILE,
            "char",
            f"A file as a part of multipart/form-data ({formats}). {form.file_description}",
        )
    yield from map(_own, form.parameters)
    yield _Param("RESPONSEFORMAT", "char", "Format of the catalogue", options=tuple(SUFFIXES))


def _own(parameter: RequestParameter) -> _Param:
    return _Param(
        name=parameter.name.upper(),
        datatype=_DATATYPES[parameter.kind],
        description=parameter.description,
        value="" if parameter.default is None else str(parameter.default),
        unit=parameter.unit,
        xtype="timestamp" if parameter.kind == "time" else None,
        low=parameter.low,
        high=parameter.high,
        options=parameter.choices,
    )


def _param(param: _Param) -> str:
    start = "<PARAM" + attributes(
        name=param.name,
        datatype=param.datatype,
        arraysize="*" if param.datatype == "char" else None,
        xtype=param.xtype,
        unit=param.unit or None,
        value=param.value,
    )
    described = f"<DESCRIPTION>{text(param.description)}</DESCRIPTION>\n"
    return f"{start}>\n{described}{_values(param)}</PARAM>\n"


def _values(param: _Param) -> str:
    if param.options:
        options = "".join(f"<OPTION{attributes(value=each)}/>" for each in param.options)
        return f"<VALUES>{options}</VALUES>\n"
    bounds = "".join(
        f"<{name}{attributes(value=_number(param, value))}/>"
        for name, value in (("MIN", param.low), ("MAX", param.high))
        if value is not None
    )
    return f"<VALUES>{bounds}</VALUES>\n" if bounds else ""


def _number(param: _Param, value: float) -> str:
    return str(int(value)) if param.datatype == "long" else repr(float(value))
