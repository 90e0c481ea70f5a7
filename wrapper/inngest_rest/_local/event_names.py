"""Names of events: those that the server refuses, and the vendor's convention.

The convention, `domain/noun.verb`, is recommended by the vendor's documentation ("Tips for event
naming"): a prefix, an object and an action, in lower case, such as "billing/invoice.paid". Words
may contain digits, `_` and `-`, and an object may have several words, as in
"stripe/customer.subscription.deleted". Whether the last one is a verb in the past tense is not
checked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inngest_rest._values.logs import logger
from inngest_rest._values.visible import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = "[a-z0-9][a-z0-9_-]*"


def check_name(name: object, convention: NameConvention | None = None) -> None:
    """Raise ValueError if this is not a valid event name."""
    if not isinstance(name, str) or not name:
        raise ValueError("name must be text and not empty")
    if name[:8].lower() == "inngest/":
        raise ValueError(
            f"name {shown(name)} is reserved: inngest/ belongs to the platform"
        )
    if convention is not None:
        convention.check(name)


class NameConvention:
    """The check of a client's event names, which refuses a name or warns once of it."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses
        self._follows = re.compile(rf"{_WORD}/{_WORD}(\.{_WORD})+").fullmatch
        self._warned = set[str]()

    def check(self, name: str) -> None:
        """Warn of a name that does not follow the convention, or raise ValueError."""
        if self._follows(name):
            return
        shape = (
            "does not follow domain/noun.verb in lower case, such as shop/order.created"
        )
        reason = f"name {shown(name)} {shape}"
        if self._refuses:
            raise ValueError(reason)
        # Names are few by nature; if a program generates them, warnings end.
        if name not in self._warned and len(self._warned) < 100:
            self._warned.add(name)
            logger.warning("event %s", reason)

    def allows(self, names: Iterable[str]) -> bool:
        """Return whether all of them follow the convention."""
        return all(map(self._follows, names))
