"""Filters of runs, as callers write them: statuses, errors, conditions evaluated here, queries.

A query, in CEL too, is evaluated by the server: what it would ignore or fail on is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

from attrs import evolve, frozen

from inngest_rest._core.resources.names import ANY, Names
from inngest_rest._core.resources.windows import ALL_TIME, Window, instant_to_text
from inngest_rest._local.arguments import (
    check_choice,
    check_text,
    invalid,
    is_status,
)
from inngest_rest._local.expressions import Expression, event_paths
from inngest_rest._values.visible import shown
from inngest_rest.models import UNFINISHED, RunStatus
from inngest_rest.typing import EndedStatusName, StatusName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.windows import Instant
    from inngest_rest.models import Run
    from inngest_rest.typing import StatusFilter

ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
ALWAYS_ENDED = tuple(RunStatus(name) for name in get_args(EndedStatusName))
PAUSED = RunStatus("paused")


def check_statuses(status: StatusFilter | None) -> tuple[RunStatus, ...]:
    """Return one status or several as a tuple without repeats; reject an unknown name."""
    if status is None:
        return ()
    is_single = isinstance(status, str) or not isinstance(status, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
    given: list[Any] = [status] if is_single else [*status]
    if not given:
        raise invalid("status", "is empty", how="Name at least one, or leave it out.")
    names: list[Any] = []
    for value in given:
        names += _names(value)
    for name in names:
        # A `RunStatus` comes from a server, or was made on purpose.
        if not isinstance(name, RunStatus) and not is_status(name):
            check_choice("status", name, get_args(StatusName))
    return tuple(dict.fromkeys(map(RunStatus, names)))


def _names(value: object) -> list[Any]:
    """Return the names in a text such as "failed,cancelled"; any other value as it is."""
    if isinstance(value, RunStatus) or not isinstance(value, str):
        return [value]
    return [name.strip().lower() for name in value.split(",")]


@frozen(kw_only=True)
class Selection:
    """The checked filters of runs, a `RunSelection`."""

    statuses: tuple[RunStatus, ...] = ()
    names: Names = ANY
    error_contains: str | None = None
    where: Expression | None = None
    query: str | None = None
    window: Window = ALL_TIME  # of the time of queueing
    ended: Window = ALL_TIME
    # With PAUSED where the server filters by that; `statuses` are of each server.
    are_open: bool = False

    @classmethod
    def of(
        cls,
        session: Session,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        error_contains: str | None = None,
        where: str | None = None,
        query: str | None = None,
        since: Instant | None = None,
        until: Instant | None = None,
        ended_since: Instant | None = None,
        ended_until: Instant | None = None,
    ) -> Selection:
        """Check the filters that a caller passed."""
        window = Window.of(session, since, until)
        ended = Window.of(session, ended_since, ended_until, "ended_")
        if ended and window and window.since is None:
            reason = (
                "with an end time requires since: runs are then listed by queue time"
            )
            raise invalid("until", reason)
        if error_contains is not None:
            text = check_text("error_contains", error_contains)
            if not text.strip():
                reason = "must not be blank: nearly every error contains blanks"
                raise invalid("error_contains", reason)
        checked_statuses = check_statuses(status)
        names = Names.of(app, function)
        condition: Expression | None = None
        if where is not None:
            variables = ("run", "event", "error", "output")
            condition = Expression("where", where, variables)
        return cls(
            statuses=checked_statuses,
            names=names,
            error_contains=error_contains,
            where=condition,
            query=check_query(query),
            window=window,
            ended=ended,
        )

    @property
    def by_end(self) -> bool:
        """Whether servers have to select runs by their ends.

        If the time of queueing is bounded, they list runs by that and the ends are compared here:
        servers with much history take long to list runs by their ends (operation listRunsV2).
        """
        return bool(self.ended) and not self.window

    @property
    def is_relative(self) -> bool:
        return self.window.is_relative or self.ended.is_relative

    def narrowed(self, default: tuple[RunStatus, ...] = ()) -> Selection:
        """Return a selection with only the statuses that the other filters allow."""
        statuses = self.statuses or default
        if self.error_contains:
            narrowing = "error_contains"
            possible: tuple[RunStatus, ...] = (RunStatus.FAILED,)
        elif self.ended:
            narrowing = "ended_since"
            possible = ENDED
        else:
            are_open = self.are_open or (not self.statuses and default is UNFINISHED)
            return evolve(self, statuses=statuses, are_open=are_open)
        if statuses:
            possible_names = " or ".join(possible)
            possible = tuple(status for status in possible if status in statuses)
            if not possible:
                requested = " or ".join(statuses)
                raise invalid(
                    narrowing,
                    f"selects only runs that are {possible_names}, none that is {requested}",
                )
        return evolve(self, statuses=possible)

    def check_open(self) -> None:
        """Reject the status of runs that have ended; one that is not known here is accepted."""
        self._check_none_of(ALWAYS_ENDED, "have ended")

    def check_ended(self) -> None:
        """Reject the status of runs that have not ended; one not known here is accepted."""
        self._check_none_of((*UNFINISHED, PAUSED), "have not ended")

    def _check_none_of(self, excluded: Iterable[RunStatus], what: str) -> None:
        for status in self.statuses:
            if status in excluded:
                raise invalid("status", f"{status.value!r} selects runs that {what}")

    @property
    def needs_output(self) -> bool:
        """Whether runs have to be listed with their outputs or errors."""
        if self.error_contains is not None:
            return True
        if self.where is None:
            return False
        return not self.where.names.isdisjoint({"output", "error"})

    @property
    def event_paths(self) -> list[tuple[str, ...]]:
        """The paths to the fields of the event that the conditions name."""
        where = self.where.text if self.where else ""
        return event_paths(f"{where} {self.query or ''}")

    def fields_of(
        self, event: Mapping[str, Any], more: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the fields of an event at these paths and those that the conditions name."""
        values: dict[str, Any] = {}
        for path in (*(path.split(".") for path in more), *self.event_paths):
            value: Any = event
            with suppress(KeyError, TypeError):  # the event lacks it
                for name in path:
                    value = value[name]
                values[".".join(path)] = value
        return values

    @property
    def evaluated_here(self) -> tuple[str, ...]:
        """The arguments by which servers do not filter, or not completely."""
        arguments: list[str] = []
        if self.where is not None:
            arguments.append("where")
        if self.error_contains is not None:
            arguments.append("error_contains")
        exact_app, exact_function = self.names.exact
        if exact_function != self.names.function:
            arguments.append("function")
        if exact_app != self.names.app:
            arguments.append("app")
        return tuple(arguments)

    def without_local(self) -> Selection:
        """Return a selection without the filters that no server supports, not even in part."""
        return evolve(self, error_contains=None, where=None)

    def match(self, run: Run, now: datetime) -> bool:
        """Return whether a run passes the filters evaluated here, other than `where`."""
        if self.ended and not self.ended.has(run.ended_at, now):
            return False
        if not self.names.match(run.app_id, run.function_id):
            return False
        if self.error_contains is None:
            return True
        if run.error is None:
            return False
        text = f"{run.error.name or ''}: {run.error.message or ''}"
        return self.error_contains.casefold() in text.casefold()

    def to_json(self) -> dict[str, Any]:
        statuses = sorted(status.value for status in self.statuses)
        condition = self.where.text if self.where else None
        asked = {
            "status": statuses or None,
            "app": self.names.app,
            "function": self.names.function,
            "error_contains": self.error_contains,
            "where": condition,
            "query": self.query,
            "since": instant_to_text(self.window.since),
            "until": instant_to_text(self.window.until),
            "ended_since": instant_to_text(self.ended.since),
            "ended_until": instant_to_text(self.ended.until),
        }
        return {name: value for name, value in asked.items() if value is not None}

    def __str__(self) -> str:
        asked = self.to_json()
        if self.statuses:
            asked["status"] = ",".join(sorted(self.statuses))
        words = [f"{name}={shown(value)}" for name, value in asked.items()]
        return ", ".join(words) or "no filter"


