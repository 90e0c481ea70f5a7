"""Run the trials of the matrix: an operation of one client before a fault, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
from attrs import frozen

from inngest_rest import InngestError, PartialSendError, RetryPolicy
from tests.faults.faults import FAULTS
from tests.faults.operations import TRIED_CALLS, Tools, TriedCall, describe
from tests.faults.verdicts import Fault, Verdict
from tests.support.client_kinds import ClientKind, open_client
from tests.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.faults.server import Endpoint, FaultServer, Request

EVENT_KEY = "secret-event-key-1234567890"
SIGNING_KEY = "signkey-test-00112233445566778899aabbccddeeff"

CLIENT_KINDS: tuple[ClientKind, ...] = ("blocking", "async")

RETRIES = 1
TOTAL = 60.0
"""Seconds for all attempts, by a clock that advances only in pauses."""

# Real seconds for one attempt: short where the server makes the client wait, and elsewhere so
# long that no machine is that slow.
SHORT, LONG = 0.15, 30.0

MAX_BYTES = 1_000_000

# Trials that wait do so together.
_AT_ONCE = 8

_FINAL = {Verdict.INVALID, Verdict.CONFLICT, Verdict.OVERSIZE}


@frozen
class Trial:
    """What came of an operation before a fault.

    Attributes:
        fault: The fault.
        operation: The operation.
        client_kind: The client.
        result: The class of the error, with what it says became of events or runs; or what was
            returned.
        error: The error itself.
        requests: Those that the server read.
        seconds: How long it took.
    """

    fault: Fault
    operation: TriedCall
    client_kind: ClientKind
    result: str
    error: BaseException | None
    requests: tuple[Request, ...]
    seconds: float

    def __str__(self) -> str:
        return f"{self.fault.name} / {self.operation.name} / {self.client_kind}"


@contextmanager
def without_certificates() -> Iterator[None]:
    """Load no certificates: that takes longer than a trial, and no server here speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with patch.object(httpx, "create_ssl_context", lambda: context):
        yield


def operations_before(fault: Fault) -> list[TriedCall]:
    """Return the operations that are put before a fault."""
    return [each for each in TRIED_CALLS if fault.everywhere or each.stands_for_kind]


def load_everything(server: FaultServer, folder: Path) -> None:
    """Call each operation once, so that no trial takes the time of loading what it needs first."""
    fault = FAULTS[0]
    endpoint = server.open(fault.behaviour)
    with without_certificates():
        for operation in TRIED_CALLS:
            for client_kind in CLIENT_KINDS:
                _run(endpoint, fault, operation, client_kind, folder)


def run_trials(
    server: FaultServer, folder: Path, faults: Iterable[Fault] = FAULTS
) -> Iterable[Trial]:
    """Run all trials of some faults."""
    with without_certificates(), ThreadPoolExecutor(_AT_ONCE) as threads:
        for fault in faults:
            endpoint = server.open(fault.behaviour)
            trials = [
                threads.submit(_run, endpoint, fault, operation, client_kind, folder)
                for operation in operations_before(fault)
                for client_kind in CLIENT_KINDS
            ]
            for trial in trials:
                yield trial.result()


def _run(
    endpoint: Endpoint, fault: Fault, operation: TriedCall, client_kind: ClientKind, folder: Path
) -> Trial:
    name = f"{operation.name}-{client_kind}"
    file = folder / f"{endpoint.port}-{name}.ndjson"
    is_slow = fault.verdict is Verdict.LATE
    is_buffer = operation.kind == "buffer"
    with asyncio.Runner() as runner:
        client = open_client(
            client_kind,
            runner,
            # A buffer waits for its thread in real time.
            None if is_buffer else Clock(),
            base_url=endpoint.url(name),
            event_key=EVENT_KEY,
            signing_key=SIGNING_KEY,
            timeout=SHORT if is_slow else LONG,
            max_response_bytes=MAX_BYTES,
            retries=RetryPolicy(retries=RETRIES, initial=0.001, maximum=0.001, total=TOTAL),
        )
        started = time.perf_counter()
        error: BaseException | None = None
        try:
            result = describe(operation.do(Tools(client, file, _is_final(fault))))
        except (InngestError, Exception) as raised:  # noqa: BLE001 - which one it is, is the test
            error, result = raised, _name(raised)
        seconds = time.perf_counter() - started
        client.close()
    return Trial(
        fault, operation, client_kind, result, error, tuple(endpoint.requests[name]), seconds
    )


def _is_final(fault: Fault) -> bool:
    """Return whether a buffer does not send an event again after this."""
    return fault.verdict in _FINAL or fault.name == "400"


def _name(error: BaseException) -> str:
    name = type(error).__name__
    told = error.__cause__ if isinstance(error.__cause__, PartialSendError) else error
    report = getattr(told, "report", None)
    return f"{name}: {describe(report)}" if report else name
