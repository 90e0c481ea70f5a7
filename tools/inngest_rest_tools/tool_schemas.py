"""The parameters of tools, and their JSON Schemas in few words: every session pays for them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest.call_row import Effect
from inngest_rest_tools.cutting import DEFAULT_MAX_CHARS, LONGEST_ANSWER
from inngest_rest_tools.parameter import HOW_TO_WRITE, Kind, Parameter
from inngest_rest_tools.parameters import CONFIRM, parameters
from inngest_rest_tools.untrusted import untrusted_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest.call_row import CallRow

LONGEST_WAIT_S = 300.0
"""Seconds that a call waits or watches at most; hosts give up on longer ones."""

DEFAULT_WATCH_S = 30.0

# Parameters of how long to wait, with their defaults; without `wait`, a call does not wait.
_WAITS = {"timeout": DEFAULT_WATCH_S, "wait": None}

# Parameters that agents do not need, or that name a file of this machine.
_LEFT_OUT = {
    "report",
    "dead_letters",
    "in_flight",
    "batch_size",
    "rate",
    "seed",
    "raw",
    "include_original_run_id",
    "every",
    "label",
    "ts",
    "v",
}

_LONG = 100  # characters of a description, of which only the beginning is then used

# Keywords of a schema that tools show; the error about a value has the other constraints.
_SHOWN = {"type", "enum", "items", "default"}

_LONG_FIELDS = {"output", "data", "body", "configuration", "rows"}

_FIELDS_OF_ANSWER = Parameter(
    name="fields",
    kind=Kind.TEXT,
    help="Fields of each item to return, separated by commas, with dots for what is below; * for "
    "all.",
    argument=None,
)
_CHARS_OF_ANSWER = Parameter(
    name="max_chars",
    kind=Kind.INTEGER,
    help="Truncate text of the answer that is longer than this.",
    argument=None,
    default=DEFAULT_MAX_CHARS,
    least=1,
    most=LONGEST_ANSWER,
)


@cache
def parameters_of(row: CallRow) -> tuple[Parameter, ...]:
    """Return the parameters of a tool, with bounds for its wait and its answer."""
    kept = [each for each in parameters(row) if each.name not in _LEFT_OUT]
    known = [_bounded(each) for each in kept]
    if row.sends_events and any(it.name == "events" for it in kept):
        # The command does not ask: somebody has typed or piped the events.
        known.append(CONFIRM)
    # Acts and exports have short answers, except for runs that they wait for.
    is_read = row.effect is Effect.READ and not row.uses_files
    waits = any(parameter.name == "wait" for parameter in known)
    if is_read or waits:
        known.append(_FIELDS_OF_ANSWER)
        if _may_be_long(row):
            known.append(_CHARS_OF_ANSWER)
    return tuple(known)


def _bounded(parameter: Parameter) -> Parameter:
    if parameter.name not in _WAITS:
        return parameter
    default = parameter.default or _WAITS[parameter.name]
    return evolve(parameter, most=LONGEST_WAIT_S, default=default)


def _may_be_long(row: CallRow) -> bool:
    """Return whether an answer has untrusted texts of any length."""
    last_names = {path.rpartition(".")[2] for path in untrusted_paths(row)}
    return not _LONG_FIELDS.isdisjoint(last_names)


def schema_of(row: CallRow) -> dict[str, Any]:
    """Return the complete schema of a tool's parameters."""
    return SchemaWriter().schema_of(parameters_of(row))


class SchemaWriter:
    """Writes the schemas of several tools without repeating a text of an earlier one."""

    def __init__(self) -> None:
        # Texts, choices and whole schemas of parameters.
        self._written: set[str] = set()

    def schema_of(self, known: Sequence[Parameter]) -> dict[str, Any]:
        """Return the schema of the next tool's parameters."""
        properties = {each.name: self._property(each) for each in known}
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        required = [each.name for each in known if each.is_required]
        if required:
            schema["required"] = required
        return schema

    def _property(self, parameter: Parameter) -> dict[str, Any]:
        """Return the schema of a parameter: only its type if an earlier tool has the same."""
        schema = parameter.schema()
        whole = str(schema)
        if whole in self._written:
            return _types_in(schema)
        form = HOW_TO_WRITE.get(parameter.kind, "")
        about = _first_part(schema.pop("description").removesuffix(form))
        items = str(schema.get("items"))
        if items in self._written and parameter.is_many and parameter.choices:
            schema["items"] = {"type": "string"}
        description = self._unless_written(about) + self._unless_written(form)
        self._written.update((about, form, whole, items))
        shown = {
            keyword: value
            for keyword, value in schema.items()
            if keyword in _SHOWN and value is not False
        }
        if description:
            return {"description": description, **shown}
        return shown

    def _unless_written(self, text: str) -> str:
        return "" if text in self._written else text


def _first_part(about: str) -> str:
    """Return the description of a parameter; only its first part if it is long."""
    if len(about) <= _LONG:
        return about
    return f"{re.split('[;:] ', about)[0].rstrip('.')}."


def _types_in(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema's type, and that of its items."""
    types: dict[str, Any] = {}
    if "type" in schema:
        types["type"] = schema["type"]
    if "items" in schema:
        types["items"] = {"type": schema["items"]["type"]}
    return types
