"""The routes that docs and docstrings name are those that the calls ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inngest_rest.call_row import Returns
from inngest_rest.calls import ROWS, commands
from inngest_rest_api.api import NEWEST_RECORDED
from inngest_rest_tools.parameters import arguments, read
from tests.operations.cases import CASES, World
from tests.support.calls import BY_NAME, ROUTES, stated, tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.call_row import CallRow

PAGE = Path(__file__).parents[2] / "docs/reference/routes-and-servers.md"
ROUTE = {"v2, else v1": "v2 v1", "v2": "v2", "v1": "v1"}


def documented() -> Iterator[tuple[str, str]]:
    """Yield each call of the table with its route; a group stands for all of its calls."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        calls, _, rest = line.removeprefix("| ").partition(" | ")
        route = rest.partition(" | ")[0]
        if route not in ROUTE or " with " in calls:
            continue
        for name in re.findall(r"`([\w.]+)`", calls):
            group = [row.name for row in ROWS if row.name.startswith(f"{name}.")]
            yield from ((each, ROUTE[route]) for each in group or [name])


def test_each_route_of_the_table_is_the_one_that_is_asked() -> None:
    table = list(documented())
    assert table == [(name, tags(BY_NAME[name])) for name, _ in table]


def test_each_call_that_chooses_between_the_apis_is_in_the_table_with_its_reason() -> None:
    table = re.findall(r"^\| (.*?) \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"`([\w.]+)`", " ".join(table)))
    choosing = {name for name in ROUTES if len(tags(BY_NAME[name]).split()) > 1}
    assert choosing - {"send"} <= named


@pytest.mark.parametrize("row", commands(), ids=lambda row: row.command)
def test_the_docstring_of_a_call_names_each_operation_that_its_example_asks(
    row: CallRow, tmp_path: Path
) -> None:
    world = World(tmp_path, release=NEWEST_RECORDED)
    given = read(row, CASES[row.command](world))
    before = len(world.mock.requests)
    result = row.make(world.client, arguments(row, given))
    if row.returns is not Returns.ONE:
        list(result)
    asked = {each.operation for each in world.mock.requests[before:]} - {None}
    own = {each.name for each in stated(row)}
    assert asked <= own or row.requests_any_path
