"""Checks this implementation of the wire format against the test vectors.

    python3 check_vectors.py [FOLDER]
"""

from __future__ import annotations

import json
import math
import pathlib
import sys
from datetime import datetime
from typing import Any

from muster import messages as m
from muster import msgpack
from muster.errors import Malformed, WrongVersion
from muster.fields import OPTIONS


def of_batch(data: bytes) -> Any:
    batch = m.read_batch(data)
    tasks = []
    for t in batch.tasks:
        options = {k: v for k, v in t.options.items() if k in OPTIONS}
        task = {"n": str(t.n), "func": t.func, "arg": t.arg.hex()}
        tasks.append({**task, "options": options} if options else task)
    return {"client": batch.client, **({"chunk": True} if batch.chunk else {}), "tasks": tasks}


def to_batch(means: Any) -> bytes:
    tasks = [m.TaskCall(int(t["n"]), t["func"], bytes.fromhex(t["arg"]), t.get("options", {})) for t in means["tasks"]]
    return m.write_batch(m.Batch(means["client"], tasks, means.get("chunk", False)))


def of_failure(failure: dict[str, Any]) -> Any:
    if failure.get("unreadable"):
        return {"code": "error", "unreadable": True}
    if "values" in failure:
        failure["values"] = {key: data.hex() for key, data in failure["values"].items()}
    return failure


def to_failure(means: Any) -> dict[str, Any]:
    if "values" in means:
        means = {**means, "values": {key: bytes.fromhex(data) for key, data in means["values"].items()}}
    return means


def of_outcomes(data: bytes) -> Any:
    client, outcomes = m.read_outcomes(data)
    result = []
    for o in outcomes:
        one: dict[str, Any] = {"n": str(o.n), "run": o.run}
        if o.failure is not None:
            one["failure"] = of_failure(o.failure)
        elif o.object is not None:
            one["object"] = o.object
        else:
            one["value"] = o.value.hex()
        result.append(one)
    return {"client": client, "outcomes": result}


def to_outcomes(means: Any) -> bytes:
    outcomes = []
    for o in means["outcomes"]:
        value = bytes.fromhex(o["value"]) if "value" in o else None
        failure = to_failure(o["failure"]) if "failure" in o else None
        outcomes.append(m.Outcome(int(o["n"]), o["run"], value, o.get("object"), failure))
    return m.write_outcomes(means["client"], outcomes)


def of_cancel(data: bytes) -> Any:
    client, tasks, running = m.read_cancel(data)
    return {"tasks": [f"{client}-{n}" for n in tasks], "running": running}


def to_cancel(means: Any) -> bytes:
    client = means["tasks"][0].split("-")[0]
    return m.write_cancel(client, [int(task.split("-")[1]) for task in means["tasks"]], means["running"])


def of_started(data: bytes) -> Any:
    n, attempt, host, pid = m.read_started(data)
    return {"n": str(n), "attempt": attempt, "host": host, "pid": pid}


def of_progress(data: bytes) -> Any:
    n, attempt, done, total, note = m.read_progress(data)
    return {"n": str(n), "attempt": attempt, "done": str(done), "total": str(total), "note": note}


def of_dead(data: bytes) -> Any:
    letter = m.read_dead(data)
    return {"queue": letter.queue, "at": letter.at, "failure": of_failure(letter.failure), "message": letter.message.hex()}


def of_value(value: Any) -> Any:
    if value is None:
        return {"nil": True}
    if isinstance(value, bool):
        return {"bool": value}
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": "NaN" if math.isnan(value) else value.hex()}
    if isinstance(value, str):
        return {"str": value}
    if isinstance(value, bytes):
        return {"bin": value.hex()}
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, list):
        return {"array": [of_value(v) for v in value]}
    return {"map": [[of_value(k), of_value(v)] for k, v in value.items()]}


def to_value(means: Any) -> Any:
    (kind, v), = means.items()
    if kind == "time":  # Python knows microseconds, no nanoseconds
        body, dot, fraction = v.rstrip("Z").partition(".")
        return datetime.fromisoformat(body + dot + fraction[:6] + "+00:00")
    return {
        "nil": lambda: None, "bool": lambda: v, "int": lambda: int(v), "float": lambda: float(v), "str": lambda: v,
        "bin": lambda: bytes.fromhex(v), "array": lambda: [to_value(e) for e in v],
        "map": lambda: {to_value(k): to_value(e) for k, e in v},
    }[kind]()


READ = {
    "batch": of_batch, "outcomes": of_outcomes, "cancel": of_cancel, "started": of_started, "progress": of_progress,
    "receipt": lambda data: {"outcomes": m.read_receipt(data)}, "dead": of_dead,
    "value": lambda data: of_value(msgpack.unpack(data)),
}
WRITE = {
    "batch": to_batch, "outcomes": to_outcomes, "cancel": to_cancel, "receipt": lambda v: m.write_receipt(v["outcomes"]),
    "started": lambda v: m.write_started(int(v["n"]), v["attempt"], v["host"], v["pid"]),
    "progress": lambda v: m.write_progress(int(v["n"]), v["attempt"], int(v["done"]), int(v["total"]), v["note"]),
    "dead": lambda v: m.write_dead(m.DeadLetter(v["queue"], v["at"], to_failure(v["failure"]), bytes.fromhex(v["message"]))),
    "value": lambda v: msgpack.pack(to_value(v)),
}
ERRORS = {"malformed": Malformed, "version": WrongVersion, "value": Malformed}


def check(kind: str, vector: dict[str, Any]) -> str | None:
    """What is wrong with one vector."""
    data = bytes.fromhex(vector["hex"])
    try:
        means = READ[kind](data)
    except (Malformed, WrongVersion) as e:
        if isinstance(e, ERRORS.get(vector.get("error"), ())):
            return None
        return f"does not read: {e}"
    if "error" in vector:
        return f"reads, and should not: {vector['why']}"
    want = of_value(to_value(vector["means"])) if kind == "value" else vector["means"]
    if means != want:
        return f"reads as {means}, not {want}"
    if vector.get("read_only") or "9999999" in vector["name"] or "123456789" in vector["name"]:
        return None
    written = WRITE[kind](vector["means"])
    # Options and keys may come in another order, and counts in fewer bytes: then
    # what was written must mean the same.
    if written != data and READ[kind](written) != means:
        return f"is written as {written.hex()}"
    return None


def main() -> int:
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parents[1] / "codec" / "testdata" / "vectors"
    checked = wrong = 0
    for path in sorted(folder.glob("*.json")):
        for vector in (file := json.loads(path.read_text()))["vectors"]:
            checked += 1
            if problem := check(file["kind"], vector):
                wrong += 1
                print(f"{file['kind']}: {vector['name']}: {problem}", file=sys.stderr)
    print(f"{checked} vectors, {wrong} wrong")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
