"""Command lines that call a row of the table, to copy and run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, fields

from inngest_rest_tools.command.arguments import dashed
from inngest_rest_tools.command.options import Options
from inngest_rest_tools.parameter import Kind
from inngest_rest_tools.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.call_row import CallRow
    from inngest_rest_tools.parameter import Parameter, Values

PROGRAM = "inngest-rest"

# Of a column: NAME=PATH can have no other.
_PLAIN_NAME = re.compile(r"\w([\w .-]*\w)?")

# The destination of one answer, and the confirmation of one act.
_NOT_REPEATED = {"output_file", "force", "confirm_profile"}


def command_line(row: CallRow, values: Values, options: Options | None = None) -> str:
    """Return the command line that calls a row, without values that are defaults."""
    words: list[str] = []
    positions: list[str] = []
    for parameter in parameters(row):
        value = values.get(parameter.name)
        if value is None or value == parameter.default:
            continue
        value = _literally(parameter, value)
        if parameter.is_positional:
            positions += _positions(value)
        else:
            words += _option(
                parameter.name, value, is_json=_needs_json(parameter, value)
            )
    if options is not None:
        words += _global_options(options)
    if any(position.startswith("-") for position in positions):
        arguments = [*words, "--", *positions]
    else:
        arguments = [*positions, *words]
    return shlex.join([PROGRAM, *row.words, *arguments])


def options_line(options: Options) -> str:
    """Return the global options about the server as they are typed."""
    without_format = evolve(options, output=None)
    return shlex.join(_global_options(without_format))


def as_typed(text: str) -> str:
    """Return a text as it is typed where @FILE would be read from a file."""
    return f"@{text}" if text.startswith("@") else text


def _literally(parameter: Parameter, value: Any) -> Any:
    if not parameter.is_text:
        return value
    if parameter.is_many:
        return [as_typed(text) for text in value]
    return as_typed(value)


def _needs_json(parameter: Parameter, value: Any) -> bool:
    if parameter.kind is Kind.COLUMNS:
        return not all(map(_PLAIN_NAME.fullmatch, value))
    return parameter.is_json


def _global_options(options: Options) -> Iterator[str]:
    for option in fields(Options):
        if option.name in _NOT_REPEATED:
            continue
        value = getattr(options, option.name)
        if value != option.default:
            yield from _option(option.name, value)


def _positions(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [_text_of(item) for item in cast("list[object]", value)]
    if isinstance(value, Mapping):
        spans = cast("Mapping[str, object]", value)
        return [f"{name}={span}" if span else name for name, span in spans.items()]
    return [_text_of(value)]


def _option(name: str, value: Any, *, is_json: bool = False) -> Iterator[str]:
    if is_json:
        yield from _with_value(name, json.dumps(value))
    elif value is True:
        yield dashed(name)
    else:
        for text in _positions(value):
            yield from _with_value(name, text)


def _with_value(name: str, text: str) -> list[str]:
    option = dashed(name)
    if text.startswith("-"):  # it would be taken for an option
        return [f"{option}={text}"]
    return [option, text]


def _text_of(value: object) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():  # an age: pinned, as it would be another window later
            return (datetime.now(UTC) - value).isoformat()
        case _:
            return str(value)
