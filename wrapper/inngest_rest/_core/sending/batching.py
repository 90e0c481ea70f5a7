"""Batching: group events into request bodies, bounded by count and by bytes. No I/O.

And the outcome of a batch, event by event, from the response to the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from attrs import frozen

from inngest_rest._local.event_json import encode, encode_together, wire_form
from inngest_rest._local.limits import DEFAULT_BYTES
from inngest_rest._values.json_text import decode
from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event
from inngest_rest.reports import BatchReport, SendFailure, SendReport
from inngest_rest_api.types import is_all_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inngest_rest._local.event_names import NameConvention
    from inngest_rest.errors import InngestError
    from inngest_rest.event import EventLike

# For fewer events, encoding them together does not pay.
_WORTH_TOGETHER = 8


class Batch(NamedTuple):
    """The events of one request, by their indices in the caller's input."""

    positions: Sequence[int]
    body: bytes  # a JSON array
    invalid: Sequence[SendFailure] = ()  # rejected locally since the previous batch
    may_be_stored: bool = False  # by an earlier request of unknown outcome
    origin: Any = None  # what it was made of, for its maker
    share: float | None = None  # of a file, up to its end

    @classmethod
    def of(
        cls,
        positions: Sequence[int],
        texts: Iterable[bytes],
        invalid: Sequence[SendFailure] = (),
    ) -> Batch:
        # To format it takes ten times as long.
        return cls(positions, b"[" + b",".join(texts) + b"]", invalid)

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = decode(self.body)
        return events

    def texts(self) -> list[bytes]:
        """Return the JSON text of each event, exactly as sent."""
        raw_events = msgspec.json.decode(self.body, type=list[msgspec.Raw])
        return list(map(bytes, raw_events))

    def part(self, start: int, end: int | None = None) -> Batch:
        """Return a slice of the batch, in the same bytes."""
        positions = self.positions[start:end]
        part = Batch.of(positions, self.texts()[start:end])
        return part._replace(may_be_stored=self.may_be_stored)


def batches_of_events(
    events: Iterable[EventLike],
    size: int,
    convention: NameConvention | None = None,
    *,
    first: int = 0,
    lenient: bool = False,
) -> Iterator[Batch]:
    """Draw events as they are needed and yield them in batches; `first` is the first position.

    No event may change before its batch is yielded. An invalid one raises unless `lenient`.
    """
    source = iter(events)
    while chunk := list(islice(source, size)):
        yield from _batches(chunk, first, convention, lenient=lenient)
        first += len(chunk)


def _batches(
    chunk: Sequence[EventLike],
    first: int,
    convention: NameConvention | None,
    *,
    lenient: bool,
) -> Iterator[Batch]:
    body = encode_together(chunk, convention) if len(chunk) >= _WORTH_TOGETHER else None
    if body is not None:
        yield Batch(range(first, first + len(chunk)), body)
        return
    positions: list[int] = []
    texts: list[bytes] = []
    invalid: list[SendFailure] = []
    size = 2
    for position, event in enumerate(chunk, first):
        try:
            text = encode(event, position, convention)
        except InvalidEventError as error:
            if not lenient:
                raise
            invalid.append(SendFailure(position, _describe(event), error.reason))
            continue
        size += len(text) + 1
        if size > DEFAULT_BYTES:  # one event is never so large
            yield Batch.of(positions, texts, invalid)
            positions = []
            texts = []
            invalid = []
            size = 3 + len(text)
        positions.append(position)
        texts.append(text)
    if texts or invalid:
        yield Batch.of(positions, texts, invalid)


def _describe(event: EventLike) -> Mapping[str, Any]:
    """Return a rejected event for its `SendFailure`."""
    return wire_form(event) if isinstance(event, Event | Mapping) else {}  # pyright: ignore[reportUnnecessaryIsInstance]


class Rejected(NamedTuple):
    """The server will never accept the event, and says why."""

    reason: str
    may_be_stored: bool = False  # by an earlier request; reported as unknown then


class Unknown(NamedTuple):
    """No response accounts for the event, or it was not sent after a failure."""

    reason: str


EventOutcome = str | Rejected | Unknown
"""The internal id of an accepted event, or the reason it was not accepted.

A bare string, since nearly every outcome is one and this is the hot path.
"""


@frozen(slots=False)  # for cached_property
class BatchOutcome:
    """The outcome of each event of a batch, and the error that left some of them unknown."""

    batch: Batch
    each: Sequence[EventOutcome]
    cause: InngestError | None = None

    @classmethod
    def unknown(cls, batch: Batch, reason: str) -> BatchOutcome:
        return cls(batch, [Unknown(reason)] * len(batch.positions))

    @cached_property
    def ids(self) -> tuple[str | None, ...]:
        """The internal id of each event known to be accepted, else None."""
        return tuple(
            result if isinstance(result, str) else None for result in self.each
        )

    @cached_property
    def are_all_accepted(self) -> bool:
        return is_all_text(self.each)

    @cached_property
    def known(self) -> int:
        """The number of events before the first of unknown outcome."""
        if self.are_all_accepted:
            return len(self.each)
        unknown = (
            index
            for index, result in enumerate(self.each)
            if isinstance(result, Unknown)
        )
        return next(unknown, len(self.each))

    @cached_property
    def report(self) -> SendReport:
        """Count the outcomes and list every failure by position, those before sending included."""
        invalid = self.batch.invalid
        if self.are_all_accepted:
            return SendReport(
                accepted=len(self.each),
                rejected=len(invalid),
                unknown=0,
                failures=tuple(invalid),
            )
        failures = list(invalid)
        unknown = 0
        events = zip(self.batch.positions, self.batch.events(), self.each, strict=True)
        for position, event, result in events:
            if not isinstance(result, str):
                is_unknown = isinstance(result, Unknown) or result.may_be_stored
                outcome: Literal["rejected", "unknown"] = (
                    "unknown" if is_unknown else "rejected"
                )
                failures.append(SendFailure(position, event, result.reason, outcome))
                unknown += is_unknown
        accepted = len(self.each) + len(invalid) - len(failures)
        failures.sort(key=attrgetter("position"))
        return SendReport(
            accepted=accepted,
            rejected=len(failures) - unknown,
            unknown=unknown,
            failures=tuple(failures),
        )

    def batch_report(self) -> BatchReport:
        return BatchReport(
            positions=self.batch.positions,
            ids=self.ids,
            report=self.report,
            share=self.batch.share,
        )

    def final(self) -> BatchOutcome:
        """Return the outcomes of the events that need not be sent again."""
        if self.known == len(self.each):
            return self
        rows = zip(self.batch.positions, self.batch.texts(), self.each, strict=True)
        final = [row for row in rows if not isinstance(row[2], Unknown)]
        done = Batch.of(
            [position for position, _, _ in final],
            [text for _, text, _ in final],
            self.batch.invalid,
        )
        return BatchOutcome(done, [result for _, _, result in final])
