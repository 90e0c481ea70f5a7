"""Runs of a real server, copied by SQL: the tables in which release 1.43 keeps a run.

A copy has the rows of a run's root span, from which v2 lists it, its rows in `trace_runs`,
`function_runs` and `function_finishes`, and its event. Ids and times are its own.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from attrs import field, frozen

from inngest_rest import Event, Function, InngestClient
from scripts.internal.servers import psql
from tests.contract.live_app import serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

APP = "scale"

TEMPLATES = {"Completed": "echoes", "Failed": "fails", "Running": "sleeps"}
"""The function whose run is copied for each status."""

PERIOD = timedelta(days=30)

FAILED, OPEN = 0.03, 0.001
"""The shares of runs that have failed and that are open."""

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_MAKE_TABLES = """
CREATE UNLOGGED TABLE copies (
    status text, run_id text, run_bytes bytea, event_id text, event_bytes bytea,
    queued bigint, started bigint, ended bigint
);
CREATE TABLE template_ids (run_text text, run_bytes bytea);
"""

_COPY = "COPY copies FROM STDIN;\n"

# The rows of the run of each function, as they are now: the run that sleeps fails in ten minutes,
# since its app is gone by then.
_KEEP_TEMPLATES = """
CREATE TABLE templates AS
SELECT spans.run_id AS template_id, run_bytes AS template_bytes, dynamic_span_id AS root,
    CASE attributes->>'_inngest.function.slug'
        WHEN 'scale-echoes' THEN 'Completed' WHEN 'scale-fails' THEN 'Failed' ELSE 'Running'
    END AS template_status
FROM spans JOIN template_ids ON run_text = spans.run_id WHERE name = 'executor.run';
CREATE TABLE template_spans AS
SELECT template_status, spans.* FROM spans JOIN templates
ON spans.run_id = template_id AND spans.dynamic_span_id = root;
CREATE TABLE template_trace_runs AS
SELECT template_status, trace_runs.* FROM trace_runs JOIN templates ON run_id = template_id;
CREATE TABLE template_function_runs AS
SELECT template_status, function_runs.* FROM function_runs JOIN templates
ON run_id = template_bytes;
CREATE TABLE template_finishes AS
SELECT template_status, function_finishes.* FROM function_finishes JOIN templates
ON run_id = template_bytes;
"""

_INSERT = """
INSERT INTO spans
SELECT substr(md5(copies.run_id || spans.span_id), 1, 16), 'copy' || substr(md5(copies.run_id), 5),
    parent_span_id, name, times.at, times.at,
    attributes - '_inngest.response.headers' || jsonb_build_object(
        '_inngest.run.id', copies.run_id,
        '_inngest.dynamic.span.id', substr(md5(copies.run_id), 1, 16),
        '_inngest.dynamic.trace.id', 'copy' || substr(md5(copies.run_id), 5)
    ) || CASE WHEN spans.status = 'Queued' THEN jsonb_build_object(
        '_inngest.event.ids', jsonb_build_array(copies.event_id),
        '_inngest.queued_at', queued::text, '_inngest.scheduled_at', queued::text)
    WHEN spans.status = 'Running' THEN jsonb_build_object('_inngest.started_at', started::text)
    ELSE jsonb_build_object('_inngest.ended_at', ended::text) END,
    links, substr(md5(copies.run_id), 1, 16), account_id, app_id, function_id, copies.run_id,
    env_id, output, debug_run_id, debug_session_id, spans.status, input,
    CASE WHEN event_ids IS NULL THEN NULL ELSE jsonb_build_array(copies.event_id) END, is_deferred
FROM copies JOIN template_spans AS spans ON template_status = copies.status
CROSS JOIN LATERAL (SELECT to_timestamp(
    CASE spans.status WHEN 'Queued' THEN queued WHEN 'Running' THEN started ELSE ended END / 1000.0
) AS at) AS times;

INSERT INTO trace_runs
SELECT copies.run_id, account_id, workspace_id, app_id, function_id, trace_id, queued, started,
    COALESCE(ended, 0), trace_runs.status, source_id, convert_to(event_id, 'UTF8'), output,
    is_debounce, batch_id, cron_schedule, has_ai
FROM copies JOIN template_trace_runs AS trace_runs ON template_status = copies.status;

INSERT INTO function_runs
SELECT copies.run_bytes, to_timestamp(queued / 1000.0) AT TIME ZONE 'UTC', function_id,
    function_version, trigger_type, event_bytes, batch_id, original_run_id, cron
FROM copies JOIN template_function_runs ON template_status = copies.status;

INSERT INTO function_finishes
SELECT copies.run_bytes, function_finishes.status, output, completed_step_count,
    to_timestamp(ended / 1000.0) AT TIME ZONE 'UTC'
FROM copies JOIN template_finishes AS function_finishes ON template_status = copies.status;

INSERT INTO events
SELECT event_bytes, account_id, workspace_id, source, source_id,
    to_timestamp(queued / 1000.0) AT TIME ZONE 'UTC', event_id, event_name, event_data, event_user,
    event_v, to_timestamp(queued / 1000.0) AT TIME ZONE 'UTC'
FROM copies CROSS JOIN (
    SELECT account_id, workspace_id, source, source_id, event_name, event_data, event_user, event_v
    FROM events WHERE event_name = 'scale/echoes' LIMIT 1
) AS template;

