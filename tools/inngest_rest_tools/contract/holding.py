"""A server held to the document with the settings and the keys of a client."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest.diagnosis import ServerKind
from inngest_rest.errors import (
    Advice,
    ConfigurationError,
    InngestError,
    MissingKeyError,
)
from inngest_rest.programs import how_to_install
from inngest_rest_tools.contract.document import Document, Server
from inngest_rest_tools.contract.relay import relayed
from inngest_rest_tools.contract.report import ContractReport, Difference
from inngest_rest_tools.contract.trial import Plan, run
from inngest_rest_tools.problems import Code, Problem, ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest import InngestClient
    from inngest_rest_tools.contract.trial import Exchange, Trial

_MOST_IDS = 10


def hold(
    client: InngestClient,
    *,
    release: str | None = None,
    acts: bool = False,
    unknown_fields: bool = False,
    max_examples: int = 10,
    timeout: float = 300.0,
) -> ContractReport:
    """Hold the server of a client to the document.

    Args:
        client: The client, whose settings and keys are used.
        release: The release that the server has, where it does not state it.
        acts: Also send events, cancel and replay runs, and whatever else the document has.
        unknown_fields: Also look for fields that the document lacks.
        max_examples: Maximum number of random requests per operation; systematic ones are extra.
        timeout: Seconds after which no more requests are made from the document.

    Raises:
        ConfigurationError: The extra `contract` is not installed.
        ProblemError: The server, or a setting such as the key, has a problem that most requests
            would meet.
        InngestError: The server did not respond, or schemathesis could not run.
    """
    if find_spec("schemathesis") is None:
        raise ConfigurationError(
            "schemathesis, which tests the server, is not installed",
            advice=Advice(f"Install it: {how_to_install('contract')}"),
        )
    client.health()
    server = _server(client, release)
    document = Document(server, acts=acts)
    ids = _ids(client)
    with relayed(client) as relay:
        plan = Plan(
            relay=relay,
            document=document.to_json(ids),
            ids=ids,
            max_examples=max_examples,
            timeout=timeout,
        )
        trial = run(plan)
    if trial.has_failed:
        raise InngestError(f"schemathesis could not run: {trial.log[-500:]}")
    return _report(
        trial,
        document,
        server,
        url=client.target.api_url,
        relay_url=relay.url,
        unknown_fields=unknown_fields,
    )


def has_key(client: InngestClient) -> bool:
    """Return whether a client has a key to read with, or needs none: it tries to read."""
    try:
        client.request("GET", "/v1/events", query={"limit": 1})
    except MissingKeyError:
        return False
    except InngestError:
        return True
    return True


def _server(client: InngestClient, release: str | None) -> Server:
    """Return the facts about a server; raise its first problem, which most requests would meet."""
    diagnosis = client.diagnose()
    if diagnosis.broken:
        found = diagnosis.broken[0]
        is_of_server = found.kind in {"connection", "server"}
        code = Code.NOT_JUDGED if is_of_server else Code.USAGE
        raise ProblemError(Problem(code, found.message, found.remedy))
    target = client.target
    return Server(
        is_cloud=diagnosis.server_kind is ServerKind.CLOUD,
        is_dev=diagnosis.server_kind is ServerKind.DEV,
        release=release or diagnosis.release,
        takes_events=target.event_url == target.api_url,
    )


def _ids(client: InngestClient) -> dict[str, list[str]]:
    """Return existing ids by the parameter of paths that takes them, so that reads find something.

    An error of a listing is left to the trial, which finds it as well.
    """
    ids: dict[str, list[str]] = {
        "runId": [],
        "eventId": [],
        "appId": [],
        "functionId": [],
    }
    with suppress(InngestError):
        ids["runId"] = [run.id for run in client.runs.list(limit=_MOST_IDS)]
    with suppress(InngestError):
        events = client.events.list(limit=_MOST_IDS)
        ids["eventId"] = [event.internal_id for event in events]
    with suppress(InngestError):
        for app in islice(client.apps.list(), _MOST_IDS):
            ids["appId"].append(app.id)
            functions = client.functions.list(app.id, limit=_MOST_IDS)
            ids["functionId"] += [function.id for function in functions]
    return ids


def _report(
    trial: Trial,
    document: Document,
    server: Server,
    *,
    url: str,
    relay_url: str,
    unknown_fields: bool,
) -> ContractReport:
    tried: dict[str, None] = {}
    answered: set[str] = set()
    judged: set[str] = set()
    for exchange in trial.exchanges:
        tried[exchange.operation] = None
        if exchange.is_success:
            answered.add(exchange.operation)
        if not exchange.is_refused:
            judged.add(exchange.operation)
    fields: tuple[str, ...] | None = None
    if unknown_fields:
        fields = tuple(_unknown_fields(trial.exchanges, document))
    return ContractReport(
        url=url,
        release=server.release,
        differences=tuple(_differences(trial.exchanges, url, relay_url)),
        unknown_fields=fields,
        operations=len(tried),
        of=len(document.operations),
        unanswered=tuple(name for name in tried if name not in answered),
        refused=tuple(name for name in tried if name not in judged),
        requests=len(trial.exchanges),
        seconds=round(trial.seconds, 1),
        is_complete=trial.is_complete,
    )


def _differences(
    exchanges: Iterable[Exchange], url: str, relay_url: str
) -> Iterable[Difference]:
    """Return each difference once, with the first request that showed it."""
    differences: dict[tuple[str, str, str], Difference] = {}
    for exchange in exchanges:
        for rule, detail in exchange.faults:
            key = (exchange.operation, rule, detail)
            known = differences.get(key)
            if known is not None:
                differences[key] = evolve(known, count=known.count + 1)
                continue
            differences[key] = Difference(
                operation=exchange.operation,
                rule=rule,
                detail=detail,
                count=1,
                request=exchange.request.replace(relay_url, url, 1),
                status=exchange.status or None,
            )
    return differences.values()


def _unknown_fields(exchanges: Sequence[Exchange], document: Document) -> list[str]:
    found: set[str] = set()
    for exchange in exchanges:
        try:
            body = json.loads(exchange.body)
        except ValueError:
            continue
        operation = exchange.operation
        for place in document.unknown_fields(operation, exchange.status, body):
            found.add(f"{operation}: {place}")
    return sorted(found)
