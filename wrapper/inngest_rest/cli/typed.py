"""Commands as one would type them, for hints: they can be copied and run."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest.cli.options import Options
    from inngest_rest.operations.operation import Operation


def command_text(operation: Operation[Any], parameters: Any, options: Options, *more: str) -> str:
    """Return the command line of an operation.

    Args:
        operation: The operation.
        parameters: Its parameters; those that have their defaults are left out.
        options: The options of every command, likewise.
        more: Further words.
    """
    words = [
        "inngest-rest",
        *operation.command,
        *_words(parameters),
        *_words(attrs.evolve(options, output_file=None)),
        *more,
    ]
    return shlex.join(words)


def _words(values: Any) -> Iterator[str]:
    """Yield the words that set the fields of an attrs object to their values."""
    for each in attrs.fields(values.__class__):
        value = getattr(values, each.name)
        make_default: Callable[[], object] | None = getattr(each.default, "factory", None)
        if value == (each.default if make_default is None else make_default()):
            continue
        option = f"--{each.name.replace('_', '-')}"
        match value:
            case True:
                yield option
            case tuple():
                for item in value:  # pyright: ignore[reportUnknownVariableType]
                    yield from ([option, _word(item)] if each.kw_only else [_word(item)])
            case _:
                yield from ([option, _word(value)] if each.kw_only else [_word(value)])


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) else json.dumps(value)
