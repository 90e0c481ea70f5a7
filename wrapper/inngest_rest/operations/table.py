"""The table of operations; the modules of its groups are loaded as they are needed."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from inngest_rest.operations.parameters import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.operations.operation import Operation

GROUPS = {
    "sending": "Send events",
    "events": "Stored events: list, get and explain them, and wait for their runs",
    "runs": "Runs of functions: list, get, wait for, watch, cancel and replay them",
    "apps": "Apps synced with the server: list and get them",
    "functions": "Functions of an app: list, get and invoke them",
    "signals": "Signals that runs wait for: send one",
    "cancellations": "Bulk cancellations: list, create and delete them",
    "webhooks": "Webhooks of Inngest Cloud: list, get, create, update and delete them",
    "doctor": "Check the server, the keys and the settings",
}
"""Each group with what it is about; it is a module of this package, named here."""


def group(name: str) -> tuple[Operation[Any], ...]:
    """Return the operations of a group."""
    operations: tuple[Operation[Any], ...]
    operations = import_module(f"inngest_rest.operations.{name}").OPERATIONS
    return operations


def every() -> Iterator[Operation[Any]]:
    """Return all operations, group by group."""
    for name in GROUPS:
        yield from group(name)


def find(name: str) -> Operation[Any]:
    """Return an operation.

    Raises:
        ParameterError: There is none of that name; the message has the nearest.
    """
    operations = {each.name: each for each in every()}
    if name in operations:
        return operations[name]
    close = difflib.get_close_matches(name, operations, n=1)
    suggestion = f", did you mean {close[0]}?" if close else ";"
    raise ParameterError(
        f"unknown operation {name!r}{suggestion} there are {', '.join(operations)}"
    )
