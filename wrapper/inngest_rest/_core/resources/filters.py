"""Filters of runs, as callers write them: statuses, apps and functions, errors, conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast, get_args

from attrs import evolve, frozen

from inngest_rest._arguments import (
    check_choice,
    check_id,
    check_text,
    invalid,
    is_status,
)
from inngest_rest._core.expressions import Expression
from inngest_rest._core.resources.queries import check_query
from inngest_rest._core.resources.windows import ALL_TIME, Window, instant_to_text
from inngest_rest._visible import shown
from inngest_rest.models import UNFINISHED, RunStatus
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.windows import Instant
    from inngest_rest.models import Run
    from inngest_rest.typing import StatusFilter

# A path into the event, without `event`; not a method of CEL.
_NAMED_FIELD = r"""\bevent((?:\.\w+\b|\["[^"]*"\]|\['[^']*'\])+)(?!\s*\()"""
_INDEX = r"""\[["'](.*?)["']\]"""

ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


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


@frozen
class Names:
    """The caller's app and function: each an id or a pattern, or both in one text."""

    app: str | None = None
    function: str | None = None

    @classmethod
    def of(cls, app: str | None, function: str | None) -> Names:
        """Check the names; reject patterns of every run, and a bare function without its app."""
        app = check_text("app", app)
        function = check_text("function", function)
        if function is not None and "/" in function:
            app, function = _split(app, function)
        if app is not None:
            check_id("app", app)
        if function is not None:
            check_id("function", function)
        if _selects_all(app, function):
            name = "app" if function is None else "function"
            raise invalid(name, "selects every run")
        if app is None and function is not None:
            _check_has_app(function)
        return cls(app, function)

    @property
    def exact(self) -> tuple[str | None, str | None]:
        """The only app, and the only function, whose runs match; None for any or a pattern."""
        if self.app is None or _is_pattern(self.app):
            return None, None
        if self.function is None or _is_pattern(self.function):
            return self.app, None
        return self.app, self.function

    @property
    def joined(self) -> str | None:
        """The only function that matches, where both are written as APP-FUNCTION."""
        is_one = self.function is not None and not _is_pattern(self.function)
        return self.function if self.app is None and is_one else None

    @property
    def ids(self) -> tuple[list[str], list[str]]:
        """The ids of apps, and of functions in them, by which the server can filter."""
        if self.joined is not None:
            return _split_at_dashes(self.joined)
        app, function = self.exact
        apps = [app] if app else []
        functions = [function] if function else []
        return apps, functions

    def match(self, app: str | None, function: str | None) -> bool:
        if self.app is not None or self.function is None:
            return _matches(self.app, app) and _matches(self.function, function)
        if app is not None and _matches(self.function, f"{app}-{function}"):
            return True
        return _is_pattern(self.function) and _matches(self.function, function)


def _split(app: str | None, function: str) -> tuple[str, str]:
    """Return the app and the function of APP/FUNCTION; reject another app beside it."""
    of_function, _, name = function.partition("/")
    if app not in {None, of_function}:
        reason = f"is one of app {shown(of_function)}, not {shown(app)}"
        raise invalid("function", reason)
    return of_function, name


def _split_at_dashes(text: str) -> tuple[list[str], list[str]]:
    """Return the ids that APP-FUNCTION may stand for, as either may contain dashes."""
    parts = text.split("-")
    apps: list[str] = []
    functions: list[str] = []
    for position in range(1, len(parts)):
        apps.append("-".join(parts[:position]))
        functions.append("-".join(parts[position:]))
    return apps, functions


def _check_has_app(function: str) -> None:
    """Reject a function without an app, unless it may be APP-FUNCTION or is a pattern."""
    if _is_pattern(function) or "-" in function:
        return
    raise invalid(
        "function",
        "needs app: functions are named within one",
        how=f"Pass app, or write APP/{function}.",
    )


def _selects_all(app: str | None, function: str | None) -> bool:
    """Return whether the patterns match every name."""
    text = f"{app or ''}{function or ''}"
    # A dash alone would be the one between each app and its function.
    return bool(text) and not re.sub("[*?-]", "", text)


def _value_at(path: str, event: Mapping[str, Any]) -> Any:
    value: Any = event
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, Any]", value).get(name)
    return value


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def _matches(pattern: str | None, name: str | None) -> bool:
    if pattern is None:
        return True
    if name is None:
        return False
    # fnmatch's `[` can occur in an id, so escape it.
    escaped = pattern.replace("[", "[[]")
    return fnmatchcase(name, escaped)


@frozen(kw_only=True)
class Selection:
    """The checked filters of runs, a `RunSelection`."""

    statuses: tuple[RunStatus, ...] = ()
    names: Names = Names()
    error_contains: str | None = None
    where: Expression | None = None
    query: str | None = None
    window: Window = ALL_TIME  # of the time of queueing
    ended: Window = ALL_TIME
    # Of whatever status, and `statuses` are those of each server.
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

    @property
    def needs_output(self) -> bool:
        """Whether runs have to be listed with their outputs or errors."""
        if self.error_contains is not None:
            return True
        if self.where is None:
            return False
        return not self.where.names.isdisjoint({"output", "error"})

    @property
    def event_paths(self) -> list[str]:
        """The fields of the event that the conditions name, without `event.`."""
        where = self.where.text if self.where else ""
        named = re.findall(_NAMED_FIELD, f"{where} {self.query or ''}")
        return [re.sub(_INDEX, r".\1", path).removeprefix(".") for path in named]

    def fields_of(
        self, event: Mapping[str, Any], more: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the fields of an event at these paths and those that the conditions name."""
        values: dict[str, Any] = {}
        for path in (*more, *self.event_paths):
            value = _value_at(path, event)
            if value is not None:
                values[path] = value
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

    def match(self, run: Run) -> bool:
        """Return whether a run passes the filters evaluated here, other than `where`."""
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
