"""Every public call with an example of its arguments: what the tables of the tests iterate.

The calls come from the table of calls, so that a row that is added there is tested everywhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import reduce
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestClient
from inngest_rest._core.calls.alternatives import may_ask
from inngest_rest.call_row import Returns, docstring
from inngest_rest.calls import GROUPS, ROWS
from inngest_rest_api.api import OPERATIONS
from inngest_rest_tools.parameters import arguments, read
from tests.support.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.call_row import CallRow
    from inngest_rest_api.api import Operation

BY_NAME: dict[str, CallRow] = {row.name: row for row in ROWS}


def _documented_routes() -> dict[str, tuple[Operation, ...]]:
    ranked: defaultdict[str, list[tuple[int, Operation]]] = defaultdict(list)
    for operation in OPERATIONS:
        for call, rank in operation.calls:
            ranked[call].append((rank, operation))
    return {call: tuple(each for _, each in sorted(found)) for call, found in ranked.items()}


ROUTES = _documented_routes()
"""The operations of each call that has its own, in the order in which the document ranks them."""


_PLACES = {(each.method, re.sub(r"{\w+}", "{}", each.path)): each for each in OPERATIONS}


def stated(row: CallRow) -> tuple[Operation, ...]:
    """Return the operations that the docstring of a method names at its `HTTP:`, in order."""
    _, _, http = docstring(row.method).partition("\nHTTP: ")
    named = re.findall(r"`([A-Z]+)\s+(/[^`]*)`", http)
    places = [(method, re.sub(r"{\w+}", "{}", path)) for method, path in named]
    return tuple(_PLACES[each] for each in dict.fromkeys(places))


def example(row: CallRow, instead: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first example of a call as JSON, with other ids in place of its own."""
    return {
        name: [instead.get(each, each) for each in value]
        if isinstance(value, list) and isinstance(value[0], str)
        else instead.get(value, value)
        if isinstance(value, str)
        else value
        for name, value in row.examples[0].items()
    }


def example_arguments(row: CallRow, instead: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first example of a call as arguments of its method."""
    given = example(row, instead)
    if row.replacement:
        # Programs send one event by its parts; the method takes whole ones.
        return {"events": given.get("events", given)}
    return arguments(row, read(row, given))


def call(client: Any, name: str, instead: Mapping[str, Any] | None = None, **others: Any) -> Any:
    """Call a method with its example; of a listing return the first page, of an iterator a list.

    Args:
        client: The client, behind the blocking interface.
        name: The method.
        instead: Other texts in place of some of the example.
        others: Other arguments.
    """
    row = BY_NAME[name]
    given = example_arguments(row, instead or {})
    result = reduce(getattr, name.split("."), client)(**{**given, **others})
    match row.returns:
        case Returns.PAGES:
            return result.page()
        case Returns.STREAM:
            return list(result)
        case Returns.ONE:
            return result


def tags(row: CallRow) -> str:
    """Return the APIs that a call asks of a dev server, in order."""
    operations = ROUTES.get(row.name) or _first_asked(row)
    settings = settings_of(dev=True)
    return " ".join(dict.fromkeys(each.tag for each in operations if may_ask(settings, each)))


def _first_asked(row: CallRow) -> tuple[Operation, ...]:
    """Return the operations of the call that a call without any of its own makes first."""
    named = stated(row)
    made = [ROUTES[call] for call, _ in named[0].calls]
    return next((each for each in made if {*each} <= {*named}), made[0])


def public_names() -> set[str]:
    """Return the names of all that a client and its groups of methods have, from their classes."""
    found = {name for name in dir(InngestClient) if not name.startswith("_")} - {*GROUPS}
    with InngestClient(dev=True) as client:
        for group in GROUPS:
            members = dir(type(getattr(client, group)))
            found |= {f"{group}.{name}" for name in members if not name.startswith("_")}
    return found
