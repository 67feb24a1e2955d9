"""Rules about values that have to be read: vocabularies, dates, contours."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable, Iterator

from epntap.epncore.standard import ColumnRule, Standard
from epntap.epncore.ucds import is_ucd
from epntap.validator.discovery import ServedTable
from epntap.validator.moc import MocError, check_moc
from epntap.validator.regions import RegionError, Shape, is_flat, read_dali, read_stcs, signed_area
from epntap.validator.rules import CellCheck, CellTest, DistinctCheck, DistinctTest, Rule

#: The form of DALI time stamps that taplint accepts (DALI 1.1, section 3.3.3).
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d*)?Z?)?")
_DATES = ("creation_date", "modification_date", "release_date")
_EVENT_TYPE = re.compile(r"[a-z0-9]+([ _-][a-z0-9]+)*")


def _shown(value: str) -> str:
    return repr(value) if len(value) <= 60 else repr(value[:57] + "...")


def _in_vocabulary(rule: ColumnRule, *, required: bool) -> Callable[[str | None], str | None]:
    terms = rule.terms or frozenset()

    def fault(value: str | None) -> str | None:
        if not value:
            return "has no value; one is required in every row" if required else None
        for item in value.split("#") if rule.hash_list else [value]:
            if item not in terms:
                return f"{_shown(value)} is not one of {', '.join(sorted(terms))}"
        return None

    return fault


def _vocabulary(*names: str) -> DistinctCheck:
    def tests(table: ServedTable, standard: Standard) -> Iterator[DistinctTest]:
        for name in names:
            required = standard.columns[name].requirement == "value"
            yield DistinctTest(name, _in_vocabulary(standard.rule(name), required=required))

    return DistinctCheck(tests)


def _measurement_types(table: ServedTable, standard: Standard) -> Iterator[DistinctTest]:
    def fault(value: str | None) -> str | None:
        for item in (value or "").split("#") if value else []:
            # Words newer than the list that we know are let pass: the list grows.
            if not is_ucd(item, known_words=False):
                return f"{_shown(item)} is not a UCD"
        return None

    yield DistinctTest("measurement_type", fault)


def _media_types(table: ServedTable, standard: Standard) -> Iterator[DistinctTest]:
    pattern = standard.rule("access_format").pattern or ""

    def fault(value: str | None) -> str | None:
        if not value or re.fullmatch(pattern, value):
            return None
        return f"{_shown(value)} is not a media type in lower case"

    yield DistinctTest("access_format", fault)


def _event_types(table: ServedTable, standard: Standard) -> Iterator[DistinctTest]:
    def fault(value: str | None) -> str | None:
        for item in (value or "").split("#") if value else []:
            if _EVENT_TYPE.fullmatch(item) is None:
                return f"{_shown(value or '')} is not a term in lower case such as 'meteor_shower'"
        return None

    yield DistinctTest("event_type", fault)


def _uids(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    def fault(uid: str | None) -> str | None:
        if uid is None:
            return None
        if "#" in uid:
            return f"{_shown(uid)} has a #"
        return None if uid.isascii() else f"{_shown(uid)} is not ASCII"

    yield CellTest("granule_uid", ("granule_uid",), fault)


# Several rules look at the same dates of a row.
@functools.lru_cache(maxsize=1024)
def _moment(text: str) -> dt.datetime | None:
    """Return the time that a stamp means, ``None`` if it means none."""
    if _DATE.fullmatch(text) is None:
        return None
    # Months, days and hours have to exist too; a leap second counts as the one before it.
    plain = text.rstrip("Z").rstrip(".")
    if ":60" in plain:
        plain = re.sub(r"(:\d{2}):60", r"\1:59", plain)
    if "." in plain:
        plain = re.sub(r"(\.\d{6})\d+", r"\1", plain)
    try:
        return dt.datetime.fromisoformat(plain)
    except ValueError:
        return None


def _date_forms(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    def fault(text: str | None) -> str | None:
        if text is None:
            return "has no value; one is required in every row"
        if _moment(text) is None:
            return f"{_shown(text)} is not a time such as 2020-05-04T12:30:00"
        return None

    for name in _DATES:
        yield CellTest(name, (name,), fault)


def _date_order(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    def fault(created: str | None, modified: str | None) -> str | None:
        first, second = _moment(created or ""), _moment(modified or "")
        if first is not None and second is not None and second < first:
            return f"{modified} is before creation_date, {created}"
        return None

    yield CellTest("modification_date", ("creation_date", "modification_date"), fault)


def _creation_dates(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    # A day is left for clocks and time zones.
    limit = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(days=1)

    def fault(text: str | None) -> str | None:
        moment = _moment(text or "")
        return f"{text} is in the future" if moment is not None and moment > limit else None

    for name in ("creation_date", "modification_date"):
        yield CellTest(name, (name,), fault)


def _release_dates(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    limit = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(days=1)

    def fault(text: str | None) -> str | None:
        moment = _moment(text or "")
        if moment is not None and moment > limit:
            return f"{text} is in the future: the data are not public yet"
        return None

    yield CellTest("release_date", ("release_date",), fault)


def _patterned(name: str, what: str, separator: str | None = None) -> CellCheck:
    def tests(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
        pattern = re.compile(standard.rule(name).pattern or "")

        def fault(text: str | None) -> str | None:
            for item in (text or "").split(separator) if text else []:
                if pattern.fullmatch(item) is None:
                    return f"{_shown(item)} is not {what}"
            return None

        yield CellTest(name, (name,), fault)

    return CellCheck(tests)


def _region_reader(table: ServedTable) -> Callable[[str], list[Shape]] | None:
    field = next((each for each in table.fields if each.name == "s_region"), None)
    if field is None:
        return None
    if field.datatype in ("char", "unicodeChar"):
        return read_stcs
    if field.xtype not in ("point", "circle", "polygon"):
        return None
    kind = field.xtype
    return lambda text: [read_dali(kind, text)]


def _region_forms(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    reader = _region_reader(table)
    if reader is None:
        return

    def fault(text: str | None) -> str | None:
        if text is None:
            return None
        try:
            shapes = reader(text)
        except RegionError as error:
            return f"{_shown(text)}: {error}"
        if any(shape.kind == "polygon" and is_flat(shape.numbers) for shape in shapes):
            return f"{_shown(text)}: the polygon encloses nothing"
        return None

    yield CellTest("s_region", ("s_region",), fault)


def _region_orientation(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    reader = _region_reader(table)
    if reader is None:
        return

    def fault(text: str | None, frame: str | None) -> str | None:
        # On a body counter-clockwise is seen from outside, on the sky from its centre
        # (DALI 1.1, section 3.3.7).
        inward = {"body": 1.0, "celestial": -1.0}.get(frame or "")
        if text is None or inward is None:
            return None
        try:
            shapes = reader(text)
        except RegionError:
            return None  # E_VREG's
        for shape in shapes:
            encloses = shape.kind == "polygon" and not is_flat(shape.numbers)
            if encloses and signed_area(shape.numbers) * inward < 0.0:
                return f"{_shown(text)} goes clockwise"
        return None

    yield CellTest("s_region", ("s_region", "spatial_frame_type"), fault)


def _coverages(table: ServedTable, standard: Standard) -> Iterator[CellTest]:
    def fault(text: str | None) -> str | None:
        if text is None:
            return None
        try:
            check_moc(text)
        except MocError as error:
            return f"{_shown(text)}: {error}"
        return None

    yield CellTest("coverage", ("coverage",), fault)


#: Rules whose values the validator reads.
VALUE_RULES = (
    Rule(
        "E_PNFT",
        "spatial_frame_type is of the list",
        "celestial, body, cartesian, spherical, cylindrical or none; never empty.",
        _vocabulary("spatial_frame_type"),
    ),
    Rule(
        "E_PNDP",
        "dataproduct_type is of the list",
        "Two-letter codes, several of them joined by #; never empty.",
        _vocabulary("dataproduct_type"),
    ),
    Rule(
        "E_PNTG",
        "target_class is of the list",
        "A closed list; several of them joined by #; never empty. The Sun is a star.",
        _vocabulary("target_class"),
    ),
    Rule(
        "E_PNMG",
        "messenger is of the IVOA vocabulary",
        "http://www.ivoa.net/rdf/messenger, with its upper and lower case.",
        _vocabulary("messenger"),
    ),
    Rule(
        "W_PNTS",
        "time_scale is of the IVOA vocabulary",
        "http://www.ivoa.net/rdf/timescale; empty means UTC.",
        _vocabulary("time_scale"),
    ),
    Rule(
        "E_PNGT",
        "geometry_type is of the list",
        "The 16 terms of EPN-TAP 2.0, section 2.3.5.",
        _vocabulary("geometry_type"),
    ),
    Rule(
        "E_PPST",
        "particle_spectral_type is of the list",
        "energy, mass or mass/charge; it decides the unit of the axis.",
        _vocabulary("particle_spectral_type"),
    ),
    Rule(
        "E_VEVT",
        "event_status and event_cite are of their lists",
        "prediction, observation, utility; followup, supersedes, retraction "
        "(EPN-TAP 2.0, section 2.3.7).",
        _vocabulary("event_status", "event_cite"),
    ),
    Rule(
        "W_VEVT",
        "event_type is a term in lower case",
        "The vocabulary is open; its terms are lower-case words joined by _ .",
        DistinctCheck(_event_types),
    ),
    Rule(
        "E_VMTY",
        "measurement_type has UCDs",
        "UCDs of the measured quantities, several of them joined by #.",
        DistinctCheck(_measurement_types),
    ),
    Rule(
        "E_VMIM",
        "access_format is a media type in lower case",
        "E.g. application/fits; clients compare it with case.",
        DistinctCheck(_media_types),
    ),
    Rule(
        "E_VUID",
        "granule_uid is ASCII without #",
        "Lists of granules are joined by # (EPN-TAP 2.0, section 2.1.1).",
        CellCheck(_uids),
    ),
    Rule(
        "E_PN86",
        "dates are ISO 8601 time stamps",
        "YYYY-MM-DDThh:mm:ss, with a T and at most a Z; never empty.",
        CellCheck(_date_forms),
    ),
    Rule(
        "W_VDAT",
        "rows are not modified before they are created",
        "A row that was never modified has its creation date in both.",
        CellCheck(_date_order),
    ),
    Rule(
        "W_VFUT",
        "rows are not created or modified in the future",
        "creation_date and modification_date are when the service did it.",
        CellCheck(_creation_dates),
    ),
    Rule(
        "I_VREL",
        "data are public",
        "release_date tells from when on; a later one says that the data are still proprietary.",
        CellCheck(_release_dates),
    ),
    Rule(
        "E_PNIK",
        "species_inchikey has InChIKeys",
        "27 capital letters and hyphens, several of them joined by #.",
        _patterned("species_inchikey", "an InChIKey", "#"),
    ),
    Rule(
        "E_VMD5",
        "access_md5 is an MD5 digest",
        "32 hexadecimal digits.",
        _patterned("access_md5", "an MD5 digest"),
    ),
    Rule(
        "E_VREG",
        "s_region is a contour",
        "STC-S such as 'Polygon ICRS 10 5 20 5 20 15', or the numbers of a DALI shape, in degrees; "
        "it encloses something.",
        CellCheck(_region_forms),
    ),
    Rule(
        "W_VORI",
        "polygons go counter-clockwise",
        "Seen from the observer on a body, from the centre on the sky; the other way round they "
        "enclose the rest of the sphere.",
        CellCheck(_region_orientation),
    ),
    Rule(
        "E_VMOC",
        "coverage is an ASCII MOC",
        "E.g. '3/12-15 4/70' (MOC 2.0, section 4.3); every cell exists at its order.",
        CellCheck(_coverages),
    ),
)
