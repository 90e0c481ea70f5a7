"""`inngest-rest mcp` as a program of its own."""

import sys

from inngest_rest_tools.command import main


def serve() -> None:
    """Serve MCP on standard input and output; arguments are those of `inngest-rest mcp`."""
    sys.argv.insert(1, "mcp")
    main()


if __name__ == "__main__":
    serve()
