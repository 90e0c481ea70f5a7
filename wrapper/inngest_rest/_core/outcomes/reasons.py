"""Find the reasons why a function did not run, or a run has not completed; no I/O.

A reason is given only if the evidence allows it, and called certain only if the evidence proves it:
no server shows that a rate limit, a debounce or a singleton was the cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.outcomes import absence, hindrances, limits
from inngest_rest._core.outcomes.catalogue import is_of, name_of
from inngest_rest._core.outcomes.triggers import nearest
from inngest_rest.explanation import Reason, ReasonKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inngest_rest._core.outcomes.evidence import Evidence

# Events that the server makes itself; no trigger need match them.
_OF_THE_SERVER = "inngest/"


def reasons(evidence: Evidence) -> list[Reason]:
    """Return each reason that the evidence allows."""
    return [
        *_of_event(evidence),
        *(
            reason
            for function, triggers in evidence.listeners
            if not any(is_of(run, function) for run in evidence.runs)
            for reason in absence.reasons(evidence, function, triggers)
        ),
        *(reason for run in evidence.runs for reason in hindrances.reasons(evidence, run)),
    ]


def _of_event(evidence: Evidence) -> Iterator[Reason]:
    name = evidence.event.name
    if evidence.listeners or evidence.runs or name.startswith(_OF_THE_SERVER):
        return
    cancelled = [
        function
        for function in evidence.catalogue.functions
        if name in limits.cancelled_by(function)
    ]
    if not evidence.catalogue.gaps:
        # The name is no misspelling of another if a function knows it.
        close = {} if cancelled else nearest(name, evidence.catalogue.functions)
        yield _no_trigger(evidence, close)
    for function in cancelled:
        yield Reason(
            ReasonKind.CANCELS_RUNS,
            f"it cancels runs of {name_of(function)}, and starts none",
            is_certain=True,
            app_id=function.app_id,
            function_id=function.id,
            evidence={"events": limits.cancelled_by(function)},
        )


def _no_trigger(evidence: Evidence, close: Mapping[str, Sequence[str]]) -> Reason:
    message = "no function has a trigger for its name"
    if close:
        nearby = [f"{value!r} of {' and '.join(names)}" for value, names in close.items()]
        message += f" (the nearest: {', '.join(nearby)})"
    return Reason(
        ReasonKind.NO_TRIGGER,
        message,
        is_certain=True,
        evidence={
            "nearest": {value: list(names) for value, names in close.items()},
            "apps": [app.id for app in evidence.catalogue.apps],
            "functions": len(evidence.catalogue.functions),
        },
    )
