"""Take orders in an asynchronous service: send an event for each, and respond with its results.

INNGEST_DEV=1 python examples/order_service.py

`charge` stands for a request handler of a web framework. One client serves all requests: create it
when the service starts, and close it when the service stops.
"""

from __future__ import annotations

import asyncio
from typing import Any

from inngest_rest import (
    AsyncInngestClient,
    Event,
    InngestError,
    NoRunError,
    Run,
    WaitTimeoutError,
)


async def charge(client: AsyncInngestClient, order: dict[str, Any]) -> tuple[int, object]:
    """Return the HTTP status and body for an order."""
    # With an id, the event starts its functions once, however often the button is pressed.
    event = Event("app/order.paid", order, id=f"order-{order['id']}")
    try:
        runs = await runs_of_first(client, event)
    except NoRunError as error:
        return 500, {"error": str(error.explanation or error)}
    except WaitTimeoutError as error:  # still running: events.wait(event_id) goes on
        return 202, {"event_id": error.event_id}
    except InngestError as error:
        return 502, {"error": str(error)}
    failed = [run.error.message for run in runs if run.error]
    return (500, {"error": failed}) if failed else (200, [run.output for run in runs])


async def runs_of_first(client: AsyncInngestClient, event: Event) -> list[Run]:
    """Send an event, and wait for its runs, or for those of the first event with its id."""
    try:
        return await client.send_and_wait(event, timeout=20)
    except NoRunError as error:
        for reason in error.explanation.reasons if error.explanation else ():
            if reason.kind == "duplicate_id":
                return await client.events.wait(reason.evidence["other_event"], timeout=20)
        raise


async def main() -> None:
    """Process three orders concurrently."""
    orders = [{"id": number, "total": 20 * number} for number in (1, 2, 3)]
    async with AsyncInngestClient() as client:
        for status, answer in await asyncio.gather(*(charge(client, each) for each in orders)):
            print(status, answer)


asyncio.run(main())
