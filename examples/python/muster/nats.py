"""A small NATS client: the text protocol over a socket, with headers, requests, and
reconnecting. One thread reads; any thread may publish."""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import re
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Callable
from urllib.parse import unquote, urlsplit

from .errors import MusterError, NoResponders, Refused

log = logging.getLogger("muster.nats")
REFUSED = re.compile(r'Permissions Violation for Publish to "([^"]+)"')


@dataclass
class Message:
    """What came on a subscription. `status` is set where the server itself speaks, as
    with 503 for "no responders"; `description` is its words."""

    subject: str
    data: bytes
    reply: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: str = ""
    description: str = ""


class Connection:
    """A connection that is kept up until close. Subscriptions survive a reconnect;
    what is published while the broker is away is lost."""

    def __init__(self, url: str, name: str = "", patience: float = 5):
        parts = urlsplit(url if "//" in url else "nats://" + url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 4222)
        self._options = {
            "verbose": False, "pedantic": False, "lang": "python", "version": "1", "name": name,
            "protocol": 1, "headers": True, "no_responders": True,
        }
        if parts.password is not None:
            self._options |= {"user": unquote(parts.username or ""), "pass": unquote(parts.password)}
        elif parts.username:
            self._options["auth_token"] = unquote(parts.username)
        self.info: dict = {}
        self.on_reconnect: list[Callable[[], None]] = []
        self._lock = threading.Lock()  # of the socket's writing side, and the tables
        self._subscriptions: dict[int, tuple[str, Callable[[Message], None]]] = {}
        self._ids = itertools.count(1)
        self._pongs: list[threading.Event] = []
        self._closed = False
        self.inbox_prefix = f"{_inbox()}.{secrets.token_hex(11)}"
        self._answers: dict[str, Callable[[Message], None]] = {}
        self._requests: dict[str, str] = {}  # their subjects, by the inbox of the answer
        self._tokens = itertools.count()
        self._connect(patience)
        self.subscribe(self.inbox_prefix + ".*", self._answer)
        self._reader = threading.Thread(target=self._read, name="nats", daemon=True)
        self._reader.start()

    def publish(self, subject: str, data: bytes = b"", reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Publishes a message, which is lost if the connection is."""
        most = self.info.get("max_payload", 1 << 20)
        head = ""
        if headers:
            head = "NATS/1.0\r\n" + "".join(f"{key}: {value}\r\n" for key, value in headers.items()) + "\r\n"
        if len(head) + len(data) > most:
            raise ValueError(f"a message of {len(data)} bytes, and the broker carries {most}")
        words = [subject, reply] if reply else [subject]
        if head:
            line = " ".join(["HPUB", *words, str(len(head)), str(len(head) + len(data))])
        else:
            line = " ".join(["PUB", *words, str(len(data))])
        self._send(line.encode() + b"\r\n" + head.encode() + data + b"\r\n")

    def subscribe(self, subject: str, take: Callable[[Message], None]) -> int:
        """Has take called for each message, on the reading thread, which it must not
        hold up. Gives the number to unsubscribe with."""
        with self._lock:
            number = next(self._ids)
            self._subscriptions[number] = (subject, take)
        self._send(f"SUB {subject} {number}\r\n".encode())
        return number

    def unsubscribe(self, number: int) -> None:
        """Ends a subscription. What the server has already sent is still taken."""
        self._send(f"UNSUB {number}\r\n".encode())
        try:
            self.flush(1)
        except TimeoutError:
            pass  # not connected: nothing is under way
        with self._lock:
            self._subscriptions.pop(number, None)

    def inbox(self, take: Callable[[Message], None]) -> str:
        """A subject for one or more answers, until forget."""
        token = str(next(self._tokens))
        self._answers[token] = take
        return f"{self.inbox_prefix}.{token}"

    def forget(self, inbox: str) -> None:
        self._answers.pop(inbox.rpartition(".")[2], None)

    def request(self, subject: str, data: bytes = b"", timeout: float = 2, headers: dict[str, str] | None = None) -> Message:
        """Publishes, and waits for an answer. Raises TimeoutError, NoResponders or Refused."""
        came = threading.Event()
        answers: list[Message] = []

        def take(message: Message) -> None:
            answers.append(message)
            came.set()

        inbox = self.inbox(take)
        self._requests[inbox] = subject
        try:
            self.publish(subject, data, inbox, headers)
            if not came.wait(timeout):
                raise TimeoutError(f"no answer from {subject} within {timeout} s")
        finally:
            self.forget(inbox)
            del self._requests[inbox]
        if answers[0].status == "refused":
            raise Refused(f"the user may not publish to {subject}")
        if answers[0].status == "503":
            raise NoResponders(f"nobody takes {subject}")
        return answers[0]

    def flush(self, timeout: float = 5) -> None:
        """Waits until the server has seen everything so far."""
        pong = threading.Event()
        with self._lock:
            self._pongs.append(pong)
        self._send(b"PING\r\n")
        if not pong.wait(timeout):
            raise TimeoutError("the broker does not answer")

    def close(self) -> None:
        """Closes the connection. It may be called again."""
        self._closed = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if threading.current_thread() is not self._reader:
            self._reader.join(5)
        self._socket.close()

    def _answer(self, message: Message) -> None:
        if take := self._answers.get(message.subject.rpartition(".")[2]):
            take(message)

    def _send(self, data: bytes) -> None:
        with self._lock:
            try:
                self._socket.sendall(data)
            except OSError:
                pass  # the reading thread notices, and whoever waits for an answer tries again

    def _connect(self, patience: float) -> None:
        """Says hello, and subscribes again."""
        connection = socket.create_connection(self._address, patience)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = _Stream(connection)
        verb, _, info = stream.line().partition(b" ")
        if verb != b"INFO":
            raise MusterError(f"no NATS server at {self._address[0]}:{self._address[1]}")
        self.info = json.loads(info)
        connection.sendall(b"CONNECT " + json.dumps(self._options).encode() + b"\r\nPING\r\n")
        while (line := stream.line()) != b"PONG":
            if line.startswith(b"-ERR"):
                raise MusterError(f"the broker refuses the connection: {line.decode()}")
        connection.settimeout(10)  # see _serve
        with self._lock:
            self._socket, self._stream = connection, stream
            for number, (subject, _) in self._subscriptions.items():
                connection.sendall(f"SUB {subject} {number}\r\n".encode())

    def _read(self) -> None:
        delay = 0.025
        while not self._closed:
            try:
                self._serve()
            except (OSError, ValueError, IndexError) as e:
                if not self._closed:
                    log.warning("broker disconnected: %s", e)
            self._socket.close()
            while not self._closed:
                try:
                    self._connect(2)
                except (OSError, ValueError, MusterError):
                    time.sleep(delay * random.uniform(1, 2))
                    delay = min(delay * 2, 1)
                    continue
                delay = 0.025
                log.info("broker reconnected")
                for told in self.on_reconnect:
                    threading.Thread(target=told, daemon=True).start()
                break

    def _serve(self) -> None:
        silent = 0
        while True:
            try:
                line = self._stream.line()
                silent = 0
            except TimeoutError:
                silent += 1
                if silent > 2:
                    raise ConnectionError("the broker is silent") from None
                self._send(b"PING\r\n")
                continue
            verb, *words = line.split(b" ")
            if verb == b"MSG":
                self._deliver(words[:-1], 0, int(words[-1]))
            elif verb == b"HMSG":
                self._deliver(words[:-2], int(words[-2]), int(words[-1]))
            elif verb == b"PING":
                self._send(b"PONG\r\n")
            elif verb == b"PONG":
                with self._lock:
                    pong = self._pongs.pop(0) if self._pongs else None
                if pong:
                    pong.set()
            elif verb == b"INFO":
                self.info = json.loads(line[5:])
            elif verb == b"-ERR":
                self._refuse(line.decode(errors="replace"))

    def _refuse(self, words: str) -> None:
        """Takes the server's word that something is not allowed: a request then has no
        other answer."""
        refused = REFUSED.search(words)
        inboxes = [inbox for inbox, subject in list(self._requests.items()) if refused and subject == refused[1]]
        for inbox in inboxes:
            self._answer(Message(inbox, b"", status="refused"))
        if not inboxes:
            log.warning("the broker says: %s", words)

    def _deliver(self, words: list[bytes], head: int, size: int) -> None:
        body = self._stream.take(size + 2)
        message = Message(words[0].decode(), body[head:-2], words[2].decode() if len(words) > 2 else "")
        if head:
            first, *lines = body[:head].decode(errors="replace").split("\r\n")
            _, message.status, message.description = (first.split(" ", 2) + ["", ""])[:3]
            for line in lines:
                key, colon, value = line.partition(":")
                if colon:
                    message.headers[key] = value.strip()
        if subscription := self._subscriptions.get(int(words[1])):
            try:
                subscription[1](message)
            except Exception:
                log.exception("taking a message on %s", message.subject)


def _inbox() -> str:
    """Where the user may have answers: docs/security.md, "Groups"."""
    group = os.environ.get("MUSTER_GROUP")
    return os.environ.get("NATS_INBOX_PREFIX") or (f"_INBOX_{group}" if group else "_INBOX")


class _Stream:
    """What a socket receives, in lines and pieces. After a TimeoutError it goes on."""

    def __init__(self, connection: socket.socket):
        self._socket = connection
        self._buffer = bytearray()

    def line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def take(self, n: int) -> bytes:
        while len(self._buffer) < n:
            self._fill()
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        return data

    def _fill(self) -> None:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the broker has closed the connection")
        self._buffer += data
