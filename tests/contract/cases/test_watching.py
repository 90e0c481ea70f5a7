"""Runs followed as they change, and many of them awaited."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from inngest_rest import WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import InngestClient, RunChange
    from inngest_rest.client.polling import Watcher
    from tests.contract.world import World

EVERY = 2.0
"""Seconds between two polls."""

AT_ONCE = 100
"""Runs that are started between two polls."""


@pytest.fixture
def count(pytestconfig: pytest.Config) -> int:
    """Return how many runs to watch."""
    return int(pytestconfig.getoption("--watched-runs"))


def test_runs_that_start_and_end_between_polls_are_reported_once(
    world: World, client: InngestClient, count: int
) -> None:
    world.needs("listRunsV2")
    watcher = watch(world, client, "echoes")
    changes: list[RunChange] = []
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        client.send([{"name": world.trigger("echoes"), "data": {"watched": n}} for n in numbers])
        world.pause(EVERY + 1)  # in which the watcher does not poll
        changes += until_ended(watcher, len(numbers))
    watcher.close()
    assert_in_order(changes, count)
    ended = [it.run.output["echo"]["watched"] for it in changes if is_end(it)]
    assert sorted(ended) == list(range(count))


def until_ended(watcher: Watcher, count: int) -> Iterator[RunChange]:
    """Take changes until so many more runs have ended."""
    while count:
        change = next(watcher)
        count -= is_end(change)
        yield change


def is_end(change: RunChange) -> bool:
    return change.kind == "ended"


def assert_in_order(changes: list[RunChange], count: int) -> None:
    """Check that each run appeared once, and ended once after that."""
    places = {(it.run.id, it.kind): at for at, it in enumerate(changes) if it.kind != "changed"}
    assert len(places) == 2 * count
    assert Counter(it.kind for it in changes if it.kind != "changed") == {
        "appeared": count,
        "ended": count,
    }
    assert all(places[id, "appeared"] < at for (id, kind), at in places.items() if kind == "ended")


def test_a_watch_goes_on_from_its_token(world: World, client: InngestClient) -> None:
    world.needs("listRunsV2", "cancelRunV2")
    first = watch(world, client, "sleeps")
    id = world.start(client, "sleeps").id
    # Sleeping runs of other cases appear as well.
    assert id in (change.run.id for change in first)
    client.runs.cancel(id)
    second = watch(world, client, "sleeps", token=first.token)
    (end,) = islice((change for change in second if change.run.id == id), 1)
    assert (end.kind, end.run.status) == ("ended", "cancelled")


def watch(world: World, client: InngestClient, function: str, token: str | None = None) -> Watcher:
    return client.runs.watch(
        app=world.app,
        function=function,
        every=EVERY,
        timeout=600,
        include_output=True,
        token=token,
    )


def test_many_runs_are_returned_as_they_end(world: World, client: InngestClient) -> None:
    functions = ["naps", "echoes", "fails"] * 5  # more than are asked about one by one
    ids = {world.start(client, each).id: each for each in functions}
    ended = list(client.runs.wait_many(ids, timeout=120))
    ends = {"naps": "completed", "echoes": "completed", "fails": "failed"}
    assert {run.id: run.status for run in ended} == {id: ends[it] for id, it in ids.items()}
    assert len(ended) == len(ids)


def test_a_wait_for_many_names_those_that_did_not_end(world: World, client: InngestClient) -> None:
    ended, sleeping = (world.start(client, each).id for each in ("echoes", "sleeps"))
    waiting = client.runs.wait_many([sleeping, ended], timeout=5)
    assert next(waiting).id == ended
    with pytest.raises(WaitTimeoutError) as caught:
        next(waiting)
    assert caught.value.ids == (sleeping,)
