"""Fuzz a server by the document, with thousands of requests made by schemathesis.

Deterministic: one seed, nothing learned from responses, nothing kept between runs. Dictionaries
provide what it cannot make up: ids that exist.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

import inngest_rest_tools.contract
from inngest_rest import InngestError

from .document import PATH
from .world import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from inngest_rest import InngestClient

CHECKS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
EXAMPLES = 25
SEED = 7

# Parameters and properties that are given real values in half of the cases.
PLACES = {
    "path.runId": "runs",
    "path.eventId": "events",
    "path.appId": "apps",
    "path.functionId": "functions",
    "path.webhookId": "webhooks",
    "path.envId": "envs",
    "path.eventKey": "event_keys",
    "body.app_id": "apps",
    "body.function_id": "slugs",
    "body.started_before": "times",
    "body.signal": "signals",
    "body.name": "names",
}


@frozen
class Failure:
    """A way in which responses differed from the document, and their operations."""

    title: str
    operations: tuple[str, ...]


@frozen
class Verdict:
    """The findings of a fuzzing run."""

    failures: tuple[Failure, ...]
    tested: int
    of: int
    cases: int
    accepted: frozenset[str]
    """The operations that accepted a request at least once."""
    log: str

    def kinds(self) -> dict[str, set[str]]:
        """Return the failures by operation."""
        found: dict[str, set[str]] = {}
        for failure in self.failures:
            for operation in failure.operations:
                found.setdefault(operation, set()).add(failure.title)
        return found


def prepare(client: InngestClient, app: str, *, waiting: Collection[str] = ()) -> dict[str, Any]:
    """Send events to an app under test, and collect ids and names for the dictionaries.

    Args:
        client: A client of the server.
        app: An app with the functions of `world.FUNCTIONS`.
        waiting: Signals to let `waits` wait for, where there is such a function.
    """
    # Many sleep: the fuzz cancels them in two ways and must not run out.
    names = [*FUNCTIONS, *FUNCTIONS, *["sleeps"] * 10]
    events = [{"name": f"{app}/{name}", "data": {"n": 1}} for name in names]
    events += [{"name": f"{app}/waits", "data": {"signal": signal}} for signal in waiting]
    ids = client.send(events)
    runs = [run for id in ids for run in _runs_of(client, id)]
    # A release may refuse what the client sends: then the fuzz does without such an id.
    webhooks = envs = list[str]()
    with suppress(InngestError):
        webhooks = [client.webhooks.create("fuzz", "function transform(evt) {}").id]
    with suppress(InngestError):
        envs = [client.envs.create("fuzz").id]
    return {
        "runs": runs,
        "events": ids,
        "apps": [app],
        "functions": [*FUNCTIONS, f"{app}-echoes"],
        "slugs": [f"{app}-{name}" for name in FUNCTIONS],
        "times": ["2026-01-01T00:00:00Z"],
        "webhooks": webhooks,
        "envs": envs,
        "signals": list(waiting),
        "names": ["one", "two", "three"],
    }


def fuzz(
    url: str,
    words: Mapping[str, Collection[str]],
    folder: Path,
    *,
    document: Path = PATH,
    signing_key: str | None = None,
    only: Collection[str] = (),
    examples: int = EXAMPLES,
) -> Verdict:
    """Fuzz the server at a URL and return the verdict.

    Args:
        url: The server's base URL.
        words: The dictionaries, as `prepare` gives them.
        folder: Where schemathesis may leave its files.
        document: The document to hold the server to.
        signing_key: Sent with every request.
        only: The ids of the operations to fuzz; all unless given.
        examples: Maximum number of random cases per operation; the systematic ones are extra.
    """
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text(_config(words, signing_key), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", str(document), "--url", url, "--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"),
        *("--seed", str(SEED), "--max-examples", str(examples), "--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(report), "--warnings", "off"),
        *(f"--include-operation-id={each}" for each in only),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    log = done.stdout + done.stderr
    if done.returncode not in (0, 1) or not report.exists():
        raise RuntimeError(f"schemathesis did not run: {log}")
    return _verdict(json.loads(report.read_text(encoding="utf-8")), log)


def _config(words: Mapping[str, Collection[str]], signing_key: str | None) -> str:
    """Write the settings that have no command-line option: hooks, dictionaries, no learning.

    And the key, which must not be on a command line, since everyone can see those.
    """
    hooks = Path(inngest_rest_tools.contract.__file__).with_name("hooks.py")
    lines = [f"hooks = {json.dumps(str(hooks))}"]
    headers = {"X-Inngest-Env": "dev"}
    if signing_key is not None:
        headers["Authorization"] = f"Bearer {signing_key}"
    pairs = ", ".join(f"{name} = {json.dumps(value)}" for name, value in headers.items())
    lines.append(f"headers = {{ {pairs} }}")
    # The server's key is sent as a header; random keys would end every case with a 401.
    lines += ["[generation]", "with-security-parameters = false"]
    lines += ["[phases.fuzzing.extra-data-sources]", "responses = false"]
    known = {name: list(values) for name, values in words.items() if values}
    for name, values in known.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines.append("[parameters]")
    lines += [
        f'"{place}" = {{ dictionary = "{name}", probability = 0.5 }}'
        for place, name in PLACES.items()
        if name in known
    ]
    return "\n".join(lines) + "\n"


def _verdict(report: Any, log: str) -> Verdict:
    errors = [Failure(str(each), ()) for each in report["errors"]]
    failures = [Failure(each["title"], tuple(each["operations"])) for each in report["failures"]]
    rates = report["valid_rates"].items()
    return Verdict(
        failures=(*failures, *errors),
        tested=report["operations"]["tested"],
        of=report["operations"]["selected"],
        cases=report["test_cases"]["generated"],
        accepted=frozenset(
            operation
            for operation, phases in rates
            if any(phase["accepted"] for phase in phases.values())
        ),
        log=log,
    )


def _runs_of(client: InngestClient, event_id: str) -> list[str]:
    """Wait until the runs of an event are visible; a live server shows them with a delay.

    They are asked for without a page size, which a release could refuse, past the cache of v1.
    """
    for attempt in range(40):
        with suppress(InngestError):
            body = client.request("GET", f"/v1/events/{event_id}/runs", query={"_": attempt}).json()
            if body["data"]:
                return [run["run_id"] for run in body["data"]]
        time.sleep(0.25)
    return []
