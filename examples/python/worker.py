"""A worker with a few funcs of its own.

    python3 worker.py [--url URL] [--queue QUEUE]

A handler is a function of the argument, or of the argument and the task. SIGTERM ends
the worker after the task that runs.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

from muster import Task, Worker


def square(n: int) -> int:
    return n * n


def divide(pair: list[float]) -> float:
    return pair[0] / pair[1]


def flaky(failures: int, task: Task) -> str:
    """Fails in its first attempts."""
    if task.attempt <= failures:
        raise RuntimeError(f"attempt {task.attempt} fails")
    return f"done in attempt {task.attempt}"


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("MUSTER_URL", "nats://127.0.0.1:4222"))
    parser.add_argument("--queue", default="python")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    worker = Worker(args.url, {"square": square, "divide": divide, "flaky": flaky, "nap": nap}, args.queue)
    print("ready", flush=True)
    return worker.run()


if __name__ == "__main__":
    sys.exit(main())
