"""The file of profiles: named servers, which a client, a command and an agent choose by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest.responses import Profile


def read_profiles() -> list[Profile]:
    """Read the file of profiles, at INNGEST_CONFIG or in the folder for configuration of the user.

    One that is malformed or has a key is among them, with its `problem`.

    Raises:
        ConfigurationError: The file cannot be read as tables of TOML.
    """
    from inngest_rest._core.calls.profiles import listed  # noqa: PLC0415 - loads httpx
    from inngest_rest._core.calls.sources import Reader  # noqa: PLC0415

    return listed(Reader.of({}, None).environ)
