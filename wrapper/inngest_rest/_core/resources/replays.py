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

from inngest_rest._core.calls.operation import perform, redacted_url
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import event_runs, runs, trace
from inngest_rest._core.resources.fields import run_id_of
from inngest_rest._core.resources.routes import ask_first, where_absent
from inngest_rest._local.arguments import check_json, check_text, invalid
from inngest_rest._local.faults import RULED_OUT
from inngest_rest._values.locks import Locked
from inngest_rest.errors import InngestError, NotFoundError, ServerError, TransportError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inngest_rest._core.calls.retry import RetryBudget
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run, Span

_SETTLED_AFTER = timedelta(minutes=5)
"""Time after which an abandoned request has no effect any more; longer than gateways wait."""


class Requested(NamedTuple):
    """A requested replay: its number, its time, and the run it started."""

    number: int
    at: float
    new_run_id: str | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether it may or may not have started a run."""
        return self.new_run_id is None


class Requests(Locked):
    """The latest replay of each run, by its id in upper case; times are by the session's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self._of_run: dict[str, Requested] = {}

    def latest(self, ids: Iterable[str], now: float) -> Requested | None:
        """Return the latest unsettled request for any of these runs; an unknown one comes first."""
        unknown: Requested | None = None
        known: Requested | None = None
        for run_id in ids:
            request = self._of_run.get(run_id.upper())
            if request is None or _is_settled(request, now):
                continue
            if request.is_unknown:
                unknown = _later(request, unknown)
            else:
                known = _later(request, known)
        return unknown or known

    def claim(self, ids: Sequence[str], now: float, known: float) -> Requested | None:
        """Record a new request; or return an earlier one that forbids it, and record nothing.

        That is one whose outcome is unknown, or one with a number above `known`.
        """
        with self._lock:
            earlier = self.latest(ids, now)
            if earlier is not None:
                is_newer = earlier.number > known
                if earlier.is_unknown or is_newer:
                    return earlier
            self.number += 1
            if len(self._of_run) > _MOST_KEPT:
                self._drop_settled(now)
            self.note(ids, now)
        return None

    def note(
        self, ids: Iterable[str], at: float, new_run_id: str | None = None
    ) -> None:
        requested = Requested(number=self.number, at=at, new_run_id=new_run_id)
        for run_id in ids:
            self._of_run[run_id.upper()] = requested

    def _drop_settled(self, now: float) -> None:
        unsettled = {
            run_id: request
            for run_id, request in self._of_run.items()
            if not _is_settled(request, now)
        }
        self._of_run = unsettled


_MOST_KEPT = 10_000  # requests, before those that have settled are dropped


def _is_settled(request: Requested, now: float) -> bool:
    return now - request.at >= _SETTLED_AFTER.total_seconds()


def _later(request: Requested, other: Requested | None) -> Requested:
    """Return the later of two requests, the second one if they are the same."""
    return request if other is None or request.number > other.number else other


_requests: WeakKeyDictionary[RetryBudget, Requests] = WeakKeyDictionary()


