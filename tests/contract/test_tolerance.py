"""A server that adds a field, a status, a method or a null breaks no client.

Every form that responses of an operation were recorded in is changed in every place where servers
change: a key added to each object, each enum value replaced by an unknown one, each optional key
removed, and set to null. The generated parser still reads and keeps it, and the client returns the
same as before. The document stays exact; the tolerance is in `openapi/templates`.

A server that sends less, or another success, breaks no client either. Of every success that was
recorded or that Inngest Cloud documents, each key is removed, required ones included: only a key
that the result is made of may be missed, and the end of a run. Each 2xx is replaced by another, and
each body of a call without a result by anything but a web page. That tolerance is in the generated
`from_dict`.
"""

from __future__ import annotations

import asyncio
import copy
import re
from contextlib import closing
from dataclasses import replace
from types import NoneType
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest.errors import InvalidResponseError, PartialSendError

from .conformance import media_type
from .document import Document
from .methods import METHODS, stand_in
from .mutations import NEW_KEY, NEW_VALUE, Mutation, form_of, mutations, without_each
from .outcomes import RESULTS, expected, is_a
from .parsing import Exchange, body_of, by_operation, documented, losses, parse, respond, written
from .replayer import Replayer, SharedReplayer
from .unrecorded import DOCUMENTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Object


def result_of(exchange: Exchange) -> Any:
    """Return the type of the result of an exchange."""
    return RESULTS[exchange.operation.id]


DOCUMENT = Document.load()


def schema_of(exchange: Exchange) -> Object:
    """Return the schema of a response."""
    recording, operation = exchange
    media: Object = media_type(operation.content(recording.status), recording.content_type)
    return media["schema"]  # type: ignore[no-any-return]


def each_form_once(exchanges: dict[str, Exchange]) -> dict[str, Exchange]:
    """Leave out each response that differs from another one in plain values alone."""
    names: dict[object, str] = {}
    for name, exchange in exchanges.items():
        form = form_of(DOCUMENT, schema_of(exchange), body_of(exchange.recording))
        names.setdefault((exchange.operation.id, exchange.status, form), name)
    return {name: exchanges[name] for name in names.values()}


EXCHANGES = each_form_once(
    {
        name: exchange
        for name, exchange in documented(DOCUMENT).items()
        if not isinstance(body_of(exchange.recording), str)
    }
)
WRAPPED = {name: each for name, each in EXCHANGES.items() if each.operation.id in METHODS}
SUCCESSES = {
    name: each
    for name, each in (
        documented(DOCUMENT)
        | {name: it.exchange(DOCUMENT, name) for name, it in DOCUMENTED.items()}
    ).items()
    if each.operation.id in METHODS
    and 200 <= each.status < 300
    # No client sends no event.
    and body_of(each.recording) != {"ids": [""], "status": 200}
}
WITH_RESULT = each_form_once(
    {name: it for name, it in SUCCESSES.items() if result_of(it) is not NoneType}
)
WITHOUT_RESULT = {name: it for name, it in SUCCESSES.items() if result_of(it) is NoneType}

# What results are made of: the data, and the ids or names in it.
NEEDED = re.compile(
    r"\$\.(data|ids|(data(\[\])?\.)?(id|internal_id|run_id|runId))"
    r"|\$\.data\.rootSpan((\.children\[\])*\.id)?"
    r"|\$\[\]\.id"
)
NAMES = re.compile(
    r"listEventSchemasV2 \$\.data\[\]\.name|listInsightsTablesV2 \$\.data\[\](\.columns\[\])?\.name"
    r"|queryInsightsV2 \$\.data\.columns\[\]\.name|syncAppV2 \$\.data\.status"
    r"|getExperimentV2 \$\.data\.variants\[\]\.metrics\[\]\.key"
    r"|list(Experiments|SessionRuns)V2 \$\.data\[\]\.function\.id"
    r"|listSessionsV2 \$\.data\[\]\.functions\[\]\.id"
    r"|\w+CancellationsV1 \$\.data\[\]\.(environment_id|function_id|started_before)"
    r"|createCancellationV1 \$(\.data)?\.(environment_id|function_id|started_before)"
    r"|\w+EnvV2 \$\.data\.name|listEnvsV2 \$\.data\[\]\.name|list\w+KeysV2 \$\.data\[\]\.key"
)
# Without its end, a run that has a duration would seem to be running.
ENDS = re.compile(r"(getRunV2|list(Event|Function)?RunsV2) \$\.data(\[\d*\])?\.endedAt")
# Of an event, `id` is its own; v2 leaves out the data of an empty list; a trace is its spans.
NOT_NEEDED = re.compile(
    r"getEventV1 \$\.data\.id|listEventsV1 \$\.data\[\]\.id"
    r"|list\w+V2 \$\.data|getRunTraceV2 \$\.data\.runId|syncAppV2 \$\.data\.id"
)


