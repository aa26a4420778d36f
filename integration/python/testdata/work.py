"""A worker for the tests. It prints "ready", and a line for each task that starts."""

import os
import sys
import time

from muster import Final, Worker


def note(task):
    print("start", task.id, task.attempt, flush=True)


def describe(arg, task):
    """Gives the argument back, and what it looks like here."""
    note(task)
    return {"Arg": arg, "Type": type(arg).__name__, "Attempt": task.attempt, "PID": os.getpid()}


def flaky(times, task):
    note(task)
    if task.attempt <= times:
        raise KeyError(f"attempt {task.attempt}")
    return task.attempt


def final(_):
    raise Final("for good")


def attend(gate, task):
    """Waits until there is a file."""
    note(task)
    while not os.path.exists(gate):
        time.sleep(0.01)
    return os.getpid()


def nothing(_):
    return object()


handlers = {"describe": describe, "flaky": flaky, "final": final, "attend": attend, "nothing": nothing}
worker = Worker(sys.argv[1], handlers, sys.argv[2])
print("ready", flush=True)
sys.exit(worker.run())
