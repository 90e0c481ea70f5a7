"""What sending events would do: what is wrong with them, and which functions would run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._core.explain import listeners
from inngest_rest._core.expressions import holds
from inngest_rest._core.sending.batching import DEFAULT_EVENTS, batches_of_events
from inngest_rest._core.sending.send import each_event
from inngest_rest.explanation import EventPreview, SendPreview
from inngest_rest.reports import MAX_FAILURES, SendFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.event import EventLike
    from inngest_rest.models import Trigger


def preview(session: Session, events: EventLike | Iterable[EventLike]) -> Plan[SendPreview]:
    """Check events, and find the functions that they would start."""
    source, convention = each_event(events), session.name_convention
    return of_batches(session, batches_of_events(source, DEFAULT_EVENTS, convention, lenient=True))


def of_batches(session: Session, batches: Iterable[Batch]) -> Plan[SendPreview]:
    """Check the events of batches, which are drawn once, and find what they would start."""
    session.check_can_send()
    known = yield from listeners.read(session)
    listening: dict[str, list[tuple[str | None, list[Trigger]]]] = {}
    rows: dict[tuple[str, str | None], EventPreview] = {}
    totals, failures = Counter[str](), list[SendFailure]()
    for batch in batches:
        totals["rejected"] += len(batch.invalid)
        failures += batch.invalid[: MAX_FAILURES - len(failures)]
        for text, event in zip(batch.texts(), batch.events(), strict=True):
            totals.update(events=1, bytes=len(text))
            name, stored = event["name"], listeners.as_stored(event)
            if name not in listening:
                found = [(listeners.name_of(each), its) for each, its in known.listeners(name)]
                listening[name] = [*found] or [(None, [])]
                near = () if found else tuple(listeners.nearest(name, known.functions))
                for function, _ in listening[name]:
                    rows[name, function] = EventPreview(name, function, nearest=near)
            for function, triggers in listening[name]:
                verdicts = {holds(each.condition, stored) for each in triggers}
                row, runs = rows[name, function], True in verdicts
                rows[name, function] = evolve(
                    row,
                    events=row.events + 1,
                    bytes=row.bytes + len(text),
                    runs=row.runs + runs,
                    undecided=row.undecided + (None in verdicts and not runs),
                )
    parts = tuple(rows.values()), tuple(failures), tuple(known.gaps)
    return SendPreview(totals["events"], totals["bytes"], totals["rejected"], *parts)
