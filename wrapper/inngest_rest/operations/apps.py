"""Operations on apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest.models import App
from inngest_rest.operations.operation import Operation, Returns
from inngest_rest.operations.parameters import DEFAULT_LIMIT, ListLimit, option

if TYPE_CHECKING:
    from inngest_rest import InngestClient, Paginator


@frozen
class ListApps:
    """List apps.

    Attributes:
        limit: Maximum number of apps.
        cursor: The cursor of the next page, which an earlier page has.
    """

    limit: ListLimit = option(default=DEFAULT_LIMIT)
    cursor: str | None = option()


def _list(client: InngestClient, parameters: ListApps) -> Paginator[App]:
    return client.apps.list(limit=parameters.limit, cursor=parameters.cursor)


@frozen
class GetApp:
    """Get one app.

    Attributes:
        id: The app's id, as set in its code.
    """

    id: str


def _get(client: InngestClient, parameters: GetApp) -> App:
    return client.apps.get(parameters.id)


# Whoever syncs an app chooses what it is called and where it is.
_FROM_STRANGERS = (
    "id",
    "name",
    "method",
    "version",
    "url",
    "sdk_language",
    "sdk_version",
    "framework",
    "sync_status",
    "sync_error",
)

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="apps.list",
        parameters=ListApps,
        result=App,
        run=_list,
        returns=Returns.PAGES,
        untrusted=_FROM_STRANGERS,
        examples=("--limit 50",),
    ),
    Operation(
        name="apps.get",
        parameters=GetApp,
        result=App,
        run=_get,
        untrusted=_FROM_STRANGERS,
        examples=("shop",),
    ),
)
