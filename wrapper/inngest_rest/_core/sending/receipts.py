"""One request that sends a batch, and the receipt that says what became of its events."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import orjson

from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest._core.sending.fates import Fate, Rejected
from inngest_rest_api.api.ingest import send_events
from inngest_rest_api.models import SendError, SendResult

if TYPE_CHECKING:
    import httpx

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.sending.batching import Batch

_ANSWERS = frozenset({200, 400})


def post(session: Session, batch: Batch) -> Plan[list[Fate]]:
    """Post a batch and return its fates according to the receipt.

    Retries reuse the seed, which keeps the server from storing the events twice.
    """
    seed = f"{int(session.clock.now() * 1_000)},{base64.b64encode(os.urandom(10)).decode()}"
    kwargs = send_events.get_kwargs(session.event_key, body=[], x_inngest_event_id_seed=seed)
    kwargs["json"], kwargs["content"] = None, batch.body
    count = len(batch.positions)
    route = Route(
        _RECEIPTS, kwargs, object, lambda receipt: _fates(receipt, count), accepted=_ANSWERS
    )
    return perform(session, route)


class _Receipts:
    """The operation sendEvents, whose receipts may lack the `status` that repeats HTTP's."""

    OPERATION = send_events.OPERATION

    @staticmethod
    def parse_response(response: httpx.Response, *, strict: bool) -> SendResult | SendError:  # noqa: ARG004
        receipt: dict[str, Any] = {"status": response.status_code, **orjson.loads(response.content)}
        return (SendError if response.status_code == 400 else SendResult).from_dict(receipt)


_RECEIPTS = _Receipts()


def _fates(receipt: object, count: int) -> list[Fate]:
    """Read the receipt for a number of events, and check that it accounts for all of them.

    Raises:
        ValueError: It does not account for the events.
    """
    assert isinstance(receipt, SendResult | SendError)
    # "Nothing was stored" is reported as one empty string (recording ingest-empty-array).
    ids: list[Fate] = [*receipt.ids] if all(receipt.ids) else [each for each in receipt.ids if each]
    if type(receipt.ids) is not list or not {str}.issuperset(map(type, ids)):
        raise ValueError("ids is not a list of text")
    if isinstance(receipt, SendError):
        if receipt.status != 400 or len(ids) >= count:
            raise ValueError(f"{len(ids)} ids for {count} events, one of which was refused")
        return [*ids, Rejected(str(receipt.error))]
    if receipt.status != 200 or len(ids) != count:
        raise ValueError(f"{len(ids)} ids for {count} events")
    return ids
