"""The capabilities, and what their tests add to the tables of the suites that try every call."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import inngest_rest

CAPABILITIES = sorted(
    path.parent.name
    for path in Path(inngest_rest.__file__).parent.glob("[a-z]*/__init__.py")
    if path.parent.name not in {"aio", "client"}
)
"""The public folders of the client that can leave without it."""

_TESTS = Path(__file__).resolve().parent.parent


@cache
def rows(table: str) -> dict[Any, Any]:
    """Return what the `rows.py` in the tests of each capability have in a table, by the call."""
    found: dict[Any, Any] = {}
    for path in sorted(_TESTS.glob("*/rows.py")):
        module = import_module(f"tests.{path.parent.name}.rows")
        found |= getattr(module, table, {})
    return found
