"""Parameters of a call, derived from its method, and how they are read from JSON.

What a program needs beyond the method is stated here by type and by name, once: a time may be how
long ago it was, a list has a limit, a wait has a timeout.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

from attrs import evolve, frozen

from inngest_rest import typing
from inngest_rest._arguments import check_json, invalid, is_status
from inngest_rest._table import Returns, docstring
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.typing import RunInclude, StatusName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._table import Row

DEFAULT_LIMIT = 20
DEFAULT_TIMEOUT_S = 60.0


class Kind(StrEnum):
    """What a parameter is in JSON; on the command line, `OBJECT` and `JSON` are JSON."""

    TEXT = "string"
    FLAG = "boolean"
    INTEGER = "integer"
    SECONDS = "number"
    MOMENT = "moment"
    SPAN = "span"
    OBJECT = "object"
    JSON = "any"


@frozen
class Parameter:
    """A parameter of a call, as programs have it; of several items, what each of them is."""

    name: str
    kind: Kind
    help: str
    argument: str | None  # what the method calls it, if it has it
    default: Any = None
    is_required: bool = False
    is_many: bool = False
    is_positional: bool = False  # on the command line
    is_path: bool = False  # of a file that the call reads or writes
    choices: tuple[str, ...] = ()
    least: float | None = None  # of the value, or of the number of items
    most: float | None = None

    @property
    def is_json(self) -> bool:
        return self.kind in {Kind.OBJECT, Kind.JSON}

    @property
    def is_text(self) -> bool:
        """Whether it is any text, which may stand in a file on the command line."""
        return self.kind is Kind.TEXT and not self.choices and not self.is_path

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        items = self._schema_of_item()
        if self.is_many:
            bounds = {"minItems": self.least, "maxItems": self.most}
            schema: dict[str, Any] = {"type": "array", "items": items}
        else:
            bounds = {"minimum": self.least, "maximum": self.most}
            schema = items
        if self.kind is Kind.SECONDS and self.least is None:
            schema["exclusiveMinimum"] = 0
        stated = {**bounds, "default": self.default}
        schema |= {name: value for name, value in stated.items() if value is not None}
        return {"description": self.help, **schema}

    def _schema_of_item(self) -> dict[str, Any]:
        schema: dict[str, Any] = {}
        if self.choices:
            # An enum would keep a host that holds to it from a status of a newer server.
            is_open = isinstance(self.choices, Statuses)
            schema["examples" if is_open else "enum"] = list(self.choices)
        if self.kind in {Kind.MOMENT, Kind.SPAN}:
            schema["type"] = "string"
        elif self.kind is not Kind.JSON:
            schema["type"] = self.kind.value
        return schema

    def read(self, value: Any) -> Any:
        """Return the argument of Python that a JSON value stands for."""
        if not self.is_many:
            argument = self._item(value, self.name)
            self._check_bounds(argument, value)
            return argument
        if not isinstance(value, list | tuple):
            value = [value]  # one of several
        items = cast("list[Any]", value)
        self._check_bounds(len(items), f"{len(items)} items")
        return [self._item(item, f"{self.name}[{index}]") for index, item in enumerate(items)]

    def _item(self, value: Any, place: str) -> Any:
        if isinstance(value, str) and self.kind in _OF_TEXT:
            with suppress(ValueError):
                value = _OF_TEXT[self.kind](value)
        if not _TYPES[self.kind](value):
            reason = f"must be of type {self.kind}, got {shown(value)}"
            raise invalid(place, reason, argument=self.name)
        if self.choices and value not in self.choices:
            reason = f"is {shown(value)}{did_you_mean(value, self.choices)}"
            raise invalid(place, reason, argument=self.name)
        check_json(self.name, value)
        if self.kind is Kind.SPAN:
            return span(self.name, str(value))
        return moment(self.name, str(value)) if self.kind is Kind.MOMENT else value

    def _check_bounds(self, number: Any, value: Any) -> None:
        wanted = self._wanted(number)
        if wanted is not None:
            given = value if isinstance(value, str) else shown(value)
            raise invalid(self.name, f"must be {wanted}, got {given}")

    def _wanted(self, number: Any) -> str | None:
        """Return what a number has to be; None if it is."""
        if self.kind is Kind.SECONDS and not number > 0:
            return "a positive number of seconds"
        if self.least is not None and number < self.least:
            return f"at least {self.least:g}"
        if self.most is not None and number > self.most:
            return f"at most {self.most:g}"
        return None


_TYPES: dict[Kind, Callable[[Any], bool]] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.FLAG: lambda value: isinstance(value, bool),
    Kind.INTEGER: lambda value: type(value) is int and value.bit_length() < 64,
    Kind.SECONDS: lambda value: type(value) in {int, float},
    Kind.MOMENT: lambda _: True,  # see `moment`
    Kind.SPAN: lambda _: True,  # see `span`
    Kind.OBJECT: lambda value: isinstance(value, Mapping),
    Kind.JSON: lambda _: True,
}

# A number or a flag may be given as text.
_OF_TEXT: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.SECONDS: float,
    Kind.FLAG: lambda text: {"true": True, "false": False}.get(text.lower(), text),
}

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(name: str, text: str) -> datetime | timedelta:
    """Return the instant that a text names, or how long before now it is; reject any other."""
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
    """Return the length of time that a text names; reject any other."""
    with suppress(OverflowError):
        read = _span(text)
        if read is not None:
            return read
    raise invalid(name, f"must be a length of time such as 90s, 15m, 2h, 7d, got {shown(text)}")


def _span(text: str) -> timedelta | None:
    """Return the length of time that a text names; None if it is something else."""
    named = re.fullmatch("([0-9]{1,9})([smhdw])", text.strip())
    if named is None:
        return None
    number, unit = named.groups()
    return timedelta(**{_UNITS[unit]: int(number)})


class Statuses(tuple[str, ...]):
    """Statuses of which one text may name several, in any case; a newer server may have others."""

    __slots__ = ()

    def __contains__(self, text: object) -> bool:
        words = str(text).lower().split(",")
        return all(is_status(word.strip()) for word in words)


_STATUSES = Statuses(get_args(StatusName))


@frozen
class _Type:
    """What a parameter is in JSON, by the type that the method has for it."""

    kind: Kind
    is_many: bool = False
    is_path: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None


_STATUS_FILTER = _Type(Kind.TEXT, is_many=True, choices=_STATUSES)
_INCLUDES = _Type(Kind.TEXT, is_many=True, choices=get_args(RunInclude))
_OBJECTS = _Type(Kind.OBJECT, is_many=True)

_TYPE_OF: dict[str, _Type] = {
    "str": _Type(Kind.TEXT),
    "Sender | str": _Type(Kind.TEXT),
    "SummaryBy | str": _Type(Kind.TEXT),
    "str | PathLike[str]": _Type(Kind.TEXT, is_path=True),
    "Iterable[str]": _Type(Kind.TEXT, is_many=True),
    "StatusFilter": _STATUS_FILTER,
    "Iterable[RunInclude]": _INCLUDES,
    "bool": _Type(Kind.FLAG),
    "int": _Type(Kind.INTEGER, least=1),
    "Seconds": _Type(Kind.SECONDS),
    "datetime | timedelta": _Type(Kind.MOMENT),
    "timedelta": _Type(Kind.SPAN),
    "Expected": _Type(Kind.JSON),
    "Mapping[str, Any]": _Type(Kind.OBJECT),
    "Mapping[str, float | bool]": _Type(Kind.OBJECT),
    "EventLike": _Type(Kind.OBJECT),
    "EventLike | Iterable[EventLike]": _OBJECTS,
    "Iterable[Mapping[str, Any]]": _OBJECTS,
    "Iterable[CheckRule]": _OBJECTS,
    "Inputs": _OBJECTS,
    "Any": _Type(Kind.JSON),
    "builtins.list[Any]": _Type(Kind.JSON, is_many=True),
}
for _name, _alias in vars(typing).items():
    if get_origin(_alias) is Literal:
        _TYPE_OF[_name] = _Type(Kind.TEXT, choices=get_args(_alias))

# Only Python can pass an argument of these types.
_TYPES_OF_PYTHON = {
    "type[D]",
    "ActionReport | Mapping[str, object]",
    "Callable[[ActionRow], object]",
    "Callable[[BatchReport], object]",
    "Callable[[int, int], object]",
}

FORMS = {
    Kind.MOMENT: " ISO 8601 with a time zone, or how long ago: 90s, 15m, 2h, 7d.",
    Kind.SECONDS: " In seconds.",
    Kind.SPAN: " Such as 90s, 15m, 2h, 7d.",
}
"""What is said after the help of a parameter of a kind."""

# How many items or requests of these are too many.
_MOST = {"batch_size": 5_000, "in_flight": 64, "events": 5_000}

# A program passes pages on by their cursor, has one unit for rates, and redacts all that it writes.
_OF_PYTHON = {"page_size", "period", "token", "redact"}

# What programs call a parameter, and say of it, otherwise than Python.
_NAMES = {"report_path": "report", "columns": "column", "max_requests": "rate"}
_HELP = {
    "cursor": "The cursor of the next page, which an earlier page has.",
    "max_requests": "Maximum number of requests per second.",
}
_LEAST = {"queued_above": 0, "queue_depth_above": 0}

_DRY_RUN_OF_CANCELLATION = Parameter(
    name="dry_run",
    kind=Kind.FLAG,
    help="Report the runs that would be cancelled; cancel nothing.",
    argument=None,
    default=False,
)
_DRY_RUN_OF_SENDING = evolve(
    _DRY_RUN_OF_CANCELLATION,
    help="Check the events, and say which functions would run; send nothing.",
)
CONFIRM = Parameter(
    name="confirm",
    kind=Kind.TEXT,
    help="The token that a dry run of the same returned.",
    argument=None,
)
"""Where an act has to be confirmed."""


@cache
def parameters(row: Row) -> tuple[Parameter, ...]:
    """Return the parameters that programs have of a call, in the order of its method."""
    _, described = sections(docstring(row.declaration), "Args")
    known = [
        _parameter(row, declared, described.get(declared.name, ""))
        for declared in row.arguments
        if declared.name not in _OF_PYTHON and _annotation(declared) not in _TYPES_OF_PYTHON
    ]
    is_gated = row.is_bulk or row.name == "request"
    if row.name == "cancellations.create":
        known.append(_DRY_RUN_OF_CANCELLATION)
        is_gated = True
    elif row.command.startswith("send"):
        known.append(_DRY_RUN_OF_SENDING)
    if is_gated:
        known.append(CONFIRM)
    return tuple(known)


def _annotation(declared: inspect.Parameter) -> str:
    return str(declared.annotation).removesuffix(" | None")


def _parameter(row: Row, declared: inspect.Parameter, described: str) -> Parameter:
    name, type_ = declared.name, _TYPE_OF[_annotation(declared)]
    has_default = declared.default is not inspect.Parameter.empty
    is_positional = declared.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    least = 1 if type_.is_many and not has_default else _LEAST.get(name, type_.least)
    parameter = Parameter(
        name=_NAMES.get(name, name),
        kind=type_.kind,
        help=_HELP.get(name, _first_sentence(described)) + FORMS.get(type_.kind, ""),
        argument=name,
        default=declared.default if has_default else None,
        is_required=not has_default,
        is_many=type_.is_many,
        is_positional=is_positional
        and type_.kind is Kind.TEXT
        and (not has_default or name in {"ids", "app"}),
        is_path=type_.is_path,
        choices=type_.choices,
        least=least,
        most=_MOST.get(name),
    )
    if name == "limit" and row.returns is Returns.PAGES:
        help = "Maximum number of items."
        return evolve(parameter, help=help, default=DEFAULT_LIMIT, most=1000)
    if name == "timeout" and not has_default:
        return evolve(parameter, default=DEFAULT_TIMEOUT_S, is_required=False)
    return parameter


def _first_sentence(described: str) -> str:
    """Return what JSON says of a parameter; what follows in its docstring is about Python."""
    return in_json(described.partition(". ")[0].rstrip(".")) + "."


def sections(docstring: str, heading: str) -> tuple[str, dict[str, str]]:
    """Return what comes before a section of a docstring, and its entries by name."""
    text, _, section = docstring.partition(f"\n\n{heading}:\n")
    entries = section.partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", entries, re.MULTILINE)
    return text, {name: " ".join(words.split()) for name, words in found}


def in_json(text: str) -> str:
    """Return a text of a docstring on one line, in the words of JSON."""
    return re.sub(r"\bNone\b", "null", " ".join(text.split()))


def read(
    row: Row, values: Mapping[str, Any], *, of: tuple[Parameter, ...] | None = None
) -> dict[str, Any]:
    """Return what values of JSON stand for, by the names of the call's parameters, or of others."""
    return read_as(parameters(row) if of is None else of, values)


