"""What the pipeline tells apart, and the names that others have for it."""

from __future__ import annotations

#: Classes in the order of the network's head. The first four are Type-1 to Type-4 of DeepLandforms
#: (Nodjoumi et al. 2023, Earth Space Sci. 10, e2022EA002278); impact craters are what they are
#: taken for.
CLASSES: tuple[str, ...] = ("skylight", "pit", "elongated", "shallow", "crater")

#: Classes that are learnt to be told from pits, and are no rows of the catalogue.
NEGATIVES: frozenset[str] = frozenset({"crater"})

_OTHER_NAMES = {
    "type-1": "skylight",
    "type-2": "pit",
    "type-3": "elongated",
    "type-4": "shallow",
    "pit crater": "pit",
    "atypical pit crater": "pit",
    "pit chain": "elongated",
    "bowl": "shallow",
    "impact crater": "crater",
}


def known_class(name: str) -> str:
    """Return the name that a class has here; what is not known keeps its own.

    Upper and lower case, blanks, underscores and the plural make no difference.
    """
    plain = name.strip().lower().replace("_", " ")
    for each in (plain, plain.removesuffix("s")):
        if each in CLASSES:
            return each
        for written in (each, each.replace(" ", "-"), each.replace("type", "type-", 1)):
            if written in _OTHER_NAMES:
                return _OTHER_NAMES[written]
    return name.strip()
