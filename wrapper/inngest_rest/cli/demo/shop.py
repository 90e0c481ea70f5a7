"""The mock server of the demo: the functions of a small shop."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from inngest_rest.testing import Behaviour, MockServer, completes, sleeps


class BankError(Exception):
    """The error of a failed run of the mock's shop."""


def shop_server(names: set[str]) -> MockServer:
    """Return a server with the functions of a small shop, and one for each other event name."""
    # As slow as a real server to show events and runs, and without routes that no server has.
    mock = MockServer(visibility_delay=timedelta(milliseconds=250))
    declined: set[str] = set()

    def charge_card(event: dict[str, Any]) -> object:
        if event["id"] in declined:
            return {"charged": event["data"].get("total")}
        declined.add(event["id"])
        return sleeps(timedelta(milliseconds=180), decline)

    def decline(_: dict[str, Any]) -> object:
        raise BankError("no reply")

    def soon(milliseconds: int, output: object) -> Behaviour:
        return sleeps(timedelta(milliseconds=milliseconds), completes(output))

    order, paid, signup = "app/order.created", "app/order.paid", "app/user.signed_up"
    mock.function("mail", "welcome", trigger=signup, run=soon(62, {"sent": True}))
    mock.function("mail", "ask-for-review", trigger=order, run=sleeps(timedelta(days=14)))
    mock.function("shop", "reserve-stock", trigger=order, run=soon(34, {"reserved": 1}))
    mock.function("shop", "ship-order", trigger=order, run=sleeps(timedelta(days=1)))
    mock.function("shop", "charge-card", trigger=order, run=charge_card)
    mock.function("shop", "book-payment", trigger=paid, run=completes({"booked": True}))
    for number, name in enumerate(sorted(names - {order, paid, signup}), start=1):
        slug = re.sub(r"\W+", "-", name.lower(), flags=re.ASCII).strip("-")[:40]
        id = f"{slug or 'on'}-{number}"
        mock.function("yours", id, trigger=name, run=completes({"ok": True}))
    return mock
