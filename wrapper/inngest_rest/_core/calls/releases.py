"""Which release a server has, by what it tells without a key."""

from __future__ import annotations

import re

import httpx

from inngest_rest._core.calls.route import Route
from inngest_rest_api.api import ingest, v2

LISTS_SINCE, QUERY_SINCE = str(v2.list_operations_v2.OPERATION.since), "1.45.0"
"""The first release that lists its operations, and the first that lists runs by an expression."""


def release_of(version: str) -> str | None:
    """Return the release in a version such as 1.43.0-253303c, or None."""
    found = re.match(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b", version)
    return found and found[1]


def _stated(response: httpx.Response) -> str:
    if (release := release_of(response.json()["version"])) is None:
        raise ValueError("it states no release")
    return f"This server has release {release}."


def first_that_lists(response: httpx.Response) -> str:
    """Return the first release whose operations are those that a server lists."""
    listed = {each["id"]: each for each in response.json()["data"]["operations"]}
    has_query = "query" in listed["ListRuns"]["mcp"]["inputSchema"]["properties"]
    return QUERY_SINCE if has_query else LISTS_SINCE


def _in_words(response: httpx.Response) -> str:
    first = first_that_lists(response)
    older = "" if first == QUERY_SINCE else f", older than {QUERY_SINCE}"
    return f"This server has release {first} or a newer one{older}."


SENTENCES = (
    Route.of(ingest.get_dev_info, _stated, expected=httpx.Response, repeatable=False),
    Route.of(v2.list_operations_v2, _in_words, expected=httpx.Response, repeatable=False),
)
"""The routes that tell it, in a sentence: dev servers state it, others can be told apart."""