TRUNCATE copies;
"""

_END = """
INSERT INTO spans
SELECT substr(md5(copy.span_id || 'end'), 1, 16), copy.trace_id, copy.parent_span_id, 'EXTEND',
    now(), now(), ending.attributes - '_inngest.response.headers' || jsonb_build_object(
        '_inngest.run.id', copy.run_id, '_inngest.dynamic.span.id', copy.dynamic_span_id,
        '_inngest.ended_at', (extract(epoch from now()) * 1000)::bigint::text),
    copy.links, copy.dynamic_span_id, copy.account_id, copy.app_id, copy.function_id, copy.run_id,
    copy.env_id, ending.output, NULL, NULL, 'Completed', NULL, NULL, NULL
FROM spans AS copy CROSS JOIN (
    SELECT attributes, output FROM spans WHERE name = 'EXTEND' AND status = 'Completed' LIMIT 1
) AS ending
WHERE copy.name = 'executor.run' AND copy.run_id IN ({ids});
"""


@frozen
class Copy:
    """A run to be: its ids, and its times in milliseconds since 1970."""

    status: str
    run_id: str
    run_bytes: bytes
    event_id: str
    event_bytes: bytes
    queued: int
    started: int
    ended: int | None

    def row(self) -> str:
        r"""Return its line for COPY."""
        ended = r"\N" if self.ended is None else str(self.ended)
        values = (
            self.status,
            self.run_id,
            rf"\\x{self.run_bytes.hex()}",
            self.event_id,
            rf"\\x{self.event_bytes.hex()}",
            str(self.queued),
            str(self.started),
            ended,
        )
        return "\t".join(values)


@frozen
class Database:
    """The database of a server, asked by psql."""

    uri: str = field(repr=False)

    def run(self, script: str) -> str:
        """Run statements, and return the values that they select, a line per row."""
        return psql(self.uri, script)

    def count(self, condition: str = "true") -> int:
        """Count the runs that the server can list, by a condition on `trace_runs`."""
        return int(self.run(f"SELECT count(*) FROM trace_runs WHERE {condition}"))  # noqa: S608

    def copy_runs(self, count: int) -> None:
        """Copy runs over the last 30 days, until there are as many as this."""
        chance = random.Random(count)  # noqa: S311 - not for secrets
        missing = count - self.count()
        end = int(time.time() * 1000) - 60_000
        span = int(PERIOD.total_seconds() * 1000)
        queued = sorted(end - chance.randrange(span) for _ in range(missing))
        for first in range(0, missing, 100_000):
            self.insert(make_copies(queued[first : first + 100_000], chance))
        self.run("VACUUM ANALYZE;")

    def insert(self, copies: Iterable[Copy]) -> None:
        """Insert copies in one transaction."""
        rows = "\n".join(copy.row() for copy in copies)
        self.run(f"BEGIN;\n{_COPY}{rows}\n\\.\n{_INSERT}COMMIT;\n")

    def end(self, run_ids: Sequence[str]) -> None:
        """End open copies now."""
        self.run(_END.format(ids=", ".join(f"'{run_id}'" for run_id in run_ids)))


def make_copies(queued: Iterable[int], chance: random.Random) -> Iterator[Copy]:
    """Make a run for each of these times."""
    for at in queued:
        drawn = chance.random()
        status = "Running" if drawn < OPEN else "Failed" if drawn < OPEN + FAILED else "Completed"
        yield make_copy(at, status, chance)


def make_copy(queued: int, status: str, chance: random.Random) -> Copy:
    """Make a run that was queued at a time, in milliseconds since 1970."""
    started = queued + chance.randrange(10, 2_000)
    run_bytes = queued.to_bytes(6) + chance.randbytes(10)
    event_bytes = (queued - 5).to_bytes(6) + chance.randbytes(10)
    return Copy(
        status=status,
        run_id=ulid(run_bytes),
        run_bytes=run_bytes,
        event_id=ulid(event_bytes),
        event_bytes=event_bytes,
        queued=queued,
        started=started,
        ended=None if status == "Running" else started + int(10 ** chance.uniform(1.5, 4.5)),
    )


def ulid(value: bytes) -> str:
    """Return the text of a ULID's 16 bytes."""
    number = int.from_bytes(value)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def bytes_of(text: str) -> bytes:
    """Return the 16 bytes of a ULID's text."""
    number = 0
    for digit in text:
        number = number << 5 | _DIGITS.index(digit)
    return number.to_bytes(16)


def run_templates(url: str, database: Database) -> None:
    """Let one function complete, one fail and one sleep, and keep the bytes of their runs' ids."""
    with serve(url, APP, None, None) as address, InngestClient(dev=url) as client:
        httpx.put(address, timeout=30).raise_for_status()
        for name in TEMPLATES.values():
            deadline = time.monotonic() + 30
            while not any(function.name == name for function in functions(client)):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the server has no function {name}")
                time.sleep(0.2)
        for name in TEMPLATES.values():
            client.send(Event(f"{APP}/{name}"))
        runs = wait_for_templates(client)
    values = ", ".join(rf"('{run_id}', '\x{bytes_of(run_id).hex()}'::bytea)" for run_id in runs)
    ids = f"INSERT INTO template_ids VALUES {values};"  # noqa: S608 - ids
    database.run(_MAKE_TABLES + ids + _KEEP_TEMPLATES)


def functions(client: InngestClient) -> list[Function]:
    """Return the functions of our app, once the server has it."""
    return [function for app in client.apps.list() for function in client.functions.list(app.id)]


def wait_for_templates(client: InngestClient) -> list[str]:
    """Wait until a run has completed, one has failed and one sleeps; return their ids."""
    deadline = time.monotonic() + 30
    since = datetime.now(UTC) - timedelta(minutes=5)
    while time.monotonic() < deadline:
        runs = list(client.runs.list(since=since))
        if sorted(str(run.status) for run in runs) == ["completed", "failed", "running"]:
            return [run.id for run in runs]
        time.sleep(0.5)
    raise TimeoutError("the runs to copy have not come to be")
