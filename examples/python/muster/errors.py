"""What can go wrong."""

from __future__ import annotations

from typing import Any


class MusterError(Exception):
    """All errors of this package."""


class Malformed(MusterError):
    """Bytes that are not what the wire format says."""


class WrongVersion(MusterError):
    """A message of another version of the wire format."""


class NoResponders(MusterError):
    """Nobody takes the subject of a request."""


class Refused(MusterError):
    """The user may not publish to a subject."""


class NotStored(MusterError):
    """A stream refused a message for good."""


class QueueFull(NotStored):
    """The queue has no room at the moment."""


class WrongSequence(NotStored):
    """A stream has another last sequence than the message expects."""


class Conflict(MusterError):
    """A stream or consumer exists, and is not as Muster needs it."""


class TaskFailed(MusterError):
    """A task's failure. `code` says how it failed, and `failure` has the rest: type,
    message, stack, host, pid, attempt, exit_code, signal, stderr."""

    def __init__(self, task: str, failure: dict[str, Any]):
        self.task = task
        self.failure = failure
        self.code: str = failure["code"]
        self.attempt: int = failure.get("attempt", 0)
        message = failure.get("message", "")
        super().__init__(f"task {task}: {self.code}" + (f": {message}" if message else ""))
