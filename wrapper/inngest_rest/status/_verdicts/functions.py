"""Whether the expected functions are registered, as they are expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._visible import and_more
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._expected import compared
from inngest_rest.status._verdicts.words import counted, not_read, shows

if TYPE_CHECKING:
    from inngest_rest.status._evidence import StatusEvidence


def judge_functions(evidence: StatusEvidence) -> Finding:
    functions = evidence.functions
    if functions is None:
        return not_read("functions", evidence, "functions")
    names = evidence.rules.names
    expected = [
        each
        for each in evidence.rules.expected
        if not each.app_id or names.match(each.app_id, each.id)
    ]
    found = compared(expected, functions)
    changed = [f"{name} ({', '.join(parts)})" for name, parts in found.changed.items()]
    parts = {"gone": found.gone, "changed": changed, "new": found.new}
    differences = [
        f"{what}: {and_more([*names])}" for what, names in parts.items() if names
    ]
    severity = Severity.OK
    if found.gone or changed:
        severity = Severity.BROKEN
    elif found.new:
        severity = Severity.WARNING
    return Finding(
        kind="functions",
        severity=severity,
        message="; ".join(differences)
        or f"{counted(len(expected), 'function')} registered as expected",
        evidence={what: len(names) for what, names in parts.items()},
        remedy=shows("functions.list", "what is registered") if differences else None,
    )
