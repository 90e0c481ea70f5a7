"""Plans that send events: no event is lost, and none runs twice.

Every event has an id before it is first sent, and every request a seed, so the same bytes may be
sent again (operation sendEvents). The `ids` of a 400 are the events stored before the invalid one:
that one is reported as rejected and the events after it are sent.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import orjson

from inngest_rest._core.arguments import check_count
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest._core.sending.batching import DEFAULT_EVENTS, MAX_EVENTS, Batch, batches_of_events
from inngest_rest._core.sending.fates import Fate, Fates, Rejected, Unknown
from inngest_rest.errors import (
    ApiError,
    InngestError,
    InvalidArgumentError,
    InvalidResponseError,
    PartialSendError,
    TransportError,
)
from inngest_rest.event import Event, EventLike
from inngest_rest.reports import SendReport
from inngest_rest_api.api.ingest import send_events
from inngest_rest_api.models import SendError, SendResult

if TYPE_CHECKING:
    import httpx

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

_ANSWERS = frozenset({200, 400})


def send(
    session: Session, events: EventLike | Iterable[EventLike], *, batch_size: int = DEFAULT_EVENTS
) -> Plan[list[str]]:
    """Send one or more events and return their internal ids, in order."""
    check_count("batch_size", batch_size, at_most=MAX_EVENTS)
    # Everything is validated and encoded before anything is sent.
    batches = list(batches_of_events(each_event(events), batch_size))
    sent: list[Fates] = []
    cause: InngestError | None = None
    for batch in batches:
        if cause is None:
            fates = yield from send_batch(session, batch)
            cause = fates.cause
        else:
            fates = Fates.unknown(batch, f"not tried after: {cause}")
        sent.append(fates)
    if all(fates.are_all_accepted for fates in sent):
        return [cast("str", id) for fates in sent for id in fates.each]
    ids = [id for fates in sent for id in fates.ids]
    report = sum((fates.report for fates in sent), SendReport())
    if cause is not None and report.accepted == report.rejected == 0 and _took_nothing(cause):
        raise cause
    raise PartialSendError(report, ids) from cause


def send_batch(session: Session, batch: Batch) -> Plan[Fates]:
    """Send a whole batch, continuing after each event that the server rejects."""
    fates: list[Fate] = []
    left, texts = batch, list[bytes]()
    while left.positions:
        try:
            fates += yield from _post(session, left)
        except (ApiError, TransportError, InvalidResponseError) as error:
            fates += [Unknown(str(error))] * len(left.positions)
            return Fates(batch, fates, error)
        if len(fates) == len(batch.positions):
            break
        texts = texts or batch.texts()
        left = Batch.of(batch.positions[len(fates) :], texts[len(fates) :])
    return Fates(batch, fates)


def each_event(events: EventLike | Iterable[EventLike]) -> Iterable[EventLike]:
    """Return an iterable of events, for one event or several."""
    if isinstance(events, Event | Mapping):
        return [cast("EventLike", events)]
    if isinstance(events, str | bytes) or not isinstance(events, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(
            "events must be an Event, a mapping or an iterable of them, not "
            f"{type(events).__name__}"
        )
    return events


def _took_nothing(cause: InngestError) -> bool:
    """Return whether a request that failed with this error provably stored no event."""
    if isinstance(cause, ApiError):
        return 400 <= cause.status < 500 and not cause.may_have_taken_effect
    return isinstance(cause, TransportError) and not cause.delivered


def _post(session: Session, batch: Batch) -> Plan[list[Fate]]:
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
