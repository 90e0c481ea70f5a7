"""Operations on signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest.operations.operation import Effect, Operation
from inngest_rest.operations.parameters import option
from inngest_rest.operations.results import Signalled

if TYPE_CHECKING:
    from inngest_rest import InngestClient


@frozen
class SendSignal:
    """Send a signal, and return the id of the run that was waiting for it.

    Attributes:
        signal: The signal's name.
        data: Any JSON value, passed to the run.
    """

    signal: str
    data: Any = option()


def _send(client: InngestClient, parameters: SendSignal) -> Signalled:
    return Signalled(client.target, client.signals.send(parameters.signal, parameters.data))


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="signals.send",
        parameters=SendSignal,
        result=Signalled,
        run=_send,
        effect=Effect.ADD,
        is_idempotent=False,
        examples=("""order-1001-approved --data '{"by": "kim"}'""",),
    ),
)
