"""Checks of arguments that programs make, too, and the one maker of the error for an argument."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, get_args

from inngest_rest._visible import did_you_mean, nearest, shown
from inngest_rest.errors import Advice, InvalidArgumentError
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from collections.abc import Collection


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
