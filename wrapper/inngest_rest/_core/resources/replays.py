"""One replay of a run, and the other runs of its chain.

Replays have no idempotency key: two requests start two runs, and a request that a gateway gave up
on may take effect later. So each replay blocks others of its chain for some minutes.
"""

from __future__ import annotations

from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from attrs import evolve

from inngest_rest._arguments import check_json, invalid
from inngest_rest._core.arguments import check_text
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.calls.operation import perform, redacted_url
from inngest_rest._core.calls.retry import RULED_OUT, RetryBudget
from inngest_rest._core.calls.route import Route
from inngest_rest._core.locks import Locked
from inngest_rest._core.resources import event_runs, runs, trace
from inngest_rest._core.resources.fields import run_id_of
from inngest_rest._core.resources.routes import ask_first, where_absent
from inngest_rest._faults import had_no_effect
from inngest_rest.errors import InngestError, NotFoundError, ServerError, TransportError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run, Span

SETTLED_AFTER = timedelta(minutes=5)
"""Time after which a request that was given up takes effect no more; longer than gateways wait."""


class Requested(NamedTuple):
    """A replay that was requested: how many there were up to it, when, and the run it started."""

    number: int
    at: float
    new_run_id: str | None = None


class Requests(Locked):
    """The latest replay of each run, by its id in upper case; times are by the session's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self._of_run: dict[str, Requested] = {}

    def latest(self, ids: Iterable[str], now: float) -> Requested | None:
        """Return the latest that may not have settled, of those for any of these runs."""
        requests = filter(None, (self._of_run.get(id.upper()) for id in ids))
        recent = [
            each for each in requests if now - each.at < SETTLED_AFTER.total_seconds()
        ]
        return max(
            recent,
            key=lambda each: (each.new_run_id is None, each.number),
            default=None,
        )

    def claim(self, ids: Sequence[str], now: float, known: float) -> Requested | None:
        """Note a request, unless an earlier one is unknown or not among those known: return it."""
        with self._lock:
            earlier = self.latest(ids, now)
            if earlier is not None and (
                earlier.new_run_id is None or earlier.number > known
            ):
                return earlier
            self.number += 1
            if (
                len(self._of_run) > 10_000
            ):  # those that have settled are not kept in mind
                self._of_run = {
                    id: requested
                    for id, requested in self._of_run.items()
                    if self.latest([id], now)
                }
            self.note(ids, now)
        return None

    def note(
        self, ids: Iterable[str], at: float, new_run_id: str | None = None
    ) -> None:
        requested = Requested(self.number, at, new_run_id)
        self._of_run.update((each.upper(), requested) for each in ids)


_requests: WeakKeyDictionary[RetryBudget, Requests] = WeakKeyDictionary()


def requests_of(session: Session) -> Requests:
    """Return the replays requested by the clients that share a retry budget with this one.

    These are the clients of one server in this process, or one client with its own transport.
    """
    return _requests.setdefault(session.budgets["api"], Requests())


def was_refused(error: InngestError) -> bool:
    """Return whether the server said that it starts no run; a gateway cannot say that."""
    is_own = isinstance(error, ServerError) and error.code == "internal_error"
    return is_own or had_no_effect(error)


class Start(NamedTuple):
    """Where replays start: at a step, by its name, its id or `last-failed`, or at the beginning."""

    from_step: str | None = None
    input: list[Any] | None = None

    @classmethod
    def check(cls, from_step: str | None, input: list[Any] | None) -> Start:
        """Reject what servers would ignore, or refuse for each run."""
        if input is not None and (
            from_step is None or not isinstance(input, list) or not input
        ):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise invalid(
                "input", "must be a non-empty list, for the step of from_step"
            )
        return cls(check_text("from_step", from_step), check_json("input", input))

    def step(
        self, session: Session, run: Run, others: Iterable[Run] | None
    ) -> Plan[Span | None]:
        if self.from_step is None:
            return None
        first = min([run.id, *(run.id for run in others or ())])
        return (
            yield from trace.step_to_start_from(session, run.id, first, self.from_step)
        )


def replay_one(
    session: Session, run_id: str, from_step: str | None, input: list[Any] | None
) -> Plan[str]:
    start, step = Start.check(from_step, input), None
    if start.from_step is not None:
        run = yield from runs.fetch(session, run_id)
        step = yield from start.step(
            session, run, (yield from others_of_chain(session, run))
        )
    return (yield from replay(session, run_id, step=step, input=start.input))


def replay(
    session: Session,
    run_id: str,
    others: Iterable[str] = (),
    known: float = inf,
    *,
    step: Span | None = None,
    input: list[Any] | None = None,
) -> Plan[str]:
    """Replay a run by one request, and return the new run's id.

    While it may take effect, that holds back replays of the others of its chain as well: another
    replay, unknown or later than those known, holds this one back by a TransportError.
    """

    def new_id(raw: api.V1Replay | api.V2RunId) -> str:
        new = run_id_of(raw)
        if new.upper() == run_id.upper():
            raise ValueError(
                f"it names {new}, the run that was to be replayed, as the new one"
            )
        return new

    body: Any = UNSET
    if step is not None:
        from_step = api.V2RerunFromStep(
            step.step_id or "", UNSET if input is None else input
        )
        body = api.V2RerunBody(from_step)
    by_v1 = Route.of(v1.replay_run_v1, new_id, run_id, repeatable=False)
    how = "Send the event of the run again instead, with another id: {}, {}."
    advice = where_absent(how, "events.get", "send")
    by_v2 = Route.of(
        v2.rerun_run_v2, new_id, run_id, body=body, repeatable=False, advice=advice
    )
    ids, requests, now = (
        (run_id, *others),
        requests_of(session),
        session.clock.monotonic,
    )
    if earlier := requests.claim(ids, now(), known):
        ago = now() - earlier.at
        raise TransportError(
            f"not sent: a replay of this run was requested {ago:.0f} s ago, perhaps without a "
            "response, and may still take effect. Check the runs of its event; try again in "
            f"{SETTLED_AFTER.total_seconds() - ago:.0f} s",
            method=by_v2.operation.method,
            url=redacted_url(session, by_v2),
        )
    try:
        if step is None:
            new_run_id = yield from ask_first(session, "runs.replay", by_v2, by_v1)
        else:  # some releases have the route, but start from no step
            how = "Servers start a run from a step since release 1.39: leave from_step out."
            new_run_id = yield from perform(
                session, evolve(by_v2, advice=where_absent(how))
            )
    except InngestError as error:
        requests.note(ids, -inf if was_refused(error) else now())
        raise
    requests.note(ids, now(), new_run_id)
    return new_run_id


def others_of_chain(session: Session, run: Run) -> Plan[tuple[Run, ...] | None]:
    """Return the other runs of the chain of replays that a run belongs to.

    v1 names the first run of each chain. Where it does not list the run, they are the runs of the
    same function for the same event. None if the server does not list the run either way.
    """
    if not run.event_ids:
        return None
    event_id = run.event_ids[0]
    listing = event_runs.list_of_event(session, event_id)
    ways: list[tuple[Plan[Iterable[Run]], Callable[[Run], object]]] = [
        (
            event_runs.of_event_by_v1(session, event_id),
            lambda run: run.original_run_id or run.id,
        ),
        (read_all(listing), lambda run: (run.app_id, run.function_id)),
    ]
    for listed_by, chain_of in ways:
        try:
            listed = {run.id: run for run in (yield from listed_by)}
        except (NotFoundError, *RULED_OUT):
            continue
        if own := listed.pop(run.id, None):
            return tuple(
                run for run in listed.values() if chain_of(run) == chain_of(own)
            )
    return None
