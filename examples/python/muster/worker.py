"""A simple worker: one process that pulls tasks and runs them, one at a time.
docs/protocol.md, "A worker, step by step"."""

from __future__ import annotations

import itertools
import logging
import os
import queue as queues
import signal
import socket
import threading
import time
from collections import OrderedDict
from datetime import datetime, timezone
from typing import Any, Callable

from . import msgpack
from .attempt import Attempt, Task, attempt_number, backoff
from .delivery import Delivery
from .errors import Malformed, MusterError, WrongVersion
from .fields import CLIENT, cut
from .handoff import Desk
from .heartbeat import Heartbeat
from .jetstream import stored_messages
from .messages import Outcome, TaskCall, read_cancel, write_cancel, write_started
from .nats import Connection, Message
from .streams import LANES, ensure

log = logging.getLogger("muster.worker")
RENEW = 0.5  # seconds; a lease lasts 3
ANNOUNCE, SPLIT = 0.005, 0.025  # seconds a task runs until its client is told, and the rest goes elsewhere
PULL = 2.0  # seconds
LOOK_AGAIN = 0.05  # seconds until a task that was about to start runs
MOST_DELIVERIES = 10
MOST_CANCELLED = 16_384


class Worker:
    """Runs the tasks of a queue. handlers are functions of an argument, or of an
    argument and a Task, by the name of their func."""

    def __init__(self, url: str, handlers: dict[str, Callable[..., Any]], queue: str = "default"):
        self.queue = queue
        self.handlers = handlers
        self.host = socket.gethostname()
        self._pulls = itertools.count()
        self._stopping = threading.Event()
        self._cancelled: OrderedDict[str, bool] = OrderedDict()  # by id: whether it is to be stopped, too
        self._connection = Connection(url, "muster worker")
        self._desk = Desk(self._connection, queue)
        self._running = ""  # the id of the task that runs
        ensure(self._connection, queue)
        self._connection.on_reconnect.append(self._recall_cancelled)
        for subject in (f"muster.cancel.{queue}", "muster.cancelany"):
            self._connection.subscribe(subject, self._hear_cancel)
        self._recall_cancelled()
        self._heartbeat = Heartbeat(self._connection, self.host, queue, list(handlers), lambda: self._running != "")

    def run(self) -> int:
        """Serves until stop, or SIGTERM or SIGINT where this is the main thread. Gives
        an exit status: 0, or 3 when a handler could not be stopped and the process has
        to end."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        status = 0
        try:
            while status == 0 and not self._stopping.is_set():
                if (message := self._pull()) is not None:
                    status = self._serve(message)
        finally:
            self._heartbeat.stop()
            try:
                self._connection.flush()  # the last answer
            except TimeoutError:
                log.warning("the broker is away: the last delivery may come again")
            self._connection.close()
        return status

    def stop(self) -> None:
        """Has run end after the task that runs."""
        self._stopping.set()

    def _pull(self) -> Message | None:
        """The next delivery, from the most urgent lane that has one."""
        for lane in LANES:
            message = self._ask([lane], '{"batch":1,"no_wait":true}', PULL)
            if message is not None:
                return message
        return self._ask(list(LANES), f'{{"batch":1,"expires":{int(PULL * 10**9)}}}', PULL + 1)

    def _ask(self, lanes: list[str], request: str, patience: float) -> Message | None:
        came: queues.SimpleQueue[Message] = queues.SimpleQueue()
        inbox = f"{self._connection.inbox_prefix}.pull.{next(self._pulls)}"
        subscription = self._connection.subscribe(inbox, came.put)
        delivery, ended = None, 0
        for lane in lanes:
            self._connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.TASKS_{self.queue}.workers_{lane}", request.encode(), inbox)
        end = time.monotonic() + patience
        while delivery is None and ended < len(lanes) and time.monotonic() < end and not self._stopping.is_set():
            try:
                message = came.get(timeout=0.25)
            except queues.Empty:
                continue
            if message.reply:
                delivery = message
                continue
            ended += 1
            if message.status not in ("404", "408"):  # refused, or no leader
                self._stopping.wait(0.5)
        self._connection.unsubscribe(subscription)  # what is asked for besides will not come
        while not came.empty():
            if (message := came.get()).reply:
                self._connection.publish(message.reply, b"-NAK")
        return delivery

    def _serve(self, message: Message) -> int:
        """Runs the tasks of a delivery, and answers it."""
        try:
            delivery = Delivery(self._connection, self._desk, message)
        except (Malformed, WrongVersion) as e:
            log.error("a message of the queue is not a batch: %s", e)
            self._desk.bury_unread(message, str(e))
            self._connection.publish(message.reply, b"+TERM")
            return 0
        status = 0
        try:
            if delivery.count >= MOST_DELIVERIES:
                self._suspect(delivery)
            while delivery.tasks and status == 0:
                if self._stopping.is_set() and delivery.begun:
                    delivery.put_back()
                elif self._stopping.is_set():
                    delivery.answer("-NAK")
                    return 0
                else:
                    status = self._run(delivery, delivery.next())
            delivery.put_back()
        except (MusterError, TimeoutError, ValueError) as e:
            log.error("what became of a delivery is neither handed off nor stored, and it will run again: %s", e)
            delivery.answer('-NAK {"delay":5000000000}')
            return status
        delivery.answer("+ACK")
        return status

    def _suspect(self, delivery: Delivery) -> None:
        """Sees to a delivery that has been tried so often that its tasks may be what
        ends the workers: apart, and then with a crash charged."""
        if len(delivery.tasks) > 1:
            return delivery.put_back(apart=True)
        task = delivery.next()
        task.options["crashes"] = crashes = task.options.get("crashes", 0) + 1
        if crashes < task.options.get("max_crashes", 3):
            return delivery.store_again(task)
        attempt = crashes + task.options.get("errors", 0)
        failure = {"code": "worker_died", "message": f"delivered {delivery.count} times", "attempt": attempt}
        self._desk.settle(delivery.client, task, Outcome(task.n, failure=failure), delivery.renew)

    def _run(self, delivery: Delivery, task: TaskCall) -> int:
        """Runs one task and passes on what it came to. Gives an exit status if the
        process has to end."""
        known = Task(f"{delivery.client}-{task.n}", task.func, attempt_number(task), task.options.get("header", {}))
        outcome, status, final = Outcome(task.n), 0, False
        began = time.monotonic()
        refusal, arg = self._refusal(known, task)
        if refusal:
            outcome.failure = refusal
        else:
            self._running = known.id
            attempt = Attempt(self.handlers[task.func], arg, known)
            stopped = self._watch(attempt, delivery, task, began)
            self._running = ""
            if stopped:
                outcome.failure, status = {"code": stopped, "message": "the handler was left behind"}, 3
            else:
                outcome.value, outcome.failure, final = attempt.value, attempt.failure, attempt.final
                if outcome.value is not None and len(outcome.value) + 1024 > self._connection.info.get("max_payload", 1 << 20):
                    message = f"a result of {len(outcome.value)} bytes, and this worker stores no objects"
                    outcome.value, outcome.failure = None, {"code": "too_large", "message": message}
        outcome.run = int((time.monotonic() - began) * 1_000_000)
        if outcome.failure:
            outcome.failure |= {"host": self.host, "pid": os.getpid(), "attempt": known.attempt}
        if outcome.failure and outcome.failure["code"] == "error":
            task.options["errors"] = errors = task.options.get("errors", 0) + 1
            at = time.time() + backoff(task)
            in_time = "deadline" not in task.options or at * 1000 < task.options["deadline"]
            if not final and errors < task.options.get("max_errors", 1) and in_time:
                delivery.store_again(task, at=datetime.fromtimestamp(at, timezone.utc))
                return status
        self._desk.settle(delivery.client, task, outcome, delivery.renew, final)
        return status

    def _refusal(self, known: Task, task: TaskCall) -> tuple[dict[str, Any] | None, Any]:
        """Why a task is not to be run, or its argument."""
        if task.func not in self.handlers:
            return {"code": "unknown_func", "message": f"{task.func!r} has no handler here, which handles {sorted(self.handlers)}"}, None
        if time.time() * 1000 > task.options.get("deadline", float("inf")):
            return {"code": "expired", "message": f"deadline {task.options['deadline']}"}, None
        if known.id in self._cancelled:
            return {"code": "cancelled"}, None
        if "object" in task.options:
            return {"code": "argument", "message": "this worker fetches no objects"}, None
        try:
            return None, msgpack.unpack(task.arg)
        except Malformed as e:
            return {"code": "argument", "message": str(e)}, None

    def _watch(self, attempt: Attempt, delivery: Delivery, task: TaskCall, began: float) -> str:
        """Waits for a handler, and renews the lease meanwhile. Gives the code of why
        the handler is not waited for any longer, if so."""
        announced, renewed, limit = False, began, task.options.get("limit", 0) / 1000
        while not attempt.ended.wait(SPLIT if announced else ANNOUNCE):
            now = time.monotonic()
            if not announced:
                announced = True
                notice = write_started(task.n, attempt_number(task), cut(self.host, 256), os.getpid())
                self._connection.publish(f"muster.reply.{delivery.client}.started", notice)
            if now - began > SPLIT and delivery.tasks and not delivery.chunk:
                delivery.put_back()
            if now - renewed > RENEW:
                delivery.renew()
                renewed = now
            if limit and now - began > limit:
                return "time_limit"
            if self._cancelled.get(f"{delivery.client}-{task.n}"):
                return "cancelled"
        return ""

    def _hear_cancel(self, message: Message) -> None:
        """Takes a request, and tells the client that asks whether the task runs here."""
        client, tasks = self._cancel(message.data)
        asker = message.headers.get("Muster-Asker", "")
        if tasks and CLIENT.fullmatch(asker):
            self._tell_running(asker, client, tasks)
            again = threading.Timer(LOOK_AGAIN, self._tell_running, (asker, client, tasks))
            again.daemon = True
            again.start()

    def _tell_running(self, asker: str, client: str, tasks: list[int]) -> None:
        if running := [n for n in tasks if f"{client}-{n}" == self._running]:
            self._connection.publish(f"muster.reply.{asker}.running", write_cancel(client, running, False))

    def _cancel(self, data: bytes) -> tuple[str, list[int]]:
        """Takes a request, and returns whose tasks it names, and which."""
        try:
            client, tasks, running = read_cancel(data)
        except (Malformed, WrongVersion) as e:
            log.warning("a cancel request does not read: %s", e)
            return "", []
        for n in tasks:
            self._cancelled[f"{client}-{n}"] = running or self._cancelled.get(f"{client}-{n}", False)
        while len(self._cancelled) > MOST_CANCELLED:
            self._cancelled.popitem(last=False)
        return client, tasks

    def _recall_cancelled(self) -> None:
        """Reads the requests that came before this worker, or while it was cut off."""
        try:
            for data in stored_messages(self._connection, "CANCELS", [f"muster.cancel.{self.queue}", "muster.cancelany"]):
                self._cancel(data)
        except (MusterError, TimeoutError) as e:
            log.warning("tasks that were cancelled may run: %s", e)
