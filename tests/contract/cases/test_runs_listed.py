"""Runs listed: by status, by function, by time, and page by page to the end."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from inngest_rest import BadRequestError, InvalidArgumentError, RunStatus

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.typing import StatusName
    from tests.contract.world import World

ENDS: dict[str, StatusName] = {"echoes": "completed", "fails": "failed", "sleeps": "running"}


@pytest.mark.parametrize(("function", "status"), ENDS.items(), ids=ENDS.values())
def test_status_filters_runs(
    world: World, client: InngestClient, function: str, status: StatusName
) -> None:
    run = world.start(client, function)
    if status != "running":
        client.runs.wait(run.id, timeout=60)
    # Others may use a live server, but not that much at once; a listing may lag a moment.
    listed = world.eventually(
        lambda: [each for each in client.runs.list(status=status, limit=100) if each.id == run.id]
    )
    assert [each.status for each in listed] == [status]
    others = {other for other in ENDS.values() if other != status}
    for other in others:
        assert run.id not in {each.id for each in client.runs.list(status=other, limit=100)}


def test_cancelled_runs_are_listed_as_such(world: World, client: InngestClient) -> None:
    world.needs_cancelling()
    run = world.start(client, "sleeps")
    client.runs.cancel(run.id)
    client.runs.wait(run.id, timeout=60)
    assert world.eventually(
        lambda: (
            run.id
            in {each.id for each in client.runs.list(status=RunStatus("CANCELLED"), limit=100)}
        )
    )


def test_several_statuses_filter_runs(world: World, client: InngestClient) -> None:
    failed = world.start_and_wait(client, "fails").id
    completed = world.start_and_wait(client, "echoes").id
    listed = {
        run.id: str(run.status)
        for run in client.runs.list(app=world.app, status=["failed", "completed"])
    }
    assert listed.items() >= {failed: "failed", completed: "completed"}.items()
    assert set(listed.values()) == {"failed", "completed"}


def test_function_filters_runs(world: World, client: InngestClient) -> None:
    mine = world.start(client, "naps").id
    other = world.start(client, "echoes").id
    runs = list(client.runs.list(app=world.app, function="naps"))
    assert mine in {run.id for run in runs}
    assert other not in {run.id for run in runs}
    assert {(run.app_id, run.function_id) for run in runs} == {(world.app, "naps")}


def test_unknown_app_or_function_has_no_runs(world: World, client: InngestClient) -> None:
    assert list(client.runs.list(app="no-such-app")) == []
    assert list(client.runs.list(app=world.app, function="no-such-function")) == []


def test_paging_reaches_the_end_without_gap_or_repeat(world: World, client: InngestClient) -> None:
    ids = client.send([{"name": world.trigger("fails")} for _ in range(5)])
    started = {world.run_of(client, id).id for id in ids}
    listing = partial(client.runs.list, app=world.app, function="fails")
    runs = [run for page in listing(page_size=2).pages() for run in page.items]
    assert len({run.id for run in runs}) == len(runs)
    assert started <= {run.id for run in runs}
    # Newest first; a server sorts by its own time, some milliseconds from `queued_at`.
    queued = [run.queued_at for run in runs if run.queued_at is not None]
    assert all(later > earlier - timedelta(seconds=1) for later, earlier in pairwise(queued))
    first = listing(page_size=2).page()
    rest = list(listing(cursor=first.next_cursor))
    assert [run.id for run in (*first.items, *rest)] == [run.id for run in runs]


def test_listing_without_a_filter_pages_as_well(world: World, client: InngestClient) -> None:
    ids = client.send([{"name": world.trigger("echoes")} for _ in range(5)])
    for id in ids:
        world.run_of(client, id)
    listed = [run.id for run in client.runs.list(limit=5, page_size=2)]
    assert len(set(listed)) == 5
    assert listed == sorted(listed, reverse=True) or not world.has_asked_for_routes


def test_time_window_filters_runs(world: World, client: InngestClient) -> None:
    before = world.now() - timedelta(seconds=5)
    run = world.start(client, "echoes")
    listing = partial(client.runs.list, app=world.app, function="echoes")
    assert run.id in {each.id for each in listing(since=before)}
    assert run.id not in {each.id for each in listing(until=before)}


def test_malformed_cursor_is_rejected(client: InngestClient) -> None:
    with pytest.raises((BadRequestError, InvalidArgumentError)):
        client.runs.list(cursor="nonsense").page()
