"""Muster's wire format in plain Python, as docs/protocol.md writes it down.

Client submits tasks and waits for their outcomes; Worker runs them. Python's
standard library is all that is needed.
"""

from .client import Client, Future
from .errors import Conflict, MusterError, NoResponders, NotStored, QueueFull, TaskFailed
from .worker import Final, Task, Worker

__all__ = ["Client", "Future", "Worker", "Task", "Final", "MusterError", "TaskFailed", "NotStored", "NoResponders", "QueueFull", "Conflict"]
