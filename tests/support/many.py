"""Events to send by `send_many`, and what its reports cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import BatchReport

ROUTE = "POST /e/NO_EVENT_KEY_SET"


def events(count: int) -> Iterator[dict[str, Any]]:
    """Yield events named e0, e1, ..., with ids of their own."""
    for index in range(count):
        yield {"name": f"e{index}", "id": f"own-{index}"}


def positions(reports: list[BatchReport]) -> list[int]:
    """Return the positions of all events that were reported, in order."""
    return [each for report in reports for each in report.positions]
