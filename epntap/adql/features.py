"""What the language can do, as data: the languageFeatures of a capabilities document."""

from __future__ import annotations

from dataclasses import dataclass

from epntap.adql import builtin, udf
from epntap.adql.registry import Registry, index
from epntap.adql.words import GEOMETRY_WORDS

_TAPREGEXT = "ivo://ivoa.net/std/TAPRegExt#"

#: Every function that can be called, with all its signatures, by upper-cased name.
REGISTRY: Registry = index(builtin.FUNCTIONS + udf.FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Feature:
    """One form of one kind of language feature, with a description where people need it."""

    form: str
    description: str | None = None


#: Optional features of ADQL 2.1 (section 4) by their identifiers, spelt as clients compare them.
FEATURES: dict[str, tuple[Feature, ...]] = {
    f"{_TAPREGEXT}features-adqlgeo": tuple(map(Feature, sorted(GEOMETRY_WORDS))),
    f"{_TAPREGEXT}features-adql-string": (Feature("LOWER"), Feature("UPPER"), Feature("ILIKE")),
    f"{_TAPREGEXT}features-adql-common-table": (Feature("WITH"),),
    f"{_TAPREGEXT}features-adql-sets": (
        Feature("UNION"),
        Feature("EXCEPT"),
        Feature("INTERSECT"),
    ),
    f"{_TAPREGEXT}features-adql-type": (Feature("CAST"),),
    # COALESCE is not declared although it is understood: the TAPRegExt record lacks the key that
    # ADQL 2.1 names for it (features-adql-conditional), and validators report it as unknown.
    f"{_TAPREGEXT}features-adql-unit": (Feature("IN_UNIT"),),
    f"{_TAPREGEXT}features-adql-offset": (Feature("OFFSET"),),
    f"{_TAPREGEXT}features-udf": tuple(
        Feature(function.form, function.description)
        for signatures in REGISTRY.values()
        for function in signatures
        if function.udf
    ),
}

#: Versions of the language that queries may name, with their identifiers.
VERSIONS = {"2.0": "ivo://ivoa.net/std/ADQL#v2.0", "2.1": "ivo://ivoa.net/std/ADQL#v2.1"}
