"""Muster's messages, to and from bytes: docs/protocol.md, "Batch" to "Dead letter"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import msgpack
from .errors import Malformed, WrongVersion
from .fields import (
    FAILURE_KEYS, MOST_MILLIS, MOST_TASKS, array, binary, boolean, client_name, count, elements, integer, options, string, text,
    text_map, uint,
)

VERSION = 1
BATCH, OUTCOMES, RECEIPT, CANCEL, STARTED, PROGRESS, DEAD = range(1, 8)


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
    for task in array(tasks, 1, MOST_TASKS):
        n, func, arg, *rest = elements(task, 3)
        calls.append(TaskCall(uint(n), string(func, 128), binary(arg), options(rest[0]) if rest else {}))
    return Batch(client_name(client), calls, boolean(more[0]) if more else False)


def write_outcomes(client: str, outcomes: list[Outcome]) -> bytes:
    written = []
    for o in outcomes:
        if o.failure is not None:
            status, body = 1, msgpack.pack(o.failure)
        elif o.object is not None:
            status, body = 2, o.object.encode()
        else:
            status, body = 0, o.value or b""
        written.append([o.n, o.run, status, body])
    return _write(OUTCOMES, client, written)


def read_outcomes(data: bytes) -> tuple[str, list[Outcome]]:
    client, outcomes, *_ = _read(data, OUTCOMES, 2)
    read = []
    for element in array(outcomes, 0, MOST_TASKS):
        n, run, status, body, *_ = elements(element, 4)
        outcome = Outcome(uint(n), min(uint(run), MOST_MILLIS * 1000))
        body = binary(body)
        if uint(status) == 0:
            outcome.value = body
        elif status == 2 and 1 <= len(body) <= 128:
            outcome.object = body.decode(errors="replace")
        else:
            outcome.failure = read_failure(body)
        read.append(outcome)
    return client_name(client), read


def read_failure(data: bytes) -> dict[str, Any]:
    """Reads a failure. One that does not read is a failure all the same."""
    try:
        failure = {}
        for key, value in text_map(msgpack.unpack(data)).items():
            if key in FAILURE_KEYS:
                failure[key] = FAILURE_KEYS[key](value)
    except Malformed as e:
        return {"code": "error", "message": f"the failure does not read: {e}", "unreadable": True}
    failure = {key: value for key, value in failure.items() if value}
    failure.setdefault("code", "error")
    return failure


def write_receipt(outcomes: int) -> bytes:
    return _write(RECEIPT, outcomes)


def read_receipt(data: bytes) -> int:
    outcomes = uint(_read(data, RECEIPT, 1)[0])
    if outcomes > MOST_TASKS:
        raise Malformed("a receipt for too many outcomes")
    return outcomes


def write_cancel(client: str, tasks: list[int], running: bool) -> bytes:
    return _write(CANCEL, client, tasks, running)


def read_cancel(data: bytes) -> tuple[str, list[int], bool]:
    client, tasks, running, *_ = _read(data, CANCEL, 3)
    return client_name(client), [uint(n) for n in array(tasks, 0, 2**32)], boolean(running)


def write_started(n: int, attempt: int, host: str, pid: int) -> bytes:
    return _write(STARTED, n, attempt, host, pid)


def read_started(data: bytes) -> tuple[int, int, str, int]:
    n, attempt, host, pid, *_ = _read(data, STARTED, 4)
    return uint(n), count(attempt), text(host, 256), uint(pid, 2**31 - 1)


def write_progress(n: int, attempt: int, done: int, total: int, note: str) -> bytes:
    return _write(PROGRESS, n, attempt, done, total, note)


def read_progress(data: bytes) -> tuple[int, int, int, int, str]:
    n, attempt, done, total, note, *_ = _read(data, PROGRESS, 5)
    return uint(n), count(attempt), uint(done), uint(total), text(note, 1024)


def write_dead(letter: DeadLetter) -> bytes:
    return _write(DEAD, letter.queue, letter.at, msgpack.pack(letter.failure), letter.message)


def read_dead(data: bytes) -> DeadLetter:
    queue, at, failure, message, *_ = _read(data, DEAD, 4)
    if not -62_167_219_200_000 <= integer(at) <= 253_402_300_799_999:
        raise Malformed("a time beyond the years 0 to 9999")
    return DeadLetter(text(queue, 128), at, read_failure(binary(failure)), binary(message))


def _write(kind: int, *elements: Any) -> bytes:
    return msgpack.pack([VERSION, kind, *elements])


def _read(data: bytes, kind: int, least: int) -> list[Any]:
    """Reads an envelope, and gives what stands behind version and kind."""
    envelope = msgpack.unpack(data, msgpack.DEEPEST + 3)  # its own arrays: envelope, list, element
    if not isinstance(envelope, list) or len(envelope) < 2:
        raise Malformed("not an envelope")
    if uint(envelope[0]) != VERSION:
        raise WrongVersion(f"version {envelope[0]}, and this is version {VERSION}")
    if uint(envelope[1]) != kind:
        raise Malformed(f"kind {envelope[1]} where {kind} belongs")
    if len(envelope) < 2 + least:
        raise Malformed(f"an envelope of {len(envelope)} elements")
    return envelope[2:]
