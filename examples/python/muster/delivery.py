"""A batch that the broker has delivered to this worker, until it is answered."""

from __future__ import annotations

import hashlib
from datetime import datetime

from .handoff import Desk
from .jetstream import acknowledgement
from .messages import Batch, TaskCall, read_batch, write_batch
from .nats import Connection, Message


class Delivery:
    """What is left of a delivery. Raises Malformed or WrongVersion if it is no batch."""

    def __init__(self, connection: Connection, desk: Desk, message: Message):
        batch = read_batch(message.data)
        self._connection = connection
        self._desk = desk
        self._subject = message.subject
        self._ack = message.reply
        self.count, self.sequence = acknowledgement(message.reply)
        self.client, self.chunk, self.tasks = batch.client, batch.chunk, batch.tasks
        self.begun = False
        for task in self.tasks:
            if task.options.pop("numbered", False):
                task.n = self.sequence

    def next(self) -> TaskCall:
        """The task to run next, which then cannot be given back any more."""
        self.begun = True
        return self.tasks.pop(0)

    def put_back(self, apart: bool = False) -> None:
        """Stores again the tasks that have not begun, each in a batch of its own if apart."""
        tasks, self.tasks = self.tasks, []
        for batch in [[task] for task in tasks] if apart else [tasks] if tasks else []:
            self._store_again(self._subject, Batch(self.client, batch, self.chunk and not apart), {})

    def store_again(self, task: TaskCall, at: datetime | None = None) -> None:
        """Stores one task again, with the counts that were charged, to run at once or at a
        later time."""
        subject, headers = self._subject, {}
        if at is not None:
            queue, lane = self._subject.split(".")[2:]
            subject = f"muster.sched.{queue}.{lane}.{self.client}.{task.n}"
            headers = {
                "Nats-Schedule": "@at " + at.isoformat().replace("+00:00", "Z"),
                "Nats-Schedule-Target": f"muster.due.{queue}.{lane}",
            }
        self._store_again(subject, Batch(self.client, [task]), headers)

    def _store_again(self, subject: str, batch: Batch, headers: dict[str, str]) -> None:
        data = write_batch(batch)
        digest = hashlib.sha256(data).digest()[:8].hex()
        headers = {"Nats-Msg-Id": f"split.{self._ack}.{digest}", **headers}
        self._desk.store(subject, data, headers, self.renew, full_waits=True)

    def renew(self) -> None:
        """Has the lease begin anew."""
        self._connection.publish(self._ack, b"+WPI")

    def answer(self, answer: str) -> None:
        """Tells the broker what became of the delivery. If that is lost, the lease
        ends, and the delivery comes again."""
        self._connection.publish(self._ack, answer.encode())
