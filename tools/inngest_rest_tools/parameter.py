"""A parameter as programs have it: its kind in JSON, its schema, and how its value is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from inngest_rest.programs import check_json, did_you_mean, invalid, is_status, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest.errors import InvalidArgumentError


Values = Mapping[str, Any]
"""The values of a call's parameters by their names, as JSON has them."""


class Kind(StrEnum):
    """What a parameter is in JSON; on the command line, `OBJECT` and `JSON` are JSON.

    `SPANS` and `COLUMNS` are objects in JSON, and there NAME=VALUE as well.
    """

    TEXT = "string"
    FLAG = "boolean"
    INTEGER = "integer"
    SECONDS = "number"
    MOMENT = "moment"
    SPAN = "span"
    SPANS = "spans"
    COLUMNS = "columns"
    SHARE = "share"
    OBJECT = "object"
    JSON = "any"


HOW_TO_WRITE = {
    Kind.MOMENT: " ISO 8601 with a time zone, or how long ago: 90s, 15m, 2h, 7d.",
    Kind.SECONDS: " In seconds.",
    Kind.SPAN: " Such as 90s, 15m, 2h, 7d.",
    Kind.SPANS: " By name, such as 90s, 15m, 2h, 7d.",
}
"""How a value of a kind is written: it follows the help of a parameter."""


class Statuses(tuple[str, ...]):
    """Valid statuses: one text may name several, in any case, and a newer server may add some."""

    __slots__ = ()

    def __contains__(self, text: object) -> bool:
        words = str(text).lower().split(",")
        return all(is_status(word.strip()) for word in words)


@frozen
class Parameter:
    """A parameter of a call in programs."""

    name: str
    kind: Kind
    help: str
    argument: str | None  # its name in the method; None if the method has none
    default: Any = None
    is_required: bool = False
    is_many: bool = False  # a list; all other facts are about each of its items
    is_positional: bool = False  # on the command line
    is_path: bool = False  # of a file that the call reads or writes
    choices: tuple[str, ...] = ()
    least: float | None = None  # of the value, or of the number of items
    most: float | None = None

    @property
    def is_json(self) -> bool:
        return self.kind in {Kind.OBJECT, Kind.JSON}

    @property
    def is_named(self) -> bool:
        """Whether it has values by name, which the command takes one by one as well."""
        return self.kind in {Kind.SPANS, Kind.COLUMNS}

    @property
    def is_text(self) -> bool:
        """Whether it is arbitrary text, which the command also reads from a file."""
        return self.kind is Kind.TEXT and not self.choices and not self.is_path

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        schema: dict[str, Any] = {"description": self.help}
        if self.is_many:
            schema |= {"type": "array", "items": self._schema_of_item()}
            least, most = "minItems", "maxItems"
        else:
            schema |= self._schema_of_item()
            least, most = "minimum", "maximum"
        if self.kind is Kind.SECONDS and self.least is None:
            schema["exclusiveMinimum"] = 0
        if self.least is not None:
            schema[least] = self.least
        if self.most is not None:
            schema[most] = self.most
        if self.default is not None:
            schema["default"] = self.default
        return schema

    def _schema_of_item(self) -> dict[str, Any]:
        schema: dict[str, Any] = {}
        if self.choices:
            # With an enum, a strict host would refuse statuses that a newer server adds.
            is_open = isinstance(self.choices, Statuses)
            keyword = "examples" if is_open else "enum"
            schema[keyword] = list(self.choices)
        if self.kind in {Kind.MOMENT, Kind.SPAN, Kind.SHARE}:
            schema["type"] = "string"
        elif self.is_named:
            schema["type"] = "object"
        elif self.kind is not Kind.JSON:
            schema["type"] = self.kind.value
        return schema

    def read(self, value: Any) -> Any:
        """Convert a JSON value to the argument of Python."""
        if not self.is_many:
            argument = self._item(value, self.name)
            self._check_bounds(argument, value)
            return argument
        if not isinstance(value, list | tuple):
            value = [value]  # a single item may be given without a list
        items = cast("list[Any]", value)
        self._check_bounds(len(items), f"{len(items)} items")
        return [
            self._item(item, f"{self.name}[{index}]")
            for index, item in enumerate(items)
        ]

    def _item(self, value: Any, place: str) -> Any:
        """Check and convert one value; `place` is its name in errors."""
        if isinstance(value, str) and self.kind in _OF_TEXT:
            from_text = _OF_TEXT[self.kind]
            with suppress(ValueError):
                value = from_text(value)
        is_valid = _TYPES[self.kind]
        if not is_valid(value):
            reason = f"must be of type {self.kind}, got {shown(value)}"
            raise invalid(place, reason, argument=self.name)
        if self.choices and value not in self.choices:
            hint = did_you_mean(value, self.choices)
            reason = f"is {shown(value)}{hint}"
            raise invalid(place, reason, argument=self.name)
        check_json(self.name, value)
        if self.kind is Kind.SPAN:
            return span(self.name, str(value))
        if self.kind is Kind.SPANS:
            return self._spans(cast("Mapping[str, object]", value))
        if self.kind is Kind.MOMENT:
            return moment(self.name, str(value))
        return value

    def _spans(self, values: Mapping[str, object]) -> dict[str, timedelta]:
        return {name: span(self.name, str(text)) for name, text in values.items()}

    def _check_bounds(self, number: Any, value: Any) -> None:
        wanted = self._violated_bound(number)
        if wanted is None:
            return
        given = value if isinstance(value, str) else shown(value)
        raise invalid(self.name, f"must be {wanted}, got {given}")

    def _violated_bound(self, number: Any) -> str | None:
        """Return the bound that a number violates, in words; None if it violates none."""
        if self.kind is Kind.SECONDS and not number > 0:
            return "a positive number of seconds"
        if self.least is not None and number < self.least:
            return f"at least {self.least:g}"
        if self.most is not None and number > self.most:
            return f"at most {self.most:g}"
        return None


