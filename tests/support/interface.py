"""What the classes that users see declare themselves."""

from __future__ import annotations

import inspect
import re
from typing import Any

from inngest_rest.call_row import docstring
from inngest_rest.typing import EventFilter, RunFilter, RunSelection
from inngest_rest_tools.parameters import sections

FILTERS_OF_EVENTS = (EventFilter,)
FILTERS_OF_RUNS = (RunSelection, RunFilter)
"""What the calls that select events or runs can share by `**`."""


def own_functions(kind: type) -> dict[str, Any]:
    """Return the functions and properties that a class defines itself, by name."""
    found = {name: getattr(each, "func", each) for name, each in vars(kind).items()}
    return {name: each for name, each in found.items() if inspect.isfunction(each)}


def documented(words: str) -> set[str]:
    """Return the names that a docstring has in its lists."""
    described = re.findall(r"^    (\w+(?:, \w+)*):", inspect.cleandoc(words), re.MULTILINE)
    return {name for names in described for name in names.split(", ")}


def require_help(kind: Any) -> None:
    """Require that help names each argument of a class with its type, and describes it."""
    for name, function in own_functions(kind).items():
        if name == "__init__" or not name.startswith("_"):
            parameters = [*inspect.signature(function).parameters.values()][1:]
            described = sections(docstring(kind if name == "__init__" else function), "Args")[1]
            assert [*described] == [each.name for each in parameters], name
            assert all(text.endswith(".") for text in described.values()), name
            for each in parameters:
                # What the generated operation takes is described there.
                assert name == "call" or each.kind is not each.VAR_KEYWORD, name
                assert each.annotation is not each.empty, name