def each_operation(exchanges: dict[str, Exchange]) -> pytest.MarkDecorator:
    """Run a test once for the exchanges of each operation."""
    groups = by_operation(exchanges)
    return pytest.mark.parametrize("exchanges", groups.values(), ids=groups)


@each_operation(EXCHANGES)
def test_generated_parser_reads_responses_of_a_newer_server(
    exchanges: dict[str, Exchange], subtests: pytest.Subtests
) -> None:
    for name, exchange in exchanges.items():
        with subtests.test(name):
            kind = type(parse(exchange.operation, exchange.recording, body_of(exchange.recording)))
            found = [f for each in changed(exchange) for f in parser_faults(exchange, each, kind)]
            assert found == []


@pytest.fixture(scope="module")
def replayer() -> Iterator[SharedReplayer]:
    # Both clients read responses by the same plans: one is enough.
    with asyncio.Runner() as runner, closing(SharedReplayer(DOCUMENT, "blocking", runner)) as made:
        yield made


@each_operation(WRAPPED)
def test_client_returns_the_same_for_responses_of_a_newer_server(
    exchanges: dict[str, Exchange], replayer: SharedReplayer, subtests: pytest.Subtests
) -> None:
    for name, exchange in exchanges.items():
        with subtests.test(name):
            found = [
                f for each in changed(exchange) for f in client_faults(replayer, exchange, each)
            ]
            assert found == []


@each_operation(WITH_RESULT)
def test_only_what_the_result_is_made_of_is_missed(
    exchanges: dict[str, Exchange], replayer: SharedReplayer, subtests: pytest.Subtests
) -> None:
    for name, exchange in exchanges.items():
        with subtests.test(name):
            assert list(faults_without_a_key(exchange, replayer)) == []


def faults_without_a_key(exchange: Exchange, replayer: SharedReplayer) -> Iterator[str]:
    for where, body in without_each(DOCUMENT, schema_of(exchange), body_of(exchange.recording)):
        outcome = ask(replayer, exchange, received=body)
        at = f"{exchange.operation.id} {where}"
        # A body that has no field left is not what was asked for.
        is_needed = (
            not body
            or NAMES.fullmatch(at)
            or ENDS.fullmatch(at)
            or (NEEDED.fullmatch(where) and not NOT_NEEDED.fullmatch(at))
        )
        if is_needed and not isinstance(outcome, InvalidResponseError | PartialSendError):
            yield f"{where}: not missed, {outcome!r}"
        if not is_needed and not is_a(outcome, result_of(exchange)):
            yield f"{where}: {outcome!r}"
        is_generated = "inngest_rest_api" in str(result_of(exchange))
        if not (is_generated or isinstance(outcome, Exception)) and "UNSET" in repr(outcome):
            yield f"{where}: UNSET in {outcome!r}"


@each_operation(WITH_RESULT)
def test_any_2xx_is_the_same_success(
    exchanges: dict[str, Exchange], replayer: SharedReplayer, subtests: pytest.Subtests
) -> None:
    for name, exchange in exchanges.items():
        with subtests.test(name):
            wanted = ask(replayer, exchange)
            assert is_a(wanted, result_of(exchange))
            for status in (200, 201, 202, 203, 206):
                assert ask(replayer, exchange, status=status) == wanted


