"""The streams and consumers that Muster needs, and making them: docs/protocol.md,
"Streams and consumers"."""

from __future__ import annotations

from typing import Any

from .errors import Conflict, MusterError
from .jetstream import ask
from .nats import Connection

SECOND = 10**9
LANES = ("high", "normal", "low")
EXISTS = {10058, 10105, 10148}  # and differs
TOO_FEW_SERVERS = {10005, 10074}
OPERATORS = {"description", "max_bytes", "max_age", "max_msgs", "num_replicas"}  # theirs to choose
AT_LEAST = {"duplicate_window", "max_ack_pending", "max_waiting"}


def ensure_queue(connection: Connection, queue: str) -> None:
    """Makes what a queue needs, if it is missing. Raises Conflict."""
    ensure_stream(connection, _SCHED)
    ensure_consumer(connection, "SCHED", _feed(queue))
    ensure_stream(connection, _tasks(queue))
    for lane in LANES:
        ensure_consumer(connection, f"TASKS_{queue}", _workers(queue, lane))


def ensure_shared(connection: Connection) -> None:
    """Makes what all queues share, if it is missing. Raises Conflict."""
    for stream in (_RESULTS, _DEAD, _CANCELS):
        ensure_stream(connection, stream)


def ensure_stream(connection: Connection, config: dict[str, Any]) -> None:
    name = config["name"]
    replicas = 3 if connection.info.get("cluster") else 1
    answer = ask(connection, f"STREAM.CREATE.{name}", {**config, "num_replicas": replicas})
    if replicas > 1 and answer.get("error", {}).get("err_code") in TOO_FEW_SERVERS:
        answer = ask(connection, f"STREAM.CREATE.{name}", {**config, "num_replicas": 1})
    if answer.get("error", {}).get("err_code") in EXISTS:
        answer = ask(connection, f"STREAM.INFO.{name}")
    _compare(f"stream {name}", config, answer)


def ensure_consumer(connection: Connection, stream: str, config: dict[str, Any]) -> None:
    name = config["durable_name"]
    request = {"stream_name": stream, "config": config, "action": "create"}
    answer = ask(connection, f"CONSUMER.CREATE.{stream}.{name}.{config['filter_subject']}", request)
    if answer.get("error", {}).get("err_code") in EXISTS:
        answer = ask(connection, f"CONSUMER.INFO.{stream}.{name}")
    _compare(f"consumer {name} of {stream}", config, answer)


def _compare(what: str, want: dict[str, Any], answer: dict[str, Any]) -> None:
    if "error" in answer:
        raise MusterError(f"making {what}: {answer['error'].get('description')}")
    have = answer["config"]
    differing = []
    for key, value in want.items():
        there = have.get(key)
        if key in OPERATORS or key in AT_LEAST and there is not None and (there < 0 or there >= value):
            continue
        if not _same(value, there):
            differing.append(f"{key}: want {value}, have {there}")
    if differing:
        raise Conflict(f"{what} exists and is another's: {'; '.join(differing)}: edit it, or delete it")


def _same(want: Any, have: Any) -> bool:
    """Whether the server has what is wanted, and perhaps its own defaults besides."""
    if isinstance(want, dict) and isinstance(have, dict):
        return all(_same(value, have.get(key)) for key, value in want.items())
    if isinstance(want, list) and isinstance(have, list):
        return len(want) == len(have) and all(map(_same, want, have))
    return want == have


_SCHED = {
    "name": "SCHED", "description": "muster: schedules, and what is due", "subjects": ["muster.sched.>", "muster.due.>"],
    "retention": "workqueue", "storage": "file", "discard": "old", "max_bytes": -1, "duplicate_window": 120 * SECOND,
    "allow_msg_schedules": True, "allow_rollup_hdrs": True,
}
_RESULTS = {
    "name": "RESULTS", "description": "muster: outcomes", "subjects": ["muster.result.>"],
    "retention": "limits", "storage": "file", "discard": "old", "max_bytes": -1, "max_msgs_per_subject": 1,
    "max_age": 7 * 24 * 3600 * SECOND, "duplicate_window": 120 * SECOND, "allow_direct": True, "allow_msg_ttl": True,
    "republish": {"src": "muster.result.>", "dest": "muster.live.>"},
}
_DEAD = {
    "name": "DEAD", "description": "muster: dead letters", "subjects": ["muster.dead.>"],
    "retention": "limits", "storage": "file", "discard": "old", "max_bytes": -1, "max_msgs": 100_000,
    "max_msgs_per_subject": 1, "max_age": 30 * 24 * 3600 * SECOND, "duplicate_window": 120 * SECOND,
}
_CANCELS = {
    "name": "CANCELS", "description": "muster: requests to cancel", "subjects": ["muster.cancel.*", "muster.cancelany"],
    "retention": "limits", "storage": "file", "discard": "old", "max_bytes": -1, "max_msgs": 16_384,
    "max_age": 24 * 3600 * SECOND,
}


def _tasks(queue: str) -> dict[str, Any]:
    transform = {"src": f"muster.due.{queue}.*", "dest": f"muster.task.{queue}.{{{{wildcard(1)}}}}"}
    return {
        "name": f"TASKS_{queue}", "description": f"muster: tasks of queue {queue}",
        "subjects": [f"muster.task.{queue}.*", f"muster.key.{queue}.*"],
        "retention": "workqueue", "storage": "file", "discard": "new", "max_bytes": -1, "duplicate_window": 120 * SECOND,
        "allow_atomic": True,
        "sources": [{
            "name": "SCHED", "subject_transforms": [transform],
            "consumer": {"name": f"feed_{queue}", "deliver_subject": f"muster.feed.{queue}"},
        }],
    }


def _feed(queue: str) -> dict[str, Any]:
    return {
        "durable_name": f"feed_{queue}", "description": f"muster: feeds TASKS_{queue}",
        "filter_subject": f"muster.due.{queue}.*", "deliver_subject": f"muster.feed.{queue}",
        "deliver_policy": "all", "ack_policy": "flow_control", "max_deliver": -1, "flow_control": True,
        "idle_heartbeat": SECOND, "max_ack_pending": 1,
    }


def _workers(queue: str, lane: str) -> dict[str, Any]:
    return {
        "durable_name": f"workers_{lane}", "filter_subject": f"muster.task.{queue}.{lane}",
        "deliver_policy": "all", "ack_policy": "explicit", "ack_wait": 3 * SECOND, "max_deliver": -1,
        "max_ack_pending": 20_000, "max_waiting": 8192,
    }
