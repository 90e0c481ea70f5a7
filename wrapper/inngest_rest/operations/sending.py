"""Operations that send events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest.operations.operation import Effect, Operation
from inngest_rest.operations.parameters import Json, Moment, instant, option
from inngest_rest.operations.results import Sent

if TYPE_CHECKING:
    from inngest_rest import InngestClient


@frozen
class SendEvent:
    """Send one event.

    Safe to repeat with an id: a function runs once for it within 24 hours.

    Attributes:
        name: The event's name, such as shop/order.created.
        data: The event's data, a JSON object.
        id: Idempotency key; a unique one by default.
        user_id: Id of the user whom the event is about, for limits per user.
        ts: When it happened; the time of arrival by default.
    """

    name: str
    data: Json = field(factory=dict[str, Any], kw_only=True)
    id: str | None = option()
    user_id: str | None = option()
    ts: Moment | None = option()


def _send(client: InngestClient, parameters: SendEvent) -> Sent:
    event: dict[str, Any] = {"name": parameters.name, "data": parameters.data}
    if parameters.id is not None:
        event["id"] = parameters.id
    if parameters.user_id is not None:
        event["user"] = {"id": parameters.user_id}
    if (ts := instant("ts", parameters.ts)) is not None:
        event["ts"] = round(ts.timestamp() * 1000)
    ids = client.send(event)
    return Sent(client.target, accepted=len(ids), ids=tuple(ids))


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="send",
        parameters=SendEvent,
        result=Sent,
        run=_send,
        effect=Effect.ADD,
        is_idempotent=False,
        examples=("""shop/order.created --data '{"order": 1}'""",),
    ),
)