@each_operation(WITHOUT_RESULT)
def test_a_call_without_a_result_succeeds_whatever_the_body_but_a_web_page(
    exchanges: dict[str, Exchange], replayer: SharedReplayer, subtests: pytest.Subtests
) -> None:
    bodies: list[Any] = [{}, None, "null", "Done.\n", [], {"data": None}, 3]
    for name, exchange in exchanges.items():
        with subtests.test(name):
            for status in (200, 201, 202):
                for body in bodies:
                    assert ask(replayer, exchange, status=status, received=body) is None
            assert ask(replayer, exchange, status=204, received=None) is None
            page = "<!doctype html><title>Inngest</title>"
            assert isinstance(ask(replayer, exchange, received=page), InvalidResponseError)


def test_successes_of_every_method_are_tried() -> None:
    # No server is known to respond to those that were asked for.
    tried = {each.operation.id for each in SUCCESSES.values()}
    assert METHODS.keys() - tried == {"listRunsV1", "replayRunV1", "listAppsV1"}
    assert len(WITH_RESULT) > 100
    assert len(WITHOUT_RESULT) > 5


def test_every_kind_of_change_is_tried() -> None:
    tried = [str(each) for exchange in EXCHANGES.values() for each in changed(exchange)]
    kinds = ("added key", "unknown value", "absent", "null")
    assert all(sum(each.endswith(kind) for each in tried) >= 50 for kind in kinds)


def test_each_mutation_changes_one_place() -> None:
    exchange = documented(DOCUMENT)["v2-app"]
    body = body_of(exchange.recording)
    before = copy.deepcopy(body)
    whats = {str(each): each.body for each in changed(exchange)}
    assert body == before
    assert whats["$.data: added key"]["data"].keys() - body["data"].keys() == {NEW_KEY}
    assert whats["$.data.method: unknown value"]["data"] == {**body["data"], "method": NEW_VALUE}
    assert whats["$.data.createdAt: null"]["data"] == {**body["data"], "createdAt": None}
    without = {key: each for key, each in body["data"].items() if key != "createdAt"}
    assert whats["$.data.createdAt: absent"]["data"] == without


def ask(replayer: Replayer, exchange: Exchange, **changes: Any) -> Any:
    """Return the client's outcome for a changed response, its request being an ordinary one."""
    recording = replace(exchange.recording, **changes)
    body = body_of(exchange.recording)
    stored = sum(map(bool, body.get("ids", ()))) if isinstance(body, dict) else 0
    said = stand_in(exchange.operation, stored)
    return replayer.ask(exchange.operation, said, respond(recording, body_of(recording)))


def changed(exchange: Exchange) -> Iterator[Mutation]:
    """Change the response of an exchange in each place."""
    return mutations(DOCUMENT, schema_of(exchange), body_of(exchange.recording))


def parser_faults(exchange: Exchange, mutation: Mutation, kind: type) -> Iterator[str]:
    """Return the faults of the generated parser on a changed response."""
    recording, operation = exchange
    try:
        parsed = parse(operation, recording, mutation.body)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        yield f"{mutation}: {error!r}"
        return
    if type(parsed) is not kind:
        yield f"{mutation}: became a {type(parsed).__name__}"
    # A null that reads as absent is written as absent.
    lost = losses(mutation.body, written(parsed))
    if len(lost) > mutation.is_null:
        yield f"{mutation}: {lost}"


def client_faults(replayer: Replayer, exchange: Exchange, mutation: Mutation) -> Iterator[str]:
    """Return how the client's outcome for a changed response differs from the recorded one's."""
    place, _, change = str(mutation).rpartition(": ")
    if change in {"absent", "null"} and ENDS.fullmatch(f"{exchange.operation.id} {place}"):
        return
    recording = replace(exchange.recording, received=mutation.body)
    outcome: Any
    try:
        outcome = replayer.replay(exchange._replace(recording=recording))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        outcome = error
    if not is_a(outcome, expected(exchange)):
        yield f"{mutation}: became {outcome!r}"
