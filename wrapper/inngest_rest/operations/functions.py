"""Operations on functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from attrs import field, frozen

from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.models import Function
from inngest_rest.operations.bulk import Bulk, BulkOperation, if_confirmed
from inngest_rest.operations.operation import Effect, Operation, Returns
from inngest_rest.operations.parameters import DEFAULT_LIMIT, Json, ListLimit, Rate, option
from inngest_rest.operations.results import Acted, Invoked

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient, Paginator


@frozen
class ListFunctions:
    """List the functions of an app; for an unknown app the list is empty.

    Attributes:
        app: The app's id.
        limit: Maximum number of functions.
        cursor: The cursor of the next page, which an earlier page has.
    """

    app: str
    limit: ListLimit = option(default=DEFAULT_LIMIT)
    cursor: str | None = option()


def _list(client: InngestClient, parameters: ListFunctions) -> Paginator[Function]:
    return client.functions.list(parameters.app, limit=parameters.limit, cursor=parameters.cursor)


@frozen
class GetFunction:
    """Get one function.

    Attributes:
        app: The app's id.
        function: The function's id within the app.
    """

    app: str
    function: str


def _get(client: InngestClient, parameters: GetFunction) -> Function:
    return client.functions.get(parameters.app, parameters.function)


@frozen
class InvokeFunction:
    """Start a function directly, and return the id of its run.

    Not safe to repeat: each call starts a run, whatever the idempotency key. Where that must not
    happen, send an event with an id instead.

    Attributes:
        app: The app's id.
        function: The function's id within the app.
        data: The event data passed to the function, a JSON object.
        idempotency_key: Calls with the same key return the id of the first run; the function runs
            again all the same.
    """

    app: str
    function: str
    data: Json = field(factory=dict[str, Any], kw_only=True)
    idempotency_key: str | None = option()


def _invoke(client: InngestClient, parameters: InvokeFunction) -> Invoked:
    run_id = client.functions.invoke(
        parameters.app,
        parameters.function,
        parameters.data,
        idempotency_key=parameters.idempotency_key,
    )
    return Invoked(client.target, run_id)


@frozen
class InvokeMany(Bulk):
    """Start a function once for each input, and return the id of each run.

    Not safe to repeat: each call starts the runs again. All inputs are checked before the first
    run is started.

    Attributes:
        app: The app's id.
        function: The function's id within the app.
        inputs: The event data of each run, a JSON array of objects.
        rate: Maximum number of runs per second.
        dry_run: Check the inputs, and start nothing.
    """

    app: str
    function: str
    inputs: Annotated[tuple[Json, ...], msgspec.Meta(min_length=1)] = field(kw_only=True)
    rate: Rate | None = option()
    dry_run: bool = option(default=False)


def _invoke_many(
    client: InngestClient,
    parameters: InvokeMany,
    /,
    *,
    dry_run: bool,
    resume: ActionReport | None,
    on_start: Callable[[ActionRow], object] | None,
    on_result: Callable[[ActionRow], object] | None,
) -> ActionReport:
    return client.functions.invoke_many(
        parameters.app,
        parameters.function,
        parameters.inputs,
        dry_run=dry_run,
        resume=resume,
        max_requests=parameters.rate,
        on_start=on_start,
        on_result=on_result,
    )


# Whoever syncs an app chooses what its functions are called and how they are set.
_FROM_STRANGERS = ("id", "app_id", "name", "triggers", "configuration")

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="functions.list",
        parameters=ListFunctions,
        result=Function,
        run=_list,
        returns=Returns.PAGES,
        untrusted=_FROM_STRANGERS,
        examples=("shop",),
    ),
    Operation(
        name="functions.get",
        parameters=GetFunction,
        result=Function,
        run=_get,
        untrusted=_FROM_STRANGERS,
        examples=("shop charge",),
    ),
    Operation(
        name="functions.invoke",
        parameters=InvokeFunction,
        result=Invoked,
        run=_invoke,
        effect=Effect.ADD,
        is_idempotent=False,
        examples=("""shop charge --data '{"order": 1}'""",),
    ),
    BulkOperation(
        name="functions.invoke_many",
        parameters=InvokeMany,
        result=Acted,
        act=_invoke_many,
        run=if_confirmed(_invoke_many),
        effect=Effect.ADD,
        is_idempotent=False,
        untrusted=("rows[].reason",),
        examples=("""shop charge --inputs '[{"order": 1}, {"order": 2}]'""",),
    ),
)
