"""Waterfall charts of traces, for a terminal and as an HTML page; each is loaded lazily."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inngest_rest._waterfall.layout import lay_out

if TYPE_CHECKING:
    from inngest_rest.models import Span


def for_terminal(root: Span, *, width: int | None, color: bool | None, now: datetime | None) -> str:
    try:
        from inngest_rest._waterfall import terminal  # noqa: PLC0415 - needs rich
    except ModuleNotFoundError as error:
        raise ImportError(
            "rich is not installed, which render() needs: pip install 'inngest-rest[cli]'",
            name=error.name,
        ) from error
    return terminal.draw(lay_out(root, now or datetime.now(UTC)), width=width, color=color)


def as_page(root: Span, *, now: datetime | None) -> str:
    from inngest_rest._waterfall import page  # noqa: PLC0415 - not needed for a terminal

    return page.draw(lay_out(root, now or datetime.now(UTC)))
