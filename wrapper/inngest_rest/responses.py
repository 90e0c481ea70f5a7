"""The target and the profile of a client, and the raw response of a call."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from inngest_rest.record import Record

if TYPE_CHECKING:
    import httpx

__all__ = ["Profile", "RawResponse", "Target"]

_DASHBOARD = "https://app.inngest.com"


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

    def run_page(self, id: str) -> str:
        """Return the URL of the page that shows a run: of the dashboard, or of the server itself.

        Nothing is requested: whether there is such a run, and whether a server of one's own shows
        its pages, is not known. Of Inngest Cloud it is in the client's `env`, else in production.
        """
        return self._page(cloud=("runs", id), own=("run", "runID", id))

    def event_page(self, id: str) -> str:
        """Return the URL of the page that shows an event by its internal id, as `run_page`."""
        return self._page(cloud=("events", id), own=("event", "eventID", id))

    def function_page(self, app: str, function: str) -> str:
        """Return the URL of the page that shows a function of an app, as `run_page`."""
        slug = f"{app}-{function}"
        return self._page(
            cloud=("functions", slug), own=("functions/config", "slug", slug)
        )

    def _page(self, *, cloud: tuple[str, str], own: tuple[str, str, str]) -> str:
        if self.is_cloud:
            env, (kind, id) = self.env or "production", cloud
            return f"{_DASHBOARD}/env/{quote(env, safe='')}/{kind}/{quote(id, safe='')}"
        path, parameter, id = own
        return f"{self.api_url}/{path}?{parameter}={quote(id, safe='')}"


@frozen(kw_only=True, repr=False)
class Profile(Record):
    """A named server: `client.profile`. It has no key, only where each comes from.

    Attributes:
        name: Its name in the file.
        settings: The settings that it has, such as `base_url`, by their names.
        keys: Where each key comes from, by its setting: the name of a variable, or a command.
        is_protected: Whether an act of the command or a tool has to name it.
        problem: Why a client cannot use it; None if it is well-formed.
    """

    name: str
    settings: dict[str, str] = field(factory=dict[str, str])
    keys: dict[str, str] = field(factory=dict[str, str])
    is_protected: bool = False
    problem: str | None = None


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
