"""The functions that this service adds to ADQL.

A new one is a file ``sql/functions/<name>.sql`` and an entry here; capabilities and documentation
are made of the entries. Names starting with ``ivo_`` are those of the Catalogue of ADQL User
Defined Functions (IVOA Endorsed Note 1.2). What that note calls REAL is DOUBLE PRECISION here: a
Julian Date of single precision is wrong by up to a quarter of a day.
"""

from __future__ import annotations

from epntap.adql import texts, translated
from epntap.adql.registry import Accepts, Function, Parameter
from epntap.adql.values import Kind


def _text(name: str) -> Parameter:
    return Parameter(name, Kind.TEXT)


def _double(name: str) -> Parameter:
    return Parameter(name, Kind.DOUBLE)


def _literal(name: str, kind: Kind = Kind.TEXT) -> Parameter:
    return Parameter(name, kind, literal=True)


def _bitwise(name: str, sign: str, description: str) -> Function:
    parameters = (Parameter("a", Kind.LONG), Parameter("b", Kind.LONG))
    return Function(name, parameters, Kind.LONG, f"({{0}} {sign} {{1}})", description, udf=True)


FUNCTIONS = (
    Function(
        "ivo_hashlist_has",
        (_text("hashlist"), _text("item")),
        Kind.INT,
        "udf.ivo_hashlist_has({0}, {1})",
        "1 if a list of words separated by # holds the item, compared without case, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_hasword",
        (_text("haystack"), _text("needle")),
        Kind.INT,
        "udf.ivo_hasword({0}, {1})",
        "1 if all words of the needle are words of the haystack, without case, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_nocasematch",
        (_text("value"), _text("pattern")),
        Kind.INT,
        "udf.ivo_nocasematch({0}, {1})",
        "1 if the value is like the pattern (% and _ as in LIKE), without case, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_interval_overlaps",
        (_double("a1"), _double("b1"), _double("a2"), _double("b2")),
        Kind.INT,
        "udf.ivo_interval_overlaps({0}, {1}, {2}, {3})",
        "1 if the intervals [a1, b1] and [a2, b2] have a point in common, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_string_agg",
        (_text("expression"), _text("delimiter")),
        Kind.TEXT,
        "",
        "The texts of all rows that are not NULL, with the delimiter between them.",
        aggregate=True,
        udf=True,
        builder=texts.string_agg,
    ),
    Function(
        "ivo_to_jd",
        (Parameter("d", Accepts.TIME),),
        Kind.DOUBLE,
        "udf.ivo_to_jd({0})",
        "Julian Date of a timestamp.",
        udf=True,
        unit="d",
        ucd="time",
    ),
    Function(
        "ivo_to_mjd",
        (Parameter("d", Accepts.TIME),),
        Kind.DOUBLE,
        "udf.ivo_to_mjd({0})",
        "Modified Julian Date (JD - 2400000.5) of a timestamp.",
        udf=True,
        unit="d",
        ucd="time",
    ),
    Function(
        "gavo_to_jd",
        (Parameter("d", Accepts.TIME),),
        Kind.DOUBLE,
        "udf.ivo_to_jd({0})",
        "Julian Date of a timestamp; ivo_to_jd by the name that it has on other services.",
        udf=True,
        unit="d",
        ucd="time",
    ),
    Function(
        "gavo_to_mjd",
        (Parameter("d", Accepts.TIME),),
        Kind.DOUBLE,
        "udf.ivo_to_mjd({0})",
        "Modified Julian Date of a timestamp; ivo_to_mjd by the name that it has elsewhere.",
        udf=True,
        unit="d",
        ucd="time",
    ),
    Function(
        "ivo_interval_has",
        (_double("val"), Parameter("iv", Accepts.INTERVAL)),
        Kind.INT,
        "udf.ivo_interval_has({0}, {1})",
        "1 if a closed interval holds the number, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_histogram",
        (
            _double("val"),
            _literal("lower", Kind.DOUBLE),
            _literal("upper", Kind.DOUBLE),
            _literal("nbins", Kind.INT),
        ),
        Kind.ARRAY,
        "",
        "How many rows have a value below the range, in each of its bins, and above it; "
        "NULL counts as below.",
        aggregate=True,
        udf=True,
        array="integer",
        builder=translated.histogram,
    ),
    *(
        Function(
            name,
            (_double("mu"), _double("sigma")),
            Kind.DOUBLE,
            # The method of Box and Muller (Ann. Math. Stat. 29, 610, 1958).
            "({0} + {1} * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))",
            "A random number of the normal distribution with mean mu and deviation sigma.",
            udf=True,
        )
        for name in ("ivo_normal_random", "gavo_normal_random")
    ),
    Function(
        "ivo_healpix_index",
        (Parameter("hpxOrder", Kind.INT), _double("long"), _double("lat")),
        Kind.LONG,
        "udf.ivo_healpix_index({0}, {1}, {2})",
        "Number of the HEALPix cell of a position in degrees, in the nested scheme.",
        udf=True,
        ucd="pos.healpix",
    ),
    Function(
        "ivo_healpix_index",
        (Parameter("hpxOrder", Kind.INT), Parameter("p", Kind.POINT)),
        Kind.LONG,
        "udf.ivo_healpix_index({0}, ({1})[1], ({1})[2])",
        "Number of the HEALPix cell of a point, in the nested scheme.",
        udf=True,
        ucd="pos.healpix",
    ),
    Function(
        "ivo_healpix_center",
        (Parameter("hpxOrder", Kind.INT), Parameter("hpxIndex", Kind.LONG)),
        Kind.POINT,
        "udf.ivo_healpix_center({0}, {1})",
        "Centre of a HEALPix cell of the nested scheme.",
        udf=True,
        unit="deg",
    ),
    Function(
        "ivo_epoch_prop_pos",
        tuple(
            map(
                _double,
                (
                    *("ra", "dec", "parallax", "pmra", "pmdec"),
                    *("radial_velocity", "ref_epoch", "out_epoch"),
                ),
            )
        ),
        Kind.POINT,
        "udf.ivo_epoch_prop_pos({0}, {1}, {2}, {3}, {4}, {5}, {6}, {7})",
        "Position at another epoch: degrees, parallax in mas, proper motion in mas/yr (in right "
        "ascension with cos(dec)), radial velocity in km/s, epochs in Julian years.",
        udf=True,
        unit="deg",
    ),
    *(
        Function(
            name,
            (_literal("from_sys"), _literal("to_sys"), Parameter("geo", Accepts.SHAPE)),
            None,
            "",
            "The shape in another frame: " + ", ".join(translated.FRAMES) + ".",
            udf=True,
            builder=translated.transform,
        )
        for name in ("ivo_geom_transform", "gavo_transform")
    ),
    Function(
        "ivo_hms_to_degrees",
        (_text("hms"),),
        Kind.DOUBLE,
        "udf.ivo_hms_to_degrees({0})",
        "Degrees of hours, minutes and seconds such as 20:17:46.7, NULL of other text.",
        udf=True,
        unit="deg",
    ),
    Function(
        "ivo_dms_to_degrees",
        (_text("dms"),),
        Kind.DOUBLE,
        "udf.ivo_dms_to_degrees({0})",
        "Degrees of degrees, minutes and seconds such as -00:30:36, NULL of other text.",
        udf=True,
        unit="deg",
    ),
    Function(
        "gavo_specconv",
        (Parameter("expr", Accepts.NUMBER), _literal("dest_unit")),
        Kind.DOUBLE,
        "",
        "A wavelength, frequency or energy, whose unit is known, in another spectral unit.",
        udf=True,
        builder=translated.specconv,
    ),
    Function(
        "gavo_specconv",
        (Parameter("expr", Accepts.NUMBER), _literal("expr_unit"), _literal("dest_unit")),
        Kind.DOUBLE,
        "",
        "A wavelength, frequency or energy in the first unit, in another spectral unit.",
        udf=True,
        builder=translated.specconv,
    ),
    Function(
        "gavo_match",
        (_text("pattern"), _text("string")),
        Kind.INT,
        "udf.gavo_match({0}, {1})",
        "1 if a regular expression of POSIX matches a part of the string, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "gavo_vocmatch",
        (_literal("vocname"), _literal("term"), _text("matchagainst")),
        Kind.INT,
        "",
        "1 if the text is the term of the vocabulary, without case, else 0; the vocabularies are "
        "those of EPNcore, which have no narrower terms.",
        condition=True,
        udf=True,
        builder=translated.vocmatch,
    ),
    Function(
        "MOC",
        (Parameter("order", Kind.INT), Parameter("geo", Accepts.SHAPE)),
        Kind.TEXT,
        "",
        "Coverage map (ASCII MOC) of a shape: the HEALPix cells up to an order that meet it.",
        udf=True,
        builder=texts.coverage("udf.adql_moc({0}, udf.prepared({1}))"),
    ),
    Function(
        "gavo_mocunion",
        (_text("moc1"), _text("moc2")),
        Kind.TEXT,
        "",
        "Coverage map (ASCII MOC) of what either of two maps covers.",
        udf=True,
        builder=texts.coverage("udf.gavo_mocunion({0}, {1})"),
    ),
    Function(
        "gavo_mocintersect",
        (_text("moc1"), _text("moc2")),
        Kind.TEXT,
        "",
        "Coverage map (ASCII MOC) of what both of two maps cover.",
        udf=True,
        builder=texts.coverage("udf.gavo_mocintersect({0}, {1})"),
    ),
    Function(
        "gavo_getauthority",
        (_text("ivoid"),),
        Kind.TEXT,
        "udf.gavo_getauthority({0})",
        "The authority of an identifier of the VO or another URI, NULL of other text.",
        udf=True,
    ),
    _bitwise("BITWISE_AND", "&", "The bits that both numbers have."),
    _bitwise("BITWISE_OR", "|", "The bits that either number has."),
    _bitwise("BITWISE_XOR", "#", "The bits that one of two numbers has."),
    Function(
        "BITWISE_NOT",
        (Parameter("a", Kind.LONG),),
        Kind.LONG,
        "(~ {0})",
        "The bits that the number has not.",
        udf=True,
    ),
)
