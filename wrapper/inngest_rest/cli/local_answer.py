"""Answers of commands that are no operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.cli.answer import Answer
from inngest_rest.cli.options import default_format

if TYPE_CHECKING:
    from inngest_rest.cli.options import Options


def answer_of(command: str, options: Options) -> Answer:
    """Return the answer to a command, in the format that the options name."""
    return Answer(command, options.output or default_format())
