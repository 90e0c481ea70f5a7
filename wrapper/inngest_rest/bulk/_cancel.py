"""Cancel runs, selected by ids, a plan or a filter."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from inngest_rest._core.resources.run_acts import cancel as cancel_run
from inngest_rest._core.resources.runs import fetch as get_run
from inngest_rest.bulk import ActionOutcome, ActionRow
from inngest_rest.bulk._job import ActionJob
from inngest_rest.bulk._outcomes import BulkResult, failure, with_details, with_outcome
from inngest_rest.errors import InngestError, NotFoundError
from inngest_rest.models import UNFINISHED

if TYPE_CHECKING:
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import RunStatus

_LOST = (
    "The server shows it as {}, but has lost what it needs to cancel it, and cannot."
)


class CancelJob(ActionJob):
    name = "runs.cancel"
    default_statuses = UNFINISHED

    def act(self, target: ActionRow) -> Plan[BulkResult]:
        if self.dry_run:
            return self._preview(target)
        return self._cancel(target)

    async def _preview(self, row: ActionRow) -> BulkResult:
        """Return the row with the outcome that a cancellation would have."""
        if self.listing is not None:  # of open runs
            return with_outcome(row, ActionOutcome.PLANNED)
        try:
            run = await get_run(self.session, row.id)
        except InngestError as error:
            return failure(row, error, is_sent=False)
        detailed = with_details(row, run)
        if run.is_ended:
            return with_outcome(detailed, ActionOutcome.ALREADY_ENDED)
        return with_outcome(detailed, ActionOutcome.PLANNED)

    async def _cancel(self, row: ActionRow) -> BulkResult:
        await self.mark_started(row)
        try:
            was_running = await cancel_run(self.session, row.id)
        except NotFoundError as error:
            reason = str(error)
            status = await self._status_of_open(row.id)
            if status is not None:
                reason += f" {_LOST.format(status)}"
            return with_outcome(row, ActionOutcome.NOT_FOUND, reason, error)
        except InngestError as error:
            return failure(row, error)
        if not was_running:
            return with_outcome(row, ActionOutcome.ALREADY_ENDED)
        return with_outcome(row, ActionOutcome.DONE)

    async def _status_of_open(self, run_id: str) -> RunStatus | None:
        """Return the status of a run that the server shows as open, or None."""
        with suppress(InngestError):
            run = await get_run(self.session, run_id)
            return None if run.is_ended else run.status
        return None