def read_as(of: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what values of JSON stand for, by the names of these parameters."""
    known = {each.name: each for each in of}
    for name in values:
        if name not in known:
            message = f"unknown parameter {shown(name)}{did_you_mean(name, known)}"
            raise InvalidArgumentError(message, argument=name)
    read: dict[str, Any] = {}
    for name, parameter in known.items():
        value = values.get(name)
        if value is not None:
            read[name] = parameter.read(value)
        elif parameter.is_required:  # null counts as omitted
            raise invalid(name, "is missing")
        else:
            read[name] = parameter.default
    return read


def arguments(row: Row, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was read as arguments of the method; what has its default is left out."""
    given = {
        each.argument: values[each.name]
        for each in parameters(row)
        if each.argument is not None and values.get(each.name) is not None
    }
    if "rules" in given:
        given["rules"] = [arguments(row, read(row, rule)) for rule in given["rules"]]
    return given


def refused(name: str, reason: str) -> InvalidArgumentError:
    """Return the error for a parameter whose reason is a sentence of its own."""
    return invalid(f"{name}:", reason, argument=name)


def unusable_file(
    name: str, path: object, error: Exception, *, verb: str = "read"
) -> InvalidArgumentError:
    """Return the error for a file, named by a parameter, that cannot be read or written."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return refused(name, f"cannot {verb} {path}: {reason}")
