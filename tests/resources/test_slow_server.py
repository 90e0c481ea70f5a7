"""Waiting, watching and exporting where a server lists runs by their end only slowly.

The time is virtual, and the client the asynchronous one, whose requests overlap in it.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from inngest_rest import WaitTimeoutError
from tests.support.server_with_history import Costs, Lifetime, ServerWithHistory, percentile
from tests.support.virtual_time import VirtualTime

NEVER = 1_000_000.0

Changes = Counter[tuple[str, str]]


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def open_runs(count: int, random: Random) -> list[Lifetime]:
    """Return runs that were queued within the last ten minutes; some end every second."""
    return [
        Lifetime(queued=-random.uniform(31, 600), ended=random.expovariate(1 / 100))
        for _ in range(count)
    ]


def new_runs(seconds: int, random: Random) -> list[Lifetime]:
    """Return a hundred new runs a second, of which one in ten takes long."""
    runs: list[Lifetime] = []
    for place in range(seconds * 100):
        queued = place / 100
        takes = random.uniform(0.05, 5) if place % 10 else random.expovariate(1 / 100)
        runs.append(Lifetime(queued=queued, ended=queued + takes))
    return runs


def watch(server: ServerWithHistory, seconds: float) -> tuple[Changes, dict[str, list[float]]]:
    """Watch a server; return what was reported, and how late in seconds what happened meanwhile."""
    reported = Changes()
    delays: dict[str, list[float]] = {"appeared": [], "ended": []}
    by_id = {run.id: run for run in server.runs}

    async def scenario() -> None:
        async with server.time.govern()(dev=True, transport=server) as client:
            async for change in client.runs.watch(timeout=seconds):
                reported[change.kind, change.run.id] += 1
                run = by_id[change.run.id]
                happened = run.queued if change.kind == "appeared" else run.ended
                if happened > 0:
                    delays[change.kind].append(server.time.elapsed - happened)

    server.time.run(scenario())
    return reported, delays


def changes_until(server: ServerWithHistory, seconds: float) -> set[tuple[str, str]]:
    appeared = {("appeared", run.id) for run in server.runs if run.queued < seconds}
    return appeared | {("ended", run.id) for run in server.runs if run.ended < seconds}


def test_a_watch_is_ten_seconds_behind_at_most_and_neither_misses_nor_repeats_a_change(
    time: VirtualTime,
) -> None:
    """At 1,000 open runs and 200 changes a second."""
    runs = open_runs(1_000, Random(1)) + new_runs(25, Random(2))
    server = ServerWithHistory(time, runs)
    reported, delays = watch(server, 40)
    assert len(delays["appeared"] + delays["ended"]) > 200 * 20
    assert set(reported.values()) == {1}
    assert changes_until(server, 30) <= reported.keys()
    assert percentile(delays["appeared"] + delays["ended"], 0.5) <= 4
    assert percentile(delays["appeared"] + delays["ended"], 0.99) <= 10


def slow_to_get() -> Costs:
    """Return the costs of a server that takes five seconds to get 200 runs one by one."""
    return Costs(get=0.05)


def test_new_runs_appear_in_time_however_many_older_ones_are_open(time: VirtualTime) -> None:
    new = [Lifetime(queued=second + 0.5, ended=NEVER) for second in range(30)]
    old = [Lifetime(queued=-100.0, ended=NEVER) for _ in range(2_000)]
    _, delays = watch(ServerWithHistory(time, new + old, slow_to_get()), 45)
    assert len(delays["appeared"]) == 30
    assert max(delays["appeared"]) <= 10


def test_ends_of_more_runs_than_a_poll_fetches_are_seen_in_the_next_polls(
    time: VirtualTime,
) -> None:
    old = [Lifetime(queued=-100.0, ended=20.0) for _ in range(600)]
    reported, _ = watch(ServerWithHistory(time, old, slow_to_get()), 60)
    assert Counter(kind for kind, _ in reported) == {"appeared": 600, "ended": 600}


def test_a_watch_lists_ends_where_that_is_quick(time: VirtualTime) -> None:
    old = [Lifetime(queued=-100.0, ended=n / 10) for n in range(1_000)]
    server = ServerWithHistory(time, old, Costs(page_by_end=0.05))
    _, delays = watch(server, 60)
    assert percentile(delays["ended"], 0.99) <= 6
    assert Counter(server.requests)["get"] <= 10 * 60 / 5


def waited(
    server: ServerWithHistory, ids: list[str], timeout: float
) -> tuple[dict[str, float], float]:
    """Wait for runs of which some never end; return when each was seen to end, and the end."""
    seen: dict[str, float] = {}

    async def scenario() -> None:
        async with server.time.govern()(dev=True, transport=server) as client:
            async for run in client.runs.wait_many(ids, timeout=timeout):
                seen[run.id] = server.time.elapsed

    with pytest.raises(WaitTimeoutError):
        server.time.run(scenario())
    return seen, server.time.elapsed


@pytest.mark.parametrize("page_by_end", [27.0, NEVER], ids=["slow", "hangs"])
def test_a_wait_for_many_sees_each_end_and_returns_in_time(
    time: VirtualTime, page_by_end: float
) -> None:
    ends = [10 + n / 15 for n in range(30)]
    runs = [Lifetime(queued=-100.0, ended=ended) for ended in ends + [NEVER] * 70]
    server = ServerWithHistory(time, runs, Costs(page_by_end=page_by_end))
    by_id = {run.id: run for run in server.runs}
    seen, returned_at = waited(server, [*by_id], timeout=60)
    assert len(seen) == 30
    assert max(at - by_id[run_id].ended for run_id, at in seen.items()) <= 5
    assert returned_at == pytest.approx(60, abs=0.1)
    assert Counter(server.requests)["get"] <= 100 * 60 / 2


def test_a_wait_for_a_thousand_runs_is_ten_seconds_behind_at_most(time: VirtualTime) -> None:
    ends = [n / 8 for n in range(360)]
    runs = [Lifetime(queued=-100.0, ended=ended) for ended in ends + [NEVER] * 640]
    server = ServerWithHistory(time, runs)
    by_id = {run.id: run for run in server.runs}
    seen, _ = waited(server, [*by_id], timeout=60)
    assert len(seen) == 360
    assert percentile((at - by_id[run_id].ended for run_id, at in seen.items()), 0.99) <= 10
