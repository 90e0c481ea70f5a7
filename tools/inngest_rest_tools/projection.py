"""Records in the types of JSON: which of their fields an answer has, and what it leaves out.

Values are converted as `Record.to_dict` converts them; only times are written more briefly.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from attrs import NOTHING, Attribute, define, field, fields

from inngest_rest.call_row import Effect
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.programs import Conversions, did_you_mean, invalid
from inngest_rest.record import Record, public_names
from inngest_rest_tools.cutting import Cutter
from inngest_rest_tools.form import WHOLE, form_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inngest_rest.call_row import CallRow

# Fields of list items that are made of several fields of their class.
_FIELDS_BEHIND = {("Run", "function"): ("app_id", "function_id")}

# Result class in `results` of calls that change something, by the return type of their method.
_OF_PROGRAMS = {
    "list[str]": "Sent",
    "list[str | Run]": "Sent",
    "SendReport": "Sent",
    "ActionReport": "Acted",
    "None": "Done",
    "str": "Started",
    "str | Run": "Started",
    "V1Cancellation": "CreatedCancellation",
    "V1RunId": "Started",
    "RawResponse": "Answered",
}


def record_class(row: CallRow) -> type[Record]:
    """Return the class of the records that a call returns to programs."""
    name = _OF_PROGRAMS.get(row.result)
    if row.effect is Effect.READ:
        name = None
    if name is None and row.returns_model:
        name = "OfCloud"
    if name is None:
        return getattr(import_module(row.module), row.result)  # type: ignore[no-any-return]
    from inngest_rest_tools import results  # noqa: PLC0415 - most commands do without

    return getattr(results, name)  # type: ignore[no-any-return]


def field_names(kind: Any) -> tuple[str, ...]:
    """Return the names of the fields of a class of records."""
    return public_names(kind)


def field_paths(
    kind: type[Record], above: tuple[type[Record], ...] = ()
) -> Iterator[str]:
    """Yield the paths to the fields of a class of records, with dots into nested records.

    A class that contains itself ends the path: `above` has the classes on the way to this one.
    """
    hints = get_type_hints(kind)
    on_the_way = (*above, kind)
    for name in field_names(kind):
        nested = record_in(hints[name])
        if nested is None or nested in on_the_way:
            yield name
            continue
        for path in field_paths(nested, on_the_way):
            yield f"{name}.{path}"


def record_in(hint: Any) -> type[Record] | None:
    """Return the first class of records that a type hint mentions, if any."""
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint
    for argument in get_args(hint):
        nested = record_in(argument)
        if nested is not None:
            return nested
    return None


@define(eq=False, repr=False)
class Projection:
    """Which fields of records an answer has, in which order; its cutter cuts what is left."""

    # Paths, with dots into nested records; None for the fields that say most.
    fields: tuple[str, ...] | None = None
    max_chars: int | None = None
    is_whole: bool = False  # with all fields
    cutter: Cutter = field(init=False)
    _conversions: Conversions = field(init=False)
    _conversions_of_items: Conversions = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.cutter = Cutter(self.max_chars)
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
        """Return the projection for records of a class; `fields="*"` asks for all fields."""
        if max_chars is not None and max_chars < 1:
            raise invalid("max_chars", f"must be at least 1, got {max_chars}")
        if fields is None:
            return cls(max_chars=max_chars, is_whole=is_whole)
        if fields.strip() == "*":
            return cls(max_chars=max_chars, is_whole=True)
        paths = list[str]()
        for word in fields.split(","):
            path = word.strip().replace("-", "_")
            field_of_kind = (kind.__name__, path)
            paths += _FIELDS_BEHIND.get(field_of_kind, (path,))
        for path in paths:
            _check_field(path, kind)
        without_repeats = tuple(dict.fromkeys(paths))
        return cls(fields=without_repeats, max_chars=max_chars, is_whole=is_whole)

    @property
    def _is_brief(self) -> bool:
        """Whether only the fields that say most are returned."""
        return self.fields is None and not self.is_whole

    def plain(self, record: Record, *, is_item: bool = False) -> dict[str, Any]:
        """Return the requested fields of a record in the types of JSON, without nulls."""
        whole = self._object(record, is_item=is_item)
        if self.fields is None:
            return whole
        return cast("dict[str, Any]", _picked(whole, self.fields))

    def _conversions_with(self, instant: Callable[[datetime], str]) -> Conversions:
        return Conversions(
            {
                Record: lambda record: self._object(record, is_item=True),
                datetime: instant,
                timedelta: _seconds,
            }
        )

    def _object(self, record: Record, *, is_item: bool) -> dict[str, Any]:
        form = form_of(type(record)) if self._is_brief else WHOLE
        lacks = form.lacks(is_item=is_item)
        conversions = self._conversions_of_items if is_item else self._conversions
        converted: dict[str, Any] = {}
        for declared in fields(type(record)):  # type: ignore[arg-type]
            name = declared.name
            value = getattr(record, name)
            if name not in lacks and not _is_uninformative(declared, value):
                converted[name] = conversions.convert_or_describe(value)
        form.shorten(converted, self.cutter, is_item)
        return converted


def _is_uninformative(declared: Attribute[Any], value: object) -> bool:
    """Return whether a field is private, null, or empty by default."""
    if value is None or declared.name.startswith("_"):
        return True
    is_empty = value in ((), {})
    return is_empty and declared.default not in (None, NOTHING)


def _instant(value: datetime) -> str:
    """Return a time in ISO 8601 with no trailing zeros."""
    if not value.microsecond:
        return _instant_to_the_second(value)
    if value.microsecond % 1000:
        return _iso_text(value, "microseconds")
    return _iso_text(value, "milliseconds")


def _instant_to_the_second(value: datetime) -> str:
    return _iso_text(value, "seconds")


def _iso_text(value: datetime, digits: str) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    in_utc = value.astimezone(UTC)
    return in_utc.isoformat(timespec=digits).replace("+00:00", "Z")


def _seconds(value: timedelta) -> float:
    return round(value.total_seconds(), 3)


def _check_field(path: str, kind: type[Any]) -> None:
    """Raise if records of a class have no such field; fields of payloads are not checked."""
    nested: type[Any] | None = kind
    for name in path.split("."):
        if nested is None:
            return
        known = field_names(nested)
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"unknown field {path!r}{hint}"
            raise InvalidArgumentError(message, argument="fields")
        nested = record_in(get_type_hints(nested)[name])


def _picked(value: Any, paths: Sequence[str]) -> Any:
    """Return only the values at paths with dots, in each item of lists; all without paths."""
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
    picked: dict[str, Any] = {}
    for name, below in paths_below.items():
        if name in record:
            picked[name] = _picked(record[name], below)
    return picked
