"""Base64 of a stream that comes in pieces.

It is a quarter of the work of a BINARY2 download. The package ``pybase64`` (the extra ``[fast]``)
does it with the vector instructions of the processor; the bytes are the same.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable

Encoder = Callable[[bytes | memoryview], bytes]


def fast_encoder() -> Encoder | None:
    """Return the encoder of ``pybase64``, if that is installed."""
    try:
        import pybase64
    except ImportError:
        return None

    def encode(data: bytes | memoryview) -> bytes:
        encoded: bytes = pybase64.b64encode(data)
        return encoded + b"\n"

    return encode


#: What encodes a piece, with a newline behind it.
_ENCODE: Encoder = fast_encoder() or binascii.b2a_base64


class Base64Stream:
    """Base64 of bytes that come in pieces, a line a piece.

    Parameters
    ----------
    encode
        What encodes whole groups of three bytes and puts a newline behind them.
    """

    def __init__(self, encode: Encoder = _ENCODE) -> None:
        self._encode = encode
        self._carry = b""

    @property
    def kept(self) -> bytes:
        """What waits for the next piece, no more than two bytes."""
        return self._carry

    def encode_with_kept(self, data: bytes | memoryview) -> bytes:
        """Encode a piece that was laid out behind `kept`, and so need not be moved for it."""
        self._carry = b""
        return self.encode(data)

    def encode(self, data: bytes | memoryview) -> bytes:
        """Encode whole groups of three bytes and keep the rest for the next piece."""
        memory = memoryview(self._carry + data if self._carry else data)
        whole = len(memory) - len(memory) % 3
        self._carry = bytes(memory[whole:])
        return self._encode(memory[:whole]) if whole else b""

    def close(self) -> bytes:
        """Encode what is kept."""
        carry, self._carry = self._carry, b""
        return self._encode(carry) if carry else b""
