"""Muster's messages, to and from bytes: docs/protocol.md, "Batch" to "Dead letter"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import msgpack
from .errors import Malformed, WrongVersion

VERSION = 1
BATCH, OUTCOMES, RECEIPT, CANCEL, STARTED, PROGRESS, DEAD = range(1, 8)
MOST_TASKS = 65_536
MOST_COUNT = 1_048_576
MOST_MILLIS = 365 * 24 * 3600 * 1000
CLIENT = re.compile(r"[a-z0-9]{1,128}")


@dataclass
class TaskCall:
    """One call of a func, as it stands in a batch."""

    n: int
    func: str
    arg: bytes
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Batch:
    """Tasks of one client."""

    client: str
    tasks: list[TaskCall]
    chunk: bool = False


@dataclass
class Outcome:
    """What one task came to: a value, the name of an object, or a failure."""

    n: int
    run: int = 0  # microseconds
    value: bytes | None = None
    object: str | None = None
    failure: dict[str, Any] | None = None


@dataclass
class DeadLetter:
    """A task given up, or a message that is no batch."""

    queue: str
    at: int  # milliseconds since 1970
    failure: dict[str, Any]
    message: bytes


def write_batch(batch: Batch) -> bytes:
    tasks = [[t.n, t.func, t.arg, t.options] if t.options else [t.n, t.func, t.arg] for t in batch.tasks]
    return _write(BATCH, batch.client, tasks, *([True] if batch.chunk else []))


def read_batch(data: bytes) -> Batch:
    client, tasks, *more = _read(data, BATCH, 2)
    calls = []
    for task in _array(tasks, 1, MOST_TASKS):
        n, func, arg, *options = _elements(task, 3)
        calls.append(TaskCall(_uint(n), _str(func, 128), _bin(arg), _options(options[0]) if options else {}))
    return Batch(_client(client), calls, _bool(more[0]) if more else False)


def write_outcomes(client: str, outcomes: list[Outcome]) -> bytes:
    elements = []
    for o in outcomes:
        if o.failure is not None:
            status, body = 1, msgpack.pack(o.failure)
        elif o.object is not None:
            status, body = 2, o.object.encode()
        else:
            status, body = 0, o.value or b""
        elements.append([o.n, o.run, status, body])
    return _write(OUTCOMES, client, elements)


def read_outcomes(data: bytes) -> tuple[str, list[Outcome]]:
    client, outcomes, *_ = _read(data, OUTCOMES, 2)
    read = []
    for element in _array(outcomes, 0, MOST_TASKS):
        n, run, status, body, *_ = _elements(element, 4)
        outcome = Outcome(_uint(n), min(_uint(run), MOST_MILLIS * 1000))
        body = _bin(body)
        if _uint(status) == 0:
            outcome.value = body
        elif status == 2 and 1 <= len(body) <= 128:
            outcome.object = body.decode(errors="replace")
        else:
            outcome.failure = read_failure(body)
        read.append(outcome)
    return _client(client), read


def read_failure(data: bytes) -> dict[str, Any]:
    """Reads a failure. One that does not read is a failure all the same."""
    try:
        failure = {}
        for key, value in _map(msgpack.unpack(data)).items():
            if key in _FAILURE_KEYS:
                failure[key] = _FAILURE_KEYS[key](value)
    except Malformed as e:
        return {"code": "error", "message": f"the failure does not read: {e}", "unreadable": True}
    failure = {key: value for key, value in failure.items() if value}
    failure.setdefault("code", "error")
    return failure


def write_receipt(outcomes: int) -> bytes:
    return _write(RECEIPT, outcomes)


def read_receipt(data: bytes) -> int:
    outcomes = _uint(_read(data, RECEIPT, 1)[0])
    if outcomes > MOST_TASKS:
        raise Malformed("a receipt for too many outcomes")
    return outcomes


def write_cancel(client: str, tasks: list[int], running: bool) -> bytes:
    return _write(CANCEL, client, tasks, running)


def read_cancel(data: bytes) -> tuple[str, list[int], bool]:
    client, tasks, running, *_ = _read(data, CANCEL, 3)
    return _client(client), [_uint(n) for n in _array(tasks, 0, 2**32)], _bool(running)


def write_started(n: int, attempt: int, host: str, pid: int) -> bytes:
    return _write(STARTED, n, attempt, host, pid)


def read_started(data: bytes) -> tuple[int, int, str, int]:
    n, attempt, host, pid, *_ = _read(data, STARTED, 4)
    return _uint(n), _count(attempt), _text(host, 256), _uint(pid, 2**31 - 1)


def write_progress(n: int, attempt: int, done: int, total: int, note: str) -> bytes:
    return _write(PROGRESS, n, attempt, done, total, note)


def read_progress(data: bytes) -> tuple[int, int, int, int, str]:
    n, attempt, done, total, note, *_ = _read(data, PROGRESS, 5)
    return _uint(n), _count(attempt), _uint(done), _uint(total), _text(note, 1024)


def write_dead(letter: DeadLetter) -> bytes:
    return _write(DEAD, letter.queue, letter.at, msgpack.pack(letter.failure), letter.message)


def read_dead(data: bytes) -> DeadLetter:
    queue, at, failure, message, *_ = _read(data, DEAD, 4)
    if not -62_167_219_200_000 <= _int(at) <= 253_402_300_799_999:
        raise Malformed("a time beyond the years 0 to 9999")
    return DeadLetter(_text(queue, 128), at, read_failure(_bin(failure)), _bin(message))


def _write(kind: int, *elements: Any) -> bytes:
    return msgpack.pack([VERSION, kind, *elements])


def _read(data: bytes, kind: int, least: int) -> list[Any]:
    """Reads an envelope, and gives what stands behind version and kind."""
    envelope = msgpack.unpack(data, msgpack.DEEPEST + 3)  # its own arrays: envelope, list, element
    if not isinstance(envelope, list) or len(envelope) < 2:
        raise Malformed("not an envelope")
    if _uint(envelope[0]) != VERSION:
        raise WrongVersion(f"version {envelope[0]}, and this is version {VERSION}")
    if _uint(envelope[1]) != kind:
        raise Malformed(f"kind {envelope[1]} where {kind} belongs")
    if len(envelope) < 2 + least:
        raise Malformed(f"an envelope of {len(envelope)} elements")
    return envelope[2:]


def _elements(value: Any, least: int) -> list[Any]:
    return _array(value, least, 2**32)


def _array(value: Any, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Malformed("not an array, or not of that length")
    return value


def _map(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Malformed("not a map by text")
    return value


def _int(value: Any, least: int = -(2**63), most: int = 2**63 - 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Malformed("not an integer, or out of range")
    return value


def _uint(value: Any, most: int = 2**64 - 1) -> int:
    return _int(value, 0, most)


def _count(value: Any) -> int:
    return _uint(value, MOST_COUNT)


def _millis(value: Any) -> int:
    return min(_uint(value), MOST_MILLIS)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Malformed("not a boolean")
    return value


def _bin(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed("not binary")
    return value


def _str(value: Any, most: int) -> str:
    """A str that is refused when it is too long."""
    if not isinstance(value, str) or len(value.encode("utf-8", "surrogateescape")) > most:
        raise Malformed("not a string, or too long")
    return value


def _text(value: Any, most: int) -> str:
    """A str that is cut when it is too long."""
    if not isinstance(value, str):
        raise Malformed("not a string")
    return cut(value, most)


def cut(text: str, most: int) -> str:
    """The beginning of a text, at most so many bytes of valid UTF-8."""
    valid = text.encode("utf-8", "surrogateescape").decode(errors="replace").encode()
    return valid[:most].decode(errors="ignore")


def _client(value: Any) -> str:
    if not isinstance(value, str) or not CLIENT.fullmatch(value):
        raise Malformed("not a client's name")
    return value


def _header(value: Any) -> dict[str, str]:
    header = _map(value)
    if len(header) > 64:
        raise Malformed("too many header entries")
    for key, text in header.items():
        for part, most in ((key, 128), (text, 4096)):
            if cut(_str(part, most), most) != part:
                raise Malformed("a header entry that is not UTF-8")
    return header


def _options(value: Any) -> dict[str, Any]:
    """Reads options, and keeps those that it does not know. A missing option and one
    that is 0 or empty are the same."""
    options = {key: _OPTIONS.get(key, lambda unknown: unknown)(option) for key, option in _map(value).items()}
    return {key: option for key, option in options.items() if option or key not in _OPTIONS or key == "deadline"}


_OPTIONS = {
    "crashes": _count, "max_crashes": _count, "errors": _count, "max_errors": _count, "depth": _count,
    "backoff": _millis, "limit": _millis, "retain": _millis, "deadline": _int, "numbered": _bool,
    "key": lambda v: _text(v, 128), "object": lambda v: _text(v, 128), "header": _header,
}


def _label(value: Any) -> str:
    return _text(value, 256)


def _int32(value: Any) -> int:
    return _int(value, -(2**31), 2**31 - 1)


_FAILURE_KEYS = {
    "code": _label, "type": _label, "host": _label, "signal": _label,
    "message": lambda v: _text(v, 16 << 10), "stack": lambda v: _text(v, 32 << 10),
    "stderr": lambda v: _text(v, 8 << 10), "pid": _int32, "attempt": _int32, "exit_code": _int32, "out_of_memory": _bool,
    "sentinels": lambda v: [_label(key) for key in _array(v, 0, 2**32)][:64],
    "values": lambda v: {_label(key): _bin(data) for key, data in _map(v).items()},
}
