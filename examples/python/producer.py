"""Submits one call, and prints its result as JSON.

    python3 producer.py [--url URL] [--queue QUEUE] FUNC [JSON] [--attempts N] [--timeout S]

The exit status is 0, or 1 when the task has failed, with its error on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from muster import Client, MusterError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("MUSTER_URL", "nats://127.0.0.1:4222"))
    parser.add_argument("--queue", default="default")
    parser.add_argument("--attempts", type=int, default=1, help="how many may end with an error")
    parser.add_argument("--timeout", type=float, help="seconds to wait for the result; default for ever")
    parser.add_argument("func")
    parser.add_argument("arg", nargs="?", type=json.loads, metavar="JSON")
    args = parser.parse_args()
    try:
        with Client(args.url, args.queue) as client:
            future = client.submit(args.func, args.arg, max_errors=args.attempts)
            print(json.dumps(future.result(args.timeout), default=str))
    except (MusterError, OSError) as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
