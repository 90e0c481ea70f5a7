"""The target and the profile of a client, and the raw response of a call."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import field, frozen

from inngest_rest.record import Record

if TYPE_CHECKING:
    import httpx

__all__ = ["Profile", "RawResponse", "Target"]


@frozen(repr=False)
class Target(Record):
    """The URLs and environment that a client uses: `client.target`.

    Attributes:
        event_url: Base URL that events are sent to.
        api_url: Base URL of the REST API.
        env: The branch environment; None for the default one.
    """

    event_url: str
    api_url: str
    env: str | None = None

    @property
    def is_cloud(self) -> bool:
        """Whether the REST API is that of Inngest Cloud."""
        return is_on_cloud(self.api_url)


@frozen(kw_only=True, repr=False)
class Profile(Record):
    """A named server: `client.profile`. It has no key, only where each comes from.

    Attributes:
        name: Its name in the file.
        settings: The settings that it has, such as `base_url`, by their names.
        keys: Where each key comes from, by its setting: the name of a variable, or a command.
        is_protected: Whether an act of the command or a tool has to name it.
    """

    name: str
    settings: dict[str, str] = field(factory=dict[str, str])
    keys: dict[str, str] = field(factory=dict[str, str])
    is_protected: bool = False


def is_on_cloud(url: str) -> bool:
    """Return whether a host is one of Inngest Cloud."""
    host = urlsplit(url).hostname or ""
    return re.fullmatch(r"(.+\.)?(inngest\.com|inn\.gs)", host) is not None


@frozen(kw_only=True)
class RawResponse:
    """A response of the server; any of the client's keys that it quotes are masked.

    Attributes:
        status: The HTTP status; 200 even for some errors of v1, see `ApiError.hidden`.
        headers: The headers; names are case-insensitive.
        body: The body, decompressed.
        method: The HTTP method of the request.
        url: The URL of the request, without keys and query.
    """

    status: int
    method: str
    url: str
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the decoded JSON of the body; raises ValueError if it is not JSON."""
        return json.loads(self.body)
