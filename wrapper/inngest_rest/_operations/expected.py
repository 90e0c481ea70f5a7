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
    from inngest_rest.models import AppSync
    from inngest_rest.typing import Expected, Seconds


class StatedTrigger(msgspec.Struct, frozen=True):
    """A trigger of an expected or actual function."""

    kind: str
    value: str
    condition: str | None = None


class ExpectedFunction(msgspec.Struct, frozen=True):
    """An expected function, with the facts that were stated of it."""

    id: str
    app_id: str | None = None
    triggers: frozenset[StatedTrigger] | None = None
    configuration: dict[str, Any] | None = None

    def differences(self, function: Function) -> tuple[str, ...]:
        """Return the names of the stated facts in which a function differs."""
        actual = _stated(function.to_dict())
        differing: list[str] = []
        if self.triggers is not None and self.triggers != actual.triggers:
            differing.append("triggers")
        expected = self.configuration or {}
        configuration = actual.configuration or {}
        for name, value in expected.items():
            if value != configuration.get(name):
                differing.append(f"configuration.{name}")
        return tuple(differing)


def read_expected(
    expect: Expected, app_id: str | None = None
) -> tuple[ExpectedFunction, ...]:
    """Read the expected functions, without those that name another app than this one."""
    items: Any = expect
    if isinstance(expect, Mapping):
        items = _items_of_answer(cast("Mapping[str, Any]", expect))
    if isinstance(items, str) or not isinstance(items, Iterable):
        form = "a list of functions, or what `functions list` writes"
        raise invalid("expect", f"must be {form}")
    functions: list[ExpectedFunction] = []
    for index, item in enumerate(cast("Iterable[object]", items)):
        function = _read(item, index)
        functions.append(function)
    if not functions:
        raise invalid("expect", "is empty")
    if app_id is not None:
        possible_apps = {None, "", app_id}
        functions = [each for each in functions if each.app_id in possible_apps]
    return tuple(functions)


def _items_of_answer(answer: Mapping[str, Any]) -> object:
    """Return the functions of an answer of `functions list -o json`, if it has all of them."""
    data = answer.get("data")
    page = answer.get("page")
    if not isinstance(data, Mapping):
        return None
    cursor = None
    if isinstance(page, Mapping):
        cursor = cast("Mapping[str, Any]", page).get("next")
    if cursor:
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
    elif isinstance(item, Function):
        item = item.to_dict()
    try:
        function = _stated(item)
    except msgspec.ValidationError as error:
        reason = f"must be an id or a function: {error}"
        raise invalid(f"expect[{index}]", reason, argument="expect") from None
    check_id("expect", function.id)
    return function


def _stated(function: object) -> ExpectedFunction:
    return msgspec.convert(function, type=ExpectedFunction)


async def check_app(
    session: Session,
    app_id: str,
    expect: Expected | None,
    count: int | None,
) -> AppCheck:
    """Compare the functions of an app with the expected ones, or with their number."""
    app_id = check_id("app", app_id, argument="id")
    expected = check_expectation(app_id, expect, count)
    return await _check(session, app_id, expected, count)


async def _check(
    session: Session,
    app_id: str,
    expected: tuple[ExpectedFunction, ...] | None,
    count: int | None,
) -> AppCheck:
    # An app that does not exist is an error: it has not lost its functions. v1 has no such route.
    with suppress(RouteNotFoundError):
        await get_app(session, app_id)
    listed = await read_all(list_functions(session, app_id))
    functions = [function for function in listed if not function.is_archived]
    return _compared(app_id, functions, expected, count)


async def sync_and_check(
    session: Session,
    app_id: str,
    url: str,
    wait: Seconds | None,
    expect: Expected | None,
    count: int | None,
) -> AppSync:
    """Sync an app; once that is done, compare its functions with the expected ones, if any."""
    if expect is None and count is None:
        return await sync_app(session, app_id, url, wait)
    app_id = check_id("app", app_id, argument="id")
    expected = check_expectation(app_id, expect, count)
    sync = await sync_app(session, app_id, url, wait)
    if sync.status in {"pending", "error"}:
        return sync
    check = await _check(session, app_id, expected, count)
    return evolve(sync, check=check)


def check_expectation(
    app_id: str, expect: Expected | None, count: int | None
) -> tuple[ExpectedFunction, ...] | None:
    """Read the expected functions of an app before anything is sent; None if only a count is."""
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
    expected_by_id = {function.id: function for function in expected or ()}
    new: list[str] = []
    if expected is not None:
        new = [id for id in registered if id not in expected_by_id]
    gone: list[str] = []
    changed: dict[str, tuple[str, ...]] = {}
    for id, function in expected_by_id.items():
        if id not in registered:
            gone.append(id)
            continue
        differences = function.differences(registered[id])
        if differences:
            changed[id] = differences
    return AppCheck(
        app_id=app_id,
        function_count=len(registered),
        expected_count=len(expected_by_id) if count is None else count,
        new=tuple(new),
        gone=tuple(gone),
        changed=changed,
    )
