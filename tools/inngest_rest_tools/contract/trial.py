"""One run of schemathesis in a process of its own, and the exchanges that it recorded.

It is used by its command and its settings file, which it promises to keep, not by its engine. It
has no key: its requests go through the relay, whose token reaches it by a variable of its
environment, not by an argument, which all users of the machine can read.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest_tools.contract.relay import NOT_CARRIED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inngest_rest_tools.contract.relay import Relay

CHECKS = {
    "status_code_conformance": "status",
    "content_type_conformance": "content type",
    "response_schema_conformance": "body",
}
"""The checks that a server without a fault passes, with the subject of each."""

REFUSED = frozenset({401, 403, 407})
"""The statuses by which a server, or a proxy, refuses whoever asks: they say nothing about it."""

_SEED = 7
_PATIENCE_S = 5.0  # until a process that was asked to end is killed


@frozen
class Exchange:
    """A request, and its response."""

    operation: str
    request: str
    status: int
    """0 if there was no response."""
    body: bytes
    faults: tuple[tuple[str, str], ...]
    """The subjects of the failed checks, each with the fault."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refused(self) -> bool:
        return self.status in REFUSED


@frozen
class Trial:
    """The recorded exchanges, and whether there was time for all of them.

    `has_failed` is true if schemathesis ended by itself before its first request; `log` then has
    the reason.
    """

    exchanges: Sequence[Exchange]
    is_complete: bool
    has_failed: bool
    seconds: float
    log: str


@frozen(kw_only=True)
class Plan:
    """The input of a run."""

    relay: Relay
    document: str
    ids: Mapping[str, Sequence[str]]
    """Ids that exist, by the parameter of the path that takes them."""
    max_examples: int
    timeout: float


def run(plan: Plan) -> Trial:
    """Run schemathesis until it ends or the time is over."""
    with tempfile.TemporaryDirectory(prefix="inngest-rest-contract-") as name:
        folder = Path(name)
        (folder / "openapi.json").write_text(plan.document, encoding="utf-8")
        (folder / "schemathesis.toml").write_text(_settings(plan), encoding="utf-8")
        log = folder / "log"
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - this interpreter
                _command(plan),
                cwd=folder,
                env=_environment(plan.relay, folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            has_ended = _ends(process, plan.timeout)
        seconds = time.monotonic() - began
        return Trial(
            exchanges=[*exchanges_in(folder / "events.ndjson")],
            is_complete=has_ended,
            has_failed=has_ended and process.returncode not in (0, 1),
            seconds=seconds,
            log=log.read_text("utf-8", errors="replace"),
        )


def _ends(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Return whether a process ends in time; otherwise end it."""
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        return False
    else:
        return True
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(plan: Plan) -> list[str]:
    schemathesis = [sys.executable, "-m", "schemathesis.cli"]
    options = {
        "--url": plan.relay.url,
        "--checks": ",".join(CHECKS),
        "--phases": "examples,coverage,fuzzing",
        "--seed": str(_SEED),
        "--max-examples": str(plan.max_examples),
        "--generation-database": "none",
        "--warnings": "off",
        "--output-truncate": "true",
        "--report": "ndjson",
        "--report-ndjson-path": "events.ndjson",
    }
    command = [*schemathesis, "--config-file", "schemathesis.toml"]
    command += ["run", "openapi.json"]
    for option, value in options.items():
        command += [option, value]
    command += ["--continue-on-failure", "--no-color", "--no-shrink"]
    return command


_TOKEN_VARIABLE = "INNGEST_REST_CONTRACT_TOKEN"  # noqa: S105 - its name
_NEEDED = ("PATH", "SYSTEMROOT")  # by an interpreter, the second one of Windows


def _environment(relay: Relay, folder: Path) -> dict[str, str]:
    """Return the variables of the process: none by which `requests` asks a proxy or adds a key."""
    needed = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    home = dict.fromkeys(("HOME", "USERPROFILE"), str(folder))
    return {**needed, **home, "NO_PROXY": "*", _TOKEN_VARIABLE: relay.token}


def _settings(plan: Plan) -> str:
    """Return the settings that have no option: headers, existing ids, no unexpected methods."""
    hooks = Path(__file__).with_name("hooks.py")
    lines = [f"hooks = {json.dumps(str(hooks))}"]
    lines.append(f'headers = {{ authorization = "Bearer ${{{_TOKEN_VARIABLE}}}" }}')
    # The relay's token is a header; random keys would end every request with a 403.
    lines += ["[generation]", "with-security-parameters = false"]
    # Otherwise DELETE is tried where the document has only GET.
    lines += ["[phases.coverage]", "unexpected-methods = []"]
    lines += ["[phases.fuzzing.extra-data-sources]", "responses = false"]
    known = {name: values for name, values in plan.ids.items() if values}
    for name, values in known.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(list(values))}"]
    lines.append("[parameters]")
    lines += [
        f'"path.{name}" = {{ dictionary = "{name}", probability = 0.7 }}'
        for name in known
    ]
    lines.append('"path.eventKey" = "***"')  # the relay has it
    return "\n".join(lines) + "\n"


def exchanges_in(path: Path) -> Iterator[Exchange]:
    """Yield the exchanges that the process recorded; its last line may be incomplete.

    Left out is what the relay did not carry.
    """
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            event: dict[str, Any] = json.loads(line).get("ScenarioFinished", {})
            yield from _of_scenario(event.get("recorder") or {})


def _of_scenario(recorder: Mapping[str, Any]) -> Iterator[Exchange]:
    checks_by_case = recorder.get("checks", {})
    for case, interaction in recorder.get("interactions", {}).items():
        request = interaction["request"]
        response = interaction.get("response")
        if response is None:
            status = 0
            body = b""
            faults = [("connection", "no response")]
        else:
            status = response["status_code"]
            if status == NOT_CARRIED:
                continue
            body = _body_of(response)
            faults = []
            if status not in REFUSED:
                faults = list(_faults(checks_by_case.get(case, ())))
        yield Exchange(
            operation=recorder["label"],
            request=f"{request['method']} {request['uri']}",
            status=status,
            body=body,
            faults=tuple(faults),
        )


def _body_of(response: Mapping[str, Any]) -> bytes:
    content: Mapping[str, str] = response.get("content") or {}
    return base64.b64decode(content.get("$base64", ""))


def _faults(checks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the subject of each failed check, and the fault."""
    for check in checks:
        name = check["name"]
        if check["status"] != "failure" or name not in CHECKS:
            continue
        message: str = check["failure_info"]["failure"]["message"]
        lines = [line for line in message.splitlines() if line.strip()]
        if name == "response_schema_conformance":
            yield CHECKS[name], _fault_of_schema(lines)
        else:
            yield CHECKS[name], "; ".join(line.strip() for line in lines[:2])


# Values that differ from response to response; one of an enum is part of the difference.
_VALUE = re.compile(
    r".*(?= (?:is not (?:of types? |valid under |a \")|does not match ))", re.DOTALL
)
_PLACE = re.compile(r"Schema at /components/schemas/(\w+)((?:/properties/\w+)*)")


def _fault_of_schema(lines: Sequence[str]) -> str:
    """Return the fault of a body, with the name of the field instead of its value, which varies."""
    place = _place_in_schema(lines)
    return _VALUE.sub(lambda _: place, lines[0].strip(), count=1)


def _place_in_schema(lines: Sequence[str]) -> str:
    for line in lines:
        match = _PLACE.match(line)
        if match is not None:
            schema, properties = match.groups()
            return schema + properties.replace("/properties/", ".")
    return "it"
