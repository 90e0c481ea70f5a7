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
    from collections.abc import Callable

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
        schema: dict[str, Any] = {"enum": list(self.choices)} if self.choices else {}
        if self.kind is not Kind.JSON:
            schema["type"] = "string" if self.kind is Kind.MOMENT else self.kind.value
        bounds = ("minItems", "maxItems") if self.is_many else ("minimum", "maximum")
        if self.is_many:
            schema = {"type": "array", "items": schema}
        if self.kind is Kind.SECONDS and self.least is None:
            schema["exclusiveMinimum"] = 0
        more = {bounds[0]: self.least, bounds[1]: self.most, "default": self.default}
        schema |= {name: it for name, it in more.items() if it is not None}
        return {"description": self.help, **schema}

    def read(self, value: Any) -> Any:
        """Return the argument of Python that a JSON value stands for."""
        if not self.is_many:
            read = self._item(value, self.name)
            self._check_bounds(read, value)
            return read
        if not isinstance(value, list | tuple):
            value = [value]  # one of several
        items = cast("list[Any]", value)
        self._check_bounds(len(items), f"{len(items)} items")
        return [self._item(each, f"{self.name}[{at}]") for at, each in enumerate(items)]

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
        return moment(self.name, str(value)) if self.kind is Kind.MOMENT else value

    def _check_bounds(self, number: Any, value: Any) -> None:
        wrong = None
        if self.kind is Kind.SECONDS and not number > 0:
            wrong = "a positive number of seconds"
        elif self.least is not None and number < self.least:
            wrong = f"at least {self.least:g}"
        elif self.most is not None and number > self.most:
            wrong = f"at most {self.most:g}"
        if wrong is not None:
            given = value if isinstance(value, str) else shown(value)
            raise invalid(self.name, f"must be {wrong}, got {given}")


_TYPES: dict[Kind, Callable[[Any], bool]] = {
    Kind.TEXT: lambda it: isinstance(it, str),
    Kind.FLAG: lambda it: isinstance(it, bool),
    Kind.INTEGER: lambda it: type(it) is int and it.bit_length() < 64,
    Kind.SECONDS: lambda it: type(it) in {int, float},
    Kind.MOMENT: lambda _: True,  # see `moment`
    Kind.OBJECT: lambda it: isinstance(it, Mapping),
    Kind.JSON: lambda _: True,
}

# A number or a flag may be given as text.
_OF_TEXT: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.SECONDS: float,
    Kind.FLAG: lambda it: {"true": True, "false": False}.get(it.lower(), it),
}

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(name: str, text: str) -> datetime | timedelta:
    """Return the instant that a text names, or how long before now it is; reject any other."""
    found = re.fullmatch("([0-9]{1,9})([smhdw])", text.strip())
    try:
        if found:
            return timedelta(**{_UNITS[found[2]]: int(found[1])})
        instant = datetime.fromisoformat(text.strip())
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    zone = "give an instant with a time zone such as 2026-11-25T12:00:00Z"
    raise invalid(name, f"is {shown(text)}: {zone}, or how long ago: 90s, 15m, 2h, 7d")


class Statuses(tuple[str, ...]):
    """Statuses of which one text may name several, in any case; a newer server may have others."""

    __slots__ = ()

    def __contains__(self, text: object) -> bool:
        words = str(text).lower().split(",")
        return all(is_status(word.strip()) for word in words)


_STATUSES = Statuses(get_args(StatusName))

# What a parameter is, by the type that the method has for it; None if only Python can pass it.
_KINDS: dict[str, dict[str, Any] | None] = {
    "str": {"kind": Kind.TEXT},
    "str | PathLike[str]": {"kind": Kind.TEXT, "is_path": True},
    "Iterable[str]": {"kind": Kind.TEXT, "is_many": True},
    "StatusFilter": {"kind": Kind.TEXT, "is_many": True, "choices": _STATUSES},
    "Iterable[RunInclude]": {"kind": Kind.TEXT, "is_many": True, "choices": get_args(RunInclude)},
    **{
        name: {"kind": Kind.TEXT, "choices": get_args(it)}
        for name, it in vars(typing).items()
        if get_origin(it) is Literal
    },
    "bool": {"kind": Kind.FLAG},
    "int": {"kind": Kind.INTEGER, "least": 1},
    "Seconds": {"kind": Kind.SECONDS},
    "datetime | timedelta": {"kind": Kind.MOMENT},
    "Mapping[str, Any]": {"kind": Kind.OBJECT},
    "Mapping[str, float | bool]": {"kind": Kind.OBJECT},
    "Iterable[Mapping[str, Any]]": {"kind": Kind.OBJECT, "is_many": True},
    "Iterable[CheckRule]": {"kind": Kind.OBJECT, "is_many": True},
    "Inputs": {"kind": Kind.OBJECT, "is_many": True},
    "EventLike": {"kind": Kind.OBJECT},
    "EventLike | Iterable[EventLike]": {"kind": Kind.OBJECT, "is_many": True},
    "Any": {"kind": Kind.JSON},
    "Sender | str": {"kind": Kind.TEXT},
    "builtins.list[Any]": {"kind": Kind.JSON, "is_many": True},
    "type[D]": None,
    "ActionReport | Mapping[str, object]": None,
    "Callable[[ActionRow], object]": None,
    "Callable[[BatchReport], object]": None,
    "Callable[[int, int], object]": None,
}

