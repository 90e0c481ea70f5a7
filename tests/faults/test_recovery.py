"""One request fails: the call is repeated where it may be, and nothing happens twice."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from inngest_rest import InngestError, RetryPolicy
from tests.faults.operations import TRIED_CALLS, Tools, TriedCall, describe
from tests.faults.recovery import PASSING, Passing, World, in_front_of
from tests.faults.server import FaultServer
from tests.faults.trials import CLIENT_KINDS, LONG, without_certificates
from tests.faults.verdicts import Verdict
from tests.support.client_kinds import open_client
from tests.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.server import Endpoint
    from tests.support.client_kinds import ClientKind

# These end in a success after one more request, where an operation may be repeated at all.
_PASSES = {Verdict.LOST, Verdict.FAILED, Verdict.LIMITED, Verdict.TOLD_TO_WAIT}
_NOT_DONE = {Verdict.LIMITED, Verdict.TOLD_TO_WAIT}


@frozen
class Outcome:
    """What an operation returned or raised, and the state of the server before and after."""

    result: str
    error: InngestError | None
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def fault_server() -> Iterator[FaultServer]:
    with FaultServer() as server, without_certificates():
        yield server


@pytest.fixture(scope="module")
def undisturbed(
    fault_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    """Return what each operation does at a server that works."""
    worlds: dict[str, World] = {}
    endpoint = fault_server.open(in_front_of(worlds, None))
    folder = tmp_path_factory.mktemp("undisturbed")
    found = {it.name: _run(endpoint, worlds, it, "blocking", folder) for it in TRIED_CALLS}
    assert [name for name, each in found.items() if each.error is not None] == []
    return found


@pytest.mark.parametrize("fault", PASSING, ids=lambda it: it.name)
def test_no_single_fault_makes_a_call_lie_or_act_twice(
    fault_server: FaultServer, undisturbed: dict[str, Outcome], tmp_path: Path, fault: Passing
) -> None:
    worlds: dict[str, World] = {}
    endpoint = fault_server.open(in_front_of(worlds, fault))
    # By turns: what differs between the clients, the matrix tests.
    turns = itertools.cycle(CLIENT_KINDS if PASSING.index(fault) % 2 else reversed(CLIENT_KINDS))
    wrong = [
        f"{fault.name} / {operation.name} / {client_kind}: {what}"
        for operation, client_kind in zip(TRIED_CALLS, turns, strict=False)
        for what in complaints(
            fault,
            operation,
            _run(endpoint, worlds, operation, client_kind, tmp_path),
            undisturbed[operation.name],
        )
    ]
    assert not wrong, "\n".join(wrong)


def complaints(
    fault: Passing, operation: TriedCall, seen: Outcome, normal: Outcome
) -> Iterator[str]:
    """Yield what is wrong with an outcome, compared with that of a server that works."""
    must_succeed = fault.verdict in _NOT_DONE or (
        fault.verdict in _PASSES and operation.is_repeatable
    )
    if must_succeed and seen.error is not None:
        yield f"it was not repeated: {seen.error!r}"
    if seen.error is None and seen.result == "failed" and not must_succeed:
        if seen.after != seen.before:
            yield f"it says that it failed, and the server has {seen.after}"
    elif seen.error is None and "unknown" not in seen.result:
        # A cancellation that is repeated finds the run ended, as that of another would.
        result = seen.result.replace("already_ended", "done")
        if result != normal.result:
            yield f"{seen.result} instead of {normal.result}"
        if seen.after != normal.after:
            yield f"it says {seen.result}, and the server has {seen.after}"
    elif seen.after not in (seen.before, normal.after):
        yield f"it happened twice, or in part: {seen.after}"
    elif seen.after != seen.before and not _admits(seen):
        yield f"it was done, and the error denies it: {seen.error!r}"


def _admits(seen: Outcome) -> bool:
    """Return whether an error or a report leaves it open whether it was done."""
    is_left_open = seen.error is not None and seen.error.may_have_taken_effect
    return is_left_open or "unknown" in seen.result


def _run(
    endpoint: Endpoint,
    worlds: dict[str, World],
    operation: TriedCall,
    client_kind: ClientKind,
    folder: Path,
) -> Outcome:
    name = f"{operation.name}-{client_kind}"
    file = folder / f"{name}.ndjson"
    clock = Clock()
    world = worlds[name] = World(clock)
    with asyncio.Runner() as runner:
        client = open_client(
            client_kind,
            runner,
            None if operation.kind == "buffer" else clock,
            dev=endpoint.url(name),
            timeout=LONG,
            retries=RetryPolicy(retries=1, initial=0.001, maximum=0.001),
        )
        # Both lanes have a connection then, which is used once more.
        client.health()
        client.apps.get("shop")
        before = world.state()
        world.strikes_at = len(endpoint.requests[name])
        error: InngestError | None = None
        try:
            tools = Tools(client, file, is_final=True, patience=LONG, **world.ids)
            result = describe(operation.do(tools))
        except InngestError as raised:
            error, result = raised, describe(getattr(raised, "report", raised))
        client.close()
    return Outcome(result, error, before, world.state())
