"""One request that sends a batch, and the receipt that says what became of its events."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest._core.sending.fates import Fate, Rejected
from inngest_rest.errors import Advice, RouteNotFoundError
from inngest_rest_api.api.ingest import send_events
from inngest_rest_api.models import SendError, SendResult
from inngest_rest_api.types import Unset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.sending.batching import Batch

# The server is another one; or it is Inngest Cloud, which documents a 404 for an unknown key.
_ADVICE: AdviceByError = {
    RouteNotFoundError: Advice(
        "Check event_base_url, and that the server knows event_key (INNGEST_EVENT_KEY)."
    )
}

# A 400 names what was stored before the event that was refused.
_REFUSAL: Mapping[int, type[SendResult | SendError]] = {400: SendError}


def post(session: Session, batch: Batch) -> Plan[list[Fate]]:
    """Post a batch and return its fates according to the receipt.

    Retries reuse the seed, which keeps the server from storing the events twice.
    """
    seed = f"{int(session.clock.now() * 1_000)},{base64.b64encode(os.urandom(10)).decode()}"
    _ = session.event_key  # reports that there is none
    kwargs = send_events.get_kwargs("", body=[], x_inngest_event_id_seed=seed)
    kwargs["json"], kwargs["content"] = None, batch.body
    count = len(batch.positions)
    route = Route[SendResult | SendError, list[Fate]](
        send_events,
        kwargs,
        SendResult,
        lambda it: _fates(it, count, session),
        accepted=_REFUSAL,
        advice=_ADVICE,
    )
    return perform(session, route)


def _fates(receipt: SendResult | SendError, count: int, session: Session) -> list[Fate]:
    """Read the receipt for a number of events, and check that it accounts for all of them.

    Raises:
        ValueError: It does not account for the events.
    """
    if type(receipt.ids) is not list or not {str}.issuperset(map(type, receipt.ids)):
        raise ValueError("ids is not a list of text")
    # "Nothing was stored" is reported as one empty string (recording ingest-empty-array).
    ids: list[Fate] = [] if receipt.ids == [""] else [*receipt.ids]
    if not all(ids):
        raise ValueError("an id is empty")
    is_refusal = isinstance(receipt, SendError)
    _check_status(receipt.status, is_refusal=is_refusal)
    if not is_refusal and receipt.additional_properties.get("error") is not None:
        raise ValueError("it has an error")
    if isinstance(receipt, SendError):
        if len(ids) >= count:
            raise ValueError(f"{len(ids)} ids for {count} events, one of which was refused")
        return [*ids, Rejected(session.quote(str(receipt.error)))]
    if len(ids) != count:
        raise ValueError(f"{len(ids)} ids for {count} events")
    return ids


def _check_status(status: object, *, is_refusal: bool) -> None:
    """Check the status that repeats the HTTP status; a server may leave it out."""
    if isinstance(status, Unset) or status is None:
        return
    fits = type(status) is int and (status == 400 if is_refusal else 200 <= status < 300)
    if not fits:
        raise ValueError(f"status is {status!r:.100}")
