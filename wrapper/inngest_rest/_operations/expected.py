"""Compare the functions of an app with the expected ones: new, gone or changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec
from attrs import evolve

from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_count, check_id
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.resources.apps import get_app, list_functions, sync_app
from inngest_rest._visible import shown
from inngest_rest.errors import RouteNotFoundError
from inngest_rest.models import AppCheck, Function

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import AppSync
    from inngest_rest.typing import Expected, Seconds


class StatedTrigger(msgspec.Struct, frozen=True):
    """A trigger, as it was stated."""

    kind: str
    value: str
    condition: str | None = None


class ExpectedFunction(msgspec.Struct, frozen=True):
    """A function that is expected, with as much of it as was stated."""

    id: str
    app_id: str | None = None
    triggers: frozenset[StatedTrigger] | None = None
    configuration: dict[str, Any] | None = None

    def differences(self, function: Function) -> tuple[str, ...]:
        """Return the names of what differs in a function, of all that was stated."""
        actual = _stated(function.to_dict())
        differing: list[str] = []
        if self.triggers is not None and self.triggers != actual.triggers:
            differing.append("triggers")
        configuration = actual.configuration or {}
        for name, value in (self.configuration or {}).items():
            if value != configuration.get(name):
                differing.append(f"configuration.{name}")
        return tuple(differing)


def read_expected(
    expect: Expected, app_id: str | None = None
) -> tuple[ExpectedFunction, ...]:
    """Check what is expected; of functions that name another app than this one, return none."""
    items: Any = expect
    if isinstance(expect, Mapping):
        items = _items_of_answer(cast("Mapping[str, Any]", expect))
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise invalid(
            "expect", "must be a list of functions, or what `functions list` writes"
        )
    read = [
        _read(item, index) for index, item in enumerate(cast("Iterable[object]", items))
    ]
    if not read:
        raise invalid("expect", "is empty")
    return tuple(each for each in read if app_id in {None, each.app_id or app_id})


def _items_of_answer(answer: Mapping[str, Any]) -> object:
    """Return the functions of an answer of `functions list -o json`, if it has all of them."""
    data, page = answer.get("data"), answer.get("page")
    if not isinstance(data, Mapping):
        return None
    if isinstance(page, Mapping) and cast("Mapping[str, Any]", page).get("next"):
        raise invalid(
            "expect",
            "is one page of functions of several",
            how="List all of them: `functions list --limit 1000 -o json`.",
        )
    return cast("Mapping[str, Any]", data).get("items")


def _read(item: object, index: int) -> ExpectedFunction:
    if isinstance(item, str):
        app_id, _, id = item.rpartition("/")
        item = {"id": id, "app_id": app_id or None}
    try:
        function = _stated(item.to_dict() if isinstance(item, Function) else item)
    except msgspec.ValidationError as error:
        what = f"must be an id or a function: {error}"
        raise invalid(f"expect[{index}]", what, argument="expect") from None
    check_id("expect", function.id)
    return function


def _stated(function: object) -> ExpectedFunction:
    return msgspec.convert(function, type=ExpectedFunction)


def check_app(
    session: Session, app_id: str, expect: Expected | None, count: int | None
) -> Plan[AppCheck]:
    """Compare the functions that an app has with those that are expected, or their number."""
    app_id = check_id("app", app_id, argument="id")
    expected = check_expectation(app_id, expect, count)
    return (yield from _check(session, app_id, expected, count))


def _check(
    session: Session,
    app_id: str,
    expected: tuple[ExpectedFunction, ...] | None,
    count: int | None,
) -> Plan[AppCheck]:
    with suppress(RouteNotFoundError):  # v1 has none
        yield from get_app(
            session, app_id
        )  # an app that is not there has lost no function
    listed = yield from read_all(list_functions(session, app_id))
    functions = [function for function in listed if not function.is_archived]
    return _compared(app_id, functions, expected, count)


def sync_and_check(
    session: Session,
    app_id: str,
    url: str,
    wait: Seconds | None,
    expect: Expected | None,
    count: int | None,
) -> Plan[AppSync]:
    """Have an app synced, and compare its functions if that is done, and any are expected."""
    if expect is None and count is None:
        return (yield from sync_app(session, app_id, url, wait))
    expected = check_expectation(check_id("app", app_id, argument="id"), expect, count)
    sync = yield from sync_app(session, app_id, url, wait)
    if sync.status in {"pending", "error"}:
        return sync
    check = yield from _check(session, app_id, expected, count)
    return evolve(sync, check=check)


def check_expectation(
    app_id: str, expect: Expected | None, count: int | None
) -> tuple[ExpectedFunction, ...] | None:
    """Read what is expected of an app, before anything is sent; None if only its count is."""
    if expect is None and count is None:
        raise invalid("expect", "or count is required")
    if count is not None:
        check_count("count", count, at_least=1)
    if expect is None:
        return None
    expected = read_expected(expect, app_id)
    if not expected:
        raise invalid("expect", f"names no function of app {shown(app_id)}")
    return expected


def _compared(
    app_id: str,
    functions: list[Function],
    expected: tuple[ExpectedFunction, ...] | None,
    count: int | None,
) -> AppCheck:
    registered = {function.id: function for function in functions}
    wanted = {each.id: each for each in expected or ()}
    differing = {
        id: differences
        for id, each in wanted.items()
        if id in registered and (differences := each.differences(registered[id]))
    }
    return AppCheck(
        app_id=app_id,
        function_count=len(registered),
        expected_count=count if count is not None else len(wanted),
        new=()
        if expected is None
        else tuple(id for id in registered if id not in wanted),
        gone=tuple(id for id in wanted if id not in registered),
        changed=differing,
    )
