"""The smallest client and the smallest worker that keep Muster's promises: what
docs/protocol.md, "The smallest client and worker", requires, and no more. muster.nats
and muster.msgpack stand for any NATS client and MessagePack library.

    python3 smallest.py worker nats://127.0.0.1:4222 python &
    python3 smallest.py client nats://127.0.0.1:4222 python square 12
"""

import base64
import hashlib
import json
import os
import queue as queues
import random
import secrets
import sys
import threading
import time
from datetime import datetime, timezone

from muster.errors import MusterError, NoResponders
from muster.msgpack import pack, unpack
from muster.nats import Connection

BEFORE = (10071, 10164)  # another message was stored before, and stands


def store(nats, subject, body, headers):
    """Publishes a message, the same with the same headers, until a stream has it."""
    for _ in range(30):
        try:
            error = json.loads(nats.request(subject, body, 2, headers).data).get("error")
            if not error or error["err_code"] in BEFORE:
                return
        except (TimeoutError, NoResponders):
            pass
        time.sleep(0.25)
    raise TimeoutError(f"{subject} does not take a message")


def ask(nats, subject, body):
    return nats.request(subject, json.dumps(body).encode(), 5)


def ensure(nats, queue):
    """Makes the queue and what all queues share, where it is missing."""
    with open(os.path.join(os.path.dirname(__file__), "../../docs/streams.json")) as f:
        file = json.loads(f.read().replace("<queue>", queue))
    for request in file["requests"]:
        if json.loads(nats.request(request["info"], b"", 5).data).get("error", {}).get("err_code") not in file["missing"]:
            continue
        body = request["body"]
        if "num_replicas" in body and "cluster" in nats.info:
            body["num_replicas"] = file["replicas"]["cluster"]
        error = json.loads(ask(nats, request["create"], body).data).get("error")
        if error and error["err_code"] not in file["exists"]:
            raise MusterError(f"{request['create']}: {error['description']}")


def submit(nats, queue, func, arg):
    """Has one task run, and returns the status and the body of its outcome."""
    client, came = secrets.token_hex(10), queues.Queue()

    def take(message):
        version, kind, whose, outcomes = unpack(message.data)[:4]
        if (version, kind, whose) == (1, 2, client):  # else there is no receipt
            came.put(outcomes[0][2:4])
            if message.reply:
                nats.publish(message.reply, pack([1, 3, len(outcomes)]))

    nats.subscribe(f"muster.reply.{client}.outcome", take)
    nats.subscribe(f"muster.live.{client}.*", take)
    nats.flush()  # PING, PONG: the subscriptions stand
    store(nats, f"muster.task.{queue}.normal", pack([1, 1, client, [[0, func, pack(arg)]]]), {"Nats-Msg-Id": f"{client}.1"})
    while True:
        try:
            return came.get(timeout=30)
        except queues.Empty:  # a live message may have been lost
            answer = nats.request(f"$JS.API.DIRECT.GET.RESULTS.muster.result.{client}.0", b"", 5)
            if not answer.status:
                take(answer)


def serve(nats, queue, handlers):
    """Runs the queue's tasks, one after the other, until one cannot be stopped."""
    status = None
    while status is None:
        if (delivery := pull(nats, queue)) is None:
            continue
        ended = threading.Event()
        threading.Thread(target=renew, args=(nats, delivery, ended)).start()
        try:
            answer, status = run(nats, queue, handlers, delivery)
        except (TimeoutError, MusterError):  # something is in nobody's hands: all of it again, later
            answer = b'-NAK {"delay":5000000000}'
        ended.set()
        nats.publish(delivery.reply, answer)
    nats.flush()
    os._exit(status)


def renew(nats, delivery, ended):
    while not ended.wait(0.5):
        nats.publish(delivery.reply, b"+WPI")


def pull(nats, queue):
    """The next delivery, from the most urgent lane that has one, or None."""
    came = queues.Queue()
    inbox = f"{nats.inbox_prefix}.pull.{secrets.token_hex(8)}"
    subscription = nats.subscribe(inbox, came.put)  # its own: a delivery has its task's subject
    try:
        for lane, wait in [("high", '"no_wait":true'), ("normal", '"no_wait":true'), ("low", '"no_wait":true'), ("normal", '"expires":500000000')]:
            nats.publish(f"$JS.API.CONSUMER.MSG.NEXT.TASKS_{queue}.workers_{lane}", f'{{"batch":1,{wait}}}'.encode(), inbox)
            message = came.get(timeout=3)
            if message.reply:
                return message
            if message.status not in ("404", "408"):
                time.sleep(0.5)
    except queues.Empty:
        pass  # a delivery that comes after all comes again, when its lease ends
    finally:
        nats.unsubscribe(subscription)


