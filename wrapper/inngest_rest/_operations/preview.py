"""What events would start: check them, and match them with the functions that listen."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from inngest_rest._core.expressions import holds
from inngest_rest._core.resources import apps, events
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


def preview(session: Session, given: EventLike | Iterable[EventLike]) -> Plan[SendPreview]:
    source, convention = each_event(given), session.name_convention
    return preview_batches(
        session, batches_of_events(source, DEFAULT_EVENTS, convention, lenient=True)
    )


def preview_batches(session: Session, batches: Iterable[Batch]) -> Plan[SendPreview]:
    """Check the events of batches, which are drawn once, and find what they would start."""
    session.check_can_send()
    known = yield from apps.read_catalogue(session)
    listening: dict[str, list[tuple[str | None, list[Trigger]]]] = {}
    tallies = defaultdict[tuple[str, str | None], Counter[str]](Counter)
    totals, failures = Counter[str](), list[SendFailure]()
    for batch in batches:
        totals["rejected"] += len(batch.invalid)
        failures += batch.invalid[: MAX_FAILURES - len(failures)]
        for text, event in zip(batch.texts(), batch.events(), strict=True):
            totals.update(events=1, bytes=len(text))
            name, stored = event["name"], events.as_stored(event)
            if name not in listening:
                found = [(apps.name_of(each), its) for each, its in known.listeners(name)]
                listening[name] = [*found] or [(None, [])]
            for function, triggers in listening[name]:
                verdicts = {holds(each.condition, stored) for each in triggers}
                verdict = "runs" if True in verdicts else "undecided" if None in verdicts else "not"
                tallies[name, function].update({"events": 1, "bytes": len(text), verdict: 1})
    rows: list[EventPreview] = []
    for (name, function), it in tallies.items():
        near = () if function else tuple(apps.nearest(name, known.functions))
        counts = it["events"], it["bytes"], it["runs"], it["undecided"]
        rows.append(EventPreview(name, function, *counts, near))
    parts = tuple(rows), tuple(failures), tuple(known.gaps)
    return SendPreview(totals["events"], totals["bytes"], totals["rejected"], *parts)
