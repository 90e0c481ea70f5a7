"""How a record in the types of JSON is made shorter, by its class: what says least is left out.

A function changes the record, which is its own, and yields what it leaves out, if its reader should
know of that.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from inngest_rest._programs.parameter import FORMS
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_LONGEST_LINE = 160  # of an error in a list
_LONGEST_STACK = 300
_MOST_IDS = 20


def _shorten_run(run: dict[str, Any], is_item: bool) -> Iterable[str]:
    if is_item:
        _shorten_listed_run(run)
        return
    error: dict[str, Any] = run.get("error") or {}
    stack: str = error.pop("stack", "")
    if stack:
        error["stack"] = stack[:_LONGEST_STACK]
    if len(stack) > _LONGEST_STACK:
        yield "error.stack"


def _shorten_listed_run(run: dict[str, Any]) -> None:
    """Name the function as rows of a report do, and leave the error as one line."""
    if "function_id" in run:
        ids = run.pop("app_id", None), run.pop("function_id")
        run["function"] = "/".join(filter(None, ids))
    error: dict[str, Any] | None = run.get("error")
    if error is not None:
        text: str = error.get("message") or error.get("name") or ""
        run["error"] = text.strip().partition("\n")[0][:_LONGEST_LINE]


def _shorten_explanation(explanation: dict[str, Any], _is_item: bool) -> Iterable[str]:
    if len(explanation.get("events", ())) == 1:
        del explanation["events"]  # of a batch, they are asked for
    return []


def _shorten_span(span: dict[str, Any], is_item: bool) -> Iterable[str]:
    """Leave each stack where it comes first: servers repeat it at each span around the error."""
    if is_item:
        return  # the root is shortened with all that is below
    seen = set[str]()
    spans = [span]
    while spans:
        each = spans.pop()
        output: dict[str, Any] = each.get("output") or {}
        stack = output.get("stack") if each["status"] == RunStatus.FAILED else None
        if stack in seen:
            each["output"] = {
                name: value for name, value in output.items() if name != "stack"
            }
            yield "stacks that are the same"
        elif isinstance(stack, str):
            seen.add(stack)
        spans += reversed(each.get("children", []))


def _shorten_waiting_run(row: dict[str, Any], is_item: bool) -> Iterable[str]:
    yield from _shorten_run(row, is_item)
    if row["is_certain"]:
        del row["is_certain"]  # as nearly all are
    if "runs" not in row and ("at" in row or row.get("kind") == "lost"):
        del row["message"]  # which says what the other fields do


def _shorten_sent(sent: dict[str, Any], _is_item: bool) -> Iterable[str]:
    failures: list[dict[str, Any]] = sent.get("failures", [])
    counts = Counter(failure["reason"] for failure in failures)
    if len(counts) < len(failures):
        firsts = {failure["reason"]: failure for failure in reversed(failures)}
        sent["failures"] = [
            {"count": counts[reason], **firsts[reason]} for reason in counts
        ]
        yield "failures of the same reason"
    if len(sent.get("ids", ())) > _MOST_IDS:
        sent["ids"] = sent["ids"][:_MOST_IDS]
        yield f"ids after the first {_MOST_IDS}"


def _shorten_diagnosis(diagnosis: dict[str, Any], _is_item: bool) -> Iterable[str]:
    findings: list[dict[str, Any]] = diagnosis["findings"]
    diagnosis["findings"] = [each for each in findings if each["state"] != "ok"]
    diagnosis["passed"] = [each["check"] for each in findings if each["state"] == "ok"]
    return ["findings that are ok"]


def _shorten_group(group: dict[str, Any], _is_item: bool) -> Iterable[str]:
    for name in ("times", "errors"):
        if not group[name]:
            del group[name]
    for error in group.get("errors", ()):
        if error["message"] == group["name"]:  # of a group by errors
            del error["message"], error["runs"]
    if len(group["counts"]) == 1:
        group.pop("last_status", None)
    return []


def _shorten_description(description: dict[str, Any], _is_item: bool) -> Iterable[str]:
    """Leave out what is the same in the schemas of all parameters, and of all forms but one."""
    schema: dict[str, Any] = description.get("parameters", {})
    schema.pop("additionalProperties", None)
    known = set[str]()
    for parameter in schema.get("properties", {}).values():
        for form in FORMS.values():
            if parameter.get("description", "").endswith(form):
                if form in known:
                    parameter["description"] = parameter["description"].removesuffix(
                        form
                    )
                known.add(form)
    return []


def _shorten_row(row: dict[str, Any], _is_item: bool) -> Iterable[str]:
    if "id" in row:
        del row["position"]
    return []


SHORTEN: Mapping[str, Callable[[dict[str, Any], bool], Iterable[str]]] = {
    "Run": _shorten_run,
    "RunExplanation": _shorten_explanation,
    "Span": _shorten_span,
    "WaitingRun": _shorten_waiting_run,
    "Sent": _shorten_sent,
    "SendPreview": _shorten_sent,
    "Diagnosis": _shorten_diagnosis,
    "ActionRow": _shorten_row,
    "RunGroup": _shorten_group,
    "Description": _shorten_description,
}
"""The function that makes a record of a class shorter; it takes whether it is an item of a list."""
