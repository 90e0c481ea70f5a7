"""What a tool takes, as a JSON Schema in few words: a list of tools costs every session."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._programs.answer import DEFAULT_MAX_CHARS, LONGEST_ANSWER
from inngest_rest._programs.parameter import FORMS, Kind, Parameter
from inngest_rest._programs.parameters import CONFIRM, parameters
from inngest_rest._programs.untrusted import untrusted_paths
from inngest_rest._table import Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._table import Row

LONGEST_WAIT_S = 300.0
"""Seconds that a call waits or watches at most; hosts give up on longer ones."""

DEFAULT_WATCH_S = 30.0

# Parameters that say how long to wait; without `wait`, a call does not.
_WAITS = {"timeout": DEFAULT_WATCH_S, "wait": None}

# A file of this machine, and what agents have no need of.
_LEFT_OUT = {
    *("report", "dead_letters", "in_flight", "batch_size", "rate", "seed"),
    *("raw", "include_original_run_id", "every", "label", "ts", "v"),
}

_LONG = (
    100  # characters; of a longer text about a parameter, what comes first has to do
)

# What a schema says; what else a value has to be, the error about it says.
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
def parameters_of(row: Row) -> tuple[Parameter, ...]:
    """Return the parameters of a tool: its wait is bounded, and so is its answer."""
    known = [_bounded(each) for each in parameters(row) if each.name not in _LEFT_OUT]
    if row.name == "send_many":
        # On the command line somebody has typed or piped the events that are sent.
        known.append(CONFIRM)
    # What an act or an export returns is short, but for runs that are waited for.
    is_read = row.effect is Effect.READ and not row.uses_files
    if is_read or any(each.name == "wait" for each in known):
        known.append(_FIELDS_OF_ANSWER)
        if _may_be_long(row):
            known.append(_CHARS_OF_ANSWER)
    return tuple(known)


def _bounded(parameter: Parameter) -> Parameter:
    if parameter.name not in _WAITS:
        return parameter
    default = parameter.default or _WAITS[parameter.name]
    return evolve(parameter, most=LONGEST_WAIT_S, default=default)


def _may_be_long(row: Row) -> bool:
    """Return whether an answer has texts of any length from outside."""
    last_names = {path.rpartition(".")[2] for path in untrusted_paths(row)}
    return not _LONG_FIELDS.isdisjoint(last_names)


def schema_of(row: Row) -> dict[str, Any]:
    """Return the schema of what a tool takes, by itself."""
    return SchemaWriter().schema_of(parameters_of(row))


class SchemaWriter:
    """Writes the schemas of several tools, of which none repeats a text of those before it."""

    def __init__(self) -> None:
        self._written: set[str] = (
            set()
        )  # texts, choices and whole schemas of parameters

    def schema_of(self, known: Sequence[Parameter]) -> dict[str, Any]:
        """Return the schema of what the next tool takes."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {each.name: self._property(each) for each in known},
        }
        required = [each.name for each in known if each.is_required]
        if required:
            schema["required"] = required
        return schema

    def _property(self, parameter: Parameter) -> dict[str, Any]:
        """Return the schema of a parameter: its type alone if a tool before has the same."""
        whole = parameter.schema()
        as_text = str(whole)
        if as_text in self._written:
            return _types_in(whole)
        form = FORMS.get(parameter.kind, "")
        about = _first_part(whole.pop("description").removesuffix(form))
        items = str(whole.get("items"))
        if items in self._written and parameter.is_many and parameter.choices:
            whole["items"] = {"type": "string"}
        description = "".join(
            part for part in (about, form) if part not in self._written
        )
        self._written.update((about, form, as_text, items))
        shown = {
            name: value
            for name, value in whole.items()
            if name in _SHOWN and value is not False
        }
        return {"description": description, **shown} if description else shown


def _first_part(about: str) -> str:
    """Return a text about a parameter, or what comes first if it is long."""
    if len(about) <= _LONG:
        return about
    return f"{re.split('[;:] ', about)[0].rstrip('.')}."


def _types_in(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the type that a schema states, and that of its items."""
    types: dict[str, Any] = {}
    if "type" in schema:
        types["type"] = schema["type"]
    if "items" in schema:
        types["items"] = {"type": schema["items"]["type"]}
    return types
