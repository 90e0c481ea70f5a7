"""What type checkers know of typed events. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, assert_type

from attrs import frozen
from pydantic import BaseModel

from inngest_rest import (
    AsyncInngestClient,
    Event,
    EventType,
    InngestClient,
    Page,
    Run,
    StoredEvent,
)
from inngest_rest.aio.groups import AsyncPaginator
from inngest_rest.client.groups import Paginator


@dataclass
class OrderCreated:
    order_id: str


@frozen
class OrderPaid:
    cents: int


class OrderSent(TypedDict):
    carrier: str
    note: NotRequired[str]


class OrderLost(BaseModel):
    reason: str


CREATED = EventType("app/order.created", OrderCreated)
SENT = EventType("app/order.sent", OrderSent)


def making() -> None:
    assert_type(CREATED, EventType[OrderCreated])
    assert_type(CREATED(OrderCreated("o"), id="i"), Event)
    assert_type(SENT({"carrier": "c"}), Event)
    CREATED(OrderPaid(1))  # type: ignore[arg-type]
    CREATED({"order_id": "o"})  # type: ignore[arg-type]
    SENT({"carrier": "c", "note": "n"}, user={"id": 1}, ts=1_795_543_200_000)
    SENT({"carier": "c"})  # type: ignore[typeddict-item]
    SENT({"carrier": "c", "nte": "n"})  # type: ignore[typeddict-unknown-key]
    CREATED(OrderCreated("o"), "i")  # type: ignore[call-arg]


def sending(client: InngestClient) -> None:
    assert_type(client.send([CREATED(OrderCreated("o")), SENT({"carrier": "c"})]), list[str])
    assert_type(client.send_and_wait(CREATED(OrderCreated("o")), 60), list[Run])
    client.send(CREATED)  # type: ignore[arg-type]


def reading(client: InngestClient, stored: StoredEvent) -> None:
    assert_type(stored.data, Mapping[str, Any] | None)
    assert_type(client.events.list(), Paginator[StoredEvent])
    assert_type(
        client.events.list(name="a", as_=OrderCreated), Paginator[StoredEvent[OrderCreated]]
    )
    for event in client.events.list(name="a", as_=OrderCreated, limit=5):
        assert_type(event.data.order_id, str)
        event.data.order_idd  # type: ignore[attr-defined]  # noqa: B018
    assert_type(client.events.list(as_=OrderLost).page(), Page[StoredEvent[OrderLost]])
    assert_type(client.events.get("e", as_=OrderPaid).data.cents, int)
    assert_type(client.events.get("e", as_=OrderSent).data["carrier"], str)
    assert_type(client.events.get("e"), StoredEvent)
    client.events.list(as_=CREATED)  # type: ignore[arg-type]
    assert_type(CREATED.read(stored).data, OrderCreated)


async def asynchronous(client: AsyncInngestClient) -> None:
    assert_type(client.events.list(as_=OrderPaid), AsyncPaginator[StoredEvent[OrderPaid]])
    async for event in client.events.list(as_=OrderSent):
        assert_type(event.data["carrier"], str)
    assert_type((await client.events.get("e", as_=OrderLost)).data.reason, str)
    assert_type(await client.events.get("e"), StoredEvent)
