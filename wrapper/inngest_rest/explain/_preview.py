"""Preview a send: check the events, and find the functions that they would trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from inngest_rest._core.resources.catalogue import Catalogue
from inngest_rest._local.expressions import as_stored
from inngest_rest._local.functions import name_of
from inngest_rest.explain import EventPreview, SendPreview
from inngest_rest.explain._triggers import nearest_triggers
from inngest_rest.reports import MAX_FAILURES, SendFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest._local.functions import MatchedFunction


async def preview(session: Session, batches: Iterable[Batch]) -> SendPreview:
    """Check the events of batches, which are iterated once, and find the runs they would start."""
    session.check_can_send()
    catalogue = await Catalogue.read(session)
    tally = _Tally(catalogue=catalogue)
    for batch in batches:
        tally.add_rejected(batch.invalid)
        texts = batch.texts()
        for text, event in zip(texts, batch.events(), strict=True):
            tally.add(event, len(text))
    rows = [row.to_preview(catalogue) for row in tally.rows.values()]
    return SendPreview(
        events=tally.events,
        bytes=tally.bytes,
        rejected=tally.rejected,
        first=tally.first,
        functions=tuple(rows),
        failures=tuple(tally.failures),
        unchecked=tuple(catalogue.gaps),
    )


_Key = tuple[str, str | None]
"""The name of events, and a function that listens; None if none does."""


@define(kw_only=True)
class _Row:
    """Counts of the events of one name, for one function or for none that listens."""

    name: str
    function: str | None
    events: int = 0
    bytes: int = 0
    runs: int = 0
    undecided: int = 0

    def add(self, size: int, *, is_triggered: bool | None) -> None:
        self.events += 1
        self.bytes += size
        if is_triggered is None:
            self.undecided += 1
        elif is_triggered:
            self.runs += 1

    def to_preview(self, catalogue: Catalogue) -> EventPreview:
        nearest: Iterable[str] = ()
        if self.function is None:
            nearest = nearest_triggers(self.name, catalogue.functions)
        return EventPreview(
            name=self.name,
            function=self.function,
            events=self.events,
            bytes=self.bytes,
            runs=self.runs,
            undecided=self.undecided,
            nearest=tuple(nearest),
        )


@define(kw_only=True)
class _Tally:
    """The counts of the events so far."""

    catalogue: Catalogue
    events: int = 0
    bytes: int = 0
    rejected: int = 0
    first: Mapping[str, Any] | None = None
    failures: list[SendFailure] = field(factory=list[SendFailure])
    rows: dict[_Key, _Row] = field(factory=dict["_Key", "_Row"])
    _listeners: dict[str, list[MatchedFunction]] = field(
        factory=dict[str, "list[MatchedFunction]"],
        init=False,
    )

    def add_rejected(self, invalid: Sequence[SendFailure]) -> None:
        self.rejected += len(invalid)
        room = MAX_FAILURES - len(self.failures)
        self.failures += invalid[:room]

    def add(self, event: Mapping[str, Any], size: int) -> None:
        if self.first is None:
            self.first = event
        self.events += 1
        self.bytes += size
        name = event["name"]
        listeners = self._listeners_for(name)
        stored = as_stored(event)
        for listener in listeners:
            row = self._row(name, name_of(listener.function))
            row.add(size, is_triggered=listener.is_triggered_by(stored))
        if not listeners:
            self._row(name, None).add(size, is_triggered=False)

    def _listeners_for(self, name: str) -> list[MatchedFunction]:
        if name not in self._listeners:
            self._listeners[name] = self.catalogue.listeners(name)
        return self._listeners[name]

    def _row(self, name: str, function: str | None) -> _Row:
        key = (name, function)
        if key not in self.rows:
            self.rows[key] = _Row(name=name, function=function)
        return self.rows[key]
