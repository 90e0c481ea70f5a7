"""Post one batch, and read the receipt that accounts for its events."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest._core.calls.settings import EVENT_BASE_URL, EVENT_KEY
from inngest_rest._core.sending.batching import EventOutcome, Rejected
from inngest_rest.errors import (
    Advice,
    BadRequestError,
    InngestError,
    RouteNotFoundError,
)
from inngest_rest_api.api.ingest import send_events
from inngest_rest_api.models import SendError, SendResult, V2EventIdEnvelope
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.sending.batching import Batch

# Either a different server, or Inngest Cloud, which documents a 404 for an unknown key.
_ADVICE: AdviceByError = {
    RouteNotFoundError: Advice(
        "Check {}, and that the server knows {}.", (EVENT_BASE_URL, EVENT_KEY)
    )
}


def post(session: Session, batch: Batch) -> Plan[list[EventOutcome]]:
    """Post a batch and return the outcome of each event according to the receipt.

    Retries reuse the seed, so the server does not store the events twice.
    """
    if session.settings.sends_by_v2:
        return _post_each(session, batch)
    session.check_can_send()
    milliseconds = int(session.clock.now() * 1_000)
    entropy = base64.b64encode(os.urandom(10)).decode()
    # As built by `send_events.get_kwargs`, which only accepts unencoded events.
    kwargs = {
        "url": send_events.OPERATION.path,
        "headers": {
            "Content-Type": "application/json",
            "x-inngest-event-id-seed": f"{milliseconds},{entropy}",
        },
        "content": batch.body,
    }

    def outcomes_of(receipt: SendResult | SendError) -> list[EventOutcome]:
        return _outcomes(receipt, len(batch.positions), session)

    route: Route[SendResult | SendError, list[EventOutcome]] = Route(
        operation=send_events.OPERATION,
        kwargs=kwargs,
        forms=(SendResult,),
        convert=outcomes_of,
        accepted={400: SendError},  # lists the events stored before the rejected one
        advice=_ADVICE,
    )
    return perform(session, route)


async def _post_each(session: Session, batch: Batch) -> list[EventOutcome]:
    """Post each event alone, as v2 requires, up to the first that is rejected."""
    from inngest_rest_api.api.v2 import send_event_v2  # noqa: PLC0415 - most clients use event keys

    def event_id_of(envelope: V2EventIdEnvelope) -> str:
        return envelope.data.event_id

    outcomes: list[EventOutcome] = []
    for event in batch.events():
        route = Route[V2EventIdEnvelope, str](
            operation=send_event_v2.OPERATION,
            kwargs={"url": send_event_v2.OPERATION.path, "json": event},
            forms=(V2EventIdEnvelope,),
            convert=event_id_of,
        )
        try:
            event_id = await perform(session, route)
        except BadRequestError as error:
            outcomes.append(Rejected(session.quote(error.message)))
            return outcomes
        except InngestError:
            if not outcomes:
                raise
            return outcomes
        outcomes.append(event_id)
    return outcomes


def _check_status(receipt: SendResult | SendError) -> None:
    """Refuse a receipt whose status contradicts that of HTTP; a server may omit it."""
    status: object = receipt.status
    if status is UNSET:
        return
    statuses = (400,) if isinstance(receipt, SendError) else range(200, 300)
    if status not in statuses:
        raise ValueError(f"status is {status!r:.100}")


def _outcomes(
    receipt: SendResult | SendError, count: int, session: Session
) -> list[EventOutcome]:
    """Read a receipt; raise ValueError unless it accounts for every event."""
    # An empty list may be a null, which accounts for nothing.
    if type(receipt.ids) is not list or not receipt.ids:
        raise ValueError("ids is not a list of strings")
    # Servers report no ids as one empty string (recording ingest-empty-array).
    ids: list[EventOutcome] = []
    if receipt.ids != [""]:
        ids = [*receipt.ids]
    if not all(ids):
        raise ValueError("an id is empty")
    _check_status(receipt)
    if isinstance(receipt, SendError):
        if len(ids) >= count:
            raise ValueError(
                f"{len(ids)} ids for {count} events, one of which was rejected"
            )
        ids.append(Rejected(session.quote(str(receipt.error))))
        return ids
    if receipt.additional_properties.get("error") is not None:
        raise ValueError("it has an error")
    if len(ids) != count:
        raise ValueError(f"{len(ids)} ids for {count} events")
    return ids
