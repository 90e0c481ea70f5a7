"""What `events explain` returns; apart from other results, which load faster without it."""

from __future__ import annotations

from typing import Self

from attrs import fields, frozen

from inngest_rest.explanation import Explanation


@frozen(repr=False)
class Explained(Explanation):
    """What became of an event, and why a function did not run for it.

    Attributes:
        sentence: The whole as one sentence.
    """

    sentence: str = ""

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        """Return an explanation with its sentence."""
        parts = {it.name: getattr(explanation, it.name) for it in fields(Explanation)}
        return cls(**parts, sentence=str(explanation))
