"""Argument validation, before anything is sent; each error names the argument. And event names.

Those that the server refuses, and the vendor's convention, `domain/noun.verb`, which its
documentation recommends ("Tips for event naming"): a prefix, an object and an action, in lower
case, such as "billing/invoice.paid". Words may contain digits, `_` and `-`, and an object may have
several words, as in "stripe/customer.subscription.deleted". Whether the last one is a verb in the
past tense is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from inngest_rest._arguments import check_json, invalid
from inngest_rest._core.logs import logger
from inngest_rest._ulid import is_ulid
from inngest_rest._visible import shown, type_name
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from inngest_rest.typing import Seconds

S = TypeVar("S")
T = TypeVar("T")

# Control characters, and lone surrogates, which a URL cannot contain; compiled when first needed.
_NO_URL = r"[\x00-\x20\x7f\ud800-\udfff]"

# Of text of a class of its own: `str()` of an enum is its name.
_plain = str.__str__


def check_id(name: str, value: str, *, argument: str | None = None) -> str:
    """Reject an id that would not remain a single path segment.

    httpx resolves dots, and v2 decodes escaped slashes.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(name, f"must be text, not {type_name(value)}", argument=argument)
    is_relative = value in {"", ".", ".."}
    has_slash = "/" in value or "\\" in value
    if is_relative or has_slash or re.search(_NO_URL, value):
        reason = f"is malformed: {shown(value)} is not an id"
        raise invalid(name, reason, argument=argument)
    return _plain(value)


def check_run_id(name: str, value: str, *, argument: str | None = None) -> str:
    """Reject text that cannot be the id of a run, before many requests are made with it."""
    run_id = check_id(name, value, argument=argument)
    if not is_ulid(run_id):
        reason = f"is malformed: {shown(run_id)} is not the id of a run"
        raise invalid(name, reason, argument=argument)
    return run_id


def check_text(name: str, value: S) -> S:
    """Reject text that is empty, and so would filter nothing, or that cannot be encoded."""
    if value is None:
        return value
    if not isinstance(value, str) or not value:
        raise invalid(name, f"must be text and not empty, not {shown(value)}")
    plain: S = check_json(name, _plain(value))
    return plain


def check_count_or_none(
    name: str, value: int | None, *, at_most: int | None = None
) -> int | None:
    return None if value is None else check_count(name, value, at_most=at_most)


def check_count(
    name: str,
    value: int,
    *,
    at_least: int = 1,
    at_most: int | None = None,
) -> int:
    """Reject anything but an integer from `at_least`, which is 1 or 0, to `at_most`."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_integer or value < at_least:
        wanted = "a positive integer" if at_least else "0 or a positive integer"
        raise invalid(name, f"must be {wanted}, got {shown(value)}")
    if at_most is not None and value > at_most:
        raise invalid(name, f"must be at most {at_most}, not {shown(value)}")
    return value


def check_callable(name: str, value: object) -> None:
    if value is not None and not callable(value):
        raise invalid(name, "must be callable")


def is_aware(moment: datetime) -> bool:
    """Return whether a datetime has a time zone with an offset from UTC."""
    return moment.utcoffset() is not None


def check_seconds(name: str, value: Seconds) -> float:
    """Return a duration in seconds; reject anything but a positive one."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_number or not seconds > 0:  # which NaN is not, either
        raise invalid(
            name,
            f"must be a positive number of seconds or a timedelta, not {shown(value)}",
        )
    return float(seconds)


def check_json_object(name: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a JSON object as a dict, None as an empty one; reject anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(name, f"must be a JSON object, not {type_name(value)}")
    checked: dict[str, Any] = check_json(name, dict(value))
    return checked


def check_each(
    name: str,
    items: Iterable[S],
    items_are: str,
    check: Callable[[str, S], T],
) -> list[T]:
    """Check each item of an iterable; an error has the index of its item."""
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(name, f"must be an iterable of {items_are}, not {shown(items)}")
    try:
        return [check(f"{name}[{index}]", item) for index, item in enumerate(items)]
    except InvalidArgumentError as error:
        error.argument = name
        raise


_WORD = "[a-z0-9][a-z0-9_-]*"


def check_name(name: object, convention: NameConvention | None = None) -> None:
    """Raise ValueError if this is not a valid event name."""
    if not isinstance(name, str) or not name:
        raise ValueError("name must be text and not empty")
    if name[:8].lower() == "inngest/":
        raise ValueError(
            f"name {shown(name)} is reserved: inngest/ belongs to the platform"
        )
    if convention is not None:
        convention.check(name)


class NameConvention:
    """The check of a client's event names, which refuses a name or warns once of it."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses
        self._follows = re.compile(rf"{_WORD}/{_WORD}(\.{_WORD})+").fullmatch
        self._warned = set[str]()

    def check(self, name: str) -> None:
        """Warn of a name that does not follow the convention, or raise ValueError."""
        if self._follows(name):
            return
        shape = (
            "does not follow domain/noun.verb in lower case, such as shop/order.created"
        )
        reason = f"name {shown(name)} {shape}"
        if self._refuses:
            raise ValueError(reason)
        # Names are few by nature; if a program generates them, warnings end.
        if name not in self._warned and len(self._warned) < 100:
            self._warned.add(name)
            logger.warning("event %s", reason)

    def allows(self, names: Iterable[str]) -> bool:
        """Return whether all of them follow the convention."""
        return all(map(self._follows, names))
