"""A client that does what it is told, one line of JSON at a time:

    {"submit": FUNC, "arg": …, "options": {…}, "key": …, "delay": S}   the task's id
    {"attach": ID}                                                    the same
    {"result": ID, "timeout": S}      {"value": …}, {"failure": {…}} or {"timeout": true}
    {"cancel": ID, "running": false}
    {"lose": N}                       the next N acknowledgements of publishes are lost
    {"deaf": true}                    hears nothing any more but answers to its requests
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from muster import Client, MusterError, TaskFailed

client = Client(sys.argv[1], sys.argv[2])
futures = {}
to_lose = 0
request = client._connection.request


def lossy(subject, *args):
    global to_lose
    answer = request(subject, *args)
    if to_lose > 0 and subject.startswith("muster.task."):
        to_lose -= 1
        raise TimeoutError("the acknowledgement is lost")
    return answer


client._connection.request = lossy


def do(what):
    global to_lose
    if "submit" in what:
        at = datetime.now(timezone.utc) + timedelta(seconds=what["delay"]) if "delay" in what else None
        future = client.submit(what["submit"], what.get("arg"), key=what.get("key"), at=at, **what.get("options", {}))
        futures[future.id] = future
        return {"id": future.id}
    if "attach" in what:
        futures[what["attach"]] = client.attach(what["attach"])
        return {"id": what["attach"]}
    if "result" in what:
        try:
            return {"value": futures[what["result"]].result(what["timeout"])}
        except TaskFailed as e:
            return {"failure": e.failure}
        except TimeoutError:
            return {"timeout": True}
    if "cancel" in what:
        futures[what["cancel"]].cancel(what.get("running", False))
    if "lose" in what:
        to_lose = what["lose"]
    if what.get("deaf"):
        for number in [n for n, (subject, _) in client._connection._subscriptions.items() if subject.startswith("muster.")]:
            client._connection.unsubscribe(number)
    return {}


print(json.dumps({"id": client.name}), flush=True)
for line in sys.stdin:
    try:
        answer = do(json.loads(line))
    except (MusterError, TimeoutError) as e:
        answer = {"error": str(e)}
    print(json.dumps(answer), flush=True)
client.close()
