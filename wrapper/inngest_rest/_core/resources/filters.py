"""A status filter, as a caller may write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inngest_rest.errors import InvalidArgumentError
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from inngest_rest.typing import StatusFilter


def check_statuses(status: StatusFilter | None) -> tuple[RunStatus, ...]:
    """Read one status or several; refuse an unknown name and list the valid ones."""
    if status is None:
        return ()
    one = isinstance(status, str) or not isinstance(status, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
    names = [status] if one else list(status)
    known = list(RunStatus)
    statuses: list[RunStatus] = []
    for name in names:
        if not isinstance(name, str) or RunStatus(name) not in known:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(
                f"unknown status {name!r}; valid are {', '.join(sorted(known))}"
            )
        statuses.append(RunStatus(name))
    if not statuses:
        raise InvalidArgumentError("status is empty: name at least one, or leave it out")
    return tuple(dict.fromkeys(statuses))
