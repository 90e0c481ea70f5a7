"""The books of a lap of scripts/soak: what was said of each event, against what the server has."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from scripts.internal.soak.server import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inngest_rest import BatchReport, SendReport
    from inngest_rest.reports import SendFailure
    from scripts.internal.soak.server import Facts

ACCEPTED, NOT_STORED, UNKNOWN, KEPT = "accepted", "not stored", "unknown", "kept by a buffer"


class Books:
    """What was said of the events of a lap; any thread may write.

    Args:
        lap: The number of the lap: its events have ids of their own.
    """

    def __init__(self, lap: int) -> None:
        self._lap = lap
        self._numbers = itertools.count()
        self._said: dict[str, str | None] = {}
        self._internal: dict[str, str] = {}
        # Groups of events of which at most so many are stored.
        self._groups: list[tuple[list[str], int]] = []
        self.wrong: list[str] = []

    def __len__(self) -> int:
        return len(self._said)

    def event(self, *, is_refused: bool = False) -> dict[str, Any]:
        """Make an event and note that something has to be said of it."""
        id = f"{self._lap}.{next(self._numbers)}"
        self._said[id] = None
        # What a server refuses, and the client does not check.
        sessions: dict[str, Any] = {"propagated_sessions": {"": "x"}}
        meta = {"meta": sessions} if is_refused else {}
        return {"name": "soak/event", "id": id, "data": {"own": id}, **meta}

    def say(self, events: Iterable[Mapping[str, Any]], what: str) -> None:
        for event in events:
            self._said[event["id"]] = what

    def accepted(self, events: Sequence[Mapping[str, Any]], ids: Sequence[str | None]) -> None:
        """Note the internal ids that were returned for events; None of those not accepted."""
        for event, id in zip(events, ids, strict=True):
            if id is not None:
                self._said[event["id"]] = ACCEPTED
                self._internal[event["id"]] = id

    def failed(self, failures: Sequence[SendFailure], report: SendReport) -> None:
        """Note which events were said to be rejected or unknown."""
        own = [str(each.event["id"]) for each in failures]
        self._groups.append((own, report.unknown))
        for id in own:
            self._said[id] = UNKNOWN if report.unknown else NOT_STORED

    def batch(self, events: Sequence[Mapping[str, Any]], batch: BatchReport) -> set[int]:
        """Note what a batch's report says, and return the positions that it is about."""
        failures = batch.report.failures
        self.accepted([events[each] for each in batch.positions], batch.ids)
        self.failed(failures, batch.report)
        return {*batch.positions, *(each.position for each in failures)}

    def rejected_by_a_buffer(self, batch: BatchReport) -> None:
        """Note the rejected events of a buffer, which has no others until it closes."""
        self.failed(batch.report.failures, batch.report)

    def check(self, facts: Facts) -> list[str]:
        """Return what is wrong."""
        stored: dict[str, set[str]] = {}
        for own, internal in facts.events:
            stored.setdefault(own, set()).add(internal)
        wrong = [*self.wrong, *self._wrongly_said(stored)]
        for ids, at_most in self._groups:
            if sum(id in stored for id in ids) > at_most:
                wrong.append(f"more than {at_most} are stored of {ids}")
        once = dict.fromkeys(FUNCTIONS, 1)
        runs = {id: facts.runs.get(id) for id in stored}
        return wrong + [f"{id} runs {found}" for id, found in runs.items() if found != once]

    def _wrongly_said(self, stored: Mapping[str, set[str]]) -> Iterator[str]:
        """Yield what was said of events that are, or are not, among the stored ones."""
        for id in stored.keys() - self._said.keys():
            yield f"{id} is stored, and nobody sent it"
        for id, said in self._said.items():
            if said is None:
                yield f"nothing was said of {id}"
            elif said in {ACCEPTED, KEPT} and id not in stored:
                yield f"{id} is said to be {said}, and is not stored"
            elif said == NOT_STORED and id in stored:
                yield f"{id} is said to be {said}, and is stored"
        for own, internal in self._internal.items():
            if internal not in stored.get(own, ()):
                yield f"{own} is said to be accepted as {internal}"
