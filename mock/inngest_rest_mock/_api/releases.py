"""The releases of the server: which routes each one has, and where it serves v2."""

from __future__ import annotations

import re

import attrs

from inngest_rest_api.api import NEWEST_RECORDED, OPERATIONS

CURRENT = NEWEST_RECORDED

_PATTERN = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")

UNDOCUMENTED = {
    "POST /invoke/{}": ("invoke", "0.15.6"),
}
"""Routes that the server has and the document leaves out: the names given to them here, and the
first release with each."""


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
                f'release must be a text like "{CURRENT}" or "1.17.3", and is {text!r}'
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

    def serves_v2_at(self, prefix: str) -> bool:
        """Return whether v2 is mounted at `/v2` or `/api/v2`; elsewhere, the web UI responds."""
        return self >= (_V2_AT_ROOT if prefix == "/v2" else _V2)

    # Bugs seen on the named releases and fixed in later ones.

    @property
    def names_functions_by_slug(self) -> bool:
        """Whether v2's single run has the full slug as the id of its function: 1.25."""
        return self < _BARE_IDS

    @property
    def mixes_up_states(self) -> bool:
        """Whether lists of an event's runs with PostgreSQL miss their states: 1.17 and 1.25."""
        return self < _BARE_IDS

    @property
    def misses_open_runs(self) -> bool:
        """Whether v1 with PostgreSQL loads no run that has not ended: 1.17."""
        return self < _OPEN_RUNS

    # Read in the source of the named release, and not seen.

    @property
    def guards_metrics(self) -> bool:
        """Whether `/metrics` needs the signing key: before 1.19."""
        return self < _OPEN_METRICS

    @property
    def is_strict(self) -> bool:
        """Whether GETs of v1 keep their status, and v2 refuses what it does not know: 1.45."""
        return self >= _STRICT


_V2 = Release(1, 11, 6)
_V2_AT_ROOT = Release(1, 26)
_BARE_IDS = Release(1, 27, 1)
_OPEN_RUNS = Release(1, 25)
_OPEN_METRICS = Release(1, 19)
_STRICT = Release(1, 45)


def signature_of(method: str, path: str) -> str:
    """Return `METHOD /path`, with `{}` for each parameter of the path."""
    return f"{method} {re.sub(r'{[^}]*}', '{}', path)}"


OPERATION_NAMES = {signature: name for signature, (name, _) in UNDOCUMENTED.items()} | {
    signature_of(operation.method, operation.path): operation.name
    for operation in OPERATIONS
}
"""The name of every operation by its signature."""

SINCE = {signature: since for signature, (_, since) in UNDOCUMENTED.items()} | {
    signature_of(operation.method, operation.path): operation.since
    for operation in OPERATIONS
    if operation.tag != "ingest"
}
"""The first release with an operation, None if no known server has it; ingest has always been."""

UNTIL = {
    signature_of(operation.method, operation.path): operation.until
    for operation in OPERATIONS
    if operation.until
}
"""The first release without an operation that older ones have."""


def served_operations(
    release: Release, *, v1_routes: bool = False, v2_routes: bool = True
) -> dict[str, str]:
    """Return the part of `OPERATION_NAMES` that a server has.

    Args:
        release: The release of the server.
        v1_routes: Whether v1 also has the routes that no known server has.
        v2_routes: Whether there is a v2 at all.
    """
    return {
        signature: name
        for signature, name in OPERATION_NAMES.items()
        if (v2_routes or " /v2/" not in signature)
        and (
            signature not in SINCE
            or (v1_routes and SINCE[signature] is None)
            or release.has(SINCE[signature], UNTIL.get(signature))
        )
    }
