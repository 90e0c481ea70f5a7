"""Making a call of any program: its method is called, and its result arrives in chunks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, evolve, field, frozen

from inngest_rest.call_row import Returns
from inngest_rest.calls import command_for
from inngest_rest.errors import InngestError, PartialSendError
from inngest_rest.programs import is_ulid
from inngest_rest_tools.answer import Reply
from inngest_rest_tools.form import form_of
from inngest_rest_tools.parameter import unusable_file
from inngest_rest_tools.parameters import arguments
from inngest_rest_tools.problems import ProblemError
from inngest_rest_tools.projection import record_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from inngest_rest import BatchReport, InngestClient
    from inngest_rest.call_row import CallRow
    from inngest_rest.models import Page, Run
    from inngest_rest.record import Record
    from inngest_rest_tools.parameter import Values

    Chunk = tuple[tuple[Record, ...], Page[Any] | None]

_MOST_IDS = 1_000  # of the events of a file, which may have any number


def _do_nothing() -> None:
    pass


@frozen
class CallResult:
    """What the method of a call returned, and the ids of events that it sent from a file."""

    returned: Any
    ids: Sequence[str | None]


@define(eq=False, repr=False, kw_only=True)
class Call:
    """A call with its parameters and its answer."""

    row: CallRow
    values: Values
    client: InngestClient
    answer: Reply = Factory(lambda self: Reply.to(self.row), takes_self=True)
    has_errors: bool = True  # failed runs have their error in the answer
    # What is wrong with keys that the client was made without, by their arguments.
    malformed: Mapping[str, str] = field(factory=dict[str, str])
    note: Callable[[], object] = _do_nothing  # after each act, and each item of a list

    def make(self, values: Values) -> Iterator[Chunk]:
        """Call the method, and yield its result as it arrives."""
        values = self._with_internal_id(values)
        fields = self._fields_asked_for()
        fetches_output = False
        if values.get("include_output") is False:
            # A failed run's error is read from its output.
            asks_for_output = "error" in fields or "output" in fields
            fetches_output = self.has_errors or asks_for_output
        if fetches_output:
            values = {**values, "include_output": True}
        result = self._result(values)
        if self.row.returns is Returns.ONE:
            yield chunk_of(self._only_record(result, values))
            return
        hides_output = fetches_output and "output" not in fields
        to_record = self._to_record(hides_output=hides_output)
        if self.row.returns is Returns.PAGES:
            yield from self._chunks_of_list(result.returned, to_record)
        else:
            for item in result.returned:
                yield chunk_of(to_record(item))

    def _with_internal_id(self, values: Values) -> Values:
        """Replace the id that the sender gave an event by its internal id."""
        if not self.row.takes_internal_id or is_ulid(values["id"]):
            return values
        explanation = self.client.events.explain(values["id"])
        return {**values, "id": explanation.event_id}

    def _fields_asked_for(self) -> set[str]:
        """Return each name in the paths of the fields that the answer is limited to."""
        names: set[str] = set()
        for path in self.answer.projection.fields or ():
            names.update(path.split("."))
        return names

    def _to_record(self, *, hides_output: bool) -> Callable[[Any], Any]:
        """Return the function that makes a record of a list's item."""
        if hides_output:
            return _without_output
        if self.row.returns_model:
            from inngest_rest_tools.results import OfCloud  # noqa: PLC0415

            return OfCloud.of
        return _unchanged

    def _result(self, values: Values) -> CallResult:
        """Call the method, and return its result; of a partial send, the report of it."""
        row = self.row
        file_ids = list[str | None]()

        def on_batch(batch: BatchReport) -> None:
            accepted = [id for id in batch.ids if id is not None]
            file_ids.extend(accepted[: _MOST_IDS - len(file_ids)])
            self.sent(batch)

        given = arguments(row, values) | self._arguments_of_python(on_batch)
        try:
            returned = row.make(self.client, given)
        except OSError as error:
            # Of the file that is sent: errors of files written beside it are InngestErrors.
            path = error.filename or values.get("path")
            raise unusable_file("path", path, error) from error
        except InngestError as error:
            partial: BaseException | None = error
            if not isinstance(error, PartialSendError):
                partial = error.__cause__
            if not isinstance(partial, PartialSendError):
                raise
            return CallResult(returned=partial.report, ids=partial.ids)
        return CallResult(returned=returned, ids=file_ids)

    def _arguments_of_python(
        self, on_batch: Callable[[BatchReport], None]
    ) -> dict[str, Any]:
        """Return the arguments for which programs have no parameter."""
        row = self.row
        if row.sends_events and row.uses_files:
            return {"on_batch": on_batch}
        given: dict[str, Any] = {}
        if row.uses_files:
            given["on_progress"] = self.progress
        return given

    def _chunks_of_list(
        self, listing: Any, to_record: Callable[[Any], Any]
    ) -> Iterator[Chunk]:
        """Yield the records of each page; if there are none, say how far was searched."""
        has_items = False
        for page in listing.pages():
            if page.items:
                has_items = True
            records = tuple(to_record(item) for item in page.items)
            yield records, page
        if not has_items or self.values.get("where"):
            self.answer.warnings.append(f"searched {listing.searched()}")

    def _only_record(self, result: CallResult, values: Values) -> Record:
        """Return the record of a call that has one; raise the problem that it reports."""
        row = self.row
        kind = record_class(row)
        record: Any = result.returned
        if not isinstance(result.returned, kind):
            from inngest_rest_tools.results import made  # noqa: PLC0415

            record = made(
                kind,
                self.client,
                values,
                result.returned,
                result.ids,
            )
        form = form_of(kind)
        record = form.completed(record, self)
        problem = form.problem(record, values)
        if problem is not None:
            raise ProblemError(problem, data=record)
        return record  # type: ignore[no-any-return]

    def note_batch(self, run: Run) -> None:
        """Warn that a run of a batch has the id of the first event only."""
        if run.batch_id is None:
            return
        fields = self._fields_asked_for()
        if fields and "event_ids" not in fields:
            return
        explain_row = command_for("runs.explain")
        explain = self.spelled(explain_row, {"id": run.id})
        self.answer.warnings.append(
            f"event_ids has only the first of its batch; all: {explain}"
        )

    def sent(self, batch: BatchReport) -> None:
        """Note the outcome of a batch of a file."""

    def progress(self, rows: int) -> None:
        """Note how many rows of a file are written."""

    def spelled(self, row: CallRow, values: Values) -> str:
        """Return another call in the caller's terms: for a tool, its name and its parameters."""
        given = {name: value for name, value in values.items() if value is not None}
        text = json.dumps(given, default=_in_text)
        return f"call {row.tool} with {text}"


def chunk_of(record: Record) -> Chunk:
    """Return one record as a chunk that belongs to no page."""
    return (record,), None


def _in_text(moment: datetime | timedelta) -> str:
    """Return a time in the form that a parameter in JSON takes."""
    if isinstance(moment, timedelta):
        seconds = round(moment.total_seconds())
        return f"{max(seconds, 1)}s"
    return moment.isoformat()


def _unchanged(item: Any) -> Any:
    return item


def _without_output(item: Any) -> Any:
    if hasattr(item, "run"):
        return evolve(item, run=_without_output(item.run))
    return evolve(item, output=None)
