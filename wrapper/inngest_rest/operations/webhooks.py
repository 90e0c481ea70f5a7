"""Operations on webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest.models import Webhook
from inngest_rest.operations.operation import Effect, Operation, Returns
from inngest_rest.operations.parameters import DEFAULT_LIMIT, ListLimit, option
from inngest_rest.operations.results import Deleted
from inngest_rest.record import Record
from inngest_rest.responses import Target

if TYPE_CHECKING:
    from inngest_rest import InngestClient, Paginator


@frozen
class ListWebhooks:
    """List webhooks, which only Inngest Cloud has. The URL of each contains a key.

    Attributes:
        limit: Maximum number of webhooks.
        cursor: The cursor of the next page, which an earlier page has.
    """

    limit: ListLimit = option(default=DEFAULT_LIMIT)
    cursor: str | None = option()


def _list(client: InngestClient, parameters: ListWebhooks) -> Paginator[Webhook]:
    return client.webhooks.list(limit=parameters.limit, cursor=parameters.cursor)


@frozen
class GetWebhook:
    """Get one webhook. Its URL contains a key.

    Attributes:
        id: The webhook's id.
    """

    id: str


def _get(client: InngestClient, parameters: GetWebhook) -> Webhook:
    return client.webhooks.get(parameters.id)


@frozen(repr=False)
class SavedWebhook(Record):
    """A webhook that was created or changed.

    Attributes:
        target: Where it was saved.
        webhook: The webhook; its URL contains a key.
    """

    target: Target
    webhook: Webhook


@frozen
class CreateWebhook:
    """Create a webhook. Its URL contains a key.

    Attributes:
        name: A display name.
        transform: JavaScript that turns a request into an event.
    """

    name: str | None = option()
    transform: str | None = option()


def _create(client: InngestClient, parameters: CreateWebhook) -> SavedWebhook:
    created = client.webhooks.create(name=parameters.name, transform=parameters.transform)
    return SavedWebhook(client.target, created)


@frozen
class UpdateWebhook:
    """Change the name or the transform of a webhook; what is not given stays as it is.

    Attributes:
        id: The webhook's id.
        name: A display name.
        transform: JavaScript that turns a request into an event.
    """

    id: str
    name: str | None = option()
    transform: str | None = option()


def _update(client: InngestClient, parameters: UpdateWebhook) -> SavedWebhook:
    updated = client.webhooks.update(
        parameters.id, name=parameters.name, transform=parameters.transform
    )
    return SavedWebhook(client.target, updated)


@frozen
class DeleteWebhook:
    """Delete a webhook; its URL stops accepting events.

    Attributes:
        id: The webhook's id.
    """

    id: str


def _delete(client: InngestClient, parameters: DeleteWebhook) -> Deleted:
    client.webhooks.delete(parameters.id)
    return Deleted(client.target, parameters.id)


_FROM_STRANGERS = ("name", "transform")

_ID = "0d4a3f9e-6c1b-4a57-9a0e-5a1f2b7c8d90"

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="webhooks.list",
        parameters=ListWebhooks,
        result=Webhook,
        run=_list,
        returns=Returns.PAGES,
        untrusted=_FROM_STRANGERS,
        examples=("--limit 50",),
    ),
    Operation(
        name="webhooks.get",
        parameters=GetWebhook,
        result=Webhook,
        run=_get,
        untrusted=_FROM_STRANGERS,
        examples=(_ID,),
    ),
    Operation(
        name="webhooks.create",
        parameters=CreateWebhook,
        result=SavedWebhook,
        run=_create,
        effect=Effect.ADD,
        is_idempotent=False,
        untrusted=tuple(f"webhook.{path}" for path in _FROM_STRANGERS),
        examples=("--name orders",),
    ),
    Operation(
        name="webhooks.update",
        parameters=UpdateWebhook,
        result=SavedWebhook,
        run=_update,
        effect=Effect.DESTROY,
        untrusted=tuple(f"webhook.{path}" for path in _FROM_STRANGERS),
        examples=(f"{_ID} --name orders",),
    ),
    Operation(
        name="webhooks.delete",
        parameters=DeleteWebhook,
        result=Deleted,
        run=_delete,
        effect=Effect.DESTROY,
        examples=(_ID,),
    ),
)
