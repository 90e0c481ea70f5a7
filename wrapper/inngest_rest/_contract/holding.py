"""A server held to the document with the settings and the keys of a client."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._contract.document import Document, Server
from inngest_rest._contract.report import ContractReport, Difference
from inngest_rest._contract.trial import Exchange, Plan, Trial, run
from inngest_rest._core.calls.session import copied
from inngest_rest.diagnosis import ServerKind
from inngest_rest.errors import Advice, ConfigurationError, InngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inngest_rest import InngestClient

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
        timeout: Seconds after which it ends, in all.

    Raises:
        ConfigurationError: The extra `contract` is not installed, or a setting is wrong: the key.
        InngestError: The server did not respond, or schemathesis could not run.
    """
    if find_spec("schemathesis") is None:
        raise ConfigurationError(
            "schemathesis, which tests the server, is not installed",
            advice=Advice("Install it with: pip install 'inngest-rest[contract]'"),
        )
    session = client._session  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - it has the keys
    settings, clock = session.settings, session.clock
    ends_at = clock.monotonic() + timeout
    client = _until(client, ends_at)
    client.health()
    server = _server(client, release)
    document = Document(server, acts=acts)
    bearers = (
        *session.bearers("v1", is_needed=False),
        *session.bearers("v2", is_needed=False),
    )
    headers = dict(session.headers.reveal())
    bearer = next(filter(None, bearers), None)
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer.reveal()}"
    ids = _ids(client)
    trial = run(
        Plan(
            url=settings.api_url,
            document=document.to_json(ids),
            headers=headers,
            event_key=session.event_key.reveal()
            if settings.event_key or settings.dev
            else None,
            ids=ids,
            max_examples=max_examples,
            timeout=max(ends_at - clock.monotonic(), 0.0),
        )
    )
    if trial.has_failed:
        raise InngestError(
            f"schemathesis could not run: {session.quote(trial.log[-500:])}"
        )
    return _report(
        trial, document, server, settings.api_url, session.redact, unknown_fields
    )


def _until(client: InngestClient, ends_at: float) -> InngestClient:
    """Return a copy of a client whose requests all end by then, retries and pauses included."""
    session = client._session.until(ends_at)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    driver = client._driver.share()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return copied(client, session, driver)


def has_key(client: InngestClient) -> bool:
    """Return whether a client has a key to read with, or needs none."""
    session = client._session  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as above
    bearers = (
        *session.bearers("v1", is_needed=False),
        *session.bearers("v2", is_needed=False),
    )
    return session.settings.dev or any(bearers)


def _server(client: InngestClient, release: str | None) -> Server:
    """Return which server it is; raise what makes most requests to it fail."""
    diagnosis = client.diagnose()
    for problem in diagnosis.problems:
        raise ConfigurationError(problem.message, advice=Advice(problem.remedy or ""))
    target = client.target
    return Server(
        is_cloud=diagnosis.server_kind is ServerKind.CLOUD,
        is_dev=diagnosis.server_kind is ServerKind.DEV,
        release=release or diagnosis.release or diagnosis.release_from,
        takes_events=target.event_url == target.api_url,
    )


def _ids(client: InngestClient) -> dict[str, list[str]]:
    """Return ids that exist, by the parameter of the path that takes them: a read finds something.

    What a server does otherwise than the client expects is not found here, but by the trial.
    """
    ids: dict[str, list[str]] = {
        "runId": [],
        "eventId": [],
        "appId": [],
        "functionId": [],
    }
    with suppress(InngestError):
        ids["runId"] = [each.id for each in client.runs.list(limit=_MOST_IDS)]
    with suppress(InngestError):
        ids["eventId"] = [
            each.internal_id for each in client.events.list(limit=_MOST_IDS)
        ]
    with suppress(InngestError):
        for app in islice(client.apps.list(), _MOST_IDS):
            ids["appId"].append(app.id)
            ids["functionId"] += [
                each.id for each in client.functions.list(app.id, limit=_MOST_IDS)
            ]
    return ids


def _report(
    trial: Trial,
    document: Document,
    server: Server,
    url: str,
    redact: Callable[[str], str],
    unknown_fields: bool,
) -> ContractReport:
    tried = dict.fromkeys(each.operation for each in trial.exchanges)
    answered = {each.operation for each in trial.exchanges if each.is_success}
    found = _unknown_fields(trial.exchanges, document) if unknown_fields else None
    return ContractReport(
        url=url,
        release=server.release,
        differences=tuple(_differences(trial.exchanges, redact)),
        unknown_fields=None if found is None else tuple(map(redact, found)),
        operations=len(tried),
        of=len(document.operations),
        unanswered=tuple(each for each in tried if each not in answered),
        requests=len(trial.exchanges),
        seconds=round(trial.seconds, 1),
        is_complete=trial.is_complete,
    )


def _differences(
    exchanges: Iterable[Exchange], redact: Callable[[str], str]
) -> Iterable[Difference]:
    """Return each difference once, with the first request that showed it."""
    found: dict[tuple[str, str, str], Difference] = {}
    for exchange in exchanges:
        for rule, detail in exchange.faults:
            key = exchange.operation, rule, detail
            if key in found:
                found[key] = evolve(found[key], count=found[key].count + 1)
                continue
            found[key] = Difference(
                operation=exchange.operation,
                rule=rule,
                detail=redact(detail),
                count=1,
                request=redact(_without_event_key(exchange)),
                status=exchange.status or None,
            )
    return found.values()


def _without_event_key(exchange: Exchange) -> str:
    """Return a request without the key in its path, which may be escaped there."""
    takes_key = "{eventKey}" in exchange.operation
    return (
        re.sub(r"/e/[^/?]+", "/e/***", exchange.request)
        if takes_key
        else exchange.request
    )


def _unknown_fields(exchanges: Sequence[Exchange], document: Document) -> list[str]:
    found: dict[str, None] = {}
    for each in exchanges:
        try:
            body = json.loads(each.body)
        except ValueError:
            continue
        for place in document.unknown_fields(each.operation, each.status, body):
            found[f"{each.operation}: {place}"] = None
    return sorted(found)
