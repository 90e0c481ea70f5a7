"""One replay of a run, and the other runs of its chain.

Replays have no idempotency key: two requests start two runs, and a request that a gateway gave up
on may take effect later. So each is requested once, whatever becomes of its response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import event_runs, runs, trace
from inngest_rest._core.resources.fields import run_id_of
from inngest_rest._core.resources.routes import ask_first, where_absent
from inngest_rest._local.arguments import check_json, check_text, invalid
from inngest_rest._local.faults import RULED_OUT
from inngest_rest.errors import InngestError, NotFoundError, ServerError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run, Span


class Replays:
    """Replays of a server's runs, and what is known of the chains that they belong to.

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
        *,
        step: Span | None = None,
    ) -> str:
        """Replay a run by one request, and return the new run's id.

        Args:
            run_id: The run to replay.
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
        if step is None:
            return await ask_first(session, "runs.replay", by_v2, by_v1)
        # Some releases have the route, but cannot start from a step.
        how = "Servers start a run from a step since release 1.39: leave from_step out."
        from_step = evolve(by_v2, advice=where_absent(how))
        return await perform(session, from_step)


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
