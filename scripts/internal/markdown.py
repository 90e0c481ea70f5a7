"""Parts of pages in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def table(rows: Iterable[Iterable[str]], *head: str) -> str:
    """Return a table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def cell(text: str) -> str:
    """Return a text as it fits into a cell of a table."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(
        re.sub(r"(?<!\\)\|", r"\|", part) if at % 2 else re.sub(r"([|<])", r"\\\1", part)
        for at, part in enumerate(parts)
    )


def fenced(text: str, language: str) -> str:
    """Return a text as it stands, whatever fences it has itself."""
    fence = "`" * (max(map(len, re.findall(r"`{3,}", text)), default=2) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
