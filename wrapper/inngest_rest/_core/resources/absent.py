"""Take values out of generated models that were read tolerantly, where any of them may be absent.

What a response lacks is `UNSET`, also where the document requires it, and becomes None. Go's zero
time becomes None, too. Only what a result cannot be without is `needed`.
"""

from __future__ import annotations

from datetime import UTC
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from inngest_rest import models
from inngest_rest._core.calls.reading import Unreadable
from inngest_rest_api.types import Unset

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest_api import models as api

T = TypeVar("T")


def given(value: T | Unset) -> T | None:
    """Return a value, or None if it is absent.

    Raises:
        ValueError: It is there, and not as documented.
    """
    if isinstance(value, Unset):
        if isinstance(value, Unreadable):
            raise ValueError(value.reason)  # noqa: TRY004 - a fault of the response
        return None
    return value


def needed(value: str | Unset | None, name: str) -> str:
    """Return the text that a result cannot be without.

    Raises:
        ValueError: It is absent, or not text that can be encoded.
    """
    if not isinstance(value, str):
        why = "is missing" if given(value) is None else "is not text"
        raise ValueError(f"{name} {why}")  # noqa: TRY004 - a fault of the response
    value.encode()  # it may be sent
    return value


def moment(value: datetime | Unset | None) -> datetime | None:
    """Return an aware datetime, or None if it is absent or Go's zero time, in the year 1.

    One without a time zone is read as UTC, which servers write.
    """
    found = given(value)
    if found is None or found.year == 1:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def json_object(value: api.JsonObject | Unset | None) -> dict[str, Any] | None:
    """Return an object of any shape as a plain dict, or None if it is absent."""
    found = given(value)
    return None if found is None else found.to_dict()


def as_json(value: Any) -> Any:
    """Return a model as plain JSON, without what is absent or not as documented."""
    if isinstance(value, list):
        return [as_json(each) for each in cast("list[object]", value)]
    if isinstance(value, Enum):
        return value.value
    if not hasattr(value, "FIELDS"):
        return value
    named = {key: getattr(value, name) for key, name in value.FIELDS.items()}
    described = {key: as_json(it) for key, it in named.items() if not isinstance(it, Unset)}
    return described | value.additional_properties


def run_error(output: Any) -> models.RunError:
    """Read the error that an SDK reported; not every SDK reports an object."""
    if not isinstance(output, dict):
        return models.RunError(None, str(output))
    error = cast("dict[str, Any]", output)
    return models.RunError(*(_text(error.get(key)) for key in ("name", "message", "stack")))


def _text(value: object) -> str | None:
    """Return what should be text as text."""
    return value if value is None or isinstance(value, str) else str(value)
