"""What a worker says of itself each second, for those who look at the fleet:
docs/protocol.md, "Heartbeats"."""

from __future__ import annotations

import json
import os
import secrets
import string
import threading
import time
from datetime import datetime, timezone
from typing import Callable

from .nats import Connection

EVERY = 1.0  # seconds
PAUSE = 0.05  # between two, however often somebody asks


class Heartbeat:
    """Heartbeats of a worker, until stop. busy reports whether a task runs."""

    def __init__(self, connection: Connection, host: str, queue: str, funcs: list[str], busy: Callable[[], bool]):
        self._connection = connection
        self._busy = busy
        self._asked = threading.Event()
        self._over = threading.Event()
        self._status = {
            "id": "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8)),
            "host": host, "pid": os.getpid(), "queue": queue, "started": _now(), "want": 1, "funcs": sorted(funcs),
        }
        connection.subscribe("muster.watch", lambda _: self._asked.set())
        self._thread = threading.Thread(target=self._beats, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sends the last heartbeat."""
        self._over.set()
        self._asked.set()
        self._thread.join()

    def _beats(self) -> None:
        while not self._over.is_set():
            self._beat("serving")
            time.sleep(PAUSE)
            self._asked.wait(EVERY)
            self._asked.clear()
        self._beat("stopped")

    def _beat(self, state: str) -> None:
        process = {"place": 0, "pid": os.getpid(), "state": "busy" if self._busy() else "idle"}
        status = {**self._status, "sent": _now(), "state": state, "processes": [process]}
        self._connection.publish(f"muster.host.{status['id']}", json.dumps(status).encode())


def _now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
