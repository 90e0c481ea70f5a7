"""The vendor's own clients on the mock server's socket: its Python SDK and its CLI."""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest_mock import MockServer, completes

with warnings.catch_warnings():
    # It declares its models in a way that pydantic 2 deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    import inngest

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "official-event-key"


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer(event_keys=[KEY])
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": True}))
    return mock


@pytest.fixture
def url(mock: MockServer) -> Iterator[str]:
    with mock.serve() as url:
        yield url


@contextmanager
def sdk(url: str, event_key: str = KEY) -> Iterator[inngest.Inngest]:
    logger = logging.getLogger("tests.official_sdk")
    logger.setLevel(logging.CRITICAL)
    client = inngest.Inngest(
        app_id="shop",
        event_api_base_url=url,
        api_base_url=url,
        event_key=event_key,
        is_production=True,
        logger=logger,
    )
    yield client
    # It has no public way to close its connections.
    client._http_client._http_client_sync.close()  # noqa: SLF001


async def send_async(url: str, events: list[inngest.Event]) -> list[str]:
    with sdk(url) as client:
        ids = await client.send(events)
        await client._http_client._http_client.aclose()  # noqa: SLF001 - as above
        return ids


def placed(order: int) -> inngest.Event:
    return inngest.Event(name="order/placed", data={"order": order}, id=f"order-{order}")


def test_sdk_sends_one_event(url: str, mock: MockServer) -> None:
    with sdk(url) as client:
        ids = client.send_sync(placed(1))
    (event,) = mock.events
    assert ids == [event.internal_id]
    assert (event.name, event.id, event.data) == ("order/placed", "order-1", {"order": 1})
    assert [run.status for run in mock.runs] == ["completed"]


def test_sdk_sends_a_batch_and_gets_the_ids_in_order(url: str, mock: MockServer) -> None:
    ids = asyncio.run(send_async(url, [placed(order) for order in range(3)]))
    assert ids == [event.internal_id for event in mock.events]
    assert [event.data for event in mock.events] == [{"order": order} for order in range(3)]
    assert len(mock.requests) == 1


def test_sdk_gets_the_ids_accepted_before_an_invalid_event(url: str, mock: MockServer) -> None:
    bad = inngest.Event(name="inngest/mine")
    with sdk(url) as client, pytest.raises(Exception, match="reserved") as caught:
        client.send_sync([placed(1), placed(2), bad, placed(3)])
    # Its SendEventsError is not public.
    assert vars(caught.value)["ids"] == [event.internal_id for event in mock.events]
    assert [event.id for event in mock.events] == ["order-1", "order-2"]


def test_sdk_is_rejected_with_a_wrong_key(url: str, mock: MockServer) -> None:
    with sdk(url, "wrong") as client, pytest.raises(Exception, match="Event key not found"):
        client.send_sync(placed(1))
    assert list(mock.events) == []


def test_vendor_cli_uses_v2_under_its_other_path(url: str, mock: MockServer) -> None:
    with sdk(url) as client:
        client.send_sync([placed(1), placed(2)])
    run = mock.runs[0].id
    with httpx.Client(base_url=url) as command:
        for path in (
            "/health",
            "/runs",
            "/runs?status=COMPLETED&limit=1",
            f"/runs/{run}",
            f"/runs/{run}?includeOutput=true",
            f"/runs/{run}/trace",
            "/apps",
            "/apps/shop",
            "/apps/shop/functions",
            "/apps/shop/functions/charge",
            "/apps/shop/functions/charge/runs",
            f"/events/{mock.events[0].internal_id}/runs",
            "/runs/nope",
        ):
            here, there = (command.get(f"{base}{path}") for base in ("/v2", "/api/v2"))
            assert (here.status_code, untimed(here)) == (there.status_code, untimed(there))
        again = command.post(f"/api/v2/runs/{run}/rerun").json()["data"]["runId"]
        cancelled = command.post(f"/api/v2/runs/{run}/cancel")
    assert [each.original_run_id for each in mock.runs if each.id == again] == [run]
    assert cancelled.json()["errors"][0]["code"] == "run_already_ended"


def untimed(response: httpx.Response) -> Any:
    """Return a response without the time it was made."""
    body = response.json()
    body.pop("metadata", None)
    return body
