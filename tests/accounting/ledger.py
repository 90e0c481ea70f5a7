"""The books: which events were handed over, what was said of each, and what the server has."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inngest_rest import BatchReport, SendReport
    from inngest_rest.reports import SendFailure
    from inngest_rest_mock import MockServer

Kind = Literal["own id", "no id", "refused", "invalid"]

FUNCTIONS = ("one", "two")

# What a server refuses, and the client does not check.
_REFUSED: dict[str, Any] = {"propagated_sessions": {"": "x"}}


class Ledger:
    """The books of one server.

    Every event has a number of its own in its data, so that it is known without its id.

    Args:
        mock: The server: what it has is true.
    """

    def __init__(self, mock: MockServer) -> None:
        self._mock = mock
        for name in FUNCTIONS:
            mock.function("app", name, trigger="count/*")
        self._count = 0
        self._read = 0
        # The internal ids under which the server has an event.
        self._stored: dict[int, list[str]] = {}
        self._numbers: dict[str, int] = {}
        self._kept = set[int]()
        # What was last said of each event that was handed over; None until then.
        self._said: dict[int, str | None] = {}

    def event(self, kind: Kind) -> dict[str, Any]:
        """Make an event that has not been handed over yet."""
        self._count += 1
        event: dict[str, Any] = {"name": "count/me", "data": {"n": self._count}}
        if kind != "no id":
            event["id"] = f"own-{self._count}"
        if kind == "refused":
            event["meta"] = _REFUSED
        if kind == "invalid":
            event["data"]["x"] = math.nan
        return event

    def stored(self, event: Mapping[str, Any]) -> list[str]:
        """Return the internal ids under which the server has the event."""
        self._read_on()
        return self._stored.get(number_of(event), [])

    def _read_on(self) -> None:
        stored = self._mock.events
        for index in range(self._read, len(stored)):
            each = stored[index]
            assert each.data is not None
            self._stored.setdefault(each.data["n"], []).append(each.internal_id)
            self._numbers[each.internal_id] = each.data["n"]
        self._read = len(stored)

    def hand_over(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Note that something has to be said of these."""
        for event in events:
            self._said[number_of(event)] = None

    def accepted(self, event: Mapping[str, Any], id: str) -> None:
        """Note that an event was said to be stored as `id`."""
        assert id in self.stored(event), f"{event} was said to be accepted as {id}"
        self._said[number_of(event)] = "accepted"

    def not_accepted(
        self, events: Sequence[Mapping[str, Any]], *, rejected: int, unknown: int
    ) -> None:
        """Note that so many of these events were said to be rejected, the others unknown."""
        assert len(events) == rejected + unknown
        there = sum(bool(self.stored(event)) for event in events)
        assert there <= unknown, f"{there} of {events} are stored, {unknown} are said to be unknown"
        for event in events:
            self._said[number_of(event)] = "rejected or unknown"

    def accepted_as(self, id: str) -> None:
        """Note that some event was said to be stored as `id`."""
        self._read_on()
        assert id in self._numbers, f"an event was said to be accepted as {id}"
        self._said[self._numbers[id]] = "accepted"

    def lost(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Note that nobody is left who could say anything of these."""
        for event in events:
            self._said[number_of(event)] = "lost"

    def keep(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Note that these are on a disk: in the end they are stored, or kept as rejected."""
        for event in events:
            self._kept.add(number_of(event))

    def untouched(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Check that these are not stored, as was said, or as they were never handed over."""
        for event in events:
            assert not self.stored(event), f"{event} is stored, and was said not to be"
            self._said[number_of(event)] = "untouched"

    def batch(self, report: BatchReport, events: Mapping[int, Mapping[str, Any]]) -> set[int]:
        """Note what a batch's report says of events by their positions, and return those."""
        failed = {each.position: each for each in report.report.failures}
        for position, id in zip(report.positions, report.ids, strict=True):
            if id is None:
                assert position in failed
            else:
                assert position not in failed
                self.accepted(events[position], id)
        assert report.report.accepted == sum(id is not None for id in report.ids)
        self._failures(report.report, failed, events)
        assert len(failed) == len(report.report.failures)
        return {*report.positions, *failed}

    def _failures(
        self,
        report: SendReport,
        failed: Mapping[int, SendFailure],
        events: Mapping[int, Mapping[str, Any]],
    ) -> None:
        for position, failure in failed.items():
            if "data" in failure.event:  # not of a line that is no event
                assert number_of(failure.event) == number_of(events[position])
        self.not_accepted(
            [events[position] for position in failed],
            rejected=report.rejected,
            unknown=report.unknown,
        )

    def audit(self) -> None:
        """Check at the end: nothing missing, nothing twice, nothing that nobody handed over."""
        silent = [
            number
            for number, said in self._said.items()
            # Of what is on a disk, a process that dies may have said it.
            if said is None and number not in self._kept
        ]
        assert not silent, f"nothing was said of {silent}"
        self._read_on()
        assert self._stored.keys() <= self._said.keys()
        gone = [
            number
            for number in self._kept - self._stored.keys()
            if self._said[number] != "rejected or unknown"
        ]
        assert not gone, f"{gone} were on a disk, and are lost"
        runs: Counter[tuple[int, str]] = Counter()
        for run in self._mock.runs:
            runs[self._numbers[run.event_id], run.function_id] += 1
        expected = {(number, name): 1 for number in self._stored for name in FUNCTIONS}
        assert runs == expected, "an event does not run once per function"


def number_of(event: Mapping[str, Any]) -> int:
    """Return the number by which an event is known."""
    number: int = event["data"]["n"]
    return number
