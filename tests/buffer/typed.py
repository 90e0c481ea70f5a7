"""The types of buffers. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

from inngest_rest import AsyncEventBuffer, Event, EventBuffer, EventType


@dataclass
class OrderCreated:
    order_id: str


CREATED = EventType("app/order.created", OrderCreated)


def adding(buffer: EventBuffer) -> None:
    assert_type(buffer.add(CREATED(OrderCreated("o"))), bool)
    buffer.add(CREATED)  # type: ignore[arg-type]


async def adding_asynchronously(buffer: AsyncEventBuffer) -> None:
    assert_type(await buffer.add(Event("a")), bool)
