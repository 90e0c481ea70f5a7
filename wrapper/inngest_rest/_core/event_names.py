"""Event names: those that the server refuses, and the vendor's convention, `domain/noun.verb`.

The convention is what the vendor's documentation recommends ("Tips for event naming"): a prefix, an
object and an action, in lower case, such as "billing/invoice.paid". Words may contain digits, `_`
and `-`, and an object may have several words, as in "stripe/customer.subscription.deleted". Whether
the last one is a verb in the past tense is not checked.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from inngest_rest._visible import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.typing import EventNameCheck

logger = logging.getLogger("inngest_rest")

_WORD = "[a-z0-9][a-z0-9_-]*"
_CONVENTION = rf"{_WORD}/{_WORD}(\.{_WORD})+"

# Names are few by nature; where a program makes them up, warnings end here.
_MOST_WARNINGS = 100


def check_name(name: object, convention: NameConvention | None = None) -> None:
    """Raise ValueError if this is not a valid event name."""
    if not isinstance(name, str) or not name:
        raise ValueError("name must be text and not empty")
    if name[:8].lower() == "inngest/":
        raise ValueError(f"name {shown(name)} is reserved: inngest/ belongs to the platform")
    if convention is not None:
        convention.check(name)


class NameConvention:
    """The check of a client's event names: it refuses others, or warns once per name."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses
        self._follows = re.compile(_CONVENTION).fullmatch
        self._warned: dict[str, object] = {}

    @classmethod
    def of(cls, check: EventNameCheck) -> NameConvention | None:
        """Return the check of that name, None for "off"."""
        return None if check == "off" else cls(refuses=check == "refuse")

    def check(self, name: str) -> None:
        """Warn of a name that does not follow the convention, or raise ValueError."""
        if self._follows(name):
            return
        if self._refuses:
            raise ValueError(_reason(name))
        if len(self._warned) < _MOST_WARNINGS:
            mark = object()
            # Atomic: of several threads, one warns.
            if self._warned.setdefault(name, mark) is mark:
                last = len(self._warned) == _MOST_WARNINGS
                more = "; further names are not reported" if last else ""
                logger.warning("event %s%s", _reason(name), more)

    def allows(self, names: Iterable[str]) -> bool:
        """Return whether none of them is refused."""
        try:
            for name in names:
                self.check(name)
        except ValueError:
            return False
        return True


def _reason(name: str) -> str:
    shape = "does not follow domain/noun.verb in lower case, such as shop/order.created"
    return f"name {shown(name)} {shape}"
