"""What may stand in a message, and its limits. Each function gives a value back as it
is to be read, or raises Malformed."""

from __future__ import annotations

import re
from typing import Any

from .errors import Malformed

MOST_TASKS = 65_536
MOST_COUNT = 1_048_576
MOST_MILLIS = 365 * 24 * 3600 * 1000
# A name, with a group before it or none. Two words are neither.
CLIENT = re.compile(r"(?!(cron|unread)(\.|$))([a-z0-9]{1,32}\.)?[a-z0-9]{1,128}")


def elements(value: Any, least: int) -> list[Any]:
    return array(value, least, 2**32)


def array(value: Any, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Malformed("not an array, or not of that length")
    return value


def text_map(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Malformed("not a map by text")
    return value


def integer(value: Any, least: int = -(2**63), most: int = 2**63 - 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Malformed("not an integer, or out of range")
    return value


def uint(value: Any, most: int = 2**64 - 1) -> int:
    return integer(value, 0, most)


def count(value: Any) -> int:
    return uint(value, MOST_COUNT)


def millis(value: Any) -> int:
    return min(uint(value), MOST_MILLIS)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Malformed("not a boolean")
    return value


def binary(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed("not binary")
    return value


def string(value: Any, most: int) -> str:
    """A str that is refused when it is too long."""
    if not isinstance(value, str) or len(value.encode("utf-8", "surrogateescape")) > most:
        raise Malformed("not a string, or too long")
    return value


def text(value: Any, most: int) -> str:
    """A str that is cut when it is too long."""
    if not isinstance(value, str):
        raise Malformed("not a string")
    return cut(value, most)


def cut(whole: str, most: int) -> str:
    """The beginning of a text, at most so many bytes of valid UTF-8."""
    valid = whole.encode("utf-8", "surrogateescape").decode(errors="replace").encode()
    return valid[:most].decode(errors="ignore")


def client_name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 128 or not CLIENT.fullmatch(value):
        raise Malformed("not a client's name")
    return value


def header(value: Any) -> dict[str, str]:
    entries = text_map(value)
    if len(entries) > 64:
        raise Malformed("too many header entries")
    for key, entry in entries.items():
        for part, most in ((key, 128), (entry, 4096)):
            if cut(string(part, most), most) != part:
                raise Malformed("a header entry that is not UTF-8")
    return entries


def options(value: Any) -> dict[str, Any]:
    """Reads options, and keeps those that it does not know. A missing option and one
    that is 0 or empty are the same."""
    known = {key: OPTIONS.get(key, lambda unknown: unknown)(option) for key, option in text_map(value).items()}
    return {key: option for key, option in known.items() if option or key not in OPTIONS or key == "deadline"}


OPTIONS = {
    "crashes": count, "max_crashes": count, "errors": count, "max_errors": count, "depth": count,
    "backoff": millis, "limit": millis, "retain": millis, "deadline": integer, "numbered": boolean,
    "key": lambda v: text(v, 128), "object": lambda v: text(v, 128), "header": header,
}


def label(value: Any) -> str:
    return text(value, 256)


def int32(value: Any) -> int:
    return integer(value, -(2**31), 2**31 - 1)


FAILURE_KEYS = {
    "code": label, "type": label, "host": label, "signal": label,
    "message": lambda v: text(v, 16 << 10), "stack": lambda v: text(v, 32 << 10),
    "stderr": lambda v: text(v, 8 << 10), "pid": int32, "attempt": int32, "exit_code": int32, "out_of_memory": boolean,
    "sentinels": lambda v: [label(key) for key in array(v, 0, 2**32)][:64],
    "values": lambda v: {label(key): binary(data) for key, data in text_map(v).items()},
}
