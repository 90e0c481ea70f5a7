"""MCP clients of the server under test, of both eras of the protocol."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, TypeVar

from mcp import Client

from tests.support.answers import read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.client.stdio import StdioServerParameters
    from mcp.server.lowlevel import Server
    from mcp.types import CallToolResult

T = TypeVar("T")

ERAS = ("auto", "legacy")
"""Without a handshake, since 2026-07-28; and with one."""


def talk(
    server: Server[Any] | StdioServerParameters,
    conversation: Callable[[Client], Awaitable[T]],
    era: str = "auto",
    **callbacks: Any,
) -> T:
    """Connect to a server, have a conversation with it, and return what that returns."""

    async def main() -> T:
        async with Client(server, mode=era, **callbacks) as client:
            return await conversation(client)

    return asyncio.run(main())


def call(
    server: Server[Any] | StdioServerParameters,
    name: str,
    arguments: dict[str, Any] | None = None,
    era: str = "auto",
) -> CallToolResult:
    """Call one tool."""
    return talk(server, lambda client: client.call_tool(name, arguments or {}), era)


async def call_confirmed(client: Client, name: str, arguments: dict[str, Any]) -> CallToolResult:
    """Call one tool, and again with the token of what it would do if that has to be confirmed."""
    result = await client.call_tool(name, arguments)
    token = re.search('"confirm": "(.*?)"', str((answer(result)["error"] or {}).get("hint")))
    if token is None:
        return result
    return await client.call_tool(name, {**arguments, "confirm": token[1]})


def answer(result: CallToolResult) -> Any:
    """Return the envelope of a result, which is text alone."""
    assert result.structured_content is None
    (text,) = result.content
    assert text.type == "text"
    return read(text.text)
