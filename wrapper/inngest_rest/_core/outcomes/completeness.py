"""Judge how long further runs of an event may appear; no I/O.

The first list of an event's runs that is not empty may lack some: runs appear up to 30 ms apart. It
is complete if each function with a trigger for the event has a run, and else it is read again; a
debounced or batched run comes later still.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest._core.outcomes import limits
from inngest_rest._core.outcomes.catalogue import is_of, name_of
from inngest_rest._core.outcomes.conditions import verdict
from inngest_rest._core.resources.wait import APPEARS_WITHIN

if TYPE_CHECKING:
    from collections.abc import Collection

    from inngest_rest._core.outcomes.catalogue import Catalogue
    from inngest_rest.models import Function, Run, StoredEvent, Trigger

# Seconds after which a list of runs is read again that may lack some.
_AGAIN_AFTER = 0.1


@frozen
class Outlook:
    """How long further runs may appear.

    Attributes:
        until: The time after which none does, by the session's clock; already past if the runs
            are complete.
        waits_for: A function that has no run yet and may still get one, as `APP/FUNCTION`.
    """

    until: float
    waits_for: str | None = None


def outlook(
    catalogue: Catalogue | None,
    event: StoredEvent | None,
    runs: Collection[Run],
    *,
    received: float,
    seen: float | None,
) -> Outlook:
    """Return how long further runs of an event may appear.

    Args:
        catalogue: The functions of the server; None if they are not known.
        event: The event; None if it is not known.
        runs: The runs that have appeared.
        received: When the server received the event, by the session's clock.
        seen: When the first run was seen, by the session's clock; None if none was.
    """
    soon = received + APPEARS_WITHIN if seen is None else seen + _AGAIN_AFTER
    if catalogue is None or catalogue.gaps or event is None:
        return Outlook(math.inf if seen is None else soon)
    listeners = catalogue.listeners(event.name)
    missing = [each for each in listeners if not any(is_of(run, each[0]) for run in runs)]
    latest = Outlook(soon if not listeners or seen is None else -math.inf)
    for function, triggers in missing:
        after = _appears_after(function, triggers, event)
        until = soon if after is None else received + after
        if until > latest.until:
            latest = Outlook(until, name_of(function))
    return latest


def _appears_after(
    function: Function, triggers: Collection[Trigger], event: StoredEvent
) -> float | None:
    """Return the seconds after which the run of a function has appeared, if there is to be one.

    None if it need not start one: then it has appeared with the first run.
    """
    verdicts = [verdict(trigger, event) for trigger in triggers]
    if all(it is False for it in verdicts):
        return -math.inf
    delays = [
        limits.duration(part.get(name))
        for part, name in (
            (limits.debounce(function), "period"),
            (limits.batch(function), "timeout"),
        )
        if part is not None
    ]
    if delays:
        known = (math.inf if delay is None else delay.total_seconds() for delay in delays)
        return max(known) + APPEARS_WITHIN
    if (
        limits.rate_limit(function)
        or limits.singleton(function, "skip")
        or function.is_paused
        or True not in verdicts
    ):
        return None
    return APPEARS_WITHIN
