"""The door of the core for what sends: batches, jobs, and what runs them; buffers load this alone.

A test counts the names.
"""

from __future__ import annotations

from inngest_rest._core.calls.session import Session
from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest._core.drivers.asynchronous import AsyncDriver
from inngest_rest._core.drivers.blocking import Driver
from inngest_rest._core.drivers.blocking import now as run_now
from inngest_rest._core.plans import Plan
from inngest_rest._core.sending.batching import Batch, BatchOutcome, Rejected, Unknown
from inngest_rest._core.sending.job import BulkJob, SendJob, SendOptions
from inngest_rest._core.sending.send import send_batch

__all__ = [
    "SYSTEM_CLOCK",
    "AsyncDriver",
    "Batch",
    "BatchOutcome",
    "BulkJob",
    "Driver",
    "Plan",
    "Rejected",
    "SendJob",
    "SendOptions",
    "Session",
    "Unknown",
    "run_now",
    "send_batch",
]
