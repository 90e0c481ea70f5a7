"""The server of scripts/soak, in a process of its own: a new mock server for each lap."""

from __future__ import annotations

import multiprocessing
import random
import threading
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from multiprocessing.managers import BaseManager
from typing import TYPE_CHECKING, NamedTuple

import httpx

from inngest_rest_mock import MockServer, answers, drops, loses_response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest_mock import Fault

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


class Facts(NamedTuple):
    """What a server has at the end of a lap.

    Attributes:
        events: The id and the internal id of each event.
        runs: The number of runs of each function, by the id of the event.
        requests: The number of requests.
        failed: How many of those that send events went wrong.
    """

    events: list[tuple[str, str]]
    runs: dict[str, dict[str, int]]
    requests: int = 0
    failed: int = 0


class Server:
    """Mock servers, one after the other.

    Args:
        seed: Decides about faults.
    """

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)  # noqa: S311
        self._fault: Fault | None = None
        self._is_mended = threading.Event()

    def start(self, port: int) -> str:
        """Serve a new mock server, of which some requests go wrong; return its URL.

        Args:
            port: The port to serve on; 0 for any.
        """
        self._mock = MockServer(visibility_delay=0)
        for name in FUNCTIONS:
            self._mock.function("soak", name, trigger="soak/*")
        self._stack = ExitStack()
        url = self._stack.enter_context(self._mock.serve(port))
        self._is_mended.clear()
        self._thread = threading.Thread(target=self._go_wrong)
        self._thread.start()
        return url

    def _go_wrong(self) -> None:
        weights = range(len(EFFECTS), 0, -1)
        while not self._is_mended.wait(EVERY):
            if self._fault is None or not self._fault.remaining:
                [effect] = self._chance.choices(EFFECTS, weights)
                times, after = self._chance.randint(1, 3), self._chance.randint(3, 25)
                self._fault = self._mock.fault(effect, times=times, after=after)

    def mend(self) -> None:
        """Let nothing go wrong from now on."""
        self._is_mended.set()
        self._thread.join()
        if self._fault is not None:
            self._fault.clear()

    def stop(self) -> Facts:
        """End the mock server, and return what it has."""
        self._stack.close()
        self._fault = None
        events = [(event.id, event.internal_id) for event in self._mock.events]
        own_ids = {internal: own for own, internal in events}
        runs: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for run in self._mock.runs:
            runs[own_ids[run.event_id]][run.function_id] += 1
        requests = self._mock.requests
        sent = [request for request in requests if request.operation == "send_events"]
        return Facts(
            events=events,
            runs=dict(runs),
            requests=len(requests),
            failed=sum(request.status != 200 for request in sent),
        )


class _Processes(BaseManager):
    """Makes servers in a process of its own."""

    Server: type[Server]


_Processes.register("Server", Server)


@contextmanager
def server(seed: str) -> Iterator[Server]:
    """Have a server in a process of its own during the `with` block."""
    with _Processes(ctx=multiprocessing.get_context("spawn")) as processes:
        yield processes.Server(seed)
