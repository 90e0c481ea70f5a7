"""Cancellations, webhooks, functions and events: requests and results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import BadRequestError, InvalidArgumentError, NotFoundError, RouteNotFoundError
from inngest_rest_api.models import V1Cancellation, V2EventFilter
from inngest_rest_mock import MockServer
from tests.support.server import body_of, recorded, says, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server

DAY, HOUR = datetime(2026, 11, 24, tzinfo=UTC), timedelta(hours=1)
META = {"fetched_at": "2026-11-24T13:42:13Z"}
ZERO = "00000000-0000-0000-0000-000000000000"
CANCELLATION = {
    "created_at": "2026-11-24T00:00:00Z",
    "name": None,
    "id": "c",
    "account_id": ZERO,
    "environment_id": ZERO,
    "app_id": "a",
    "function_internal_id": ZERO,
    "function_id": "f",
    "started_after": None,
    "started_before": "2026-11-24T00:00:00Z",
    "if": "event.data.x",
    "kind": "run",
    "cause": "api",
    "queue_name": None,
}


def test_creating_a_cancellation_sends_only_the_given_arguments(
    client: InngestClient, server: Server
) -> None:
    server.on("POST /v1/cancellations", says({"data": CANCELLATION, "metadata": META}))
    made = client.cancellations.create("a", "f", started_before=DAY, condition="event.data.x")
    client.cancellations.create("a", "f", started_before=DAY, started_after=DAY - HOUR)
    always = {"app_id": "a", "function_id": "f", "started_before": "2026-11-24T00:00:00+00:00"}
    assert server.bodies() == [
        {**always, "if": "event.data.x"},
        {**always, "started_after": "2026-11-23T23:00:00+00:00"},
    ]
    assert made == V1Cancellation.from_dict(CANCELLATION)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"started_before": None}, "started_before must be given"),
        ({"started_before": datetime(2026, 1, 1)}, "started_before"),  # noqa: DTZ001
        ({"started_after": "2026"}, "started_after must be an aware"),
        ({"condition": ""}, "condition must be text and not empty"),
        ({"condition": "\ud800"}, "condition cannot be encoded"),
    ],
    ids=["none", "naive", "text", "empty condition", "surrogate"],
)
def test_a_cancellation_without_valid_bounds_is_rejected(
    client: InngestClient, server: Server, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=named):
        client.cancellations.create("a", "f", **{"started_before": DAY, **changes})
    assert server.asked == []


def test_cancellations_are_listed_and_deleted(client: InngestClient, server: Server) -> None:
    server.on("GET /v1/cancellations", says({"data": [CANCELLATION] * 3, "metadata": META}))
    server.on("DELETE /v1/cancellations/c", says({"data": {"ok": True}, "metadata": META}))
    assert [each.id for each in client.cancellations.list()] == ["c"] * 3
    client.cancellations.delete("c")


@pytest.mark.parametrize("path", ["cancellations", "webhooks"])
def test_what_is_gone_after_a_deletion_without_a_response_was_deleted(
    client: InngestClient, server: Server, path: str
) -> None:
    gone = says({"error": "not found", "status": 404}, status=404)
    server.on(f"DELETE /v1/{path}/c", httpx.ReadError("lost"), gone)
    getattr(client, path).delete("c")
    with pytest.raises(NotFoundError):
        getattr(client, path).delete("c")
    assert server.asked == [f"DELETE /v1/{path}/c"] * 3


CANCELLATION_CALLS: dict[str, Callable[[InngestClient], object]] = {
    "GET /v1/cancellations": lambda client: client.cancellations.list(),
    "POST /v1/cancellations": lambda client: client.cancellations.create(
        "a", "f", started_before=DAY
    ),
    "DELETE /v1/cancellations/c": lambda client: client.cancellations.delete("c"),
}


@pytest.mark.parametrize("route", CANCELLATION_CALLS)
def test_a_self_hosted_server_has_no_bulk_cancellations_and_is_asked_once(
    client: InngestClient, server: Server, route: str
) -> None:
    server.on(route, recorded("v1-cancellations"))
    with pytest.raises(RouteNotFoundError, match="cancel runs by a filter") as caught:
        CANCELLATION_CALLS[route](client)
    assert (server.asked, caught.value.releases) == ([route], {})


def test_another_failure_of_bulk_cancellations_is_retried(
    client: InngestClient, server: Server
) -> None:
    found = says({"data": [CANCELLATION], "metadata": META})
    server.on("GET /v1/cancellations", text(503, ""), text(500, "down"), found)
    assert [each.id for each in client.cancellations.list()] == ["c"]


def test_a_webhook_of_v2_has_a_filter_of_the_names_of_events(connect: Connect) -> None:
    client = connect(transport=MockServer(cloud=True).transport, env="preview")
    names = ["shop/order.paid", "Clerk user"]
    made = client.webhooks.create(name="n", transform="t", events=names, event_filter="DENY")
    assert made.event_filter == V2EventFilter(events=names, filter_="DENY")
    assert [each.id for each in client.webhooks.list()] == [made.id]
    with pytest.raises(InvalidArgumentError, match=r"events\[0\]"):
        client.webhooks.create(name="n", transform="t", events=[""])


def test_updating_a_webhook_sends_only_the_given_fields(
    client: InngestClient, server: Server
) -> None:
    server.on("PUT /v1/webhooks/w", says({"data": {"id": "w"}, "metadata": META}))
    client.webhooks.update("w", transform="t")
    client.webhooks.update("w", name="n")
    assert server.bodies() == [{"transform": "t"}, {"name": "n"}]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (((), {}), {"data": {}}),
        ((({"k": [1]},), {}), {"data": {"k": [1]}}),
        ((({},), {"idempotency_key": "k"}), {"data": {}, "idempotencyKey": "k"}),
    ],
    ids=["nothing", "data", "key"],
)
def test_a_function_is_invoked_with_its_data(
    client: InngestClient, server: Server, arguments: Any, sent: object
) -> None:
    server.on("POST /v2/apps/a/functions/f/invoke", recorded("v2-invoke"))
    args, kwargs = arguments
    run_id = client.functions.invoke("a", "f", *args, **kwargs)
    assert run_id == body_of("v2-invoke")["data"]["runId"]
    assert server.bodies() == [sent]


def test_a_signal_carries_any_json(client: InngestClient, server: Server) -> None:
    server.on("POST /v1/signals", recorded("v1-signal-ok"))
    for data in (None, 5, "text", [1], {"k": None}):
        resumed = client.signals.send("s", data=data)
        assert resumed.run_id == body_of("v1-signal-ok")["data"]["run_id"]
    assert [each.get("data") for each in server.bodies()] == [None, 5, "text", [1], {"k": None}]
    assert {each["signal"] for each in server.bodies()} == {"s"}
    for name in ("", None):
        with pytest.raises(InvalidArgumentError, match="signal must be"):
            client.signals.send(name)  # type: ignore[arg-type]
    assert len(server.requests) == 5


def test_a_malformed_event_id_hints_at_the_internal_id(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/events/order-1", recorded("v1-event-bad"))
    with pytest.raises(BadRequestError, match=r"\. Pass the event's internal id, as send returns"):
        client.events.get("order-1")
