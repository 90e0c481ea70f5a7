"""The releases of the server: which routes each one has, by the document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from inngest_rest_api import api

if TYPE_CHECKING:
    from inngest_rest_api.api import Operation

_PATTERN = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@attrs.frozen(order=True)
class Release:
    """A release of the self-hosted and the dev server."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: object) -> Release:
        """Read `X.Y` or `X.Y.Z`; `X.Y` is the first release of its line, `X.Y.0`."""
        match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(
                f'release must be a text like "{NEWEST}" or "1.38.1", and is {text!r}'
            )
        return cls(*(int(part) for part in match.groups("0")))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def has(self, since: str | None, until: str | None = None) -> bool:
        """Return whether it has what release `since` introduced, and `until` no longer has.

        None as `since` is what no release has had so far, and as `until` what none has dropped.
        """
        is_begun = since is not None and self >= Release.parse(since)
        return is_begun and (until is None or self < Release.parse(until))


_since = [each.since for each in api.OPERATIONS] + [*api.LATER.values()]
_described = [Release.parse(since) for since in _since if since is not None]
_oldest, _newest = min(_described), max(_described)
NEWEST = f"{_newest.major}.{_newest.minor}"
"""The newest release that the document describes."""


def described_release(text: object) -> Release:
    """Read a release, and refuse one that the document does not describe."""
    release = Release.parse(text)
    if release < _oldest:
        raise ValueError(
            f"release must be {_oldest.major}.{_oldest.minor} or newer, and is {text!r}"
        )
    return release


OPERATIONS = {operation.name: operation for operation in api.OPERATIONS}
"""Every operation of the document, by its name."""


def served_operations(release: Release, *, v1_routes: bool) -> dict[str, Operation]:
    """Return those of `OPERATIONS` that a server has; ingest has always been.

    Args:
        release: The release of the server.
        v1_routes: Whether v1 also has the routes that no known server has.
    """
    return {
        name: operation
        for name, operation in OPERATIONS.items()
        if operation.tag == "ingest"
        or (v1_routes and operation.since is None)
        or release.has(operation.since, operation.until)
    }
