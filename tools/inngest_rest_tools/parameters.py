"""The parameters of a call, derived from its method, and its arguments, read from JSON.

Facts that programs need beyond the method are stated here once, by type or by name: a time may be
an age, a list has a limit, a wait has a timeout.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from attrs import evolve, frozen

from inngest_rest import typing
from inngest_rest.call_row import Returns, docstring
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.files import RunInclude
from inngest_rest.programs import did_you_mean, invalid, shown
from inngest_rest.typing import StatusName
from inngest_rest_tools.parameter import HOW_TO_WRITE, Kind, Parameter, Statuses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.call_row import CallRow
    from inngest_rest_tools.parameter import Values

DEFAULT_LIMIT = 20
DEFAULT_TIMEOUT_S = 60.0


_STATUSES = Statuses(get_args(StatusName))


@frozen
class _Type:
    """The form in JSON of parameters of a Python type."""

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
    "SummaryBy | str": _Type(Kind.TEXT),
    "str | PathLike[str]": _Type(Kind.TEXT, is_path=True),
    "Iterable[str]": _Type(Kind.TEXT, is_many=True),
    "Iterable[str] | ActionReport": _Type(Kind.TEXT, is_many=True),
    "StatusFilter": _STATUS_FILTER,
    "Iterable[RunInclude]": _INCLUDES,
    "Mapping[str, str]": _Type(Kind.COLUMNS),
    "bool": _Type(Kind.FLAG),
    "int": _Type(Kind.INTEGER, least=1),
    "Seconds": _Type(Kind.SECONDS),
    "datetime | timedelta": _Type(Kind.MOMENT),
    "timedelta": _Type(Kind.SPAN),
    "Share": _Type(Kind.SHARE),
    "Mapping[str, timedelta]": _Type(Kind.SPANS),
    "Mapping[str, Any]": _Type(Kind.OBJECT),
    "Mapping[str, float | bool]": _Type(Kind.OBJECT),
    "EventLike": _Type(Kind.OBJECT),
    "EventLike | Iterable[EventLike]": _OBJECTS,
    "Iterable[Mapping[str, Any]]": _OBJECTS,
    "Any": _Type(Kind.JSON),
    "builtins.list[Any]": _Type(Kind.JSON, is_many=True),
}
for _name, _alias in vars(typing).items():
    if get_origin(_alias) is Literal:
        _TYPE_OF[_name] = _Type(Kind.TEXT, choices=get_args(_alias))

# Types of arguments that only Python can pass.
_TYPES_OF_PYTHON = {
    "type[D]",
    "ActionReport | Mapping[str, object]",
    "Callable[[ActionRow], object]",
    "Callable[[BatchReport], object]",
    "Callable[[int], object]",
}

# The maximum of a value or of a number of items.
_MOST = {"batch_size": 5_000, "in_flight": 64, "events": 5_000}

# Programs pass pages on by cursor, and have one unit for rates.
_OF_PYTHON = {"page_size", "period", "raise_on_failure", "token"}

# Names and help of parameters that differ from Python's.
_NAMES = {"report_path": "report", "max_requests": "rate"}
_HELP = {
    "cursor": "The cursor of the next page, which an earlier page has.",
    "max_requests": "Maximum number of requests per second; on Inngest Cloud 15 by default.",
}
_LEAST = {"queue_depth_above": 0}

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
"""Of calls that have to be confirmed."""


@cache
def parameters(row: CallRow) -> tuple[Parameter, ...]:
    """Return the parameters of a call in programs, in the order of its method."""
    _, described = sections(docstring(row.declaration), "Args")
    known: list[Parameter] = []
    for declared in row.arguments:
        name = declared.name
        if name in _OF_PYTHON or _annotation(declared) in _TYPES_OF_PYTHON:
            continue
        parameter = _parameter(row, declared, described.get(name, ""))
        known.append(parameter)
    is_gated = row.is_bulk or row.requests_any_path
    if row.selects_with_condition:
        known.append(_DRY_RUN_OF_CANCELLATION)
        is_gated = True
    elif row.sends_events:
        known.append(_DRY_RUN_OF_SENDING)
    if is_gated:
        known.append(CONFIRM)
    return tuple(known)


def _annotation(declared: inspect.Parameter) -> str:
    return str(declared.annotation).removesuffix(" | None")


def _parameter(row: CallRow, declared: inspect.Parameter, described: str) -> Parameter:
    name = declared.name
    type_ = _TYPE_OF[_annotation(declared)]
    is_required = declared.default is inspect.Parameter.empty
    help = _HELP.get(name) or _first_sentence(described)
    least = _LEAST.get(name, type_.least)
    if type_.is_many and is_required:
        least = 1
    parameter = Parameter(
        name=_NAMES.get(name, name),
        kind=type_.kind,
        help=help + HOW_TO_WRITE.get(type_.kind, ""),
        argument=name,
        default=None if is_required else declared.default,
        is_required=is_required,
        is_many=type_.is_many,
        is_positional=_is_positional(declared, type_.kind),
        is_path=type_.is_path,
        choices=type_.choices,
        least=least,
        most=_MOST.get(name),
    )
    if name == "limit" and row.returns is Returns.PAGES:
        help = "Maximum number of items."
        return evolve(parameter, help=help, default=DEFAULT_LIMIT, most=1000)
    if name == "timeout" and is_required:
        return evolve(parameter, default=DEFAULT_TIMEOUT_S, is_required=False)
    return parameter


def _is_positional(declared: inspect.Parameter, kind: Kind) -> bool:
    """Return whether the command takes it without its name: an identifier or a main filter."""
    if kind is not Kind.TEXT:
        return False
    if declared.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return False
    is_required = declared.default is inspect.Parameter.empty
    return is_required or declared.name in {"ids", "app"}


def _first_sentence(described: str) -> str:
    """Return the first sentence on a parameter; those after it are about Python."""
    sentence = described.partition(". ")[0].rstrip(".")
    return f"{in_json(sentence)}."


def sections(docstring: str, heading: str) -> tuple[str, dict[str, str]]:
    """Return the text before a section of a docstring, and the section's entries by name."""
    text, _, section = docstring.partition(f"\n\n{heading}:\n")
    entries = section.partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", entries, re.MULTILINE)
    words_by_name = {name: _on_one_line(words) for name, words in found}
    return text, words_by_name


