"""The events to send: distinct, about 300 bytes each, flat or nested.

A flat one has 9 values, and every other one a null. A nested one has 25 values in 6 objects and
lists; there are so many of those that they do not fit into a cache of the processor, as a program's
events do not that reads them from elsewhere.
"""

from __future__ import annotations

import itertools
import random
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

POOL = 5_120
NESTED_POOL = 25_600


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


def nested_pool() -> list[dict[str, Any]]:
    """Return 25,600 nested events, the same in each process."""
    return [nested_order(number) for number in range(NESTED_POOL)]


def nested_order(number: int) -> dict[str, Any]:
    return {
        "name": "shop/order.created",
        "data": {
            "order": {"id": f"ord_{number:08d}", "total": number % 50_000 / 100, "paid": True},
            "items": [
                {"sku": f"sku-{number % 977:04d}", "quantity": 1 + number % 7, "price": 12.5},
                {"sku": f"sku-{number % 983:04d}", "quantity": 2, "price": number % 300 / 4},
            ],
            "address": {"city": "Graz", "zip": f"{number % 10_000:04d}", "country": "AT"},
            "tags": ["web", f"campaign-{number % 89}"],
            "note": None,
        },
        "user": {"id": f"usr_{number:07d}"},
    }


def cycle(events: Iterable[Any], count: int) -> Iterator[Any]:
    """Yield `count` events, repeating them as often as needed."""
    return itertools.islice(itertools.cycle(events), count)
