"""The server of scripts/soak, in a process of its own: a new mock server for each lap.

`python -m scripts.internal.soak.server SEED` reads a command a line and answers in a line of JSON:

    start PORT  serve a new mock server, of which some requests go wrong; PORT 0 takes any. {"url"}
    mend        from now on, nothing goes wrong. {}
    stop        what the server has: {"events": [[id, internal id]],
                "runs": {id: {function: count}}, "struck": how many requests went wrong,
                "requests": of how many}
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter, defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx

from inngest_rest.testing import MockServer, answers, drops, loses_response

if TYPE_CHECKING:
    from inngest_rest.testing._faults import Fault

FUNCTIONS = ("one", "two")

# The first ones are the likeliest.
EFFECTS = [
    loses_response(),
    drops(),
    drops(httpx.ReadError),
    answers(503),
    answers(500, {"error": "oh"}),
    answers(429, {"error": "slow down"}),
    answers(408),
    answers(200, "<!DOCTYPE html>"),
    answers(429, {"error": "slow down"}, headers={"Retry-After": "1"}),
    answers(401, {"error": "Event key not found"}),
]

# Seconds between two looks at whether another fault is needed.
EVERY = 0.005


class Lap:
    """One mock server, and what it does wrong.

    Args:
        port: The port to serve on; 0 for any.
        chance: Decides about faults.
    """

    def __init__(self, port: int, chance: random.Random) -> None:
        self._chance = chance
        self._mock = MockServer(visibility_delay=0)
        for name in FUNCTIONS:
            self._mock.function("soak", name, trigger="soak/*")
        self._fault: Fault | None = None
        self._stack = ExitStack()
        self.url = self._stack.enter_context(self._mock.serve(port))
        self._is_mended = threading.Event()
        self._thread = threading.Thread(target=self._go_wrong)
        self._thread.start()

    def _go_wrong(self) -> None:
        weights = range(len(EFFECTS), 0, -1)
        while not self._is_mended.wait(EVERY):
            if self._fault is None or not self._fault.remaining:
                [effect] = self._chance.choices(EFFECTS, weights)
                times, after = self._chance.randint(1, 3), self._chance.randint(3, 25)
                self._fault = self._mock.fault(effect, times=times, after=after)

    def mend(self) -> None:
        self._is_mended.set()
        self._thread.join()
        if self._fault is not None:
            self._fault.clear()

    def stop(self) -> dict[str, Any]:
        """End it, and return what it has."""
        self.mend()
        self._stack.close()
        events, requests = self._mock.events, self._mock.requests
        own = {event.internal_id: event.id for event in events}
        runs: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for run in self._mock.runs:
            runs[own[run.event_id]][run.function_id] += 1
        sent = [each for each in requests if each.operation == "send_events"]
        return {
            "events": [[event.id, event.internal_id] for event in events],
            "runs": runs,
            "struck": sum(each.status != 200 for each in sent),
            "requests": len(requests),
        }


def main() -> None:
    chance = random.Random(sys.argv[1])  # noqa: S311
    lap: Lap | None = None
    for line in sys.stdin:
        command, _, port = line.strip().partition(" ")
        answer: dict[str, Any] = {}
        if command == "start":
            lap = Lap(int(port), chance)
            answer = {"url": lap.url}
        elif lap is not None and command == "mend":
            lap.mend()
        elif lap is not None:
            answer, lap = lap.stop(), None
        print(json.dumps(answer), flush=True)
    if lap is not None:
        lap.stop()


if __name__ == "__main__":
    main()
