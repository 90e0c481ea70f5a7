"""Compare functions with the expected ones: gone, changed or new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec
from attrs import frozen

from inngest_rest._local.arguments import check_id, invalid
from inngest_rest.models import Function

if TYPE_CHECKING:
    from collections.abc import Collection

    from inngest_rest.status import Expected


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


def read_expected(expect: Expected) -> tuple[ExpectedFunction, ...]:
    """Read the expected functions."""
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


@frozen(kw_only=True)
class Differences:
    """The functions that differ from what is expected, by their names."""

    gone: tuple[str, ...]
    changed: dict[str, tuple[str, ...]]  # with the facts that differ
    new: tuple[str, ...]  # of apps that the expectation names


def compared(
    expected: Collection[ExpectedFunction], functions: Iterable[Function]
) -> Differences:
    """Compare the functions of a server with the expected ones."""
    registered = {(each.app_id, each.id): each for each in functions}
    wanted: set[tuple[str, str]] = set()
    gone: list[str] = []
    changed: dict[str, tuple[str, ...]] = {}
    for each in expected:
        found = [
            function
            for (app_id, id), function in registered.items()
            if id == each.id and each.app_id in {None, "", app_id}
        ]
        if not found:
            gone.append(f"{each.app_id}/{each.id}" if each.app_id else each.id)
        for function in found:
            wanted.add((function.app_id, function.id))
            differences = each.differences(function)
            if differences:
                changed[f"{function.app_id}/{function.id}"] = differences
    named_apps = {each.app_id for each in expected if each.app_id}
    new = [
        f"{app_id}/{id}"
        for app_id, id in registered
        if app_id in named_apps and (app_id, id) not in wanted
    ]
    return Differences(gone=tuple(gone), changed=changed, new=tuple(new))
