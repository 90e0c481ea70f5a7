"""The events to send: distinct, about 300 bytes each, a null in every other one."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

POOL = 5_120


def pool() -> list[dict[str, Any]]:
    """Return 5,120 order events, the same in each process."""
    generator = random.Random(7)  # noqa: S311 - to be repeatable, not secret
    return [order(generator, number) for number in range(POOL)]


def order(generator: random.Random, number: int) -> dict[str, Any]:
    note = "".join(generator.choices(string.ascii_letters + " ", k=90))
    return {
        "name": "app/order.created",
        "data": {
            "orderId": f"ord_{number:08d}",
            "total": round(generator.uniform(1, 500), 2),
            "currency": "EUR",
            "items": generator.randrange(1, 20),
            "coupon": None if number % 2 else "WELCOME-10",
            "note": note,
        },
        "user": {"id": f"usr_{number % 997:06d}"},
    }


def cycle(events: list[Any], count: int) -> Iterator[Any]:
    """Yield `count` events, repeating the list as often as needed."""
    whole, rest = divmod(count, len(events))
    for _ in range(whole):
        yield from events
    yield from events[:rest]
