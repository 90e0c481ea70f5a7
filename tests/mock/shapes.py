"""The shape of a response: its keys and kinds of values, without its ids and times."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import httpx

from inngest_rest_mock import MockServer

Serve: TypeAlias = Callable[[MockServer], httpx.Client]

KINDS = {
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"),
    "ulid": re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}"),
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "digits": re.compile(r"\d+"),
}
FREE = {"Raw", "latestSync", "stack", "uri"}


def shape(value: Any, key: str = "") -> Any:
    """Reduce a JSON value to its keys and kinds; a list to the shape of its first item."""
    if key in FREE:
        return "anything"
    if isinstance(value, dict):
        if "received_at" in value:  # an event: its data are the sender's
            value = {**value, "data": "anything"}
        return {name: shape(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    if isinstance(value, str):
        return next((kind for kind, text in KINDS.items() if text.fullmatch(value)), "text")
    return type(value).__name__


def body_of(response: httpx.Response) -> Any:
    """Read a body as recordings hold it: JSON if it is JSON, else text."""
    try:
        return response.json()
    except ValueError:
        return response.text
