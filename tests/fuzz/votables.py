"""Random VOTables: documents that are right, and what becomes of them when they are damaged."""

from __future__ import annotations

import base64
import struct
from random import Random

_INTEGERS = ("0", "1", "7", "")
_REALS = ("0", "1", "2.5", "NaN", "+Inf", "-1e-3", "")
_WORDS = ("", "a", "a b", "&lt;&amp;", "\\N", "\\.", "a\tb", "2020-01-01T00:00:00")

#: Types with cells that they can have.
_TYPES: tuple[tuple[str, str | None, tuple[str, ...]], ...] = (
    *(("int", None, _INTEGERS), ("short", None, _INTEGERS), ("long", None, _INTEGERS)),
    *(("float", None, _REALS), ("double", None, _REALS), ("boolean", None, ("T", "false", "?"))),
    *(("unsignedByte", None, _INTEGERS), ("bit", None, ("0", "1"))),
    *(("char", "*", _WORDS), ("char", "4", ("abcd", "ab", "")), ("unicodeChar", "*", _WORDS)),
    *(("double", "2", ("1 2", "")), ("double", "*", ("1", "1 2 3", "")), ("char", None, ("a",))),
    *(
        ("int", "3*", ("1 2", "")),
        ("long", "2x2", ("1 2 3 4",)),
        ("bit", "9", ("1 0 1 0 1 0 1 0 1",)),
    ),
    ("floatComplex", None, ("1 2",)),
)
#: Cells of which most types can have some and not others.
_CELLS = (*("", "-7", "1e400", "-Inf", "true", "99999999999", "1 2", "é", "0x1f", "2020-01-01"),)
_XTYPES = (
    *[""] * 9,
    ' xtype="timestamp"',
    ' xtype="point"',
    ' xtype="adql:REGION"',
    ' xtype="interval"',
)
_NAMES = ("id", "t", "Weird name", "ra_1", "x", "y2", "select", "ö", "ctid", "x.y", "a" * 70, '"q"')

_PIECES = (
    *(b"<TR>", b"</TD>", b"<FIELD/>", b"</DATA>", b"<!DOCTYPE x>", b"&x;", b"<![CDATA[", b"]]>"),
    *(b"\0", b"\xff\xfe", b"<?xml version='1.0' encoding='utf-7'?>", b"<!--", b"arraysize='9x9'"),
    *(b"datatype='complex'", b"arraysize='-1'", b"arraysize='99999999999'", b"<STREAM>", b"====="),
    *(b"<TABLE>", b"</VOTABLE>", b"&#0;", b"&#xD800;", b"<VALUES null='x'/>", b"<TD>" * 300),
)


def document(chance: Random) -> bytes:
    """Return a VOTable with one table of a few rows in one of the three serialisations."""
    names = _NAMES[chance.randrange(7) :]
    columns = [(name, *chance.choice(_TYPES)) for name in names[: chance.randrange(1, 5)]]
    fields = "".join(
        f'<FIELD name="{name.replace(chr(34), "&quot;")}" datatype="{datatype}"'
        + (f' arraysize="{size}"' if size else "")
        + (chance.choice(_XTYPES))
        + "/>"
        for name, datatype, size, _ in columns
    )
    form = chance.choice(["TABLEDATA", "BINARY", "BINARY2"])
    rows = chance.randrange(4)
    if form == "TABLEDATA":
        data = _tabledata(chance, [cells for *_, cells in columns], rows)
    else:
        data = _stream(chance, form)
    text = (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f"<RESOURCE><TABLE>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    )
    return text.encode()


def _tabledata(chance: Random, columns: list[tuple[str, ...]], rows: int) -> str:
    lines = []
    for _ in range(rows):
        row = [chance.choice(_CELLS if chance.random() > 0.95 else cells) for cells in columns]
        lines.append(f"<TR>{''.join(f'<TD>{cell}</TD>' for cell in row)}</TR>")
    return f"<TABLEDATA>{''.join(lines)}</TABLEDATA>"


def _stream(chance: Random, form: str) -> str:
    """Return bytes that may be rows: counts that are too large are among them."""
    parts = [
        struct.pack(">i", chance.choice([0, 1, 2, 3, -1, 255, 2**31 - 1]))
        if chance.random() < 0.5
        else bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
        for _ in range(chance.randrange(8))
    ]
    encoded = base64.b64encode(b"".join(parts)).decode()
    return f'<{form}><STREAM encoding="base64">{encoded}</STREAM></{form}>'


def damaged(content: bytes, chance: Random) -> bytes:
    """Return a document with some of its bytes removed, doubled, changed, or noise among them."""
    data = bytearray(content)
    for _ in range(chance.randrange(1, 4)):
        if not data:
            break
        place = chance.randrange(len(data))
        end = place + chance.randrange(1, 40)
        what = chance.randrange(5)
        if what == 0:
            del data[place:end]
        elif what == 1:
            data[place:place] = data[place:end]
        elif what == 2:
            data[place] = chance.randrange(256)
        elif what == 3:
            del data[place:]
        else:
            data[place:place] = chance.choice(_PIECES)
    return bytes(data)
