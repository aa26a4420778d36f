"""A client: submits tasks, and gives each future its one outcome. docs/protocol.md, "A
client, step by step"."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import logging
import os
import random
import secrets
import threading
import time
from datetime import datetime, timezone
from typing import Any

from . import msgpack
from .errors import Malformed, MusterError, NoResponders, NotStored, TaskFailed, WrongVersion
from .jetstream import last_direct, remove, store, stored_message
from .messages import Batch, Outcome, TaskCall, read_outcomes, write_batch, write_cancel, write_receipt
from .nats import Connection, Message
from .streams import ensure

log = logging.getLogger("muster.client")
SWEEP = 30.0  # seconds between looks for outcomes that may have been missed
DAY = 24 * 3600 * 1000  # milliseconds


class Future:
    """The handle on one task's outcome."""

    def __init__(self, client: Client, task: str):
        self.id = task
        self._client = client
        self._done = threading.Event()
        self._outcome: Outcome | None = None

    def result(self, timeout: float | None = None) -> Any:
        """Waits for the outcome, and gives its value. Raises TaskFailed if the task has
        failed, and TimeoutError if there is no outcome in time."""
        if not self._done.wait(timeout):
            self._client._look(self.id)  # it may have been stored without our hearing
            if not self._done.is_set():
                raise TimeoutError(f"task {self.id} has no outcome after {timeout} s")
        assert self._outcome is not None
        if self._outcome.failure is not None:
            raise TaskFailed(self.id, self._outcome.failure)
        if self._outcome.object is not None:
            raise TaskFailed(self.id, {"code": "too_large", "message": "this client fetches no objects"})
        try:
            return msgpack.unpack(self._outcome.value or b"")
        except Malformed as e:
            raise TaskFailed(self.id, {"code": "result", "message": str(e)}) from None

    def done(self) -> bool:
        return self._done.is_set()

    def cancel(self, running: bool = False) -> None:
        """Asks the workers not to start the task and, if running, to stop it if it
        runs. The outcome tells whether that came in time."""
        self._client._cancel(self, running)

    def _settle(self, outcome: Outcome) -> None:
        if not self._done.is_set():  # the first outcome stands
            self._outcome = outcome
            self._done.set()


