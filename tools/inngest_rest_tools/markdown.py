"""Reports in Markdown, for the page of a CI job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inngest_rest.programs import visible

if TYPE_CHECKING:
    from collections.abc import Iterable


def row_of(cells: Iterable[str]) -> str:
    """Return the row of a table; its cells are Markdown."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|~#&@])", r"\\\1", visible(text))
