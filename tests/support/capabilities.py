"""What the tests of a capability add to the tables of the suites that try every call."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

_TESTS = Path(__file__).resolve().parent.parent


def rows(table: str) -> dict[str, Any]:
    """Return what the `rows.py` in the tests of each capability have in a table, by the call."""
    found: dict[str, Any] = {}
    for path in sorted(_TESTS.glob("*/rows.py")):
        module = import_module(f"tests.{path.parent.name}.rows")
        found |= getattr(module, table, {})
    return found