class Replays:
    """The replays of a server's runs: those that were requested, and one to be requested.

    Those requested are of all clients that share a retry budget with this one: the clients of one
    server in this process, or one client with its own transport.

    Args:
        session: The session of the client.
        from_step: The step that replays start from, by its name, its id or `last-failed`; None for
            the beginning.
        input: The input of this step. What servers would ignore, or refuse for each run, is
            rejected.
    """

    def __init__(
        self,
        session: Session,
        from_step: str | None = None,
        input: list[Any] | None = None,
    ) -> None:
        if input is not None:
            is_list = isinstance(input, list)  # pyright: ignore[reportUnnecessaryIsInstance]
            if from_step is None or not is_list or not input:
                reason = "must be a non-empty list, for the step of from_step"
                raise invalid("input", reason)
        self.from_step = check_text("from_step", from_step)
        self.input = check_json("input", input)
        self._session = session
        self._requests = _requests.setdefault(session.budgets["api"], Requests())

    @property
    def count(self) -> int:
        """The number of replays that have been requested."""
        return self._requests.number

    def latest(self, ids: Iterable[str]) -> Requested | None:
        """Return the latest unsettled request for any of these runs; an unknown one comes first."""
        return self._requests.latest(ids, self._session.clock.monotonic())

    @staticmethod
    def is_settled(elapsed: timedelta) -> bool:
        """Return whether a request has no effect any more, so long after it was sent."""
        return elapsed >= _SETTLED_AFTER

    @staticmethod
    def was_refused(error: InngestError) -> bool:
        """Return whether the server itself, and not a gateway, refused to start a run."""
        is_own = isinstance(error, ServerError) and error.code == "internal_error"
        return is_own or not error.may_have_taken_effect

    def runs_of_event(self, event_id: str) -> Plan[tuple[Run, ...]]:
        """Return the runs of an event, each with the first run of its chain of replays."""
        return event_runs.of_event_by_v1(self._session, event_id)

    async def others_of_chain(self, run: Run) -> tuple[Run, ...] | None:
        """Return the other runs of the chain of replays that a run belongs to.

        v1 has the first run of each chain. If it does not list the run, the chain is the runs of
        the same function for the same event. None if the server does not list the run either way.
        """
        if not run.event_ids:
            return None
        event_id = run.event_ids[0]
        with_chains = self.runs_of_event(event_id)
        others = await _others(run, with_chains, _first_run_of_chain)
        if others is not None:
            return others
        by_any_route = event_runs.list_of_event(self._session, event_id).read_all()
        return await _others(run, by_any_route, _function_of)

    async def step(self, run: Run, others: Iterable[Run] | None) -> Span | None:
        """Return the step to start from, given the other runs of the run's chain."""
        if self.from_step is None:
            return None
        ids = [run.id]
        ids += [other.id for other in others or ()]
        first_id = min(ids)
        return await trace.step_to_start_from(
            self._session, run.id, first_id, self.from_step
        )

    async def request(
        self,
        run_id: str,
        others: Iterable[str] = (),
        known: float = inf,
        *,
        step: Span | None = None,
    ) -> str:
        """Replay a run by one request, and return the new run's id.

        As long as the request may take effect, no other replay of the chain is sent; and this one
        is not sent, but raises TransportError, if another one was requested.

        Args:
            run_id: The run to replay.
            others: The other runs of its chain.
            known: The number of the latest request that the caller knows the outcome of.
            step: The step to start from; None for the beginning.
        """

        def new_id(raw: api.V1Replay | api.V2RunId) -> str:
            new = run_id_of(raw)
            if new.upper() == run_id.upper():
                raise ValueError(
                    f"it names {new}, the run that was to be replayed, as the new one"
                )
            return new

        by_v1 = Route.of(v1.replay_run_v1, new_id, run_id, repeatable=False)
        how = "Send the event of the run again instead, with another id: {}, {}."
        by_v2 = Route.of(
            v2.rerun_run_v2,
            new_id,
            run_id,
            body=_replay_body(step, self.input),
            repeatable=False,
            advice=where_absent(how, "events.get", "send"),
        )
        session = self._session
        ids = (run_id, *others)
        requests = self._requests
        now = session.clock.monotonic
        earlier = requests.claim(ids, now(), known)
        if earlier is not None:
            raise _not_sent(session, by_v2, now() - earlier.at)
        try:
            if step is None:
                new_run_id = await ask_first(session, "runs.replay", by_v2, by_v1)
            else:
                # Some releases have the route, but cannot start from a step.
                how = "Servers start a run from a step since release 1.39: leave from_step out."
                from_step = evolve(by_v2, advice=where_absent(how))
                new_run_id = await perform(session, from_step)
        except InngestError as error:
            takes_effect_since = -inf if self.was_refused(error) else now()
            requests.note(ids, takes_effect_since)
            raise
        requests.note(ids, now(), new_run_id)
        return new_run_id


async def replay_one(
    session: Session,
    run_id: str,
    from_step: str | None,
    input: list[Any] | None,
) -> str:
    replays = Replays(session, from_step, input)
    step: Span | None = None
    if replays.from_step is not None:
        run = await runs.fetch(session, run_id)
        others = await replays.others_of_chain(run)
        step = await replays.step(run, others)
    return await replays.request(run_id, step=step)


def _not_sent(session: Session, route: Route[Any, str], ago: float) -> TransportError:
    """Return the error for a replay that would follow another one too soon."""
    left = _SETTLED_AFTER.total_seconds() - ago
    return TransportError(
        f"not sent: a replay of this run was requested {ago:.0f} s ago, perhaps without a "
        "response, and may still take effect. Check the runs of its event; try again in "
        f"{left:.0f} s",
        method=route.operation.method,
        url=redacted_url(session, route),
    )


def _replay_body(step: Span | None, input: list[Any] | None) -> Any:
    if step is None:
        return UNSET
    step_input = UNSET if input is None else input
    return api.V2RerunBody(api.V2RerunFromStep(step.step_id or "", step_input))


async def _others(
    run: Run, listed_by: Plan[Iterable[Run]], chain_of: Callable[[Run], object]
) -> tuple[Run, ...] | None:
    """Return the other listed runs of a run's chain; None if the run is not listed."""
    try:
        runs_of_event = await listed_by
    except (NotFoundError, *RULED_OUT):
        return None
    by_id = {listed.id: listed for listed in runs_of_event}
    own = by_id.pop(run.id, None)
    if own is None:
        return None
    chain = chain_of(own)
    return tuple(other for other in by_id.values() if chain_of(other) == chain)


def _first_run_of_chain(run: Run) -> str:
    return run.original_run_id or run.id


def _function_of(run: Run) -> tuple[str | None, str | None]:
    return run.app_id, run.function_id
