"""Releases of the server: their order, and which operations they have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest_api.api import Operation


@frozen
class Releases:
    """The releases that a server may be of.

    Attributes:
        first: The oldest of them; None if any may be.
        below: The oldest release that it is not; None if there is no bound.
    """

    first: str | None = None
    below: str | None = None

    @classmethod
    def exactly(cls, release: str) -> Releases:
        """Return that the release is known."""
        major, minor, patch = _numbers(release)
        return cls(release, f"{major}.{minor}.{patch + 1}")

    def have(self, operation: Operation) -> bool | None:
        """Return whether each of them has an operation, or none has; None if only some have."""
        if operation.tag == "ingest":
            return True
        since = operation.since
        if since is None:
            # No release is known to have it, so the newest that is known has not.
            return None if self == Releases() else False
        if self.first is not None and _numbers(since) <= _numbers(self.first):
            return True
        if self.below is not None and _numbers(self.below) <= _numbers(since):
            return False
        return None

    def narrowed(self, since: str, *, has: bool) -> Releases:
        """Return those of them that have what there is since a release, or those that lack it."""
        if has:
            return evolve(self, first=newest(filter(None, (self.first, since))))
        return evolve(self, below=oldest(filter(None, (self.below, since))))


def newest(releases: Iterable[str]) -> str | None:
    """Return the newest of several releases; None if there are none."""
    return max(releases, key=_numbers, default=None)


def oldest(releases: Iterable[str]) -> str | None:
    """Return the oldest of several releases; None if there are none."""
    return min(releases, key=_numbers, default=None)


def release_of(version: str) -> str | None:
    """Return the release in a server's version, such as 1.43.0-253303c; None if it has none."""
    found = re.match(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b", version)
    return found and found[1]


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))