_MOST_QUERY_BYTES = 2_048

# Literals and comments of CEL, which may contain anything.
_TEXT = r"""\w*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|//.*"""

# A name that is neither a field of another nor called, with its fields.
_NAMED = r"(?<![\w.])(?!(?:true|false|null|in)\b)[A-Za-z_]\w*(?:\.\w+)*\b(?!\s*\()"

_COMPARED = r"event\.(?:name|v|data\..+)|(?:output|error)\..+"


def check_query(query: str | None) -> str | None:
    """Return a CEL expression without blanks around it; reject one that servers ignore or fail on.

    A part that they ignore selects every run (measured on release 1.43).
    """
    if query is None:
        return None
    query = check_text("query", query).strip()
    if len(query.encode()) > _MOST_QUERY_BYTES:
        raise invalid("query", f"has more than {_MOST_QUERY_BYTES:,} bytes of UTF-8")
    roots: set[str] = set()
    for line in query.split("\n"):
        for name in _checked_names(line):
            root, _, _ = name.partition(".")
            roots.add(root)
    if "event" in roots and len(roots) > 1:
        raise invalid(
            "query",
            "mixes event with output or error; servers then miss runs",
            how="List the runs of each separately.",
        )
    return query


def _checked_names(line: str) -> list[str]:
    """Return the fields that a line of a query names; reject fields that servers do not compare."""
    bare = re.sub(_TEXT, '""', line)
    names: list[str] = re.findall(_NAMED, bare)
    if not names:
        reason = "has a line that names no field, which servers ignore or hang on"
        raise invalid("query", f"{reason}: {shown(line)}")
    for name in names:
        if not re.fullmatch(_COMPARED, name):
            raise invalid(
                "query",
                f"names {name}, which servers ignore or fail on",
                how="Compare event.name, event.v or a field of event.data, of output or of error.",
            )
    if re.search(r"\bevent\.(?:name|v)\s*[<>]|[<>]=?\s*event\.(?:name|v)\b", bare):
        reason = "has an order of event.name or event.v, which servers ignore"
        raise invalid("query", reason, how="Use ==.")
    return names
