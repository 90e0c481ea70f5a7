"""The table of routes in the docs is that of the calls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from inngest_rest.calls import ROWS
from tests.support.calls import BY_NAME, MADE_OF, ROUTES, tags

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    own = {name for name in ROUTES if len(tags(BY_NAME[name]).split()) > 1}
    assert own - MADE_OF.keys() - {"send"} <= {name for name, _ in documented()}


def test_each_row_has_its_routes() -> None:
    assert {row.name for row in ROWS} - {"diagnose", "request"} == {*ROUTES, *MADE_OF}
