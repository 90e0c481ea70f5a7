"""Filters of listings: statuses and time windows, as callers write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_moment, invalid
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest.typing import StatusFilter


def check_statuses(status: StatusFilter | None) -> tuple[RunStatus, ...]:
    """Return one status or several as a tuple without repeats; reject an unknown name."""
    if status is None:
        return ()
    one = isinstance(status, str) or not isinstance(status, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
    statuses = [_check_status(name) for name in ([status] if one else status)]
    if not statuses:
        raise invalid("status", "is empty: name at least one, or leave it out")
    return tuple(dict.fromkeys(statuses))


def _check_status(name: object) -> RunStatus:
    known = list(RunStatus)
    if isinstance(name, str) and RunStatus(name) in known:
        return RunStatus(name)
    raise InvalidArgumentError(
        f"unknown status {shown(name)}{did_you_mean(name, sorted(known))}",
        argument="status",
    )


def check_window(since: datetime | None, until: datetime | None) -> None:
    """Reject datetimes without a time zone, and an empty window."""
    check_moment("since", since)
    check_moment("until", until)
    if since is not None and until is not None and since >= until:
        raise invalid("since", "must be before until")


def check_function(app: str | None, function: str | None) -> tuple[str | None, str | None]:
    """Return an app and a function; reject malformed ones, and a function without its app."""
    if app is not None:
        app = check_id("app", app)
    if function is not None:
        function = check_id("function", function)
        if app is None:
            raise invalid("function", "needs app: functions are named within one")
    return app, function
