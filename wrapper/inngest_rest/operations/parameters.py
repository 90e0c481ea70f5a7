"""Kinds of parameters, and how they are read from JSON."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import attrs
import msgspec

from inngest_rest._core.arguments import check_json
from inngest_rest.errors import InvalidArgumentError

P = TypeVar("P", bound=attrs.AttrsInstance)

option = partial(attrs.field, kw_only=True, default=None)
"""A parameter that is an option on the command line; one without is an argument."""

Moment = Annotated[
    str,
    msgspec.Meta(
        description="ISO 8601 with a time zone, or how long ago by this machine's clock: 90s, 15m, "
        "2h, 7d"
    ),
]
"""An instant, or a time before now."""

Json = Mapping[str, Any]
"""A JSON object; on the command line JSON, @FILE or - for standard input."""


def is_json(kind: object) -> bool:
    """Return whether a parameter of this type is JSON on the command line: an object, or any."""
    if (get_origin(kind) or kind) in {Any, Mapping}:
        return True
    return any(is_json(each) for each in get_args(kind))


Seconds = Annotated[float, msgspec.Meta(gt=0)]
DEFAULT_TIMEOUT_S = 60.0

Rate = Annotated[int, msgspec.Meta(ge=1)]

ListLimit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
DEFAULT_LIMIT = 20

_AGO = re.compile(r"([0-9]{1,9})(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class ParameterError(InvalidArgumentError):
    """A parameter is missing, unknown or malformed.

    Attributes:
        field: Its name, if it is about one.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def unusable_file(
    field: str, path: object, error: Exception, *, verb: str = "read"
) -> ParameterError:
    """Return the error for a file that cannot be read, or written to, in words.

    Args:
        field: The parameter that names it.
        path: The file.
        error: What the system, or a codec, reported.
        verb: What cannot be done with it.
    """
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ParameterError(
        f"{field}: cannot {verb} {path}: {reason[:1].lower()}{reason[1:]}", field=field
    )


def instant(field: str, text: str | None, *, now: datetime | None = None) -> datetime | None:
    """Return the instant that a `Moment` names, fixed once.

    Raises:
        ParameterError: It is neither an instant with a time zone nor a time before now.
    """
    if text is None:
        return None
    found = _AGO.fullmatch(text.strip())
    try:
        if found:
            ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
            return (now or datetime.now(UTC)) - ago
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ParameterError(
        f"{field} is {text!r}: give an instant with a time zone such as 2026-11-25T12:00:00Z, "
        "or how long ago: 90s, 15m, 2h, 7d",
        field=field,
    )


def fixed(parameters: Any) -> Any:
    """Return parameters with the window of a filter fixed to instants, so that it stays the same.

    Raises:
        ParameterError: A time before now is too long ago.
    """
    window = {name: getattr(parameters, name, None) for name in ("since", "until")}
    fixed = {
        name: moment.isoformat()
        for name, text in window.items()
        if text and _AGO.fullmatch(text.strip()) and (moment := instant(name, text))
    }
    return attrs.evolve(parameters, **fixed) if fixed else parameters


def read(parameters: type[P], values: Mapping[str, Any]) -> P:
    """Make parameters from a JSON object.

    Raises:
        ParameterError: A parameter is missing, unknown or malformed; the message names it.
    """
    names = [each.name for each in attrs.fields(parameters)]
    for name in values:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            suggestion = f", did you mean {close[0]}?" if close else ";"
            valid = ", ".join(names) or "none"
            raise ParameterError(
                f"unknown parameter {name!r}{suggestion} valid are {valid}", field=name
            )
    try:
        return msgspec.convert(values, parameters)
    except msgspec.ValidationError as error:
        raise _named(str(error), parameters) from None
    except UnicodeEncodeError:
        raise _not_encodable(values) from None


def _not_encodable(values: Mapping[str, Any]) -> ParameterError:
    """Return the error for text with a lone surrogate, which msgspec does not say the place of."""
    return next(filter(None, (_refusal(name, value) for name, value in values.items())))


def _refusal(name: str, value: Any) -> ParameterError | None:
    try:
        check_json(name, value)
    except InvalidArgumentError as error:
        return ParameterError(str(error), field=name)
    return None


def _named(message: str, parameters: type[attrs.AttrsInstance]) -> ParameterError:
    """Return the error for what msgspec found, which names the parameter by its path."""
    if missing := re.search(r"missing required field `(\w+)`", message):
        return ParameterError(f"{missing[1]} is missing", field=missing[1])
    reason, _, path = message.partition(" - at `$.")
    path = path.rstrip("`")
    field = re.split(r"[.\[]", path)[0] or None
    if field and (given := re.fullmatch(r"Invalid enum value '(.*)'", reason, re.DOTALL)):
        kind = attrs.fields_dict(attrs.resolve_types(parameters))[field].type
        return ParameterError(_no_choice(path, given[1], _choices(kind)), field=field)
    return ParameterError(
        f"{path}: {reason[:1].lower()}{reason[1:]}" if path else reason, field=field
    )


def _no_choice(path: str, given: str, valid: list[str]) -> str:
    close = difflib.get_close_matches(given, valid, n=1)
    suggestion = f", did you mean {close[0]}?" if close else ";"
    return f"{path} is {given!r}{suggestion} valid are {', '.join(valid)}"


def _choices(kind: object) -> list[str]:
    """Return the texts that a type allows by its literals."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [choice for each in get_args(kind) for choice in _choices(each)]
