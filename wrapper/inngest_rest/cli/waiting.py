"""Commands that wait: they write what happens until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.cli.ended import Ended
from inngest_rest.operations import running

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.cli.answer import Answer
    from inngest_rest.cli.extras import Extras
    from inngest_rest.operations.operation import Operation


def wait(
    operation: Operation[Any],
    client: InngestClient,
    parameters: Any,
    extras: Extras,
    answer: Answer,
) -> int:
    """Write what an operation returns as it happens, and return the exit status."""
    ended = Ended()
    if operation.name == "runs.watch" and answer.format == "table":
        from inngest_rest.cli import watching  # noqa: PLC0415 - rich is slow to load

        watching.show(operation.run(client, parameters), answer, ended)
    else:
        for part in running.parts(operation, client, parameters):
            ended.note(part.items)
            answer.add(part)
            answer.talk.progress(f"{ended.count:,} so far")
        answer.talk.end_progress()
    return answer.finish(ended.problem() if extras.exit_status else None)
