"""Readers of generated values: `UNSET` and Go's zero time become None here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from inngest_rest import models
from inngest_rest_api.types import Unset

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest_api import models as api

T = TypeVar("T")


def given(value: T | Unset) -> T | None:
    """Return what was sent, None where nothing was."""
    return None if isinstance(value, Unset) else value


def moment(value: datetime | Unset | None) -> datetime | None:
    """Return a moment; the year 1 is Go's way to say that there is none."""
    return None if value is None or isinstance(value, Unset) or value.year == 1 else value


def json_object(value: api.JsonObject | Unset | None) -> dict[str, Any] | None:
    """Return a free object as a plain dict."""
    return None if value is None or isinstance(value, Unset) else value.to_dict()


def run_error(output: Any) -> models.RunError:
    """Read what an SDK reports of a failure; each words it in its own way."""
    if not isinstance(output, dict):
        return models.RunError(None, str(output))
    said = cast("dict[str, Any]", output)
    return models.RunError(said.get("name"), said.get("message"), said.get("stack"))
