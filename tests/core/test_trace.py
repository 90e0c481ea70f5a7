"""Traces: the server's spans become a tree of what happened, or stay as they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from inngest_rest import InvalidResponseError
from inngest_rest._core.resources import trace
from inngest_rest.models import Span
from tests.support.server import body_of, recorded, says
from tests.support.traces import many_steps, recorded_trace, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import InngestClient
    from tests.support.server import Server

ID = "01M87Z6BGE9RZ0K3CZNY3GYJA7"
ROUTE = f"GET /v2/runs/{ID}/trace"


def outline(root: Span, depth: int = 0) -> Iterator[str]:
    took = f" {root.duration.total_seconds():g}" if root.duration is not None else ""
    kind = f" {root.step_op}" if root.step_op else ""
    yield f"{'  ' * depth}{root.name}{kind} {root.status}{took}"
    for child in root.children:
        yield from outline(child, depth + 1)


OUTLINES = {
    "v2-trace-all-kinds": """
        Run completed 4.041
          plain run completed 0.057
          flaky run completed 0.836
            Attempt 0 failed 0.005
            Attempt 1 run completed 0.002
          sleepy sleep completed 0.999
          waity wait_for_event completed 1.001
          invoky invoke completed 0.591
          sendy run completed 0.007
        """,
    "v2-trace-step-retries": """
        Run completed 1.647
          one run completed 1.381
            Attempt 0 failed 0.006
            Attempt 1 failed 0.003
            Attempt 2 run completed 0.003
          two run completed 0.004
        """,
    "v2-trace-function-retries": """
        Run completed 1.34
          Finalization completed 1.337
            Attempt 0 failed 0.003
            Attempt 1 failed 0.003
            Attempt 2 completed 0.002
        """,
    "v2-trace-step-fails": """
        Run failed 0.174
          Finalization failed 0.173
            Attempt 0 failed 0.003
            Attempt 1 failed 0.005
        """,
    "v2-trace-between-attempts": """
        Run running
          Finalization failed 0.002
            Attempt 0 failed 0.002
        """,
    "v2-trace-parallel": """
        Run completed 0.452
          p3 run completed 0.203
          p2 run completed 0.204
          p1 run completed 0.206
          p0 run completed 0.204
          Finalization completed 0.002
        """,
    "v2-trace-same-step-name": """
        Run completed 0.299
          same run completed 0.006
          same run completed 0.003
          Finalization completed 0.003
        """,
    "v2-trace-invoke-fails": """
        Run failed 0.451
          call invoke failed 0.436
          Finalization failed 0.002
            Attempt 0 failed 0.002
        """,
    "v2-trace-sleeping": """
        Run running
          zz sleep waiting
        """,
    "v2-trace-skipped": """
        Run skipped
        """,
    "v2-trace-steps": """
        Run completed 1.289
          first run completed 0.01
          second run completed 0.003
          nap sleep unknown
          Finalization completed 0.002
        """,
}


@pytest.mark.parametrize("name", OUTLINES)
def test_a_trace_has_one_span_per_step_with_the_attempts_below(name: str) -> None:
    expected = [line[8:] for line in OUTLINES[name].strip("\n").splitlines()[:-1]]
    assert list(outline(recorded_trace(name))) == expected


def test_a_trace_is_read_with_outputs_and_measurements(
    client: InngestClient, server: Server
) -> None:
    server.on(ROUTE, recorded("v2-trace-all-kinds"))
    root = client.runs.trace(ID)
    assert root.run_id == ID
    assert root.input["data"][0]["name"] == "app/all-kinds"
    plain, flaky, *_ = root.children
    assert plain.metadata["inngest.timing"]["system_latency_ms"] == "24"
    assert (plain.output, flaky.output) == ({"a": 1}, {"data": "fine"})
    assert flaky.children[0].output["message"] == "once"
    assert flaky.children[1].step_id == flaky.step_id
    assert server.asked == [f"{ROUTE}?includeOutput=true"]


def test_a_raw_trace_has_every_span_of_the_server(client: InngestClient, server: Server) -> None:
    server.on(ROUTE, recorded("v2-trace-all-kinds"))
    root = client.runs.trace(ID, raw=True)
    assert root.run_id == ID
    assert list(ids(root)) == list(recorded_ids(body_of("v2-trace-all-kinds")["data"]["rootSpan"]))


def ids(it: Span) -> Iterator[str]:
    yield it.id
    for child in it.children:
        yield from ids(child)


def recorded_ids(it: dict[str, Any]) -> Iterator[str]:
    yield it["id"]
    for child in it.get("children", ()):
        yield from recorded_ids(child)


def test_the_402_spans_of_200_steps_become_201() -> None:
    raw = many_steps(200)
    assert len(list(ids(raw))) == 402
    root = trace.readable(raw)
    assert [each.name for each in root.children] == [f"s{number}" for number in range(200)]
    assert all(each.metadata and not each.children for each in root.children)


def test_spans_of_a_step_below_a_span_are_merged_too() -> None:
    pair = (span("a", 0, 1, 2, step_id="1"), span("a", 0, 1, 3, step_id="1"))
    root = trace.readable(span("Run", 0, 0, 4, span("group", 0, 0, 4, *pair, step_id="2")))
    assert list(outline(root)) == [
        "Run run completed 4",
        "  group run completed 4",
        "    a run completed 1",
    ]


def test_a_sleep_has_no_attempts_but_those_that_failed() -> None:
    # As older releases have it.
    tries = [span(f"Attempt {each}", each, each, 1, step_id="1") for each in (0, 1)]
    nap = span("nap", 0, 0, 1, *tries, step_op="sleep", step_id="1")
    root = trace.readable(span("Run", 0, 0, 1, nap, step_op=None))
    assert list(outline(root)) == ["Run completed 1", "  nap sleep completed 1"]
    failed = evolve(nap, children=(evolve(tries[0], status="failed"), tries[1]))
    (nap,) = trace.readable(evolve(root, children=(failed,))).children
    assert [each.status for each in nap.children] == ["failed", "completed"]


def test_of_two_spans_of_a_step_the_one_with_measurements_counts() -> None:
    around = span("a", 0, 1, 9, step_id="1")
    measured = span("a", 0, 2, 8, step_id="1", metadata={"kind": {"ms": "6"}})
    unended = evolve(measured, ended_at=None, duration=None, status="running")
    for pair, took in [((around, measured), 6), ((measured, around), 6), ((unended, around), 8)]:
        (step,) = trace.readable(span("Run", 0, 0, 9, *pair)).children
        assert step.duration is not None
        assert (step.duration.total_seconds(), step.metadata) == (took, {"kind": {"ms": "6"}})


def test_a_step_begins_with_the_first_attempt_and_ends_with_the_last() -> None:
    tries = [
        span("Attempt 0", 0, 1, 2, status="failed"),
        span("Attempt 1", 2, 5, 6, step_id="1"),
    ]
    for end in (None, 6):
        all_tries = span("Finalization", 0, 1, end, *tries)
        last = span("a", 2, 5, 6, step_id="1", metadata={"kind": {"ms": "1"}})
        (step,) = trace.readable(span("Run", 0, 0, 6, all_tries, last)).children
        assert next(iter(outline(step))) == "a run completed 5"
        assert step.queued_at == all_tries.queued_at


def test_attempts_at_steps_that_run_together_stay_apart() -> None:
    tries = [span(f"Attempt {each}", each, each, each + 1, step_id=str(each)) for each in (0, 1)]
    both = span("Execution", 0, 0, 2, *tries, step_op=None)
    steps = [span(f"step {each}", each, each, each + 1, step_id=str(each)) for each in (0, 1)]
    root = trace.readable(span("Run", 0, 0, 2, both, *steps))
    assert [each.name for each in root.children] == ["Execution", "step 0", "step 1"]
    assert len(root.children[0].children) == 2


def test_the_only_attempt_at_a_step_is_the_step() -> None:
    # As older releases have it.
    attempt = span("Attempt 0", 0, 0, 1, output={"n": 1}, metadata={"kind": {"ms": "1"}})
    (step,) = trace.readable(span("Run", 0, 0, 1, span("a", 0, 0, 1, attempt))).children
    assert (step.output, step.metadata, step.children) == (attempt.output, attempt.metadata, ())


@pytest.mark.parametrize(
    ("run_status", "has_ended", "expected"),
    [
        ("running", False, "waiting"),
        ("cancelled", True, "cancelled"),
        ("failed", True, "unknown"),
    ],
)
def test_in_a_run_that_has_ended_nothing_waits(
    run_status: str, has_ended: bool, expected: str
) -> None:
    nap = Span("2", "nap", "waiting", step_op="sleep", step_id="a")
    end = datetime(2026, 11, 30, tzinfo=UTC) if has_ended else None
    run = trace.readable(Span("1", "Run", run_status, ended_at=end, children=(nap,)))
    assert [step.status for step in run.children] == [expected]


def test_a_duration_that_the_server_leaves_out_is_computed(
    client: InngestClient, server: Server
) -> None:
    body = body_of("v2-trace-all-kinds")
    del body["data"]["rootSpan"]["durationMs"]
    server.on(ROUTE, says(body))
    duration = client.runs.trace(ID).duration
    assert duration is not None
    assert duration.total_seconds() == 4.041
    assert client.runs.trace(ID, raw=True).duration is None


@pytest.mark.parametrize("value", ["soon", "", "1e400", "9" * 30, "9" * 5_000])
def test_a_duration_that_is_no_number_of_milliseconds_makes_the_response_invalid(
    value: str, client: InngestClient, server: Server
) -> None:
    body = body_of("v2-trace-all-kinds")
    body["data"]["rootSpan"]["durationMs"] = value
    server.on(ROUTE, says(body))
    with pytest.raises(InvalidResponseError, match="not as documented"):
        client.runs.trace(ID)


def test_a_trace_of_ids_alone_is_read(client: InngestClient, server: Server) -> None:
    spare = {"id": "a", "metadata": [{}, {"kind": "k"}, {"values": {}}], "children": [{"id": "b"}]}
    server.on(ROUTE, says({"data": {"rootSpan": spare}}))
    assert list(outline(client.runs.trace(ID))) == ["Run unknown", "   unknown"]
    server.on(ROUTE, says({"data": {"rootSpan": {"name": "Run"}}}))
    with pytest.raises(InvalidResponseError, match="id is missing"):
        client.runs.trace(ID)
