"""Command lines that call a row of the table, to copy and run."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, fields

from inngest_rest._programs.command.arguments import dashed
from inngest_rest._programs.command.options import Options
from inngest_rest._programs.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inngest_rest._programs.parameter import Parameter
    from inngest_rest._table import Row

PROGRAM = "inngest-rest"

# A file that has been written, or is another one; and what is typed for each act.
_NOT_REPEATED = {"output_file", "force", "confirm_profile"}


def command_line(
    row: Row, values: Mapping[str, Any], options: Options | None = None
) -> str:
    """Return the command line that calls a row, without what has its default."""
    words, positions = list[str](), list[str]()
    for parameter in parameters(row):
        value = values.get(parameter.name)
        if value is None or value == parameter.default:
            continue
        value = _literally(parameter, value)
        if parameter.is_positional:
            positions += _positions(value)
        else:
            words += _option(parameter.name, value, is_json=parameter.is_json)
    words += _global_options(options)
    is_plain = not any(position.startswith("-") for position in positions)
    words = [*positions, *words] if is_plain else [*words, "--", *positions]
    return shlex.join([PROGRAM, *row.words, *words])


def options_line(options: Options) -> str:
    """Return the options of every command as they are typed: those of the server alone."""
    return shlex.join(_global_options(evolve(options, output=None)))


def as_typed(text: str) -> str:
    """Return a text as it is typed, where @FILE would stand for one in a file."""
    return f"@{text}" if text.startswith("@") else text


def _literally(parameter: Parameter, value: Any) -> Any:
    if not parameter.is_text:
        return value
    return [as_typed(text) for text in value] if parameter.is_many else as_typed(value)


def _global_options(options: Options | None) -> Iterator[str]:
    for option in fields(Options):
        value = getattr(options, option.name, option.default)
        if value != option.default and option.name not in _NOT_REPEATED:
            yield from _option(option.name, value)


def _positions(value: Any) -> list[str]:
    values = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    return [_text_of(each) for each in values]


def _option(name: str, value: Any, *, is_json: bool = False) -> Iterator[str]:
    if is_json:
        yield from _with_value(name, json.dumps(value))
    elif value is True:
        yield dashed(name)
    else:
        for text in _positions(value):
            yield from _with_value(name, text)


def _with_value(name: str, text: str) -> list[str]:
    # What begins as an option does would be taken for one.
    return [f"{dashed(name)}={text}"] if text.startswith("-") else [dashed(name), text]


def _text_of(value: object) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():  # it would be another window later
            return (datetime.now(UTC) - value).isoformat()
        case _:
            return str(value)
