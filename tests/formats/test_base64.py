"""Base64 of a stream, by the standard library and by the faster package."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.formats.base64stream import Base64Stream, fast_encoder

PIECES = st.lists(st.binary(max_size=200), max_size=8)


def written(stream: Base64Stream, pieces: list[bytes]) -> bytes:
    return b"".join([*(stream.encode(memoryview(piece)) for piece in pieces), stream.close()])


@settings(deadline=None, derandomize=True)
@given(PIECES)
def test_pieces_make_the_base64_of_the_whole(pieces):
    text = written(Base64Stream(), pieces)
    assert text.replace(b"\n", b"") == base64.b64encode(b"".join(pieces))


@settings(deadline=None, derandomize=True)
@given(PIECES)
def test_the_faster_package_gives_the_same_bytes(pieces):
    fast = fast_encoder()
    if fast is None:
        pytest.skip("pybase64 is not installed")
    import binascii

    assert written(Base64Stream(fast), pieces) == written(Base64Stream(binascii.b2a_base64), pieces)
