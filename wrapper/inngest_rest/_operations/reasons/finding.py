"""Findings: what a rule concludes from the evidence, as facts without words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.explanation import ReasonKind


@frozen(kw_only=True)
class Finding:
    """What a rule concludes about an event, a function or a run.

    Attributes:
        kind: The kind of reason; `texts` has the sentence for it.
        is_certain: Whether the evidence proves it; otherwise it is possible.
        subject: What the sentence is about: "it", "run 01J0..." or "shop/charge".
        app_id: The app of the function it is about, if any.
        function_id: The function it is about, if any.
        run_id: The run it is about, if any.
        evidence: The facts that support it, which the reason shows.
        details: Further facts that the sentence needs.
    """

    kind: ReasonKind
    is_certain: bool
    subject: str = "it"
    app_id: str | None = None
    function_id: str | None = None
    run_id: str | None = None
    evidence: Mapping[str, Any]
    details: Mapping[str, Any] = field(factory=dict[str, Any])