class Client:
    """A connected producer. Any thread may use it."""

    def __init__(self, url: str = "nats://127.0.0.1:4222", queue: str = "default"):
        self.queue = queue
        group = os.environ.get("MUSTER_GROUP")
        self.name = (f"{group}." if group else "") + base64.b32encode(secrets.token_bytes(10)).decode().lower()
        self._numbers = itertools.count()
        self._messages = itertools.count(1)
        self._lock = threading.Lock()
        self._futures: dict[str, Future] = {}
        self._closed = threading.Event()
        self._connection = Connection(url, f"muster client {self.name}")
        self._connection.on_reconnect.append(self._sweep)
        self._connection.subscribe(f"muster.reply.{self.name}.>", self._reply)
        self._connection.subscribe(f"muster.live.{self.name}.*", self._live)
        self._connection.flush()  # before the first task, whose outcome may come at once
        ensure(self._connection, queue)
        threading.Thread(target=self._sweep_now_and_then, name="sweep", daemon=True).start()

    def submit(
        self, func: str, arg: Any = None, *, lane: str = "normal", at: datetime | None = None, key: str | None = None,
        **options: Any,
    ) -> Future:
        """Submits a call, and returns its future when the broker has stored it. Options
        are those of the document: max_errors, backoff, max_crashes, deadline, limit,
        retain, header. With a key that another task has, the future is that one's.
        Raises NotStored, or TimeoutError when the fate of the task is not known."""
        body = msgpack.pack(arg)
        if len(body) + 1024 > self._connection.info.get("max_payload", 1 << 20):
            raise MusterError(f"too_large: an argument of {len(body)} bytes, and this client stores no objects")
        if key is not None:
            options = {"retain": DAY, **options, "key": key}
        call = TaskCall(next(self._numbers), func, body, options)
        future = self._expect(f"{self.name}-{call.n}")
        data = write_batch(Batch(self.name, [call]))
        subject = f"muster.task.{self.queue}.{lane}"
        headers = {"Nats-Msg-Id": f"{self.name}.{next(self._messages)}"}
        try:
            if key is not None:
                return self._submit_unique(future, key, subject, data, headers)
            if at is not None:
                headers["Nats-Schedule"] = "@at " + at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
                headers["Nats-Schedule-Target"] = f"muster.due.{self.queue}.{lane}"
                subject = f"muster.sched.{self.queue}.{lane}.{self.name}.{call.n}"
            store(self._connection, subject, data, headers)
        except NotStored:
            self._forget(future)
            raise
        return future

    def attach(self, task: str) -> Future:
        """A future of a task that was submitted with retain, by this or any client."""
        future = self._expect(task)
        client, _, number = task.partition("-")
        if client != self.name:
            self._connection.subscribe(f"muster.live.{client}.{number}", self._live)
            self._connection.flush()
        self._look(task)
        return future

    def close(self) -> None:
        self._closed.set()
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _expect(self, task: str) -> Future:
        with self._lock:
            return self._futures.setdefault(task, Future(self, task))

    def _forget(self, future: Future) -> None:
        with self._lock:
            self._futures.pop(future.id, None)

    def _settle(self, client: str, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            with self._lock:
                future = self._futures.pop(f"{client}-{outcome.n}", None)
            if future:
                future._settle(outcome)

    def _reply(self, message: Message) -> None:
        """Takes outcomes, and gives a receipt for all of them, known or not."""
        if not message.subject.endswith(".outcome"):
            return  # a notice of a start, or of progress
        try:
            client, outcomes = read_outcomes(message.data)
        except (Malformed, WrongVersion) as e:
            log.warning("a message of outcomes does not read: %s", e)
            return
        if client != self.name:
            return
        self._settle(client, outcomes)
        if message.reply:
            self._connection.publish(message.reply, write_receipt(len(outcomes)))

    def _live(self, message: Message) -> None:
        """Takes the live copy of an outcome that was stored."""
        try:
            self._settle(*read_outcomes(message.data))
        except (Malformed, WrongVersion) as e:
            log.warning("a stored outcome does not read: %s", e)

    def _look(self, task: str) -> None:
        """Asks RESULTS for a task's outcome."""
        subject = "muster.result." + task.replace("-", ".")
        try:
            if (data := last_direct(self._connection, "RESULTS", subject)) is not None:
                self._settle(*read_outcomes(data))
        except (TimeoutError, MusterError) as e:
            log.info("looking for the outcome of %s: %s", task, e)

    def _sweep(self) -> None:
        with self._lock:
            outstanding = list(self._futures)
        for task in outstanding:
            self._look(task)

    def _sweep_now_and_then(self) -> None:
        while not self._closed.wait(SWEEP):
            self._sweep()

    def _cancel(self, future: Future, running: bool) -> None:
        client, _, number = future.id.partition("-")
        self._connection.publish(f"muster.cancel.{self.queue}", write_cancel(client, [int(number)], running))

    def _submit_unique(self, future: Future, key: str, subject: str, data: bytes, headers: dict[str, str]) -> Future:
        """Stores key and task, or neither if another task has the key."""
        stream = f"TASKS_{self.queue}"
        key_subject = f"muster.key.{self.queue}.{hashlib.sha256(key.encode()).digest()[:16].hex()}"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            batch = {"Nats-Batch-Id": secrets.token_hex(16)}
            first = {**batch, "Nats-Batch-Sequence": "1", "Nats-Expected-Last-Subject-Sequence": "0"}
            self._connection.publish(key_subject, future.id.encode(), headers=first)
            second = {**headers, **batch, "Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}
            try:
                error = json.loads(self._connection.request(subject, data, 2, second).data).get("error")
            except (TimeoutError, NoResponders):
                continue  # not known: an earlier attempt is recognised
            if not error or error.get("err_code") == 10201:
                return future
            if error.get("err_code") not in (10071, 10164):
                raise NotStored(f"{error.get('description')} ({error.get('err_code')})")
            held = stored_message(self._connection, stream, {"last_by_subj": key_subject})
            if held is None:  # released meanwhile
                time.sleep(random.uniform(0.1, 0.25))
                continue
            sequence, holder = held[0], held[1].decode()
            if holder == future.id:
                return future
            if last_direct(self._connection, "RESULTS", "muster.result." + holder.replace("-", ".")) is not None:
                remove(self._connection, stream, sequence)  # it has its outcome, and is about to do so
                continue
            self._forget(future)
            return self.attach(holder)
        raise TimeoutError(f"task {future.id}: not known to be stored")
