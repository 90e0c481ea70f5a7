"""Records in the types of JSON: which of their fields an answer has, and what it leaves out.

Values are converted as `Record.to_dict` converts them; only times are written more briefly.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from attrs import NOTHING, Attribute, define, field, fields

import inngest_rest
from inngest_rest._arguments import invalid
from inngest_rest._conversions import Conversions
from inngest_rest._programs.cutting import Cutter
from inngest_rest._programs.shortening import SHORTEN
from inngest_rest._table import Effect
from inngest_rest._visible import did_you_mean
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.record import Record, public_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inngest_rest._table import Row

# Fields that an answer has only if they are asked for, by the class; of an item of a list, these.
_LEFT_OUT: dict[str, frozenset[str]] = {
    "Span": frozenset({"id", "step_id", "queued_at", "ended_at", "input", "metadata"}),
    "Explanation": frozenset(
        {"event", "listeners", "unchecked"}
    ),  # the sentence has the last
    "RunExplanation": frozenset({"unchecked"}),
    "Reason": frozenset({"message", "evidence"}),  # so does it these
    "Job": frozenset({"id", "step_id", "concurrency_keys"}),
    "Diagnosis": frozenset({"calls", "versions"}),
    "StatusReport": frozenset({"headline", "target"}),
    "StatusCheck": frozenset({"figures"}),  # the message has them in words
    "Description": frozenset({"result"}),
    "ActionRow": frozenset({"replays_before", "requested_at", "requested_at_here"}),
}
_LEFT_OUT_OF_ITEM: dict[str, frozenset[str]] = {
    "Run": frozenset({"event_ids"}),
    "WaitingRun": frozenset({"status", "queued_at", "event_ids"}),
    "Function": frozenset({"configuration"}),
    "RunGroup": frozenset({"failure_rate", "longest"}),  # the counts have the one
}
_NOTHING = frozenset[str]()

# What a list calls otherwise than its class does.
_OF_LISTS = {("Run", "function"): ("app_id", "function_id")}

# The class of `results` that a call which is no reading returns, by what its method returns.
_OF_PROGRAMS = {
    "list[str]": "Sent",
    "list[str | Run]": "Sent",
    "SendReport": "Sent",
    "ActionReport": "Acted",
    **dict.fromkeys(("None", "str", "str | Run", "Cancellation", "Webhook"), "Done"),
    "RawResponse": "Answered",
}


def record_class(row: Row) -> type[Record]:
    """Return the class of the records that a call returns to programs."""
    of_programs = _OF_PROGRAMS.get(row.result)
    if row.effect is Effect.READ:
        of_programs = "SessionKey" if row.name == "sessions.keys" else None
    if of_programs is None:
        return getattr(inngest_rest, row.result)  # type: ignore[no-any-return]
    from inngest_rest._programs import results  # noqa: PLC0415 - most commands do without

    return getattr(results, of_programs)  # type: ignore[no-any-return]


def field_names(kind: Any) -> tuple[str, ...]:
    """Return the names of the fields of a class of records."""
    return public_names(kind)


def field_paths(
    kind: type[Record], above: tuple[type[Record], ...] = ()
) -> Iterator[str]:
    """Yield the fields of a class of records, with dots for those of the records in them."""
    hints = get_type_hints(kind)
    for name in field_names(kind):
        below = record_in(hints[name])
        if below is None or below in (*above, kind):
            yield name
        else:
            yield from (f"{name}.{path}" for path in field_paths(below, (*above, kind)))


def record_in(hint: Any) -> type[Record] | None:
    """Return the class of the records that a field of a type has, if it has any."""
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint
    return next(filter(None, map(record_in, get_args(hint))), None)


@define(eq=False, repr=False)
class Projection:
    """Which fields of records an answer has, in which order, and what it leaves out."""

    fields: tuple[str, ...] | None = (
        None  # with dots for what is below; None for what says most
    )
    max_chars: int | None = None
    is_whole: bool = False  # it has all fields
    _left_out: dict[str, None] = field(factory=dict[str, None], init=False)
    _cutter: Cutter = field(init=False)
    _conversions: Conversions = field(init=False)
    _conversions_of_items: Conversions = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cutter = Cutter(self.max_chars or 0)
        self._conversions = self._conversions_with(_instant)
        self._conversions_of_items = self._conversions
        if self._is_brief:
            self._conversions_of_items = self._conversions_with(_instant_to_the_second)

    @classmethod
    def of(
        cls,
        fields: str | None,
        max_chars: int | None,
        kind: type[Any],
        *,
        is_whole: bool = False,
    ) -> Projection:
        """Return what is asked for of records of a class; a star stands for all fields."""
        if max_chars is not None and max_chars < 1:
            raise invalid("max_chars", f"must be at least 1, got {max_chars}")
        if fields is None or fields.strip() == "*":
            return cls(max_chars=max_chars, is_whole=is_whole or fields is not None)
        names = list[str]()
        for name in fields.split(","):
            own = name.strip().replace("-", "_")
            names += _OF_LISTS.get((kind.__name__, own), (own,))
        for name in names:
            _check_field(name, kind)
        return cls(
            fields=tuple(dict.fromkeys(names)), max_chars=max_chars, is_whole=is_whole
        )

    @property
    def _is_brief(self) -> bool:
        """Whether it has what says most."""
        return self.fields is None and not self.is_whole

    def plain(self, record: Record, *, is_item: bool = False) -> dict[str, Any]:
        """Return what is wanted of a record in the types of JSON, without what is null."""
        whole = self._object(record, is_item=is_item)
        return cast("dict[str, Any]", _picked(whole, self.fields or ()))

    def cut(self, data: Any, path: str) -> Any:
        """Cut the texts that are too long, and note their paths."""
        return data if self.max_chars is None else self._cutter.cut(data, path)

    def warnings(self, whole: str, longer: str) -> Iterator[str]:
        """Yield what was cut, and left out, and how the caller gets it."""
        yield from self._cutter.warnings(longer)
        if self._left_out:
            yield f"cut: {', '.join(self._left_out)}; {whole} has it"

    def _conversions_with(self, instant: Callable[[datetime], str]) -> Conversions:
        return Conversions(
            {
                Record: lambda record: self._object(record, is_item=True),
                datetime: instant,
                timedelta: _seconds,
            }
        )

    def _object(self, record: Record, *, is_item: bool) -> dict[str, Any]:
        kind = type(record).__name__
        left_out = self._fields_left_out(kind, is_item=is_item)
        convert = self._conversions_of_items if is_item else self._conversions
        found: dict[str, Any] = {}
        for each in fields(type(record)):  # type: ignore[arg-type]
            value = getattr(record, each.name)
            if each.name not in left_out and not _says_nothing(each, value):
                found[each.name] = convert.convert_or_describe(value)
        if self._is_brief and kind in SHORTEN:
            self._left_out |= dict.fromkeys(SHORTEN[kind](found, is_item))
        return found

    def _fields_left_out(self, kind: str, *, is_item: bool) -> frozenset[str]:
        if not self._is_brief:
            return _NOTHING
        of_items = _LEFT_OUT_OF_ITEM.get(kind, _NOTHING) if is_item else _NOTHING
        return _LEFT_OUT.get(kind, _NOTHING) | of_items


def _says_nothing(declared: Attribute[Any], value: object) -> bool:
    """Return whether a field is private, null, or empty as it is by default."""
    if value is None or declared.name.startswith("_"):
        return True
    return value in ((), {}) and declared.default not in (None, NOTHING)


def _instant(value: datetime) -> str:
    """Return a time with no more digits than it has."""
    if not value.microsecond:
        return _instant_to_the_second(value)
    return _iso_text(
        value, "microseconds" if value.microsecond % 1000 else "milliseconds"
    )


def _instant_to_the_second(value: datetime) -> str:
    return _iso_text(value, "seconds")


def _iso_text(value: datetime, digits: str) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def _seconds(value: timedelta) -> float:
    return round(value.total_seconds(), 3)


def _check_field(path: str, kind: type[Any]) -> None:
    """Raise if records of a class have no such field; what a payload has is not known."""
    nested: type[Any] | None = kind
    for name in path.split("."):
        if nested is None:
            return
        known = field_names(nested)
        if name not in known:
            message = f"unknown field {path!r}{did_you_mean(name, known)}"
            raise InvalidArgumentError(message, argument="fields")
        nested = record_in(get_type_hints(nested)[name])


def _picked(value: Any, paths: Sequence[str]) -> Any:
    """Return what is at paths with dots, in each item of lists; all if there are none."""
    if isinstance(value, list):
        return [_picked(item, paths) for item in cast("Any", value)]
    if not paths or not isinstance(value, dict):
        return value
    record = cast("dict[str, Any]", value)
    paths_below: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        below = paths_below.setdefault(name, [])
        if rest:
            below.append(rest)
    return {
        name: _picked(record[name], below)
        for name, below in paths_below.items()
        if name in record
    }
