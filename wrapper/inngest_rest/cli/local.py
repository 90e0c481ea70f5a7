"""Commands that are no operations: they ask no server, or are about this program.

Each is a module of this package with an `app` of cyclopts, loaded when it is needed. Its commands
return a `Job`, as those of operations do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.cli.answer import Answer
from inngest_rest.cli.options import default_format

if TYPE_CHECKING:
    from inngest_rest.cli.options import Options

LOCAL: dict[str, str] = {
    "completion": "Completion of commands and options by bash, zsh and fish",
    "mcp": "Tools for agents over MCP: the same operations, on standard input",
    "skill": "The skill for agents: install, show and check it",
}
"""Each command with what it is about; its module is `inngest_rest.cli.<name>`."""


def answer_of(command: str, options: Options) -> Answer:
    """Return the answer to one of these commands, in the format that the options name."""
    return Answer(command, options.output or default_format())
