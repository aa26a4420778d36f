"""Passing on what became of a task: docs/protocol.md, "Hand off" and "Giving up"."""

from __future__ import annotations

import hashlib
import time
from typing import Callable

from .errors import Malformed, NoResponders, WrongSequence, WrongVersion
from .jetstream import acknowledgement, remove, store, stored_message
from .messages import Batch, DeadLetter, Outcome, TaskCall, read_receipt, write_batch, write_dead, write_outcomes
from .nats import Connection, Message

RECEIPT = 2.0  # seconds that a client may take
SUSPICION = 10.0  # seconds for which one that took longer is not asked again
STORED = 24 * 3600  # seconds that an outcome is kept which nobody asked to keep

Renew = Callable[[], None]


class Desk:
    """Hands off outcomes of a queue's tasks. Each method returns when what it was given
    is in safe hands, calls renew while that takes long, and raises NotStored or
    TimeoutError when it fails."""

    def __init__(self, connection: Connection, queue: str):
        self._connection = connection
        self._queue = queue
        self._suspects: dict[str, float] = {}

    def settle(self, client: str, task: TaskCall, outcome: Outcome, renew: Renew, final: bool = False) -> None:
        """Passes on the end of a task: dead letter, outcome, key, in that order. An error
        that its handler has marked as final has no letter."""
        options, failure = task.options, outcome.failure
        retried = options.get("max_errors", 1) > 1 and not final
        if failure and (failure["code"] == "worker_died" or retried and failure["code"] in ("error", "panic", "goexit")):
            letter = DeadLetter(self._queue, int(time.time() * 1000), failure, write_batch(Batch(client, [task])))
            subject = f"muster.dead.{self._queue}.{client}.{task.n}"
            self.store(subject, write_dead(letter), {"Nats-Msg-Id": subject}, renew)
        if options.get("retain"):
            self._keep(client, outcome, -(-options["retain"] // 1000), renew)
        elif not self._offer(client, outcome):
            self._keep(client, outcome, STORED, renew)
        if options.get("key"):
            self._release(options["key"], f"{client}-{task.n}")

    def bury_unread(self, message: Message, why: str) -> None:
        """Stores a message that is not a batch as a dead letter."""
        letter = DeadLetter(self._queue, int(time.time() * 1000), {"code": "argument", "message": why}, message.data)
        subject = f"muster.dead.{self._queue}.unread.{acknowledgement(message.reply)[1]}"
        renew = lambda: self._connection.publish(message.reply, b"+WPI")
        self.store(subject, write_dead(letter), {"Nats-Msg-Id": subject}, renew)

    def store(self, subject: str, data: bytes, headers: dict[str, str], renew: Renew, full_waits: bool = False) -> None:
        """Stores a message that is safe to publish twice."""
        store(self._connection, subject, data, headers, full_waits=full_waits, meanwhile=renew)

    def _offer(self, client: str, outcome: Outcome) -> bool:
        """Whether the client has taken an outcome."""
        if time.monotonic() < self._suspects.get(client, 0):
            return False
        try:
            receipt = self._connection.request(f"muster.reply.{client}.outcome", write_outcomes(client, [outcome]), RECEIPT)
            read_receipt(receipt.data)
            return True
        except TimeoutError:
            if len(self._suspects) >= 1024:
                self._suspects.clear()
            self._suspects[client] = time.monotonic() + SUSPICION
            return False
        except (NoResponders, Malformed, WrongVersion):
            return False

    def _keep(self, client: str, outcome: Outcome, seconds: int, renew: Renew) -> None:
        """Stores an outcome; that there is one already is as good."""
        headers = {"Nats-Expected-Last-Subject-Sequence": "0", "Nats-TTL": str(seconds)}
        try:
            self.store(f"muster.result.{client}.{outcome.n}", write_outcomes(client, [outcome]), headers, renew)
        except WrongSequence:
            pass

    def _release(self, key: str, task: str) -> None:
        """Lets another task have a key, if this one still has it."""
        subject = f"muster.key.{self._queue}.{hashlib.sha256(key.encode()).digest()[:16].hex()}"
        held = stored_message(self._connection, f"TASKS_{self._queue}", {"last_by_subj": subject})
        if held and held[1].decode() == task:
            remove(self._connection, f"TASKS_{self._queue}", held[0])
