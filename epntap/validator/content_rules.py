"""Rules about values that the service itself can look for, in ADQL's mandatory core."""

from __future__ import annotations

import re
from collections.abc import Iterator

from epntap.epncore.standard import Standard
from epntap.validator.discovery import ServedTable
from epntap.validator.rules import Condition, ConditionCheck, RepeatedCheck, Rule

#: Mandatory values that rules of their own are about.
_ELSEWHERE = frozenset(
    {
        "dataproduct_type",
        "target_class",
        "spatial_frame_type",
        "service_title",
        "creation_date",
        "modification_date",
        "release_date",
    }
)
_RANGES_ELSEWHERE = frozenset(
    {"time_min", "time_max", "processing_level", "local_time_min", "local_time_max"}
)
_COORDINATES = ("c1", "c2", "c3")
_URLS = ("access_url", "thumbnail_url", "datalink_url", "external_link")
_ERROR_COLUMN = re.compile(r"[a-z]\w*_error(_min|_max)?")
_NUMERIC = frozenset({"unsignedByte", "short", "int", "long", "float", "double"})


def _there(table: ServedTable) -> dict[str, bool]:
    """Return which columns a query can name, and whether they are text."""
    return {
        field.name: field.datatype in ("char", "unicodeChar") and field.xtype != "timestamp"
        for field in table.fields
    }


def _missing(name: str, *, is_text: bool) -> str:
    return f"({name} IS NULL OR {name} = '')" if is_text else f"{name} IS NULL"


def _given(name: str, *, is_text: bool) -> str:
    return f"({name} IS NOT NULL AND {name} <> '')" if is_text else f"{name} IS NOT NULL"


