"""Conclusions: what a rule concludes from the evidence, as facts without words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest._local.functions import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.explanation import ReasonKind as Kind
    from inngest_rest.models import Function


@frozen(kw_only=True)
class Conclusion:
    """What a rule concludes about an event, a function or a run.

    Attributes:
        kind: The kind of reason; `_texts` has the sentence for it.
        is_certain: Whether the evidence proves it; otherwise it is possible.
        subject: What the sentence is about: "it", "run 01J0..." or "shop/charge".
        app_id: The app of the function it is about, if any.
        function_id: The function it is about, if any.
        run_id: The run it is about, if any.
        evidence: The facts that support it, which the reason shows.
        details: Further facts that the sentence needs.
    """

    kind: Kind
    is_certain: bool
    subject: str = "it"
    app_id: str | None = None
    function_id: str | None = None
    run_id: str | None = None
    evidence: Mapping[str, Any]
    details: Mapping[str, Any] = field(factory=dict[str, Any])


def about_function(
    function: Function,
    kind: Kind,
    evidence: Mapping[str, Any],
    *,
    is_certain: bool = False,
    details: Mapping[str, Any] | None = None,
) -> Conclusion:
    """Return a conclusion about a function."""
    return Conclusion(
        kind=kind,
        is_certain=is_certain,
        subject=name_of(function),
        app_id=function.app_id,
        function_id=function.id,
        evidence=evidence,
        details=details or {},
    )
