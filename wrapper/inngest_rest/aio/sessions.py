"""Sessions: runs grouped by a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import analytics
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import Run, SessionGroup
    from inngest_rest.typing import Paging


class Sessions(Resource):
    """Runs grouped into sessions, on Inngest Cloud: `client.sessions`."""

    def keys(self, *, search: str | None = None, **paging: Unpack[Paging]) -> AsyncPaginator[str]:
        """List the keys by which runs are grouped.

        Args:
            search: Only keys that contain this text.

        Raises:
            RouteNotFoundError: The server does not have this.

        HTTP: `GET /v2/sessions`.
        """
        return self._list(analytics.list_session_keys, search, **paging)

    def list(
        self, key: str, *, search: str | None = None, **paging: Unpack[Paging]
    ) -> AsyncPaginator[SessionGroup]:
        """List the sessions of a key.

        Args:
            key: The key by which runs are grouped, such as user.
            search: Only sessions whose id contains this text.

        Raises:
            RouteNotFoundError: The server does not have this.

        HTTP: `GET /v2/sessions/{sessionKey}`.
        """
        return self._list(analytics.list_sessions, key, search, **paging)

    def runs(
        self,
        key: str,
        id: str,
        *,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        **paging: Unpack[Paging],
    ) -> AsyncPaginator[Run]:
        """List the runs of a session.

        Args:
            key: The key by which runs are grouped.
            id: The session's id.
            since: Only runs queued at or after this time; a timedelta is that long ago.
            until: Only runs queued at or before this time; a timedelta is that long ago.

        Raises:
            RouteNotFoundError: The server does not have this.

        HTTP: `GET /v2/sessions/{sessionKey}/{sessionId}/runs`.
        """
        return self._list(analytics.list_session_runs, key, id, since=since, until=until, **paging)
