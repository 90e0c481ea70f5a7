"""Answers of commands that are no operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import InngestClient
from inngest_rest.cli.answer import Answer
from inngest_rest.cli.options import default_format

if TYPE_CHECKING:
    from inngest_rest.cli.options import Options


def answer_of(command: str, options: Options) -> Answer:
    """Return the answer to a command, in the format that the options name."""
    return Answer(command, options.output or default_format())


def client_of(options: Options) -> InngestClient:
    """Return the client that the options and the environment describe."""
    return InngestClient(
        dev=options.dev or None,
        env=options.env,
        base_url=options.base_url,
        timeout=options.request_timeout,
        retries=options.retries,
    )
