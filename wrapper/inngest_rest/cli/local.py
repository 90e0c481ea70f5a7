"""Commands that are no operations: they ask no server, or are about this program.

Each is a module of this package with an `app` of cyclopts, loaded when it is needed. Its commands
return a `Job`, as those of operations do.
"""

from __future__ import annotations

LOCAL: dict[str, str] = {
    "completion": "Completion of commands and options by bash, zsh and fish",
    "mcp": "Tools for agents over MCP: the same operations, on standard input",
    "mock": "Serve a mock server, to try commands and programs on",
    "schema": "What an operation takes and returns, as JSON Schemas; without a name all operations",
    "skill": "The skill for agents: install, show and check it",
}
"""Each command with what it is about; its module is `inngest_rest.cli.<name>`."""
