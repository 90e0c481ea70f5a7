"""The command that a command line names, also one that has a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.cli.groups import FLAT
from inngest_rest.cli.local import LOCAL
from inngest_rest.cli.options import takes_value
from inngest_rest.operations.table import GROUPS, group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def command_in(tokens: Sequence[str]) -> str:
    """Return the name of the command, as answers have it; an empty one if there is none."""
    words = _words(tokens)
    first = next(words, "")
    if first in LOCAL:
        return first
    if any(first in commands for commands in FLAT.values()):
        return first.replace("-", "_")
    if first not in GROUPS or first in FLAT:
        return ""
    command = (first, next(words, ""))
    return next((each.name for each in group(first) if each.command == command), "")


def _words(tokens: Sequence[str]) -> Iterator[str]:
    """Yield the tokens that are no options of every command, nor their values."""
    rest = iter(tokens)
    for token in rest:
        if not token.startswith("-"):
            yield token
        elif takes_value(token):
            next(rest, None)
