"""Rules about tables and columns: names, utypes, units, UCDs, types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from epntap.adql.words import RESERVED_WORDS
from epntap.catalogue import check_unit
from epntap.epncore.standard import Standard
from epntap.epncore.ucds import is_ucd
from epntap.tables import Column
from epntap.validator.discovery import TRANSITIONAL_UTYPE, ServedTable, has_utype
from epntap.validator.rules import Fault, MetadataCheck, Rule

_TEXT_TYPES = frozenset({"char", "unicodeChar"})
_TYPES = {
    "double": frozenset({"double"}),
    "float": frozenset({"float", "double"}),
    "int": frozenset({"unsignedByte", "short", "int", "long"}),
}
_ARRAY_XTYPES = frozenset({"point", "circle", "polygon"})
_PARTICLES = ("energy", "mass", "mass/charge")

#: UCDs that taplint takes for the altitude of body frames besides that of the standard.
_OTHER_ALTITUDES = frozenset({"pos.bodyrc.alt", "pos.distance;pos.bodyrc"})


def _is_named(table: ServedTable) -> bool:
    return table.name.lower().endswith(".epn_core")


def _missing_utype(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    known = has_utype(table) or (table.utype or "").lower() == TRANSITIONAL_UTYPE.lower()
    if _is_named(table) and not known:
        yield Fault(None, f"utype {table.utype!r} instead of 'ivo://ivoa.net/std/epntap#table-2.0'")


def _transitional_utype(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    if (table.utype or "").lower() == TRANSITIONAL_UTYPE.lower():
        yield Fault(None, f"the utype is the transitional {table.utype!r}")


def _wrong_name(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    if not _is_named(table):
        yield Fault(None, f"has the utype of EPN-TAP, but is called {table.name!r}")


def _missing_columns(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for name in standard.mandatory:
        if table.column(name) is None:
            yield Fault(name, "the mandatory column is missing")


def _half_pairs(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for low, high in standard.pairs:
        for here, there in ((low, high), (high, low)):
            if table.column(here) is not None and table.column(there) is None:
                yield Fault(here, f"there is no column {there}")


def _ucds(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column in table.columns:
        known = standard.columns.get(column.name)
        if known is None or known.unit == "@frame":
            continue
        allowed = {expected.ucd for expected in _expected(standard, column.name)}
        if column.ucd not in allowed:
            yield Fault(column.name, f"UCD {column.ucd!r} instead of {_either(allowed)}")


def _units(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column in table.columns:
        known = standard.columns.get(column.name)
        if known is None or known.unit == "@frame" or "char" in known.datatypes:
            continue
        allowed = {expected.unit for expected in _expected(standard, column.name)}
        if column.unit not in allowed:
            yield Fault(column.name, f"unit {column.unit!r} instead of {_either(allowed)}")


def _expected(standard: Standard, name: str) -> list[Column]:
    if standard.columns[name].unit == "@particle":
        return [standard.column(name, frame="none", particle=kind) for kind in _PARTICLES]
    return [standard.column(name, frame="none")]


def _either(allowed: Iterable[str | None]) -> str:
    return " or ".join(sorted(repr(each) if each else "none" for each in allowed))


def _datatypes(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for field in table.fields:
        known = standard.columns.get(field.name)
        if known is None or field.name == "s_region":
            continue
        if known.datatypes[0] == "char":
            fits = field.datatype in _TEXT_TYPES and field.arraysize not in (None, "1")
            wanted = "text, char with an arraysize such as *"
        else:
            wanted = known.datatypes[-1] if "double" in known.datatypes else "int"
            fits = field.datatype in _TYPES[wanted] and field.arraysize in (None, "1")
        if not fits:
            size = f"[{field.arraysize}]" if field.arraysize else ""
            yield Fault(field.name, f"results have {field.datatype}{size} instead of {wanted}")


def _xtypes(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column in table.columns:
        known = standard.columns.get(column.name)
        if known is None or not known.xtypes or column.name == "s_region":
            continue
        if column.xtype not in known.xtypes:
            yield Fault(column.name, f"xtype {column.xtype!r} instead of {_either(known.xtypes)}")


def _region_xtype(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for field in table.fields:
        if field.name != "s_region":
            continue
        is_text = field.datatype in _TEXT_TYPES
        if is_text and field.xtype != "adql:REGION":
            yield Fault("s_region", f"text with xtype {field.xtype!r} instead of 'adql:REGION'")
        elif not is_text and field.xtype not in _ARRAY_XTYPES:
            yield Fault(
                "s_region", f"array with xtype {field.xtype!r}, not {_either(_ARRAY_XTYPES)}"
            )


def _extras(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    # What every catalogue of this service has besides is known, and no news to anybody.
    known = {(added.column.name, added.column.utype) for added in standard.added}
    extras = [
        column.name
        for column in table.columns
        if column.name not in standard.columns and (column.name, column.utype) not in known
    ]
    if extras:
        yield Fault(None, f"{len(extras)} columns besides those of EPNcore: {', '.join(extras)}")


def _frame_pairs(
    table: ServedTable, standard: Standard
) -> Iterator[tuple[Column, str | None, str | None]]:
    frame = table.frame
    for column in table.columns:
        if frame is not None and frame != "none" and (frame, column.name) in standard.frames:
            unit, ucd = standard.frames[frame, column.name]
            yield column, unit, ucd


def _frame_units(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column, unit, _ in _frame_pairs(table, standard):
        if column.unit != unit:
            yield Fault(
                column.name, f"unit {column.unit!r} instead of {unit!r} of frame {table.frame}"
            )


def _frame_ucds(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column, _, ucd in _frame_pairs(table, standard):
        stem, _, bound = (ucd or "").partition(";stat.")
        allowed = {(ucd or "").lower()}
        if table.frame == "body" and column.name in ("c3min", "c3max"):
            allowed |= {f"{other};stat.{bound}" for other in _OTHER_ALTITUDES}
        if (column.ucd or "").lower() not in allowed:
            yield Fault(
                column.name,
                f"UCD {column.ucd!r} instead of {ucd!r} of frame {table.frame} ({stem})",
            )


def _several_frames(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    if len(table.frames) > 1:
        yield Fault("spatial_frame_type", f"several values: {', '.join(table.frames)}")


def _contradicting_frames(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    systems = [frame for frame in table.frames if (frame, "c1min") in standard.frames]
    meant = [frame for frame in systems if frame != "none"]
    for name in ("c1min", "c2min", "c3min"):
        if len({standard.frames[frame, name] for frame in meant}) > 1:
            yield Fault(
                name, f"means another quantity in each of the frames {', '.join(sorted(meant))}"
            )


def _access_columns(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    yield from _missing_of_groups(table, standard.together, "goes together with")


def _particle_columns(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    group = tuple(name for name in standard.columns if name.startswith("particle_spectral_"))
    yield from _missing_of_groups(table, (group,), "belongs to the particle extension with")


def _missing_of_groups(
    table: ServedTable, groups: Iterable[tuple[str, ...]], why: str
) -> Iterator[Fault]:
    for group in groups:
        present = [name for name in group if table.column(name) is not None]
        for name in group:
            if present and name not in present:
                yield Fault(name, f"the column is missing; it {why} {', '.join(present)}")


def _own_metadata(table: ServedTable, standard: Standard) -> Iterator[Column]:
    """Yield columns whose unit and UCD the standard does not already prescribe."""
    for column in table.columns:
        if column.name not in standard.columns:
            yield column


def _valid_ucds(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column in _own_metadata(table, standard):
        if column.ucd and not is_ucd(column.ucd):
            yield Fault(column.name, f"{column.ucd!r} is not a UCD1+ of known words")


def _valid_units(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column in _own_metadata(table, standard):
        if column.unit:
            try:
                check_unit(column.unit)
            except ValueError as error:
                yield Fault(column.name, str(error).partition(":")[0])


def _column_utypes(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column in table.columns:
        if column.name in standard.columns and column.utype:
            yield Fault(column.name, f"has the utype {column.utype!r}")


def _reserved_names(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    for column in table.columns:
        if column.name.upper() in RESERVED_WORDS:
            yield Fault(column.name, "is a reserved word of ADQL; every query has to quote it")


def _accref(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    if table.column("accref") is not None:
        yield Fault("accref", "is exposed")


def _kind(column: Column) -> str:
    if column.datatype in _TEXT_TYPES:
        return "char" if column.arraysize in (None, "1") else "char[*]"
    size = "" if column.arraysize in (None, "1") else "[*]"
    return column.datatype + size


def _differences(
    here: tuple[Column, ...], there: tuple[Column, ...], names: tuple[str, str]
) -> Iterator[Fault]:
    others = {column.name: column for column in there}
    for column in here:
        other = others.pop(column.name, None)
        if other is None:
            yield Fault(column.name, f"is in {names[0]}, but not in {names[1]}")
            continue
        for what, mine, its in (
            ("type", _kind(column), _kind(other)),
            ("unit", column.unit, other.unit),
            ("UCD", column.ucd, other.ucd),
            ("xtype", column.xtype, other.xtype),
        ):
            if mine != its:
                yield Fault(column.name, f"{what} is {mine!r} in {names[0]}, {its!r} in {names[1]}")
    for name in others:
        yield Fault(name, f"is in {names[1]}, but not in {names[0]}")


def _tap_schema_agrees(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    if table.tap_schema is None:
        yield Fault(None, "TAP_SCHEMA.columns has no column of the table")
    elif table.vosi is not None:
        yield from _differences(table.vosi, table.tap_schema, ("/tables", "TAP_SCHEMA"))


def _fields_agree(table: ServedTable, standard: Standard) -> Iterator[Fault]:
    yield from _differences(table.fields, table.columns, ("results", "the service's description"))


#: Rules that need no row.
METADATA_RULES = (
    Rule(
        "E_PNUT",
        "an epn_core table has the utype of EPN-TAP",
        "Clients find EPN-TAP tables by the utype ivo://ivoa.net/std/epntap#table-2.0 alone.",
        MetadataCheck(_missing_utype),
    ),
    Rule(
        "W_PNUB",
        "the utype is not the transitional one",
        "The utype of the time before EPN-TAP 2.0 is still found, but should be replaced.",
        MetadataCheck(_transitional_utype),
    ),
    Rule(
        "E_PNTN",
        "the table is named <schema>.epn_core",
        "EPN-TAP 2.0, section 3: one schema for each service, with one table of this name.",
        MetadataCheck(_wrong_name),
    ),
    Rule(
        "E_PN0C",
        "every mandatory column is there",
        "Global queries over all services name these columns; a service without one of them "
        "answers with an error.",
        MetadataCheck(_missing_columns),
    ),
    Rule(
        "E_PNMX",
        "columns of bounds come in pairs",
        "A column x_min goes with x_max, also where both always have the same value.",
        MetadataCheck(_half_pairs),
    ),
    Rule(
        "E_CUCD",
        "columns of the standard have the standard's UCDs",
        "Compared as exact strings, as clients do. The UCDs of c1 to c3 depend on the frame, see "
        "W_SPUC.",
        MetadataCheck(_ucds),
    ),
    Rule(
        "E_CUNI",
        "columns of the standard have the standard's units",
        "Values of all services are compared without conversion. The units of c1 to c3 depend on "
        "the frame, see W_SPUN.",
        MetadataCheck(_units),
    ),
    Rule(
        "E_PNDE",
        "results have the standard's datatypes",
        "Text is char with an arraysize, Float is float or double, Integer is any integer, times "
        "are double: a float keeps a Julian Date to a quarter of a day only.",
        MetadataCheck(_datatypes),
    ),
    Rule(
        "E_PNXT",
        "time stamps and coverages have their xtypes",
        "Dates need xtype timestamp, coverage needs moc, or clients take them for plain text.",
        MetadataCheck(_xtypes),
    ),
    Rule(
        "E_SRXT",
        "s_region has the xtype of its form",
        "adql:REGION for STC-S text; point, circle or polygon for arrays.",
        MetadataCheck(_region_xtype),
    ),
    Rule(
        "I_PNNS",
        "columns besides those of EPNcore",
        "They are allowed; check that none of them repeats a column of the standard.",
        MetadataCheck(_extras),
    ),
    Rule(
        "I_PNSP",
        "one spatial_frame_type for all rows",
        "With several of them the units of c1 to c3 cannot be compared with the frame.",
        MetadataCheck(_several_frames),
    ),
    Rule(
        "W_SPUN",
        "c1 to c3 have the units of the frame",
        "The frame type decides what the coordinates are (EPN-TAP 2.0, section 2.1.4).",
        MetadataCheck(_frame_units),
    ),
    Rule(
        "W_SPUC",
        "c1 to c3 have the UCDs of the frame",
        "The frame type decides what the coordinates are (EPN-TAP 2.0, section 2.1.4).",
        MetadataCheck(_frame_ucds),
    ),
    Rule(
        "W_VFRM",
        "frame types do not contradict each other",
        "A column has one unit and one UCD; rows of frames that need others should be another "
        "service.",
        MetadataCheck(_contradicting_frames),
    ),
    Rule(
        "E_VACL",
        "access_url, access_format and access_estsize are all there or none",
        "A client needs all three to decide whether and how to load a file.",
        MetadataCheck(_access_columns),
    ),
    Rule(
        "E_VPTC",
        "the particle extension is there whole or not at all",
        "EPN-TAP 2.0, section 2.3.1: once it is used, all its columns must be present.",
        MetadataCheck(_particle_columns),
    ),
    Rule(
        "E_VUCD",
        "the service's own columns have valid UCDs",
        "UCD1+ syntax and words; those of the standard's columns are E_CUCD's.",
        MetadataCheck(_valid_ucds),
    ),
    Rule(
        "E_VUNI",
        "the service's own columns have valid units",
        "VOUnits 1.0; those of the standard's columns are E_CUNI's.",
        MetadataCheck(_valid_units),
    ),
    Rule(
        "W_VUTY",
        "columns of the standard have no utype",
        "EPNcore 2.0 defines none; Epn.* and obscore utypes are of the time before.",
        MetadataCheck(_column_utypes),
    ),
    Rule(
        "W_VRES",
        "no column is named with a reserved word",
        "ADQL 2.1, section 2.1.3: such a name only works in double quotes.",
        MetadataCheck(_reserved_names),
    ),
    Rule(
        "E_VACR",
        "accref is not exposed",
        "EPN-TAP 2.0, section 2.2.1 reserves the name.",
        MetadataCheck(_accref),
    ),
    Rule(
        "E_VTSC",
        "TAP_SCHEMA and /tables agree",
        "Clients read one or the other: names, types, units, UCDs and xtypes have to be the same.",
        MetadataCheck(_tap_schema_agrees),
    ),
    Rule(
        "E_VFLD",
        "results agree with the description",
        "The FIELDs of SELECT * are the columns that are described, with the same metadata.",
        MetadataCheck(_fields_agree),
    ),
)
