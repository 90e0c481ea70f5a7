"""Signals, bulk cancellations and webhooks, which not every server has."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from inngest_rest import ApiError, BadRequestError, NotFoundError, RouteNotFoundError
from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World


def test_signal_without_a_waiting_run_is_not_found(client: InngestClient) -> None:
    with pytest.raises(NotFoundError):
        client.signals.send(f"nobody-{uuid4()}")


def test_signal_wakes_the_run_that_waits_once(world: World, client: InngestClient) -> None:
    if not world.has_waiting_function:
        pytest.skip("the official Python SDK has no step that waits for a signal")
    signal = str(uuid4())
    run = world.start(client, "waits", {"signal": signal})
    assert client.signals.send(signal, data={"paid": True}).run_id == run.id
    ended = client.runs.wait(run.id, timeout=60)
    assert ended.output == {"signal": signal, "data": {"paid": True}}
    with pytest.raises(NotFoundError):
        client.signals.send(signal)


def test_bulk_cancellation_cancels_what_started_in_its_window(
    world: World, client: InngestClient
) -> None:
    run = world.start(client, "sleeps")
    cancel = partial(
        client.cancellations.create,
        world.app,
        f"{world.app}-sleeps",
        started_after=world.now() - timedelta(minutes=5),
    )
    if not world.is_cloud:
        # An open-source server has no store for them: valid requests get a 500 (operation
        # createCancellationV1).
        with pytest.raises(RouteNotFoundError, match="has no bulk cancellations"):
            cancel(started_before=world.now())
        return
    world.pause(1)
    made = cancel(started_before=world.now())
    assert made.function_id == f"{world.app}-sleeps"
    assert client.runs.wait(run.id, timeout=60).status == "cancelled"
    assert made.id in {each.id for each in client.cancellations.list()}
    client.cancellations.delete(made.id)
    assert made.id not in {each.id for each in client.cancellations.list()}
    with pytest.raises(NotFoundError):
        client.cancellations.delete(made.id)


def test_bulk_cancellation_is_validated(world: World, client: InngestClient) -> None:
    past, future = (world.now() + timedelta(hours=hours) for hours in (-1, 1))
    with pytest.raises(NotFoundError):
        client.cancellations.create(world.app, "no-such-function", started_before=past)
    with pytest.raises(BadRequestError):
        client.cancellations.create(world.app, f"{world.app}-sleeps", started_before=future)
    with pytest.raises(BadRequestError):
        client.cancellations.delete("nope")


def test_cancellations_are_listed_where_there_is_a_store(world: World) -> None:
    client = world.connect(retries=0)
    if world.is_cloud:
        list(client.cancellations.list())
    else:
        with pytest.raises(RouteNotFoundError):  # recording v1-cancellations
            client.cancellations.list()


def test_metadata_is_added_to_a_run_and_refused_where_it_is_too_much(
    world: World, client: InngestClient
) -> None:
    run = world.start(client, "sleeps")
    client.runs.add_metadata(run.id, {"ticket": 42}, kind="userland.support")
    client.runs.add_metadata(run.id, {"tries": 1}, kind="userland.support", op="add", step="nap")
    with pytest.raises(ApiError, match="64KB") as refused:
        client.runs.add_metadata(run.id, {"text": "x" * 65_536}, kind="userland.support")
    assert refused.value.status == 413
    with pytest.raises(BadRequestError, match="Invalid metadata"):
        client.runs.add_metadata(run.id, {"ticket": 42}, kind="inngest.own")


def test_metrics_have_the_depth_of_the_queue_and_on_cloud_the_runs_of_an_environment(
    world: World, client: InngestClient
) -> None:
    world.start_and_wait(client, "echoes")
    assert "\ninngest_queue_depth " in client.request("GET", "/metrics").text
    if world.is_cloud:
        text = client.request("GET", "/v1/prom/production").body
        assert b"inngest_function_run_ended_total{" in text


def test_webhook_lives_from_creation_to_deletion(world: World, client: InngestClient) -> None:
    if not world.has_asked_for_routes:
        # Only Inngest Cloud has webhooks.
        with pytest.raises(RouteNotFoundError):
            client.webhooks.create("Clerk", "function transform(evt) {}")
        return
    made = client.webhooks.create(name="Clerk", transform="function transform(evt) {}")
    assert client.webhooks.get(made.id).url == made.url
    assert made in list(client.webhooks.list())
    changed = client.webhooks.update(made.id, name="Other")
    assert (changed.name, changed.transform, changed.url) == ("Other", made.transform, made.url)
    client.webhooks.delete(made.id)
    with pytest.raises(NotFoundError):
        client.webhooks.get(made.id)
    with pytest.raises(NotFoundError):
        client.webhooks.delete(UNKNOWN)