def run(nats, queue, handlers, delivery):
    """Runs the tasks of a delivery. Returns the answer to it, and a status if the
    process is to end."""
    tokens = delivery.reply.split(".")
    delivered, sequence = map(int, tokens[4:6] if len(tokens) == 9 else tokens[6:8])
    try:
        version, kind, client, calls = unpack(delivery.data)[:4]
        if (version, kind) != (1, 1):
            raise ValueError(f"version {version}, kind {kind}")
        calls = [[n, func, bytes(arg), dict(rest[0]) if rest else {}] for n, func, arg, *rest in calls]
    except (MusterError, TypeError, ValueError) as e:
        bury(nats, f"muster.dead.{queue}.unread.{sequence}", queue, {"code": "argument", "message": str(e)}, delivery.data)
        return b"+TERM", None

    def again(call, subject=delivery.subject, headers={}):
        """Stores a task again, alone in its batch."""
        body = pack([1, 1, client, [call]])
        digest = hashlib.sha256(body).digest()[:8].hex()
        store(nats, subject, body, {"Nats-Msg-Id": f"split.{delivery.reply}.{digest}", **headers})

    for i, call in enumerate(calls):
        options = call[3]
        if options.pop("numbered", False):
            call[0] = sequence
        n, attempt, began, value = call[0], options.get("crashes", 0) + options.get("errors", 0) + 1, time.time(), b""
        most_errors, deadline = options.get("max_errors") or 1, options.get("deadline", float("inf"))
        if delivered < 10:
            value, failure = attempt_at(handlers, call)
        elif len(calls) > 1:
            again(call)
            continue
        else:  # it may be what ends its workers
            failure = {"code": "worker_died", "message": f"delivered {delivered} times"}
            options["crashes"] = options.get("crashes", 0) + 1
            if options["crashes"] < (options.get("max_crashes") or 3):
                again(call)
                continue
        code = failure["code"] if failure else None
        if code == "error":
            options["errors"] = errors = options.get("errors", 0) + 1
            wait = min((options.get("backoff") or 1000) * 2 ** min(errors - 1, 20), 600_000) * random.uniform(0.5, 1)
            due = time.time() + wait / 1000
            if errors < most_errors and due * 1000 < deadline:
                at, lane = datetime.fromtimestamp(due, timezone.utc).isoformat()[:-6], delivery.subject.split(".")[-1]
                again(call, f"muster.sched.{queue}.{lane}.{client}.{n}",
                      {"Nats-Schedule": f"@at {at}Z", "Nats-Schedule-Target": f"muster.due.{queue}.{lane}"})
                continue
        if failure:
            failure["attempt"] = attempt
            if code == "worker_died" or code == "error" and most_errors > 1:
                bury(nats, f"muster.dead.{queue}.{client}.{n}", queue, failure, pack([1, 1, client, [call]]))
        outcome = [n, int((time.time() - began) * 1e6), int(bool(failure)), pack(failure) if failure else value]
        hand_off(nats, client, n, pack([1, 2, client, [outcome]]), options.get("retain", 0))
        if "key" in options:
            release(nats, queue, options["key"], f"{client}-{n}")
        if code == "time_limit":  # its handler still runs
            for rest in calls[i + 1:]:
                again(rest)
            return b"+ACK", 3
    return b"+ACK", None


def attempt_at(handlers, call):
    """The encoded result of a task, or its failure."""
    _, func, arg, options = call
    if func not in handlers:
        return b"", {"code": "unknown_func"}
    if time.time() * 1000 > options.get("deadline", float("inf")):
        return b"", {"code": "expired"}
    if "object" in options:
        return b"", {"code": "argument", "message": "this worker fetches no objects"}
    ended = [b"", {"code": "time_limit"}]

    def work():
        try:
            arg_read = unpack(arg)
        except MusterError as e:
            ended[:] = b"", {"code": "argument", "message": str(e)}
            return
        try:
            ended[:] = pack(handlers[func](arg_read)), None
        except Exception as e:
            ended[:] = b"", {"code": "error", "type": type(e).__name__, "message": str(e)[:4000]}

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(options["limit"] / 1000 if options.get("limit") else None)
    return tuple(ended)


def hand_off(nats, client, n, message, retain):
    """Passes an outcome to its client or, where that returns no receipt, to RESULTS."""
    try:
        if not retain and unpack(nats.request(f"muster.reply.{client}.outcome", message, 2).data)[:2] == [1, 3]:
            return
    except (TimeoutError, MusterError):
        pass
    headers = {"Nats-Expected-Last-Subject-Sequence": "0", "Nats-TTL": str(-(-retain // 1000) or 86400)}
    store(nats, f"muster.result.{client}.{n}", message, headers)


def bury(nats, subject, queue, failure, message):
    store(nats, subject, pack([1, 7, queue, int(time.time() * 1000), pack(failure), message]), {})


def release(nats, queue, key, task):
    """Removes a unique key, if this task still has it."""
    subject = f"muster.key.{queue}.{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    held = json.loads(ask(nats, f"$JS.API.STREAM.MSG.GET.TASKS_{queue}", {"last_by_subj": subject}).data).get("message")
    if held and base64.b64decode(held["data"]) == task.encode():
        ask(nats, f"$JS.API.STREAM.MSG.DELETE.TASKS_{queue}", {"seq": held["seq"]})


def main():
    role, url, queue, *call = sys.argv[1:]
    nats = Connection(url, f"smallest {role}")
    ensure(nats, queue)
    if role == "worker":
        print("ready", flush=True)
        serve(nats, queue, {"square": lambda n: n * n, "divide": lambda pair: pair[0] / pair[1], "nap": time.sleep})
    status, body = submit(nats, queue, call[0], json.loads(call[1]))
    print(json.dumps([status, unpack(body)]))


if __name__ == "__main__":
    main()
