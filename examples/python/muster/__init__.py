"""Muster's wire format in plain Python, as docs/protocol.md writes it down.

Client submits tasks and waits for their outcomes; Worker runs them. Python's
standard library is all that is needed.
"""

from .attempt import Final, Task
from .client import Client, Future
from .errors import Conflict, MusterError, NoResponders, NotStored, QueueFull, TaskFailed
from .worker import Worker

__all__ = [
    "Client", "Conflict", "Final", "Future", "MusterError", "NoResponders", "NotStored", "QueueFull", "Task", "TaskFailed", "Worker",
]
