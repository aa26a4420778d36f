"""One attempt at a task: a handler at work."""

from __future__ import annotations

import inspect
import random
import threading
import traceback
from dataclasses import dataclass
from typing import Any, Callable

from . import msgpack
from .fields import cut
from .messages import TaskCall

MOST_BACKOFF = 600.0  # seconds


@dataclass(frozen=True)
class Task:
    """What a handler may ask about the task that it runs."""

    id: str
    func: str
    attempt: int
    header: dict[str, str]


class Final(Exception):
    """Raised by a handler: an error that another attempt would not mend."""


def attempt_number(task: TaskCall) -> int:
    return task.options.get("crashes", 0) + task.options.get("errors", 0) + 1


def backoff(task: TaskCall) -> float:
    """Seconds until the next attempt: doubled with each error, and by chance less."""
    first = (task.options.get("backoff") or 1000) / 1000
    wait = min(first * 2 ** min(task.options["errors"] - 1, 30), MOST_BACKOFF)
    return random.uniform(wait / 2, wait)


class Attempt:
    """A handler at work, on a thread of its own, so that it does not hold up the lease."""

    def __init__(self, handler: Callable[..., Any], arg: Any, task: Task):
        self.ended = threading.Event()
        self.value: bytes | None = None
        self.failure: dict[str, Any] | None = None
        self.final = False
        threading.Thread(target=self._run, args=(handler, arg, task), daemon=True).start()

    def _run(self, handler: Callable[..., Any], arg: Any, task: Task) -> None:
        try:
            takes_task = len(inspect.signature(handler).parameters) > 1
            result = handler(arg, task) if takes_task else handler(arg)
            try:
                self.value = msgpack.pack(result)
            except (TypeError, OverflowError, RecursionError, UnicodeError) as e:
                self.failure = {"code": "result", "message": str(e)}
        except BaseException as e:
            self.final = isinstance(e, Final)
            self.failure = {
                "code": "error", "type": type(e).__name__, "message": cut(str(e), 16 << 10),
                "stack": cut(traceback.format_exc(), 32 << 10),
            }
        finally:
            self.ended.set()
