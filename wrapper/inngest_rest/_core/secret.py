"""Text that is not shown, wherever the object that holds it turns up."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Secret:
    """A key, or other text that gives access.

    Crash reporters record the local variables of each frame, by their reprs or attribute by
    attribute: the text is in neither. Only `reveal` returns it, to be used in the same expression.

    Args:
        text: The text. An argument of another type may be held until it is checked.
    """

    __slots__ = ("_reveal",)

    def __init__(self, text: str) -> None:
        # In a closure: an attribute would be found by those who show the attributes of objects.
        self._reveal: Callable[[], str] = lambda: text

    @classmethod
    def of(cls, text: str | None) -> Self | None:
        """Return a secret, or None for None."""
        return None if text is None else cls(text)

    def reveal(self) -> str:
        """Return the text."""
        return self._reveal()

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self), _bytes(other))

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode(errors="surrogatepass")