def _is_integer(value: Any) -> bool:
    return type(value) is int and value.bit_length() < 64


def _is_number(value: Any) -> bool:
    return type(value) in {int, float}


def _is_anything(_: Any) -> bool:
    return True


_TYPES: dict[Kind, Callable[[Any], bool]] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.FLAG: lambda value: isinstance(value, bool),
    Kind.INTEGER: _is_integer,
    Kind.SECONDS: _is_number,
    Kind.MOMENT: _is_anything,  # see `moment`
    Kind.SPAN: _is_anything,  # see `span`
    Kind.SPANS: lambda value: isinstance(value, Mapping),
    Kind.COLUMNS: lambda value: isinstance(value, Mapping),
    Kind.SHARE: lambda value: isinstance(value, str) or _is_number(value),
    Kind.OBJECT: lambda value: isinstance(value, Mapping),
    Kind.JSON: _is_anything,
}


def _flag_of(text: str) -> bool | str:
    """Return the flag that a text names, and any other text as it is."""
    match text.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            return text


# A number or a flag may be given as text.
_OF_TEXT: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.SECONDS: float,
    Kind.FLAG: _flag_of,
}

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def moment(name: str, text: str) -> datetime | timedelta:
    """Parse a time: an instant, or an age such as 2h."""
    try:
        ago = _span(text)
        if ago is not None:
            return ago
        instant = datetime.fromisoformat(text.strip())
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid(
        name,
        f"must be a time, got {shown(text)}",
        how="Give an instant with a time zone such as 2026-11-25T12:00:00Z, or how long ago: 90s, "
        "15m, 2h, 7d.",
    )


def span(name: str, text: str) -> timedelta:
    """Parse a length of time such as 2h."""
    with suppress(OverflowError):
        length = _span(text)
        if length is not None:
            return length
    form = "a length of time such as 90s, 15m, 2h, 7d"
    raise invalid(name, f"must be {form}, got {shown(text)}")


def _span(text: str) -> timedelta | None:
    """Parse a length of time; return None if it is something else."""
    match = re.fullmatch("([0-9]{1,9})([smhdw])", text.strip())
    if match is None:
        return None
    number, unit = match.groups()
    return int(number) * _UNITS[unit]


def refused(name: str, reason: str) -> InvalidArgumentError:
    """Return the error for a parameter whose reason is a whole sentence."""
    return invalid(f"{name}:", reason, argument=name)


def unusable_file(
    name: str,
    path: object,
    error: Exception,
    *,
    verb: str = "read",
) -> InvalidArgumentError:
    """Return the error for a file, named by a parameter, that cannot be read or written."""
    reason = str(error)
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return refused(name, f"cannot {verb} {path}: {reason}")
