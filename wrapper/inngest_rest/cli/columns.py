"""Lines of text in columns, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.cli.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines, each column as wide as its longest text."""
    shown = [[safe(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in shown
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)
