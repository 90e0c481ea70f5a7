"""The app and the function whose runs are meant, as callers write them, and whether they exist."""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.resources import apps
from inngest_rest._local.arguments import check_id, check_text, invalid
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.errors import Advice, NextCall

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session


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


ANY = Names()


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


async def check_names(
    session: Session, names: Names, deadline: float = math.inf
) -> None:
    """Raise NotFoundError, with the nearest name, if no app or function has such a name.

    Not where the server does not list functions.
    """
    if names == ANY:
        return
    app, _ = names.exact
    try:
        if app is not None:
            await apps.check_app(session, app, deadline)
        functions = await apps.list_functions(session, app).read_all(deadline=deadline)
    except errors.NotFoundError as error:
        error.advice = Advice("{} shows the apps.", (NextCall("apps.list"),))
        raise
    except errors.InngestError:
        return
    if names == Names(app) or any(
        names.match(each.app_id, each.id) for each in functions
    ):
        return
    if names.function is None:
        lacks, wanted = "no function is of app", names.app
        known = [each.app_id for each in functions]
    elif names.app is None:
        lacks, wanted = "no app has a function", names.function
        known = [f"{each.app_id}-{each.id}" for each in functions]
    else:
        lacks, wanted = f"app {names.app} has no function", names.function
        known = [each.id for each in functions]
    absent = errors.NotFoundError(
        f"{lacks} {shown(wanted)}{did_you_mean(wanted, dict.fromkeys(known))}",
        status=200,  # a list that lacks the function is a success to the server
        method="GET",
        url=f"{session.settings.api_url}/v2/apps",
    )
    absent.advice = Advice("{} shows the functions.", (NextCall("functions.list"),))
    raise absent
