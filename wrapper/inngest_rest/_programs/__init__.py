"""Programs over the table of calls: the command and the MCP tools, and what both are made of."""
