"""Convert values of generated models that may be absent: `UNSET` and Go's zero time become None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from inngest_rest import models
from inngest_rest_api.types import Unset

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest_api import models as api

T = TypeVar("T")


def given(value: T | Unset) -> T | None:
    """Return a value, or None if it is unset."""
    return None if isinstance(value, Unset) else value


def moment(value: datetime | Unset | None) -> datetime | None:
    """Return a datetime, or None if it is unset or Go's zero time, which is in the year 1."""
    return None if value is None or isinstance(value, Unset) or value.year == 1 else value


def json_object(value: api.JsonObject | Unset | None) -> dict[str, Any] | None:
    """Return an object of any shape as a plain dict."""
    return None if value is None or isinstance(value, Unset) else value.to_dict()


def run_error(output: Any) -> models.RunError:
    """Read the error that an SDK reported; not every SDK reports an object."""
    if not isinstance(output, dict):
        return models.RunError(None, str(output))
    error = cast("dict[str, Any]", output)
    return models.RunError(error.get("name"), error.get("message"), error.get("stack"))
