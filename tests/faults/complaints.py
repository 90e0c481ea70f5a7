"""What is wrong with a trial of the matrix: its result, its requests, its words, its time."""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING

from inngest_rest import InngestError, TransportError, WaitTimeoutError
from tests.faults.rules import expected
from tests.faults.trials import EVENT_KEY, SHORT, SIGNING_KEY, Trial
from tests.faults.verdicts import MAY_BE_DONE, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.server import Request

RELEASE_PATHS = {"/dev", "/v2/operations"}
STATUS_PROBE = "/v2/runs?limit=1&status=PAUSED"


def complaints(trial: Trial) -> Iterator[str]:
    """Yield what is wrong with a trial."""
    wanted = expected(trial.fault, trial.operation)
    # Which release the server has, an error about an absent route asks once.
    release = [each.path for each in trial.requests if each.path in RELEASE_PATHS]
    if len(release) > len({*release}):
        yield f"it asked for the release more than once: {release}"
    count = len(trial.requests) - len(release)
    # Whether the server filters by a status of open runs, a list of them asks first.
    is_probe = [each.path == STATUS_PROBE for each in trial.requests]
    if any(is_probe) and not is_probe[-1]:
        count -= 1
    is_unsent = count == 0 and trial.result == wanted.unsent
    if trial.result != wanted.result and not is_unsent:
        yield f"{trial.result} instead of {wanted.result}: {trial.error!r}"
    if not wanted.least <= count <= wanted.requests:
        asked = [f"{each.method} {each.path}" for each in trial.requests]
        yield f"{count} requests instead of {wanted.requests}: {asked}"
    yield from _lies(trial)
    yield from _leaks(trial)
    # Far beyond what it may take: the tests share their machine.
    bound = 20 + 10 * SHORT * wanted.requests
    if trial.seconds > bound:
        yield f"took {trial.seconds:.1f} s"
    events = [each for each in trial.requests if each.path.startswith("/e/")]
    if trial.operation.kind != "buffer" and len({each.body for each in events}) > 1:
        yield "a retry sent other bytes"
    if trial.operation.kind != "buffer" and len({_seed_of(each) for each in events}) > 1:
        yield "a retry had another seed"


def _seed_of(request: Request) -> str | None:
    return request.headers.get("x-inngest-event-id-seed")


def _lies(trial: Trial) -> Iterator[str]:
    """Yield what an error says that is not so."""
    error, verdict = trial.error, trial.fault.verdict
    if error is None:
        return
    if not isinstance(error, InngestError):
        yield f"it is not of this package: {error!r}"
        return
    if type(pickle.loads(pickle.dumps(error))) is not type(error):
        yield "it does not survive pickling"
    if isinstance(error, TransportError):
        is_known = verdict is Verdict.NOT_SENT
        if is_known and error.delivered:
            yield "it says that the request may have arrived, and it cannot"
        if not error.delivered and trial.requests:
            yield "it says that nothing was delivered, and the server has read a request"
    may_be_done = verdict in MAY_BE_DONE
    if isinstance(error, TransportError):
        may_be_done = error.delivered
    elif isinstance(error, WaitTimeoutError):
        may_be_done = False
    elif trial.operation.kind == "send" and verdict is Verdict.BAD:
        may_be_done = True  # there is no receipt
    if error.may_have_taken_effect != may_be_done:
        yield f"may_have_taken_effect is {error.may_have_taken_effect}"


def _leaks(trial: Trial) -> Iterator[str]:
    """Yield where a key shows."""
    if trial.error is None:
        return
    shown = "".join(traceback.format_exception(trial.error, limit=0)) + repr(trial.error)
    for key in (EVENT_KEY, SIGNING_KEY, SIGNING_KEY.rpartition("-")[2]):
        if key in shown:
            yield f"it shows the key {key}"
