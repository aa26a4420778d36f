"""Runs loads on concurrent.futures.ProcessPoolExecutor.

Reads a load as JSON from each line of stdin, writes a report to stdout. The
first line is the number of workers.
"""

import ctypes
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor

PR_SET_PDEATHSIG, SIGKILL = 1, 9


def born():
    """A worker process ends with its parent, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def echo(n):
    return n


def spin(iterations):
    x = 1
    for _ in range(iterations):
        x = x * 3 & 0xFFFF
    return x


def timed_spin(iterations):
    start = time.perf_counter()
    spin(iterations)
    return time.perf_counter() - start


def work(n, iterations, sleep, data):
    spin(iterations)
    if sleep:
        time.sleep(sleep)
    return n + len(data)


def is_long(load, i):
    every = load["long_every"]
    return bool(every) and i % every == every // 2


class Bench:
    def __init__(self, workers):
        self.workers = workers
        self.pool = ProcessPoolExecutor(workers, initializer=born)
        # Start every process, which are otherwise started on demand.
        list(self.pool.map(time.sleep, [0.01] * workers * 2))
        self.per_second = 200_000 / min(timed_spin(200_000) for _ in range(5))

    def task(self, load, i):
        iterations = 0
        if load["spin"]:
            iterations = max(1, round(load["spin"] / 1e9 * self.per_second))
            if is_long(load, i) and load["long_times"]:
                iterations *= load["long_times"]
        sleep = load["sleep"] / 1e9 if is_long(load, i) or not load["long_every"] else 0
        return work, i, iterations, sleep, bytes(load["data"])

    def ideal(self, calls):
        """Seconds that the spinning takes on bare workers."""
        each = round(0.04 * self.per_second)
        spent = list(self.pool.map(timed_spin, [each] * self.workers))
        per_iteration = sum(spent) / len(spent) / each
        return per_iteration * sum(c[2] for c in calls) / self.workers

    def run(self, load):
        n, window = load["tasks"], load["window"] or load["tasks"]
        if load["mode"] == "map":
            start = time.perf_counter()
            total = sum(self.pool.map(echo, range(n), chunksize=1000))
            return {"elapsed": time.perf_counter() - start, "sum": total}
        if load["spin"] or load["sleep"] or load["data"]:
            calls = [self.task(load, i) for i in range(n)]
        else:
            calls = [(echo, i) for i in range(n)]
        report = {"each": []}
        before = self.ideal(calls) if load["spin"] else 0
        if load["mode"] == "sequence":
            total, start = 0, time.perf_counter()
            for call in calls:
                sent = time.perf_counter()
                total += self.pool.submit(*call).result()
                report["each"].append(time.perf_counter() - sent)
        else:
            is_rest = [not is_long(load, i) for i in range(n)]
            start = time.perf_counter()
            total, rest = self.burst(calls, window, is_rest)
            report["rest"] = rest - start
        report["elapsed"] = time.perf_counter() - start
        if load["spin"]:
            report["ideal"] = (before + self.ideal(calls)) / 2
        report["sum"] = total
        return report

    def burst(self, calls, window, is_rest):
        total, futures = 0, []
        for i, call in enumerate(calls):
            if i >= window:
                total += futures[i - window].result()
                futures[i - window] = None
            futures.append(self.pool.submit(*call))
        left = range(max(0, len(calls) - window), len(calls))
        total += sum(futures[i].result() for i in left if is_rest[i])
        rest = time.perf_counter()
        return total + sum(futures[i].result() for i in left if not is_rest[i]), rest


def main():
    bench = Bench(int(sys.stdin.readline()))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(bench.run(json.loads(line))), flush=True)
    bench.pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    main()
