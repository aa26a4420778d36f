"""The streams and consumers that Muster needs, and making them: docs/protocol.md,
"Streams and consumers". The configurations are in docs/streams.json, which goes along
with a copy of this package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import Conflict, MusterError, Refused
from .jetstream import ask
from .nats import Connection

LANES = ("high", "normal", "low")
FILE = Path(__file__).resolve().parents[3] / "docs" / "streams.json"
API = "$JS.API."
LARGE_VALUES = "STREAM.CREATE.OBJ_MUSTER"  # which this implementation does not use


def ensure(connection: Connection, queue: str) -> None:
    """Makes the queue and what all queues share, where it is missing. Raises Conflict."""
    file = json.loads(FILE.read_text().replace("<queue>", queue))
    for request in file["requests"]:
        create = request["create"].removeprefix(API)
        if create == LARGE_VALUES:
            continue
        try:
            answer = _make(connection, file, request, create)
        except Refused:
            continue  # the user may not look; somebody else has made it
        _compare(file, create, request["body"], answer)


def _make(connection: Connection, file: dict[str, Any], request: dict[str, Any], create: str) -> dict[str, Any]:
    """The server's word on what is there, or was made."""
    look = request["info"].removeprefix(API)
    answer = ask(connection, look)
    if answer.get("error", {}).get("err_code") not in file["missing"]:
        return answer
    body, replicas = request["body"], file["replicas"]
    if "num_replicas" in body and connection.info.get("cluster"):
        answer = ask(connection, create, {**body, "num_replicas": replicas["cluster"]})
        error = answer.get("error", {})
        if error.get("err_code") in replicas["too_few"] and not any(word in error["description"] for word in ("offline", "insufficient")):
            answer = ask(connection, create, body)
    else:
        answer = ask(connection, create, body)
    if answer.get("error", {}).get("err_code") in file["exists"]:
        answer = ask(connection, look)
    return answer


def _compare(file: dict[str, Any], what: str, body: dict[str, Any], answer: dict[str, Any]) -> None:
    if "error" in answer:
        raise MusterError(f"{what}: {answer['error'].get('description')}")
    have = answer["config"]
    differing = []
    for key, value in body.get("config", body).items():
        there = have.get(key)
        larger = key in file["may_be_larger"] and there is not None and (there < 0 or there >= value)
        if key not in file["may_differ"] and not larger and not _same(value, there):
            differing.append(f"{key}: want {value}, have {there}")
    if differing:
        raise Conflict(f"{what}: there is one, and it is another's: {'; '.join(differing)}: edit it, or delete it")


def _same(want: Any, have: Any) -> bool:
    """Whether the server has what is wanted, and perhaps its own defaults as well."""
    if isinstance(want, dict) and isinstance(have, dict):
        return all(_same(value, have.get(key)) for key, value in want.items())
    if isinstance(want, list) and isinstance(have, list):
        return len(want) == len(have) and all(map(_same, want, have))
    return want == have
