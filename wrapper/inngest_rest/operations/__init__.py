"""Every job that the command line and the MCP server do, each described once.

An entry has a name, a class of parameters, the type of its result and what it does. The command
line, `inngest-rest schema`, `--params` and the MCP tools are read from it, so that a new operation
is one entry. Requires the extra `cli` or `mcp`.
"""

from inngest_rest.operations.operation import Effect, Operation, Returns
from inngest_rest.operations.table import GROUPS, every, find

__all__ = ["GROUPS", "Effect", "Operation", "Returns", "every", "find"]
