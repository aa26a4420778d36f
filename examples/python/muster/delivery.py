"""A batch that the broker has delivered to this worker, until it is answered."""

from __future__ import annotations

import hashlib

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
        self.lane = message.subject.rpartition(".")[2]
        self.client, self.chunk, self.tasks = batch.client, batch.chunk, batch.tasks
        self.begun = False
        for task in self.tasks:
            if task.options.pop("numbered", False):
                task.n = self.sequence

    def next(self) -> TaskCall:
        """The task to run next, which then cannot be given back any more."""
        self.begun = True
        return self.tasks.pop(0)

    def put_back(self, charged: TaskCall | None = None, apart: bool = False) -> None:
        """Stores again the tasks that have not begun, in their lane, for another
        worker; or one with a crash charged, and then in the lane that goes first."""
        tasks, self.tasks = ([charged], self.tasks) if charged else (self.tasks, [])
        batches = [[task] for task in tasks] if apart else [tasks] if tasks else []
        subject = self._subject.rpartition(".")[0] + ".high" if charged else self._subject
        for batch in batches:
            data = write_batch(Batch(self.client, batch, self.chunk and not apart and not charged))
            digest = hashlib.sha256(data).digest()[:8].hex()
            use = "putback" if charged else "split"
            self._desk.store(subject, data, {"Nats-Msg-Id": f"{use}.{self._ack}.{digest}"}, self.renew, full_waits=True)

    def renew(self) -> None:
        """Has the lease begin anew."""
        self._connection.publish(self._ack, b"+WPI")

    def answer(self, answer: str) -> None:
        """Tells the broker what became of the delivery. If that is lost, the lease
        ends, and the delivery comes again."""
        self._connection.publish(self._ack, answer.encode())
