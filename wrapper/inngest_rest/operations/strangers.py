"""Responses of servers that are not Inngest, and advice of the client in words of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest.errors import ApiError, NextCall, RouteNotFoundError

# Each response of the server that is no success has it (every recording of one).
_HEADER = "x-inngest-server-kind"

# What Inngest says without JSON where it lacks a route: 404 and 405 (recordings 1.17-v1-apps,
# v1-events-slash). A proxy may have removed the header.
_BARE = {"", "404 page not found"}

_REFUSED = 400


def is_of_stranger(error: RouteNotFoundError) -> bool:
    """Return whether a server that lacks a route shows nothing by which it could be Inngest."""
    response = error.response
    if response is None or response.status < _REFUSED or _HEADER in response.headers:
        return False
    if response.text.strip() in _BARE:
        return False
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return True
    return not (isinstance(body, dict) and ("error" in body or "errors" in body))


def in_commands(error: ApiError) -> str:
    """Return the message of an error with commands where its advice has calls of Python."""
    if not error.advice:
        return str(error)
    return str(error).removesuffix(str(error.advice)) + error.advice.render(_command)


def _command(call: NextCall) -> str:
    words = call.name.removesuffix("_all").replace("_", "-").replace(".", " ")
    return f"`{' '.join((words, *call.arguments))}`"
