"""`send-file` for a person: how far it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import BatchReport
    from inngest_rest.cli.talk import Talk
    from inngest_rest.operations.operation import Operation


def with_progress(operation: Operation[Any], talk: Talk) -> Operation[Any]:
    """Return the operation that sends a file, so that it shows how far it is."""
    counts = {"accepted": 0, "rejected": 0, "unknown": 0}

    def on_batch(batch: BatchReport) -> None:
        for name in counts:
            counts[name] += getattr(batch.report, name)
        told = [f"{count:,} {name}" for name, count in counts.items() if count]
        talk.progress(f"Sending: {', '.join(told)}")

    send_file: Callable[..., Any] = operation.run
    return evolve(operation, run=partial(send_file, on_batch=on_batch))
