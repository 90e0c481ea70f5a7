"""Filters of listings: which runs, and windows of time, as callers write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from inngest_rest._core.arguments import check_id, check_moment, check_names, check_text, invalid
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.models import RunStatus
from inngest_rest.typing import RunSelection
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import RunFilter, StatusFilter
    from inngest_rest_api.types import Unset

NAMES = tuple(RunSelection.__annotations__)
"""What selects runs."""


def check_statuses(status: StatusFilter | None) -> tuple[RunStatus, ...]:
    """Return one status or several as a tuple without repeats; reject an unknown name."""
    if status is None:
        return ()
    one = isinstance(status, str) or not isinstance(status, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
    names: list[Any] = [status] if one else [*status]
    if not names:
        raise invalid("status", "is empty: name at least one, or leave it out")
    known = list(RunStatus)
    for name in names:
        if not isinstance(name, str) or RunStatus(name) not in known:
            raise InvalidArgumentError(
                f"unknown status {shown(name)}{did_you_mean(name, sorted(known))}",
                argument="status",
            )
    return tuple(dict.fromkeys(map(RunStatus, names)))


@frozen
class Window:
    """A window of time; a timedelta is that long before now, by the server's clock."""

    since: datetime | timedelta | None = None
    until: datetime | timedelta | None = None

    @property
    def is_relative(self) -> bool:
        return isinstance(self.since, timedelta) or isinstance(self.until, timedelta)

    def at(self, now: datetime) -> tuple[datetime | Unset, datetime | Unset]:
        """Return its ends at a moment."""
        since = UNSET if self.since is None else instant(self.since, now)
        until = UNSET if self.until is None else instant(self.until, now)
        return since, until


@frozen(kw_only=True)
class Selection:
    """Which runs: the checked `RunSelection`."""

    statuses: tuple[RunStatus, ...] = ()
    app: str | None = None
    function: str | None = None
    query: str | None = None
    window: Window = Window()

    @classmethod
    def of(
        cls,
        session: Session,
        given: RunFilter | RunSelection,
        *others: str,
        form: type[RunFilter | RunSelection] = RunSelection,
    ) -> Selection:
        """Check what a caller passed in this form, to a method that takes others as well."""
        found: Mapping[str, Any] = given
        check_names(found, form.__annotations__, *others)
        app, function = check_function(found.get("app"), found.get("function"))
        now = session.server_clocks["api"].now()
        return cls(
            statuses=check_statuses(found.get("status")),
            app=app,
            function=function,
            query=check_query(found.get("query")),
            window=check_window(found.get("since"), found.get("until"), now),
        )

    @property
    def needs_v2(self) -> bool:
        """Whether it has anything but one status, which v1 filters by."""
        return len(self.statuses) > 1 or evolve(self, statuses=()) != Selection()

    def to_json(self) -> dict[str, Any]:
        """Return what was asked for, in the types of JSON."""
        asked = {
            "status": sorted(self.statuses) or None,
            **self.kind,
            "since": plain(self.window.since),
            "until": plain(self.window.until),
        }
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def kind(self) -> dict[str, str | None]:
        """What is true of a run at any time: what does not depend on its status."""
        return {"app": self.app, "function": self.function, "query": self.query}


def plain(value: str | datetime | timedelta | None) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return None if value is None else str(value)


def check_window(
    since: datetime | timedelta | None, until: datetime | timedelta | None, now: datetime
) -> Window:
    """Reject datetimes without a time zone, and an empty window."""
    begin, end = check_instant("since", since, now), check_instant("until", until, now)
    if begin is not None and end is not None and begin >= end:
        raise invalid("since", "must be before until")
    return Window(since, until)


def check_instant(name: str, value: datetime | timedelta | None, now: datetime) -> datetime | None:
    """Return an instant, or how long before now it is, as an instant."""
    if not isinstance(value, timedelta):
        return check_moment(name, value)
    if value <= timedelta():
        raise invalid(name, "must be a positive timedelta")
    try:
        return instant(value, now)
    except OverflowError:
        raise invalid(name, f"is too long ago: {value}") from None


def instant(value: datetime | timedelta, now: datetime) -> datetime:
    """Return the instant that a timedelta before now is; a datetime is returned as it is."""
    return now - value if isinstance(value, timedelta) else value


def check_function(app: str | None, function: str | None) -> tuple[str | None, str | None]:
    """Return an app and a function; reject malformed ones, and a function without its app."""
    if app is not None:
        app = check_id("app", app)
    if function is not None:
        function = check_id("function", function)
        if app is None:
            raise invalid("function", "needs app: functions are named within one")
    return app, function


_MOST_QUERY_BYTES = 2_048

# Literals and comments of CEL, which may contain anything.
_TEXT = re.compile(r"""\w*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|//.*""")

# A name that is neither a field of another nor called, with its fields.
_NAMED = re.compile(r"(?<![\w.])(?!(?:true|false|null|in)\b)[A-Za-z_]\w*(?:\.\w+)*\b(?!\s*\()")

_COMPARED = re.compile(r"event\.(?:name|v|data\..+)|(?:output|error)\..+")

_NAME_IN_ORDER = re.compile(r"\bevent\.name\s*[<>]|[<>]=?\s*event\.name\b")


def check_query(query: str | None) -> str | None:
    """Return a CEL expression without blanks around it; reject what servers ignore or fail on.

    A part that they ignore selects every run (measured on release 1.43).
    """
    if query is None:
        return None
    query = (check_text("query", query) or "").strip()
    if len(query.encode()) > _MOST_QUERY_BYTES:
        raise invalid("query", f"has more than {_MOST_QUERY_BYTES:,} bytes of UTF-8")
    roots: set[str] = set()
    for line in query.split("\n"):
        if not line.strip():
            raise invalid("query", "is blank, or has a blank line, at which servers may hang")
        bare = _TEXT.sub('""', line)
        names = _NAMED.findall(bare)
        if not names:
            raise invalid("query", f"has {shown(line)}, which servers ignore: it names no field")
        if ignored := [name for name in names if not _COMPARED.fullmatch(name)]:
            raise invalid(
                "query",
                f"names {ignored[0]}, which servers ignore or fail on: compare event.name, event.v "
                "or a field of event.data, of output or of error",
            )
        if _NAME_IN_ORDER.search(bare):
            raise invalid("query", "has an order of event.name, which servers ignore: use ==")
        roots.update(name.partition(".")[0] for name in names)
    if "event" in roots and len(roots) > 1:
        raise invalid(
            "query", "mixes event with output or error, where servers miss runs: list them apart"
        )
    return query
