"""Reports on what was done to many runs: one row per run, from which a second call resumes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from enum import StrEnum
from operator import eq
from typing import Any, Self, TypeVar, cast, overload

from attrs import field, frozen

from inngest_rest._packed_ids import PackedIds
from inngest_rest.record import Record

T = TypeVar("T")


class ActionOutcome(StrEnum):
    """What became of one run, or one input, of a bulk operation.

    Attributes:
        PLANNED: A dry run found it; nothing was done.
        DONE: It was done.
        ALREADY_ENDED: The run had ended, so there was nothing to cancel.
        NOT_FOUND: The server has no such run.
        REFUSED: It was not tried, because it would not do what was asked; `reason` says why.
        FAILED: The server rejected it, or could not do it; `reason` says why.
        UNKNOWN: The request was sent, and whether it took effect is not known.
        NOT_TRIED: The operation ended before its turn came.
    """

    PLANNED = "planned"
    DONE = "done"
    ALREADY_ENDED = "already_ended"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_TRIED = "not_tried"


@frozen(repr=False)
class ActionRow(Record):
    """One run, or one input, of a bulk operation.

    Attributes:
        position: Its index in the ids, the listing or the inputs, from 0.
        id: The run's id; None for an input of `functions.invoke_many`.
        outcome: What became of it.
        new_run_id: The run that was started for it.
        reason: Why it was not done.
        replays_before: For a replay of unknown outcome, the replays that the run had before: one
            that it has beside them is this one.
    """

    position: int
    id: str | None
    outcome: ActionOutcome
    new_run_id: str | None = None
    reason: str | None = None
    replays_before: tuple[str, ...] | None = field(default=None, repr=False)


_OUTCOMES = tuple(ActionOutcome)
_CODES = {outcome: code for code, outcome in enumerate(_OUTCOMES)}


class ActionRows(Sequence[ActionRow]):
    """The rows of a report: a sequence that makes each row when it is asked for.

    A row takes 17 bytes, and 16 more where runs were started, plus the text of its `reason`.

    Args:
        rows: The rows; the position of each must be its index.
    """

    def __init__(self, rows: Iterable[ActionRow] = ()) -> None:
        if isinstance(rows, ActionRows):
            vars(self).update(deepcopy(vars(rows)))
            return
        self._outcomes = bytearray()
        self._ids = PackedIds()
        self._new_run_ids = PackedIds()
        self._reasons: dict[int, str] = {}
        self._replays_before: dict[int, tuple[str, ...]] = {}
        for row in rows:
            self._put(row)

    def _put(self, row: ActionRow) -> None:
        """Replace a row, which keeps its id, or append it."""
        position = row.position
        if not 0 <= position <= len(self):
            raise ValueError(f"position {position!r} is not {len(self)}")
        if position == len(self):
            self._ids[position] = row.id
        self._outcomes[position : position + 1] = bytes([_CODES[row.outcome]])
        self._new_run_ids[position] = row.new_run_id
        _put(self._reasons, position, row.reason)
        _put(self._replays_before, position, row.replays_before)

    def __len__(self) -> int:
        return len(self._outcomes)

    @overload
    def __getitem__(self, index: int) -> ActionRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ActionRow, ...]: ...
    def __getitem__(self, index: int | slice) -> ActionRow | tuple[ActionRow, ...]:
        places = range(len(self))[index]
        return self._row(places) if isinstance(places, int) else tuple(map(self._row, places))

    def _row(self, position: int) -> ActionRow:
        return ActionRow(
            position=position,
            id=self._ids[position],
            outcome=_OUTCOMES[self._outcomes[position]],
            new_run_id=self._new_run_ids[position],
            reason=self._reasons.get(position),
            replays_before=self._replays_before.get(position),
        )

    def outcomes(self) -> Iterator[ActionOutcome]:
        """Iterate over the outcomes alone, which is faster."""
        return map(_OUTCOMES.__getitem__, self._outcomes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ActionRows | tuple):
            return NotImplemented
        rows = cast("Sequence[object]", other)
        return len(self) == len(rows) and all(map(eq, self, rows))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self):,} rows>"


_LONGEST_REASON = 500

_MALFORMED = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


@frozen(repr=False)
class ActionReport(Record):
    """The outcome of a bulk operation.

    Pass it as `resume` to the same method to try what is planned, failed, unknown or not tried. It
    is kept between programs as JSON: `to_json`, `from_json`.

    Attributes:
        action: What was done: "runs.cancel", "runs.replay", or "functions.invoke APP/FUNCTION".
        rows: One row per run or input, in order: a sequence that makes each when asked for it.
    """

    action: str
    rows: ActionRows = field(repr=False, converter=ActionRows)

    @property
    def counts(self) -> dict[ActionOutcome, int]:
        """How many rows have each outcome; outcomes that no row has are left out."""
        found = Counter(self.rows.outcomes())
        return {outcome: found[outcome] for outcome in ActionOutcome if found[outcome]}

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {_words(it)}" for it, count in self.counts.items())
        return f"{self.action}: {counts or 'nothing to do'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a dict that `json.dumps` accepts, its counts included."""
        rows = [row.to_dict() for row in self.rows]
        return {
            "action": self.action,
            "counts": {str(outcome): count for outcome, count in self.counts.items()},
            "rows": rows,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read a report as `to_dict` returns it.

        Raises:
            ValueError: It is not a report; the message has the position of the row.
        """
        try:
            rows = ActionRows(_rows(value["rows"]))
            return cls(_text(value["action"]), rows)
        except _MALFORMED as error:
            raise ValueError(
                f"this is not the report of a bulk operation: {_what(error)}"
            ) from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a report as `to_json` returns it.

        Raises:
            ValueError: It is not a report; the message has the position of the row.
        """
        try:
            value = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"the report is not JSON: {error}") from None
        return cls.from_dict(value)


def _put(values: dict[int, T], position: int, value: T | None) -> None:
    """Set the value at a position; None leaves it empty."""
    if value is None:
        values.pop(position, None)
    else:
        values[position] = value


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[ActionRow]:
    for position, row in enumerate(rows):
        try:
            read = _row(row, position)
        except _MALFORMED as error:
            raise ValueError(f"row {position}: {_what(error)}") from None
        yield read


def _row(row: Mapping[str, Any], position: int) -> ActionRow:
    if row["position"] != position:
        raise ValueError(f"position {row['position']!r} is not {position}")
    replays = row.get("replays_before")
    return ActionRow(
        position=position,
        id=_optional_text(row.get("id")),
        outcome=ActionOutcome(row["outcome"]),
        new_run_id=_optional_text(row.get("new_run_id")),
        reason=_optional_text(row.get("reason")),
        replays_before=None if replays is None else tuple(map(_text, replays)),
    )


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _what(error: Exception) -> str:
    # What it quotes may be a whole file.
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)[:_LONGEST_REASON]


def _words(outcome: ActionOutcome) -> str:
    return outcome.replace("_", " ")
