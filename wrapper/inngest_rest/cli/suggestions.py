"""Messages about names that are not known: the nearest, and all that are valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def not_valid(what: str, given: str, valid: Sequence[str]) -> str:
    """Return the message about a name that is none of those that are valid.

    Args:
        what: What the name is said to be, such as "unknown field".
        given: The name.
        valid: The names that are valid.
    """
    import difflib  # noqa: PLC0415 - few make mistakes

    close = difflib.get_close_matches(given, valid, n=1)
    suggestion = f", did you mean {close[0]}?" if close else ";"
    return f"{what} {given!r}{suggestion} valid are {', '.join(valid)}"
