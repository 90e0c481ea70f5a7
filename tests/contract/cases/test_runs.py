"""One run: its states, waiting, cancelling, replaying, jobs and trace."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from inngest_rest import BadRequestError, NotFoundError, WaitTimeoutError
from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from inngest_rest.models import Span
    from tests.contract.world import World


def test_completed_run_has_its_times(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "echoes", {"n": 1})
    assert client.runs.get(run.id) == run
    assert (run.is_ended, run.error) == (True, None)
    assert run.queued_at is not None
    assert run.ended_at is not None
    assert run.queued_at <= run.ended_at


@pytest.mark.parametrize("function", ["echoes", "fails", "naps", "steps"])
def test_listed_run_differs_from_a_single_one_in_its_start_alone(
    world: World, client: InngestClient, function: str
) -> None:
    run = world.start_and_wait(client, function)
    assert client.runs.get(run.id) == run
    (event,) = run.event_ids
    listed = client.runs.list(app=world.app, function=function, include_output=True)
    same = evolve(run, started_at=None)
    assert [same] == [each for each in listed if each.id == run.id]
    (of_event,) = world.eventually(
        lambda: [each for each in client.events.runs(event) if each.is_ended]
    )
    # v1 has the time at which the end was stored, some milliseconds later.
    assert run.ended_at is not None
    assert of_event.ended_at is not None
    assert timedelta() <= of_event.ended_at - run.ended_at < timedelta(seconds=5)
    assert evolve(of_event, ended_at=run.ended_at) == same


def test_failed_run_is_returned_with_its_error(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "fails")
    assert (run.status, run.output) == ("failed", None)
    assert run.error is not None
    assert run.error.message == "told to fail"


def test_sleeping_run_is_running_until_it_wakes(world: World, client: InngestClient) -> None:
    run = world.start(client, "naps")
    assert run.status in ("queued", "running")
    ended = client.runs.wait(run.id, timeout=60)
    assert (ended.status, ended.output) == ("completed", "slept")


def test_run_between_attempts_has_not_ended(world: World, client: InngestClient) -> None:
    run = world.start(client, "retries")
    ended = client.runs.wait(run.id, timeout=120)
    assert (ended.status, ended.output) == ("completed", {"attempt": 1})


def test_wait_timeout_has_the_last_state_of_the_run(world: World, client: InngestClient) -> None:
    run = world.start(client, "sleeps")
    with pytest.raises(WaitTimeoutError) as caught:
        client.runs.wait(run.id, timeout=0.1)
    assert caught.value.run is not None
    assert caught.value.run.id == run.id
    assert caught.value.run.status in ("queued", "running")


def test_cancelled_run_has_ended(world: World, client: InngestClient) -> None:
    world.needs_cancelling()
    run = world.start(client, "sleeps")
    client.runs.cancel(run.id)
    client.runs.cancel(run.id)  # again: no error
    ended = client.runs.wait(run.id, timeout=60)
    assert (ended.status, ended.error) == ("cancelled", None)


def test_cancelling_an_ended_run_changes_nothing(world: World, client: InngestClient) -> None:
    world.needs_cancelling()
    run = world.start_and_wait(client, "echoes")
    client.runs.cancel(run.id)
    assert client.runs.wait(run.id, timeout=60).status == "completed"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_cancelling_by_either_family_is_the_same(
    world: World, client: InngestClient, version: str
) -> None:
    pinned = world.connect(api_version=version)
    run = world.start(client, "sleeps")
    if version == "v1" and not world.cancels_by_v1:
        with pytest.raises(NotFoundError):
            pinned.runs.cancel(run.id)
        return
    pinned.runs.cancel(run.id)
    pinned.runs.cancel(run.id)
    assert client.runs.wait(run.id, timeout=60).status == "cancelled"


def test_replay_starts_another_run_of_the_same_event(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "echoes", {"n": 3})
    again = client.runs.replay(run.id)
    client.runs.wait(again, timeout=60)
    replayed = client.runs.get(again, include_original_run_id=True)
    assert again != run.id
    assert replayed.event_ids == run.event_ids
    found = client.runs.get(again, include_original_run_id=True)
    by_v2 = "getRunV2" not in world.lacks
    assert (found.original_run_id, found.function_id) == (run.id, "echoes" if by_v2 else None)
    assert replayed.output == run.output


def test_jobs_of_a_run_are_listed_while_it_waits(world: World, client: InngestClient) -> None:
    run = world.start(client, "sleeps")
    (job,) = world.eventually(lambda: client.runs.jobs(run.id))
    assert job.kind
    assert client.runs.jobs(world.start_and_wait(client, "echoes").id) == []


def test_trace_shows_the_steps_below_the_run(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "steps")
    root = world.eventually(lambda: client.runs.trace(run.id))
    # A server has a span for each step of the function; the mock has a single one, `step`.
    names = world.eventually(
        lambda: {span.name for span in client.runs.trace(run.id).children} & world.step_names
    )
    assert names == world.step_names
    assert root.queued_at is not None


def test_trace_is_drawn_for_a_terminal(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "steps")
    names = world.step_names
    trace = world.eventually(lambda: drawable(client.runs.trace(run.id), names))
    assert trace is not None
    rows = trace.render(width=80).splitlines()
    assert run.id in rows[0]
    assert all(len(each) <= 80 for each in rows)
    for name in names:
        # The two spans that a server has of a step are one.
        (row,) = (each for each in rows if name in each.split())
        assert "✓" in row
    assert not any("executor.nonstep" in each for each in rows)


def drawable(trace: Span, names: frozenset[str]) -> Span | None:
    """Return a trace once it has all steps."""
    return trace if {span.name for span in trace.children} >= names else None


UNKNOWN_RUN: dict[str, Callable[[InngestClient, str], object]] = {
    "get": lambda client, run: client.runs.get(run),
    "cancel": lambda client, run: client.runs.cancel(run),
    "replay": lambda client, run: client.runs.replay(run),
    "jobs": lambda client, run: client.runs.jobs(run),
    "trace": lambda client, run: client.runs.trace(run),
}


@pytest.mark.parametrize("act", UNKNOWN_RUN)
def test_unknown_run_is_not_found(client: InngestClient, act: str) -> None:
    with pytest.raises(NotFoundError):
        UNKNOWN_RUN[act](client, UNKNOWN)


@pytest.mark.parametrize("act", UNKNOWN_RUN)
def test_malformed_id_is_a_bad_request(client: InngestClient, act: str) -> None:
    with pytest.raises(BadRequestError):
        UNKNOWN_RUN[act](client, "nope")
