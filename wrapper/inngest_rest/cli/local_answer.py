"""Answers of commands that are no operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.cli.answer import Answer
from inngest_rest.errors import InngestError
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.problems import problem_of
from inngest_rest.operations.running import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inngest_rest.cli.options import Options
    from inngest_rest.operations.problems import Problem
    from inngest_rest.record import Record


def answer_locally(
    command: str, options: Options, result: type[Any], work: Callable[[Answer], int]
) -> int:
    """Let a command write its answer, and write what goes wrong; return the exit status.

    Args:
        command: The command's name.
        options: The options of the command line.
        result: The class of what it returns.
        work: Does it, and writes the answer.
    """
    answer = Answer(command, options.format)
    try:
        answer = Answer.local(command, options, result)
        return work(answer)
    except InngestError as error:
        return answer.fail(problem_of(error))


def write_items(answer: Answer, items: Sequence[Record], problem: Problem | None = None) -> int:
    """Write an answer of several records, and return the exit status."""
    answer.returns = Returns.STREAM
    answer.add(Part(tuple(items)))
    return answer.finish(problem)