def _null_values(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    there = _there(table)
    for column in standard.columns.values():
        if column.requirement == "value" and column.name in there.keys() - _ELSEWHERE:
            yield Condition(
                column.name,
                _missing(column.name, is_text=there[column.name]),
                "has no value; one is required in every row",
            )


def _min_max(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    there = _there(table)
    for low, high in standard.pairs:
        if low not in there or high not in there:
            continue
        wrong = f"({low} IS NULL AND {high} IS NOT NULL) OR ({low} IS NOT NULL AND {high} IS NULL)"
        message = f"has a value where {high} has none, or the other way round"
        if not _may_wrap(low, standard):
            wrong += f" OR {low} > {high}"
            message = f"{message}, or one greater than {high}"
        yield Condition(low, wrong, message, (low, high))


def _may_wrap(low: str, standard: Standard) -> bool:
    stem = low[:-3].rstrip("_")
    return stem in _COORDINATES or stem in standard.wrapping[None]


def _reversed_coordinates(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    there = _there(table)
    for frame in table.frames:
        if frame == "none":
            continue  # E_VNOC's
        wrapping = standard.wrapping.get(frame, frozenset())
        for stem in _COORDINATES:
            low, high = f"{stem}min", f"{stem}max"
            if (frame, low) in standard.frames and stem not in wrapping and low in there:
                yield Condition(
                    low,
                    f"spatial_frame_type = '{frame}' AND {low} > {high}",
                    f"is greater than {high}, but {stem} of {frame} frames does not wrap around",
                    (low, high),
                )


def _level(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    yield from _ranges_of(("processing_level",), table, standard)


def _julian_dates(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    yield from _ranges_of(("time_min", "time_max"), table, standard)


def _local_times(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    yield from _ranges_of(("local_time_min", "local_time_max"), table, standard)


def _other_ranges(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    names = tuple(name for name in standard.rules if name not in _RANGES_ELSEWHERE)
    yield from _ranges_of(names, table, standard)


def _ranges_of(
    names: tuple[str, ...], table: ServedTable, standard: Standard
) -> Iterator[Condition]:
    numeric = {field.name for field in table.fields if field.datatype in _NUMERIC}
    for name in names:
        rule = standard.rule(name)
        where = _outside(name, rule.minimum, rule.maximum)
        if name in numeric and where is not None:
            yield Condition(name, where, f"is not {_range(rule.minimum, rule.maximum)}", (name,))


def _outside(name: str, low: float | None, high: float | None) -> str | None:
    if low is not None and high is not None:
        return f"NOT {name} BETWEEN {low} AND {high}"
    if low is not None:
        return f"{name} < {low}"
    return None if high is None else f"{name} > {high}"


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"within {low:.10g}..{high:.10g}"
    return f">= {low:.10g}" if low is not None else f"<= {high:.10g}"


def _frame_ranges(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    there = _there(table)
    for frame in table.frames:
        for stem, (low, high) in standard.frame_ranges.get(frame, {}).items():
            for name in (f"{stem}min", f"{stem}max"):
                where = _outside(name, low, high)
                if name in there and where is not None:
                    yield Condition(
                        name,
                        f"spatial_frame_type = '{frame}' AND ({where})",
                        f"is not {_range(low, high)}, the range of {stem} in {frame} frames",
                        (name,),
                    )


def _frameless_coordinates(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    there = _there(table)
    names = [f"{stem}{bound}" for stem in _COORDINATES for bound in ("min", "max")]
    present = [name for name in names if name in there]
    if "none" in table.frames and present:
        given = " OR ".join(f"{name} IS NOT NULL" for name in present)
        yield Condition(
            "spatial_frame_type",
            f"spatial_frame_type = 'none' AND ({given})",
            "is 'none' although coordinates are given",
            tuple(present),
        )


def _service_title(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    if "service_title" in _there(table):
        schema = table.schema.replace("'", "''")
        yield Condition(
            "service_title",
            f"service_title IS NULL OR service_title <> '{schema}'",
            f"is not {table.schema!r}, the name of the schema",
            ("service_title",),
        )


def _lists(table: ServedTable, standard: Standard) -> Iterator[str]:
    """Yield text columns with lists; those of closed vocabularies have rules of their own."""
    there = _there(table)
    for name, rule in standard.rules.items():
        if rule.hash_list and rule.terms is None and there.get(name):
            yield name


def _list_items(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    for name in _lists(table, standard):
        patterns = ("#%", "%#", "%##%", "% #%", "%# %", " %", "% ")
        where = " OR ".join(f"{name} LIKE '{pattern}'" for pattern in patterns)
        yield Condition(name, where, "has an empty item or blanks around an item", (name,))


def _list_quotes(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    for name in _lists(table, standard):
        where = f"{name} LIKE '%''%' OR {name} LIKE '%\"%'"
        yield Condition(name, where, "has a quote in an item; write _ instead", (name,))


def _access(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    there = _there(table)
    for group in standard.together:
        present = [name for name in group if name in there]
        for name in present:
            others = [other for other in present if other != name]
            if others:
                given = " OR ".join(_given(other, is_text=there[other]) for other in others)
                yield Condition(
                    name,
                    f"{_missing(name, is_text=there[name])} AND ({given})",
                    f"has no value although {' or '.join(others)} has one",
                )


def _urls(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    there = _there(table)
    for name in _URLS:
        if there.get(name):
            schemes = ("http", "https") if name == "external_link" else ("http", "https", "ftp")
            unlike = " AND ".join(f"NOT {name} LIKE '{scheme}://_%'" for scheme in schemes)
            where = f"{name} <> '' AND (({unlike}) OR {name} LIKE '% %')"
            yield Condition(name, where, "is not a URL", (name,))


def _errors(table: ServedTable, standard: Standard) -> Iterator[Condition]:
    for field in table.fields:
        own = field.name not in standard.columns and field.datatype in _NUMERIC
        if own and _ERROR_COLUMN.fullmatch(field.name):
            yield Condition(field.name, f"{field.name} < 0", "is negative", (field.name,))


#: Rules that the service checks with a query each.
CONTENT_RULES = (
    Rule(
        "E_PNUL",
        "required values are there",
        "EPN-TAP 2.0 requires a value in every row of these columns.",
        ConditionCheck(_null_values),
    ),
    Rule(
        "E_PNMM",
        "bounds are both there or neither, and in order",
        "Where only one is known it is written in both. Longitudes, azimuths and c1 to c3 may run "
        "over the origin, so that their minimum exceeds the maximum.",
        ConditionCheck(_min_max),
    ),
    Rule(
        "E_PNPL",
        "processing_level is empty or 1 to 6",
        "The CODMAC levels (EPN-TAP 2.0, section 2.1.2).",
        ConditionCheck(_level),
    ),
    Rule(
        "W_PNJD",
        "times are Julian Dates",
        "Values outside of the years 999 to 3000 are most often Modified Julian Dates.",
        ConditionCheck(_julian_dates),
    ),
    Rule(
        "E_PNLT",
        "local times are within 0 to 24 h",
        "EPN-TAP 2.0, section 2.2.5.",
        ConditionCheck(_local_times),
    ),
    Rule(
        "E_PNST",
        "service_title is the name of the schema",
        "Clients tell the results of several services apart by it; compared with case.",
        ConditionCheck(_service_title),
    ),
    Rule(
        "E_VUNQ",
        "granule_uid is unique",
        "It is the primary key of the table (EPN-TAP 2.0, section 2.1.1).",
        RepeatedCheck("granule_uid"),
    ),
    Rule(
        "E_VHSH",
        "lists have no empty items and no blanks around #",
        "Items are separated by a single inner #; ivo_hashlist_has finds only exact items.",
        ConditionCheck(_list_items),
    ),
    Rule(
        "E_VQUO",
        "items of lists have no quotes",
        "EPN-TAP 2.0, section 2: quotes are replaced by _.",
        ConditionCheck(_list_quotes),
    ),
    Rule(
        "E_VACC",
        "access_url, access_format and access_estsize have values together",
        "As soon as one of them has a value in a row, the others need one.",
        ConditionCheck(_access),
    ),
    Rule(
        "E_VURL",
        "links are URLs",
        "http, https or (for data) ftp, without blanks.",
        ConditionCheck(_urls),
    ),
    Rule(
        "E_VCRD",
        "coordinates are within the range of their frame",
        "E.g. longitudes 0 to 360, latitudes -90 to 90 (EPN-TAP 2.0, section 2.1.4).",
        ConditionCheck(_frame_ranges),
    ),
    Rule(
        "W_VORD",
        "coordinates that do not wrap are in order",
        "Only longitudes and azimuths may have c_min > c_max; taplint lets it pass for all.",
        ConditionCheck(_reversed_coordinates),
    ),
    Rule(
        "E_VNOC",
        "frame 'none' has no coordinates",
        "Coordinates have no meaning without a frame.",
        ConditionCheck(_frameless_coordinates),
    ),
    Rule(
        "E_VRNG",
        "numbers are within their physical range",
        "E.g. incidence 0 to 90 deg, latitudes -90 to 90 deg, sizes not negative.",
        ConditionCheck(_other_ranges),
    ),
    Rule(
        "E_VNEG",
        "error columns are not negative",
        "Columns named x_error, x_error_min and x_error_max (EPN-TAP 2.0, section 2).",
        ConditionCheck(_errors),
    ),
)
