"""One run: its states, waiting, cancelling, replaying, jobs and trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest import BadRequestError, NotFoundError, WaitTimeoutError
from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.contract.world import World


def test_completed_run_has_its_times(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "echoes", {"n": 1})
    assert client.runs.get(run.id) == run
    assert (run.is_ended, run.error) == (True, None)
    assert run.queued_at is not None
    assert run.ended_at is not None
    assert run.queued_at <= run.ended_at


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
    assert (caught.value.run.id, caught.value.run.status) == (run.id, "running")


def test_cancelled_run_has_ended(world: World, client: InngestClient) -> None:
    run = world.start(client, "sleeps")
    client.runs.cancel(run.id)
    client.runs.cancel(run.id)  # again: no error
    ended = client.runs.wait(run.id, timeout=60)
    assert (ended.status, ended.error) == ("cancelled", None)


def test_cancelling_an_ended_run_changes_nothing(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "echoes")
    client.runs.cancel(run.id)
    assert client.runs.wait(run.id, timeout=60).status == "completed"


def test_cancelling_by_either_family_is_the_same(world: World) -> None:
    for version in ("v1", "v2"):
        client = world.connect(api_version=version)
        run = world.start(world.connect(), "sleeps")
        client.runs.cancel(run.id)
        client.runs.cancel(run.id)
        assert world.connect().runs.wait(run.id, timeout=60).status == "cancelled"


def test_replay_starts_another_run_of_the_same_event(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "echoes", {"n": 3})
    again = client.runs.replay(run.id)
    client.runs.wait(again, timeout=60)
    replayed = client.runs.get(again, include_original_run_id=True)
    assert again != run.id
    assert (replayed.original_run_id, replayed.event_ids) == (run.id, run.event_ids)
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
