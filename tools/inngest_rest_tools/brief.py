"""The brief form of records in JSON types, by class: the least useful fields go.

A function that shortens changes the record in place, and returns descriptions of what it removed
where the reader should know.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest_tools.parameter import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_Fields = dict[str, Any]  # of a record, by name

_LONGEST_LINE = 160  # of an error in a list
_LONGEST_STACK = 300
_MOST_IDS = 20


def _leave(_record: _Fields, _is_item: bool) -> Iterable[str]:
    return ()


def _shorten_run(run: _Fields, is_item: bool) -> Iterable[str]:
    if is_item:
        _shorten_listed_run(run)
        return
    error: _Fields = run.get("error") or {}
    stack: str = error.pop("stack", "")
    if stack:
        error["stack"] = stack[:_LONGEST_STACK]
    if len(stack) > _LONGEST_STACK:
        yield "error.stack"


def _shorten_listed_run(run: _Fields) -> None:
    """Name the function as rows of a report do, and leave the error as one line."""
    if "function_id" in run:
        app_id = run.pop("app_id", None)
        function_id = run.pop("function_id")
        names = [name for name in (app_id, function_id) if name]
        run["function"] = "/".join(names)
    error: _Fields | None = run.get("error")
    if error is not None:
        text: str = error.get("message") or error.get("name") or ""
        first_line = text.strip().partition("\n")[0]
        run["error"] = first_line[:_LONGEST_LINE]


def _shorten_explanation(explanation: _Fields, _is_item: bool) -> Iterable[str]:
    if len(explanation.get("events", ())) == 1:
        del explanation["events"]  # of a batch, they are asked for
    return []


def _shorten_span(span: _Fields, is_item: bool) -> Iterable[str]:
    """Keep the first copy of each stack: servers repeat it at every span around the error."""
    if is_item:
        return  # the root is shortened together with its descendants
    seen = set[str]()
    pending = [span]
    while pending:
        current = pending.pop()
        pending += reversed(current.get("children", []))
        if current["status"] != "failed":
            continue
        output: _Fields = current.get("output") or {}
        stack = output.get("stack")
        if stack in seen:
            current["output"] = _without(output, "stack")
            yield "stacks that are the same"
        elif isinstance(stack, str):
            seen.add(stack)


def _without(record: _Fields, name: str) -> _Fields:
    return {key: value for key, value in record.items() if key != name}


def _shorten_waiting_run(row: _Fields, is_item: bool) -> Iterable[str]:
    yield from _shorten_run(row, is_item)
    if row["is_certain"]:
        del row["is_certain"]  # as nearly all are
    is_told_by_fields = "at" in row or row.get("kind") == "lost"
    if is_told_by_fields and "runs" not in row:
        del row["message"]


def _shorten_sent(sent: _Fields, _is_item: bool) -> Iterable[str]:
    """Keep the first failure of each reason, with their number, and the first ids."""
    failures: list[_Fields] = sent.get("failures", [])
    counts = Counter(failure["reason"] for failure in failures)
    if len(counts) < len(failures):
        first_of_reason: dict[str, _Fields] = {}
        for failure in failures:
            first_of_reason.setdefault(failure["reason"], failure)
        sent["failures"] = [
            {"count": counts[reason], **failure}
            for reason, failure in first_of_reason.items()
        ]
        yield "failures of the same reason"
    if len(sent.get("ids", ())) > _MOST_IDS:
        sent["ids"] = sent["ids"][:_MOST_IDS]
        yield f"ids after the first {_MOST_IDS}"


def _shorten_diagnosis(diagnosis: _Fields, _is_item: bool) -> Iterable[str]:
    """Leave only the name of each check that passed."""
    noteworthy: list[_Fields] = []
    passed: list[str] = []
    for finding in diagnosis["findings"]:
        if finding["severity"] == "ok":
            passed.append(finding["kind"])
        else:
            noteworthy.append(finding)
    diagnosis["findings"] = noteworthy
    diagnosis["passed"] = passed
    return ["findings that are ok"]


def _shorten_group(group: _Fields, _is_item: bool) -> Iterable[str]:
    for name in ("times", "errors"):
        if not group[name]:
            del group[name]
    for error in group.get("errors", ()):
        if error["message"] == group["name"]:  # grouped by error: the group says both
            del error["message"], error["runs"]
        elif [*error["functions"]] == [group["name"]]:  # grouped by function
            del error["functions"]
    return []


def _shorten_description(description: _Fields, _is_item: bool) -> Iterable[str]:
    """Explain each form of a value only once: at the first parameter that has it."""
    schema: _Fields = description.get("parameters", {})
    schema.pop("additionalProperties", None)
    explained = set[str]()
    for parameter in schema.get("properties", {}).values():
        text: str = parameter.get("description", "")
        for form in FORMS.values():
            if not text.endswith(form):
                continue
            if form in explained:
                parameter["description"] = text = text.removesuffix(form)
            explained.add(form)
    return []


def _shorten_row(row: _Fields, _is_item: bool) -> Iterable[str]:
    if "id" in row:
        del row["position"]
    return []


@frozen
class Brief:
    """What an answer leaves out of records of a class, unless their fields are asked for.

    Attributes:
        fields: The fields that it lacks.
        fields_of_items: Those that it lacks beyond these in a list.
        shorten: The function that shortens the rest, called with the record and whether it is an
            item of a list.
    """

    fields: frozenset[str] = frozenset()
    fields_of_items: frozenset[str] = frozenset()
    shorten: Callable[[_Fields, bool], Iterable[str]] = _leave

    def left_out(self, *, is_item: bool) -> frozenset[str]:
        """Return the fields that a record lacks."""
        return self.fields | self.fields_of_items if is_item else self.fields


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


BRIEF: Mapping[str, Brief] = {
    "ActionRow": Brief(
        fields=_names("replays_before requested_at requested_at_here"),
        shorten=_shorten_row,
    ),
    "Description": Brief(fields=_names("result"), shorten=_shorten_description),
    "Diagnosis": Brief(fields=_names("calls versions"), shorten=_shorten_diagnosis),
    # The sentence has the unchecked facts and the messages of the reasons.
    "Explanation": Brief(fields=_names("event listeners unchecked")),
    # The message has them in words.
    "Finding": Brief(fields=_names("evidence")),
    "Function": Brief(fields_of_items=_names("configuration")),
    "Job": Brief(fields=_names("id step_id concurrency_keys")),
    "Reason": Brief(fields=_names("message evidence")),
    "Run": Brief(fields_of_items=_names("event_ids"), shorten=_shorten_run),
    "RunExplanation": Brief(fields=_names("unchecked"), shorten=_shorten_explanation),
    # The counts have two of them.
    "RunGroup": Brief(
        fields_of_items=_names("open failure_rate longest"), shorten=_shorten_group
    ),
    "SendPreview": Brief(shorten=_shorten_sent),
    "Sent": Brief(shorten=_shorten_sent),
    "Span": Brief(
        fields=_names("id step_id queued_at ended_at input metadata"),
        shorten=_shorten_span,
    ),
    "StatusReport": Brief(fields=_names("at headline target")),
    "WaitingRun": Brief(
        fields_of_items=_names("status queued_at event_ids"),
        shorten=_shorten_waiting_run,
    ),
}
"""The brief form of records, by the name of their class; any other has all its fields."""

WHOLE = Brief()
"""The form with all fields."""
