"""A load for `bench.py`, in a process of its own: so many requests, over so many connections kept alive.

Reads one JSON object on its standard input, `{host, port, connections, requests: [[method, path, body], …]}`, and
writes one: how many answers of each status, in how many microseconds.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from typing import Any

FORM = "application/x-www-form-urlencoded"


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Send everything; each connection takes its share."""
    requests: list[list[str]] = order["requests"]
    connections: int = order["connections"]
    statuses: Counter[str] = Counter()
    milliseconds: list[int] = []
    lock = threading.Lock()

    def send(share: list[tuple[int, list[str]]]) -> None:
        connection = http.client.HTTPConnection(order["host"], order["port"], timeout=30)
        seen, took = Counter[str](), []
        for number, (method, path, body) in share:
            headers = {"X-Forwarded-For": f"198.18.{number // 256}.{number % 256}"}  # each from a household of its own
            if body:
                headers["Content-Type"] = FORM
            began = time.perf_counter_ns()
            connection.request(method, path, body.encode() or None, headers)
            answer = connection.getresponse()
            answer.read()
            took.append((time.perf_counter_ns() - began) // 1_000_000)
            seen[str(answer.status)] += 1
        connection.close()
        with lock:
            statuses.update(seen)
            milliseconds.extend(took)

    threads = [
        threading.Thread(target=send, args=(list(enumerate(requests))[n::connections],)) for n in range(connections)
    ]
    began = time.perf_counter_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter_ns() - began
    milliseconds.sort()
    return {
        "statuses": dict(statuses),
        "microseconds": took // 1000,
        "p99_milliseconds": milliseconds[len(milliseconds) * 99 // 100] if milliseconds else 0,
    }


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
