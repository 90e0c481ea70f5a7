"""Programs derived from the table of calls: the command, the MCP tools, and their shared parts."""
