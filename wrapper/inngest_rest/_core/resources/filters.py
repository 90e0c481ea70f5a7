"""Filters of runs, as callers write them: statuses, apps and functions, errors, conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, get_args

from attrs import evolve, frozen

from inngest_rest._arguments import check_choice, invalid, is_status
from inngest_rest._core.arguments import check_id, check_text
from inngest_rest._core.expressions import Expression
from inngest_rest._core.resources.queries import check_query
from inngest_rest._core.resources.windows import ALL_TIME, Window, to_text
from inngest_rest._visible import shown
from inngest_rest.models import RunStatus
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.windows import Instant
    from inngest_rest.models import Run
    from inngest_rest.typing import StatusFilter

ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


def check_statuses(status: StatusFilter | None) -> tuple[RunStatus, ...]:
    """Return one status or several as a tuple without repeats; reject a mistyped name."""
    if status is None:
        return ()
    one = isinstance(status, str) or not isinstance(status, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
    given: list[Any] = [status] if one else [*status]
    if not given:
        raise invalid("status", "is empty", how="Name at least one, or leave it out.")
    names = [it for each in given for it in _names(each)]
    for name in names:
        # A `RunStatus` is what a server said, or was made on purpose.
        if not isinstance(name, RunStatus) and not is_status(name):
            check_choice("status", name, get_args(StatusName))
    return tuple(dict.fromkeys(map(RunStatus, names)))


def _names(given: object) -> list[Any]:
    if isinstance(given, RunStatus) or not isinstance(given, str):
        return [given]
    return [name.strip().lower() for name in given.split(",")]


@frozen
class Names:
    """An app and a function as callers name them: by an id or a pattern each, or in one text."""

    app: str | None = None
    function: str | None = None

    @classmethod
    def of(cls, app: str | None, function: str | None) -> Names:
        """Check them; reject what would select every run, and a bare function without its app."""
        app, function = check_text("app", app), check_text("function", function)
        if function is not None and "/" in function:
            app, function = _split(app, function)
        for name, value in (("app", app), ("function", function)):
            if value is not None:
                check_id(name, value)
        if _selects_all(app, function):
            raise invalid(
                "app" if function is None else "function", "selects every run"
            )
        if (
            app is None
            and function is not None
            and not _is_pattern(function, or_with="-")
        ):
            raise invalid(
                "function",
                "needs app: functions are named within one",
                how=f"Pass app, or write APP/{function}.",
            )
        return cls(app, function)

    @property
    def exact(self) -> tuple[str | None, str | None]:
        """The one app, and the one function, that each run must be of; None if there is none."""
        if self.app is None or _is_pattern(self.app):
            return None, None
        return self.app, None if _is_pattern(self.function or "*") else self.function

    @property
    def ids(self) -> tuple[list[str], list[str]]:
        """What the server can filter by: the ids of apps, and of functions in them."""
        if self.app is None and self.function and not _is_pattern(self.function):
            # The dash between the two may be any of them.
            parts = self.function.split("-")
            at = range(1, len(parts))
            return ["-".join(parts[:n]) for n in at], ["-".join(parts[n:]) for n in at]
        app, function = self.exact
        return [app] if app else [], [function] if function else []

    def match(self, app: str | None, function: str | None) -> bool:
        if self.app is not None or self.function is None:
            return _matches(self.app, app) and _matches(self.function, function)
        if app is not None and _matches(self.function, f"{app}-{function}"):
            return True
        return _is_pattern(self.function) and _matches(self.function, function)


def _split(app: str | None, function: str) -> tuple[str, str]:
    """Return the app and the function that APP/FUNCTION names; reject another app beside it."""
    of_function, _, name = function.partition("/")
    if app not in {None, of_function}:
        raise invalid(
            "function", f"is one of app {shown(of_function)}, not {shown(app)}"
        )
    return of_function, name


def _selects_all(app: str | None, function: str | None) -> bool:
    """Return whether patterns are given that fit every name."""
    text = f"{app or ''}{function or ''}"
    # A dash alone would be the one between each app and its function.
    return bool(text) and not re.sub("[*?-]", "", text)


def _is_pattern(name: str, or_with: str = "*") -> bool:
    return not {"*", "?", or_with}.isdisjoint(name)


def _matches(pattern: str | None, name: str | None) -> bool:
    if pattern is None:
        return True
    # fnmatch's `[` can occur in an id, so escape it.
    return name is not None and fnmatchcase(name, pattern.replace("[", "[[]"))


@frozen(kw_only=True)
class Selection:
    """Which runs: the checked `RunSelection`."""

    statuses: tuple[RunStatus, ...] = ()
    names: Names = Names()
    error_contains: str | None = None
    where: Expression | None = None
    query: str | None = None
    window: Window = ALL_TIME  # of the time of queueing
    ended: Window = ALL_TIME

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
            raise invalid(
                "until",
                "with an end time requires since: runs are then listed by queue time",
            )
        if (
            error_contains is not None
            and not check_text("error_contains", error_contains).strip()
        ):
            raise invalid(
                "error_contains",
                "must not be blank: nearly every error contains blanks",
            )
        variables = ("run", "event", "error", "output")
        return cls(
            statuses=check_statuses(status),
            names=Names.of(app, function),
            error_contains=error_contains,
            where=None if where is None else Expression("where", where, variables),
            query=check_query(query),
            window=window,
            ended=ended,
        )

    @property
    def by_end(self) -> bool:
        """Whether servers have to select runs by their ends.

        Where the time of queueing is bounded, they list runs by that, as servers with much history
        take long for the ends (operation listRunsV2), which are compared here.
        """
        return bool(self.ended) and not self.window

    @property
    def is_relative(self) -> bool:
        return self.window.is_relative or self.ended.is_relative

    def narrowed(self, default: tuple[RunStatus, ...] = ()) -> Selection:
        """Return it with the statuses that runs can have which the other filters select."""
        statuses = self.statuses or default
        name, possible = ("ended_since", ENDED) if self.ended else ("", statuses)
        if self.error_contains:
            name, possible = "error_contains", (RunStatus.FAILED,)
        left = tuple(each for each in possible if not statuses or each in statuses)
        if name and not left:
            only, asked = " or ".join(possible), " or ".join(statuses)
            raise invalid(
                name, f"selects only runs that are {only}, none that is {asked}"
            )
        return evolve(self, statuses=left)

    @property
    def needs_output(self) -> bool:
        """Whether runs have to be listed with their outputs or errors."""
        names = self.where.names if self.where else set[str]()
        return self.error_contains is not None or not names.isdisjoint(
            {"output", "error"}
        )

    @property
    def evaluated_here(self) -> tuple[str, ...]:
        """The arguments that servers do not filter by, or not completely."""
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
        """Return it without what is evaluated here alone; servers filter by a part of names."""
        return evolve(self, error_contains=None, where=None)

    def match(self, run: Run) -> bool:
        """Return whether a run is selected by what servers do not filter by, but for `where`."""
        if not self.names.match(run.app_id, run.function_id):
            return False
        if self.error_contains is None:
            return True
        if run.error is None:
            return False
        text = f"{run.error.name or ''}: {run.error.message or ''}"
        return self.error_contains.casefold() in text.casefold()

    def to_json(self) -> dict[str, Any]:
        asked = {
            "status": sorted(each.value for each in self.statuses) or None,
            "app": self.names.app,
            "function": self.names.function,
            "error_contains": self.error_contains,
            "where": self.where.text if self.where else None,
            "query": self.query,
            "since": to_text(self.window.since),
            "until": to_text(self.window.until),
            "ended_since": to_text(self.ended.since),
            "ended_until": to_text(self.ended.until),
        }
        return {name: value for name, value in asked.items() if value is not None}

    def __str__(self) -> str:
        asked = self.to_json()
        if self.statuses:
            asked["status"] = ",".join(sorted(self.statuses))
        return (
            ", ".join(f"{name}={shown(value)}" for name, value in asked.items())
            or "no filter"
        )
