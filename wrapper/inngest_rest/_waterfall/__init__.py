"""Waterfalls of traces, as text for a terminal and as a page; each is loaded where it is used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inngest_rest._waterfall.layout import lay_out

if TYPE_CHECKING:
    from inngest_rest._waterfall.layout import SpanLike


def for_terminal(
    root: SpanLike, *, width: int | None, color: bool | None, now: datetime | None
) -> str:
    """Draw a trace for a terminal."""
    try:
        from inngest_rest._waterfall import terminal  # noqa: PLC0415 - the one that needs rich
    except ModuleNotFoundError as error:
        raise ImportError(
            "rich is not installed, which render() needs: pip install 'inngest-rest[cli]'",
            name=error.name,
        ) from error
    return terminal.draw(lay_out(root, now or datetime.now(UTC)), width=width, color=color)


def as_page(root: SpanLike, *, now: datetime | None) -> str:
    """Draw a trace as a page of HTML."""
    from inngest_rest._waterfall import page  # noqa: PLC0415 - a terminal does without

    return page.draw(lay_out(root, now or datetime.now(UTC)))
