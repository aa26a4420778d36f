"""MessagePack, as much of it as Muster needs: nil, bool, integers, floats, str, bin,
arrays, maps, and timestamps."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

from .errors import Malformed

DEEPEST = 128  # arrays and maps that a value may stand within
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def pack(value: Any) -> bytes:
    """Encodes a value in its shortest form. Raises TypeError or OverflowError for one
    that MessagePack does not have."""
    out = bytearray()
    _pack(out, value, 0)
    return bytes(out)


def _pack(out: bytearray, value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise OverflowError(f"nested in more than {DEEPEST} lists and dicts")
    if value is None:
        out.append(0xC0)
    elif value is False or value is True:
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        out += _integer(value)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xCB, value)
    elif isinstance(value, str):
        data = value.encode()
        out += _head(len(data), 0xA0, 31, 0xD9, 0xDA, 0xDB) + data
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out += _head(len(value), 0, -1, 0xC4, 0xC5, 0xC6) + bytes(value)
    elif isinstance(value, datetime):
        out += _timestamp(value)
    elif isinstance(value, (list, tuple)):
        out += _head(len(value), 0x90, 15, None, 0xDC, 0xDD)
        for element in value:
            _pack(out, element, depth + 1)
    elif isinstance(value, dict):
        out += _head(len(value), 0x80, 15, None, 0xDE, 0xDF)
        for key, element in value.items():
            _pack(out, key, depth + 1)
            _pack(out, element, depth + 1)
    else:
        raise TypeError(f"MessagePack has no {type(value).__name__}")


def _integer(n: int) -> bytes:
    if -32 <= n <= 127:
        return struct.pack("b", n)
    for code, form, least, most in (
        (0xCC, ">BB", 0, 0xFF), (0xCD, ">BH", 0, 0xFFFF), (0xCE, ">BI", 0, 0xFFFFFFFF), (0xCF, ">BQ", 0, 2**64 - 1),
        (0xD0, ">Bb", -(2**7), -1), (0xD1, ">Bh", -(2**15), -1), (0xD2, ">Bi", -(2**31), -1), (0xD3, ">Bq", -(2**63), -1),
    ):
        if least <= n <= most:
            return struct.pack(form, code, n)
    raise OverflowError(f"{n} does not fit into 64 bits")


def _head(n: int, fixed: int, most_fixed: int, one: int | None, two: int, four: int) -> bytes:
    """The head of what has a length."""
    if n <= most_fixed:
        return bytes([fixed | n])
    if one is not None and n <= 0xFF:
        return struct.pack(">BB", one, n)
    return struct.pack(">BH", two, n) if n <= 0xFFFF else struct.pack(">BI", four, n)


def _timestamp(at: datetime) -> bytes:
    since = at - EPOCH
    seconds, nanos = since.days * 86400 + since.seconds, since.microseconds * 1000
    if 0 <= seconds < 2**32 and nanos == 0:
        return struct.pack(">BbI", 0xD6, -1, seconds)
    if 0 <= seconds < 2**34:
        return struct.pack(">BbQ", 0xD7, -1, nanos << 34 | seconds)
    return struct.pack(">BBbIq", 0xC7, 12, -1, nanos, seconds)


def unpack(data: bytes, deepest: int = DEEPEST) -> Any:
    """Decodes the one value that data is. Raises Malformed for anything else."""
    reader = _Reader(data, deepest)
    value = reader.value(0)
    if reader.at != len(data):
        raise Malformed(f"bytes after the end, at {reader.at} of {len(data)}")
    return value


class _Reader:
    def __init__(self, data: bytes, deepest: int):
        self.data = data
        self.deepest = deepest
        self.at = 0

    def take(self, n: int) -> bytes:
        if n > len(self.data) - self.at:
            raise Malformed(f"truncated at byte {self.at} of {len(self.data)}")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self, depth: int) -> Any:
        code = self.take(1)[0]
        if code <= 0x7F:
            return code
        if code >= 0xE0:
            return code - 0x100
        if code <= 0x8F:
            return self.map(code & 0x0F, depth)
        if code <= 0x9F:
            return self.array(code & 0x0F, depth)
        if code <= 0xBF:
            return self.text(code & 0x1F)
        if code in _SCALARS:
            return self.number(_SCALARS[code])
        if code in _SIZED:
            form, read = _SIZED[code]
            return read(self, self.number(form), depth)
        if code in _FIXED_EXTENSIONS:
            return self.extension(_FIXED_EXTENSIONS[code], depth)
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        raise Malformed(f"byte {code:#x} begins no value")

    def text(self, n: int, depth: int = 0) -> str:
        # What is no UTF-8 is kept so that whoever forbids it can see it.
        return self.take(n).decode("utf-8", "surrogateescape")

    def binary(self, n: int, depth: int = 0) -> bytes:
        return bytes(self.take(n))

    def array(self, n: int, depth: int) -> list[Any]:
        self.room(n, depth)
        return [self.value(depth + 1) for _ in range(n)]

    def map(self, n: int, depth: int) -> dict[Any, Any]:
        self.room(2 * n, depth)
        pairs = {}
        for _ in range(n):
            key = self.value(depth + 1)
            try:
                pairs[key] = self.value(depth + 1)
            except TypeError:
                raise Malformed("a list or dict as key of a map") from None
        return pairs

    def room(self, n: int, depth: int) -> None:
        if n > len(self.data) - self.at:
            raise Malformed("array or map longer than its message")
        if depth >= self.deepest:
            raise Malformed("nested too deeply")

    def extension(self, n: int, depth: int) -> Any:
        kind, body = self.number("b"), self.take(n)
        if kind != -1:
            return Extension((kind, bytes(body)))
        if n == 4:
            seconds, nanos = struct.unpack(">I", body)[0], 0
        elif n == 8:
            both = struct.unpack(">Q", body)[0]
            seconds, nanos = both & (2**34 - 1), both >> 34
        elif n == 12:
            nanos, seconds = struct.unpack(">Iq", body)
        else:
            raise Malformed(f"a timestamp of {n} bytes")
        try:
            return EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
        except OverflowError:
            raise Malformed("a time beyond the years 1 to 9999") from None


class Extension(tuple):
    """An extension that is not a timestamp: type and bytes."""


_CONSTANTS: dict[int, Any] = {0xC0: None, 0xC2: False, 0xC3: True}
_SCALARS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}
_FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_SIZED: dict[int, tuple[str, Callable[..., Any]]] = {
    0xC4: (">B", _Reader.binary), 0xC5: (">H", _Reader.binary), 0xC6: (">I", _Reader.binary),
    0xC7: (">B", _Reader.extension), 0xC8: (">H", _Reader.extension), 0xC9: (">I", _Reader.extension),
    0xD9: (">B", _Reader.text), 0xDA: (">H", _Reader.text), 0xDB: (">I", _Reader.text),
    0xDC: (">H", _Reader.array), 0xDD: (">I", _Reader.array), 0xDE: (">H", _Reader.map), 0xDF: (">I", _Reader.map),
}
