"""Invoke a function once for each of many inputs.

If a response is lost, the run that it announced cannot be found: such an input stays unknown, and
resuming does not retry it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._core.interface import Names, check_names, invoke
from inngest_rest._local.arguments import (
    check_each,
    check_id,
    check_json_object,
    invalid,
)
from inngest_rest.bulk import ActionOutcome, ActionRow
from inngest_rest.bulk._reported import (
    BulkResult,
    Options,
    ReportedJob,
    digest,
    failure,
    with_outcome,
)
from inngest_rest.errors import BadRequestError, InngestError, NotFoundError

if TYPE_CHECKING:
    from inngest_rest._core.interface import Session

Inputs = Iterable[Mapping[str, Any] | None]


class InvokeJob(ReportedJob):
    """Invokes a function for each input; all inputs are validated first."""

    hopeless = (NotFoundError,)

    def __init__(
        self,
        session: Session,
        app: str,
        function: str,
        inputs: Inputs,
        options: Options,
    ) -> None:
        self._function = check_id("app", app), check_id("function", function)
        super().__init__(session, f"functions.invoke {app}/{function}", options)
        if isinstance(inputs, Mapping):
            raise invalid("inputs", "must be an iterable of objects, not one of them")
        self._inputs = check_each("inputs", inputs, "objects", check_json_object)
        positions = range(len(self._inputs))
        self.rows = [ActionRow(position) for position in positions]
        self.resume()
        selection = {"inputs": digest(self._inputs)}
        self.head = evolve(self.head, selection=selection)

    def check_rows(self, rows: Sequence[ActionRow], argument: str) -> None:
        if len(rows) != len(self._inputs):
            raise invalid(
                argument,
                f"is the report of {len(rows)} inputs, and there are {len(self._inputs)}: pass the "
                "same inputs in the same order",
            )

    def is_left(self, row: ActionRow) -> bool:
        """Return whether to try an input; one of unknown outcome is not tried again."""
        return row.is_open and row.outcome != ActionOutcome.UNKNOWN

    async def collect(self) -> Iterable[ActionRow]:
        if self.dry_run:
            await check_names(self.session, Names(*self._function))
        return await super().collect()

    async def act(self, target: ActionRow) -> BulkResult:
        if self.dry_run:
            return with_outcome(target, ActionOutcome.PLANNED)
        await self.mark_started(target)
        app, function = self._function
        data = self._inputs[target.position]
        try:
            run_id = await invoke(self.session, app, function, data)
        except NotFoundError as error:
            return with_outcome(target, ActionOutcome.FAILED, error, error)
        except InngestError as error:
            if (
                isinstance(error, BadRequestError)
                and error.code == "function_debounced"
            ):
                # The run starts at the end of the period (operation invokeFunctionV2).
                return with_outcome(target, ActionOutcome.DONE, error)
            return failure(target, error)
        invoked = evolve(target, new_run_id=run_id)
        return with_outcome(invoked, ActionOutcome.DONE)
