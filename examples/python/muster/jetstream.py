"""Requests to the broker's streams: docs/protocol.md, "Requests to the broker"."""

from __future__ import annotations

import base64
import json
import queue as queues
import random
import secrets
import time
from typing import Any, Callable

from .errors import MusterError, NoResponders, NotStored, QueueFull, WrongSequence
from .nats import Connection, Message

NO_STREAM = 20.0  # seconds of "no responders" after which there is no such stream
WRONG_SEQUENCE = {10071, 10164}
FULL = {10002, 10023, 10028, 10047}
NOT_NOW = {10007, 10008, 10009, 10118, 10158, 10167, 10176, 10194, 10210}
NOT_FOUND = 10037


def store(
    connection: Connection, subject: str, data: bytes, headers: dict[str, str], patience: float = 60, full_waits: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> int:
    """Publishes a message until a stream has stored it, and gives its sequence. The
    headers should make it safe to publish twice: a Nats-Msg-Id, or an expected
    sequence. Meanwhile is called between attempts. Raises NotStored and its kinds, or
    TimeoutError when its fate is not known after so many seconds."""
    began = time.monotonic()
    alone_since: float | None = None  # since when "no responders" is the only answer
    wait = 2.0
    while True:
        pause = random.uniform(0.1, 0.25)
        try:
            answer = connection.request(subject, data, wait, headers)
            alone_since = None
            if (sequence := _stored(answer, full_waits)) is not None:
                return sequence
        except TimeoutError:
            alone_since = None
            wait, pause = min(wait * 2, 8.0), 0
        except NoResponders:
            alone_since = alone_since or time.monotonic()
            if time.monotonic() - alone_since > NO_STREAM:
                raise NotStored(f"no stream takes {subject}") from None
        if time.monotonic() - began > patience:
            raise TimeoutError(f"{subject}: not known to be stored after {patience} s")
        meanwhile()
        time.sleep(pause)


def _stored(answer: Message, full_waits: bool) -> int | None:
    """The sequence, or None if it is to be published again."""
    try:
        ack = json.loads(answer.data)
    except ValueError:
        raise NotStored("whatever answered, it was not a stream") from None
    if "error" not in ack:
        return ack["seq"]
    error = ack["error"]
    code, words = error.get("err_code", 0), error.get("description", "")
    if code in NOT_NOW:
        return None
    if code in WRONG_SEQUENCE:
        raise WrongSequence(words)
    if code in FULL or code == 10077 and "maximum" in words and "exceeded" in words:
        if full_waits:
            return None
        raise QueueFull(words)
    raise NotStored(f"{words} ({code})")


def ask(connection: Connection, what: str, body: Any = None, patience: float = 20) -> dict[str, Any]:
    """A request of the JetStream API. Its error, if any, is in the answer. Raises
    TimeoutError."""
    data = b"" if body is None else json.dumps(body).encode()
    end = time.monotonic() + patience
    while True:
        try:
            return json.loads(connection.request("$JS.API." + what, data, 2).data)
        except (TimeoutError, NoResponders):
            if time.monotonic() > end:
                raise TimeoutError(f"the broker does not answer {what}: does it have JetStream?") from None
            time.sleep(0.1)


def last_direct(connection: Connection, stream: str, subject: str, timeout: float = 2) -> bytes | None:
    """The last message of a subject, of a stream with allow_direct; None if there is
    none. Raises TimeoutError or NoResponders."""
    answer = connection.request(f"$JS.API.DIRECT.GET.{stream}.{subject}", b"", timeout)
    if answer.status == "404":
        return None
    if answer.status:
        raise MusterError(f"reading {subject}: {answer.status} {answer.description}")
    return answer.data


def stored_message(connection: Connection, stream: str, request: dict[str, Any]) -> tuple[int, bytes] | None:
    """Sequence and body of a stored message, None if there is none."""
    answer = ask(connection, f"STREAM.MSG.GET.{stream}", request)
    if "error" in answer:
        if answer["error"].get("err_code") == NOT_FOUND:
            return None
        raise MusterError(f"reading {stream}: {answer['error']}")
    message = answer["message"]
    return message["seq"], base64.b64decode(message.get("data", ""))


def stored_messages(connection: Connection, stream: str, subjects: list[str], patience: float = 20) -> list[bytes]:
    """The bodies of all messages that a stream has at some subjects. Raises TimeoutError."""
    name = secrets.token_hex(11)
    config = {
        "name": name, "filter_subjects": subjects, "ack_policy": "none", "deliver_policy": "all",
        "mem_storage": True, "num_replicas": 1, "inactive_threshold": 10 * 10**9,
    }
    answer = ask(connection, f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": config}, patience)
    if "error" in answer:
        raise MusterError(f"reading {stream}: {answer['error']}")
    bodies: list[bytes] = []
    if not (left := answer["num_pending"]):
        return bodies
    came: queues.SimpleQueue[Message] = queues.SimpleQueue()
    inbox = f"{connection.inbox_prefix}.read.{name}"
    subscription = connection.subscribe(inbox, came.put)
    try:
        request = json.dumps({"batch": left, "no_wait": True}).encode()
        connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", request, inbox)
        while len(bodies) < left:
            message = came.get(timeout=patience)
            if not message.reply:  # some have gone meanwhile
                break
            bodies.append(message.data)
    except queues.Empty:
        raise TimeoutError(f"reading {stream}: {len(bodies)} of {left} messages came") from None
    finally:
        connection.unsubscribe(subscription)
    return bodies


def remove(connection: Connection, stream: str, sequence: int) -> None:
    """Removes a message; that it is gone is no error."""
    ask(connection, f"STREAM.MSG.DELETE.{stream}", {"seq": sequence})


def acknowledgement(subject: str) -> tuple[int, int]:
    """How often a message was delivered, and its place in the stream, by the subject
    for its answer."""
    tokens = subject.split(".")[2:]
    if len(tokens) >= 9:
        tokens = tokens[2:]  # behind domain and account
    return int(tokens[2]), int(tokens[3])
