"""Checks of arguments, before anything is sent, and the one maker of the error for an argument."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from inngest_rest._values.ulid import is_ulid
from inngest_rest._values.visible import did_you_mean, nearest, shown, type_name
from inngest_rest.errors import Advice, InvalidArgumentError
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from collections.abc import Collection

    from inngest_rest.typing import Seconds

S = TypeVar("S")
T = TypeVar("T")

# Control characters, and lone surrogates, which a URL cannot contain; compiled when first needed.
_NO_URL = r"[\x00-\x20\x7f\ud800-\udfff]"

# Of text of a class of its own: `str()` of an enum is its name.
_plain = str.__str__


def invalid(
    name: str, reason: str, *, how: str = "", argument: str | None = None
) -> InvalidArgumentError:
    """Return the error for an argument, or for a part of the one that `argument` names.

    `how` is its remedy: a sentence, such as "Pass one of them."
    """
    advice = Advice(how)
    return InvalidArgumentError(
        f"{name} {reason}", argument=argument or name, advice=advice
    )


def is_status(name: object) -> bool:
    """Return whether a text is a status, or may be one of a newer server: it is like none of ours.

    The nearest of ours is what a mistyped one means.
    """
    known = get_args(StatusName)
    if name in known:
        return True
    is_word = isinstance(name, str) and re.fullmatch("[a-z][a-z_]+", name) is not None
    return is_word and nearest(name, known) is None


def check_choice(name: str, value: object, known: Collection[str]) -> None:
    if value not in known:
        text = f"unknown {name} {shown(value)}{did_you_mean(value, known)}"
        raise InvalidArgumentError(text, argument=name)


def check_path(name: str, value: str | os.PathLike[str]) -> None:
    """Reject what no file can have as its path, and names that neither JSON nor a terminal take."""
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if not isinstance(path, str) or not path or "\0" in path:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(name, f"must be the path of a file, not {shown(value)}")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise invalid(name, f"must be a path in UTF-8, not {shown(path)}") from None


def check_json(name: str, value: Any) -> Any:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
        json.loads(text, object_pairs_hook=_check_keys)
    except RecursionError:
        raise invalid(name, "is nested too deep to be encoded as JSON") from None
    except (TypeError, ValueError) as error:
        how = (
            "Convert it first, dates by .isoformat()."
            if isinstance(error, TypeError)
            else ""
        )
        raise invalid(name, f"cannot be encoded as JSON: {error}", how=how) from None
    return value


def _check_keys(pairs: list[tuple[str, Any]]) -> None:
    """Refuse two keys of one text, such as 1 and "1": one of their values would be lost."""
    numbers = Counter(key for key, _ in pairs)
    repeated = next((key for key, number in numbers.items() if number > 1), None)
    if repeated is not None:
        raise ValueError(f"it has two keys that both become {shown(repeated)}")


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