FORMS = {
    Kind.MOMENT: " ISO 8601 with a time zone, or how long ago: 90s, 15m, 2h, 7d.",
    Kind.SECONDS: " In seconds.",
}
"""What is said after the help of a parameter of a kind."""

# How many items or requests of these are too many.
_MOST = {"batch_size": 5_000, "in_flight": 64, "events": 5_000}

# A program passes pages on by their cursor, has one unit for rates, and redacts all that it writes.
_OF_PYTHON = {"page_size", "period", "token", "redact"}

# What is otherwise than Python has it.
_OTHERWISE: dict[str, dict[str, Any]] = {
    "cursor": {"help": "The cursor of the next page, which an earlier page has."},
    "queued_above": {"least": 0},
    "report_path": {"name": "report"},
    "columns": {"name": "column"},
    "max_requests": {"name": "rate", "help": "Maximum number of requests per second."},
}

_DRY_RUN = Parameter(
    "dry_run", Kind.FLAG, "Report the runs that would be cancelled; cancel nothing.", None, False
)
CONFIRM = Parameter("confirm", Kind.TEXT, "The token that a dry run of the same returned.", None)
"""Where an act has to be confirmed."""


@cache
def parameters(row: Row) -> tuple[Parameter, ...]:
    """Return the parameters that programs have of a call, in the order of its method."""
    _, described = sections(docstring(row.declaration), "Args")
    found = [
        _parameter(row, each, described.get(each.name, ""), about)
        for each in row.arguments
        if each.name not in _OF_PYTHON
        and (about := _KINDS[str(each.annotation).removesuffix(" | None")]) is not None
    ]
    if row.name == "cancellations.create":
        found.append(_DRY_RUN)
    elif row.command.startswith("send"):
        words = "Check the events, and say which functions would run; send nothing."
        found.append(evolve(_DRY_RUN, help=words))
    is_gated = row.is_bulk or row.name == "request" or _DRY_RUN in found
    return (*found, CONFIRM) if is_gated else tuple(found)


def _parameter(
    row: Row, declared: inspect.Parameter, described: str, about: dict[str, Any]
) -> Parameter:
    # The first sentence; what follows it is about Python.
    help = in_json(described.partition(". ")[0].rstrip(".")) + "."
    is_required = declared.default is inspect.Parameter.empty
    is_positional = declared.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    found: dict[str, Any] = {
        "name": declared.name,
        "help": help + FORMS.get(about["kind"], ""),
        "argument": declared.name,
        "default": None if is_required else declared.default,
        "is_required": is_required,
        "is_positional": is_positional
        and about["kind"] is Kind.TEXT
        and (is_required or declared.name == "ids"),
        "most": _MOST.get(declared.name),
        **about,
        **_OTHERWISE.get(declared.name, {}),
    }
    if is_required and about.get("is_many"):
        found["least"] = 1
    if declared.name == "limit" and row.returns is Returns.PAGES:
        found |= {"help": "Maximum number of items.", "default": DEFAULT_LIMIT, "most": 1000}
    if declared.name == "timeout" and is_required:
        found |= {"default": DEFAULT_TIMEOUT_S, "is_required": False}
    return Parameter(**found)


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
    known = {each.name: each for each in (parameters(row) if of is None else of)}
    for name in values:
        if name not in known:
            message = f"unknown parameter {shown(name)}{did_you_mean(name, known)}"
            raise InvalidArgumentError(message, argument=name)
    read: dict[str, Any] = {}
    for name, each in known.items():
        if values.get(name) is not None:  # null is as good as leaving it out
            read[name] = each.read(values[name])
        elif each.is_required:
            raise invalid(name, "is missing")
        else:
            read[name] = each.default
    return read


def arguments(row: Row, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was read as arguments of the method; what has its default is left out."""
    given = {
        each.argument: values[each.name]
        for each in parameters(row)
        if each.argument is not None and values.get(each.name) is not None
    }
    if "rules" in given:
        given["rules"] = [arguments(row, read(row, each)) for each in given["rules"]]
    return given


def refused(name: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{name}: {reason}", argument=name)


def unusable_file(
    name: str, path: object, error: Exception, *, verb: str = "read"
) -> InvalidArgumentError:
    """Return the error for a file, named by a parameter, that cannot be read or written."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return refused(name, f"cannot {verb} {path}: {reason}")
