"""What the probes of a diagnosis found, for findings to be derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from inngest_rest._core.diagnosis.releases import Releases

if TYPE_CHECKING:
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.diagnosis.probes import Answer
    from inngest_rest.diagnosis import ServerKind


@define
class Evidence:
    """What the probes found.

    Attributes:
        settings: The settings of the client.
        has_own_transport: Whether the caller's transport sends, so that no proxy of ours is used.
        hosts: An answer of each host that was asked.
        kind: The kind of server.
        release: The release that the server states.
        releases: The releases that it may be of.
        signing_keys: What came of each signing key, by the setting that it came from.
        api_key: What came of the API key.
    """

    settings: Settings
    has_own_transport: bool
    hosts: list[Answer[Any]] = field(factory=list["Answer[Any]"])
    kind: ServerKind | None = None
    release: str | None = None
    releases: Releases = field(factory=Releases)
    signing_keys: dict[str, Answer[Any]] = field(factory=dict[str, "Answer[Any]"])
    api_key: Answer[Any] | None = None

    @property
    def is_up(self) -> bool:
        """Whether each host that was asked answers as Inngest does."""
        return all(each.is_inngest for each in self.hosts)

    @property
    def skew_s(self) -> float | None:
        """How far the server's clock is ahead; None if it did not state its time."""
        return next((each.skew_s for each in self.hosts if each.skew_s is not None), None)