def in_json(text: str) -> str:
    """Return a text of a docstring on one line, in the words of JSON."""
    return re.sub(r"\bNone\b", "null", _on_one_line(text))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def read(
    row: CallRow, values: Values, *, of: tuple[Parameter, ...] | None = None
) -> dict[str, Any]:
    """Convert JSON values by the call's parameters, or by others, to Python values."""
    if of is None:
        of = parameters(row)
    return read_as(of, values)


def read_as(of: Iterable[Parameter], values: Values) -> dict[str, Any]:
    """Convert JSON values by these parameters to Python values; null counts as omitted."""
    known = {parameter.name: parameter for parameter in of}
    for name in values:
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"unknown parameter {shown(name)}{hint}"
            raise InvalidArgumentError(message, argument=name)
    read: dict[str, Any] = {}
    for name, parameter in known.items():
        value = values.get(name)
        if value is not None:
            read[name] = parameter.read(value)
        elif parameter.is_required:
            raise invalid(name, "is missing")
        else:
            read[name] = parameter.default
    return read


def arguments(row: CallRow, values: Values) -> dict[str, Any]:
    """Return the values as arguments of the method, without those that are None."""
    given: dict[str, Any] = {}
    for parameter in parameters(row):
        value = values.get(parameter.name)
        if parameter.argument is not None and value is not None:
            given[parameter.argument] = value
    return given
