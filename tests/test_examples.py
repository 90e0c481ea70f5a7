"""Each program in examples/ runs, on the mock server, and prints what its reader is to see."""

from __future__ import annotations

import runpy
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, completes, fails, loses_response, sleeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest import Event, SendReport

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def mock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, visibility_delay: float
) -> Iterator[MockServer]:
    """Serve a shop, one of whose runs failed two hours ago; the environment names it."""
    mock = MockServer()
    mock.function("shop", "charge", trigger="app/order.created", run=fails("card declined"))
    mock.function("shop", "ship", trigger="app/order.created", run=sleeps(timedelta(days=1)))
    mock.function("shop", "receipt", trigger="app/order.paid", run=completes({"mailed": True}))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "app/order.created"})
    mock.advance(visibility_delay)
    monkeypatch.chdir(tmp_path)
    with mock.serve() as url:
        monkeypatch.setenv("INNGEST_DEV", url)
        yield mock


def run(name: str, *arguments: str) -> object:
    """Run an example as a program, and return its exit status."""
    before, sys.argv = sys.argv, [name, *arguments]
    try:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    except SystemExit as error:
        return error.code
    finally:
        sys.argv = before
    return 0


def test_the_tour_fits_on_a_screen_and_shows_each_kind_of_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("tour.py") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert 24 <= len(lines) <= 40
    assert max(map(len, lines)) <= 110
    calls = (
        *("client.send(", "client.runs.watch(", "client.events.runs(", "client.events.explain("),
        *("client.runs.replay(", "client.runs.cancel(", "dry_run=True", "runs.cancel_all(plan"),
    )
    assert [out.index(each) for each in calls] == sorted(out.index(each) for each in calls)
    assert [line for line in lines if line.startswith("  runs.cancel: 2 ")] == [
        "  runs.cancel: 2 planned",
        "  runs.cancel: 2 done",
    ]


def test_the_tour_leaves_the_runs_of_others_alone(mock: MockServer) -> None:
    before = {each.id: each.status for each in mock.runs}
    tour = runpy.run_path(str(EXAMPLES / "tour.py"))["tour"]
    with InngestClient(dev=True, transport=mock.transport) as client:
        tour(client, "app/order.created")
    assert {each.id: each.status for each in mock.runs if each.id in before} == before
    assert {each.status for each in mock.runs} == {"failed", "running", "cancelled"}
    assert not {each.original_run_id for each in mock.runs} & before.keys()


@pytest.mark.usefixtures("mock")
def test_the_tour_says_why_an_event_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tour.py", "--event", "app/unknown") == 0
    assert "started no run: no function has a trigger" in capsys.readouterr().out


def test_the_tour_of_a_server_ends_with_the_error_of_the_client() -> None:
    with MockServer(signing_key="signkey-test-12345678").serve() as url:
        assert "answered 401" in str(run("tour.py", "--dev", url))


@pytest.mark.usefixtures("mock")
def test_failed_runs_are_counted_by_function_and_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("failed_runs.py") == 1
    assert "     1 x shop/charge: card declined  (latest: 01" in capsys.readouterr().out


def test_a_backfill_goes_on_where_it_ended(
    mock: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_text('{"name": "app/order.paid"}\n{"name": ""}\n', encoding="utf-8")
    assert run("backfill.py", "orders.ndjson") == 1
    out = capsys.readouterr().out
    assert out.startswith("1 accepted, 1 rejected, 0 unknown\n  line 2: name must be text")
    file.write_text(file.read_text() + '{"name": "app/order.paid"}\n', encoding="utf-8")
    assert run("backfill.py", "orders.ndjson") == 0
    assert len(mock.events) == 3


@pytest.mark.usefixtures("mock")
def test_a_service_answers_each_press_of_the_button_with_what_the_runs_of_the_first_returned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in ("the first press of the button", "the second"):
        assert run("order_service.py") == 0
        assert capsys.readouterr().out == "200 [{'mailed': True}]\n" * 3


def test_stuck_runs_are_cancelled_only_when_asked(
    mock: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    mock.advance(timedelta(hours=2))
    assert run("stop_stuck_runs.py", "shop") == 0
    assert "1 planned" in capsys.readouterr().out
    assert [each.status for each in mock.runs if each.function_id == "ship"] == ["running"]
    assert run("stop_stuck_runs.py", "shop", "--yes") == 0
    assert [each.status for each in mock.runs if each.function_id == "ship"] == ["cancelled"]


def test_an_order_in_django_and_its_event_are_stored_together_and_sent_once(
    mock: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    program = runpy.run_path(str(EXAMPLES / "django_outbox.py"), run_name="__main__")
    place_order, relay, rows = (program[it] for it in ("place_order", "relay", "OutboxEvent"))
    assert capsys.readouterr().out == "1 sent, 0 left\n"
    assert mock.events[-1].id == "order-1-created"
    with suppress(RuntimeError), program["transaction"].atomic():
        place_order("9.90")
        raise RuntimeError
    assert rows.objects.count() == 0
    place_order("9.90")
    rows.objects.create(event_id="bad", name="inngest/reserved", data={})
    with InngestClient(dev=True, retries=0, transport=mock.transport) as client:
        mock.fault(loses_response(), times=1)
        assert relay(client).unknown == 1
        assert [(row.event_id, bool(row.rejected)) for row in rows.objects.order_by("pk")] == [
            ("order-2-created", False),
            ("bad", True),
        ]
        assert relay(client).accepted == 1
        assert [row.event_id for row in rows.objects.all()] == ["bad"]
        place_order("9.90")
        with pytest.raises(KeyboardInterrupt):
            relay(Meddled(client, crash))
        relay(Meddled(client, lambda: relay(client)))
    assert [row.event_id for row in rows.objects.all()] == ["bad"]
    assert [it.data["order_id"] for it in mock.events[1:]] == [1, 2, 2, 3, 3, 3]
    assert [it.function_id for it in mock.runs[2:]] == ["charge", "ship"] * 3
    program["connection"].connection.close()


def test_an_order_in_sqlalchemy_and_its_event_are_stored_together_and_sent_once(
    mock: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sqlalchemy_outbox.py") == 0
    assert capsys.readouterr().out == "1 sent, 0 left\n"
    program = runpy.run_path(str(EXAMPLES / "sqlalchemy_outbox.py"))
    engine = program["create_engine"]("sqlite://")
    program["Base"].metadata.create_all(engine)
    row, relay, select = (program[it] for it in ("OutboxEvent", "relay", "select"))
    with (
        program["Session"](engine) as session,
        InngestClient(dev=True, retries=0, transport=mock.transport) as client,
    ):
        with suppress(RuntimeError), session.begin():
            program["place_order"](session, 9.9)
            raise RuntimeError
        with session.begin():
            program["place_order"](session, 9.9)
            session.add(row(event_id="bad", name="inngest/reserved", data={}))
        mock.fault(loses_response(), times=1)
        assert relay(session, client).unknown == 1
        with session.begin():
            left = session.scalars(select(row).order_by(row.id)).all()
            assert [(it.event_id, bool(it.rejected)) for it in left] == [
                ("order-1-created", False),
                ("bad", True),
            ]
        assert relay(session, client).accepted == 1
        with session.begin():
            assert [it.event_id for it in session.scalars(select(row))] == ["bad"]
    engine.dispose()


def test_relays_of_sqlalchemy_send_again_after_a_crash_and_leave_each_other_alone(
    mock: MockServer, tmp_path: Path
) -> None:
    program = runpy.run_path(str(EXAMPLES / "sqlalchemy_outbox.py"))
    engine = program["create_engine"](f"sqlite:///{tmp_path / 'shop.db'}")
    program["Base"].metadata.create_all(engine)
    relay, row = program["relay"], program["OutboxEvent"]
    with (
        program["Session"](engine) as session,
        program["Session"](engine) as other,
        InngestClient(dev=True, retries=0, transport=mock.transport) as client,
    ):
        with session.begin():
            program["place_order"](session, 9.9)
            session.add(row(event_id="bad", name="inngest/reserved", data={}))
        with pytest.raises(KeyboardInterrupt):
            relay(session, Meddled(client, crash))
        relay(session, Meddled(client, lambda: relay(other, client)))
        with session.begin():
            left = session.scalars(program["select"](row)).all()
            assert [(it.event_id, bool(it.rejected)) for it in left] == [("bad", True)]
    assert [it.id for it in mock.events[1:]] == ["order-1-created"] * 3
    assert [it.function_id for it in mock.runs[2:]] == ["charge", "ship"]
    engine.dispose()


class Meddled:
    """A client with which something happens after events were sent, before their rows are gone."""

    def __init__(self, client: InngestClient, happens: Callable[[], object]) -> None:
        self._client = client
        self._happens = happens

    def send_many(self, events: Iterable[Event]) -> SendReport:
        report = self._client.send_many(events)
        self._happens()
        return report


def crash() -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("mock")
def test_a_page_is_told_how_the_work_of_its_order_ended() -> None:
    app = runpy.run_path(str(EXAMPLES / "fastapi_orders.py"))["app"]
    with TestClient(app) as browser:
        for _ in ("the first press of the button", "the second"):
            progress = browser.post("/orders", json={"id": 7, "total": 20}).json()["progress"]
            stream = browser.get(progress).text
            assert stream.startswith(": waiting\n\n")
            assert stream.endswith(
                'event: completed\ndata: {"function": "receipt", "output": {"mailed": true}}\n\n'
            )


def test_a_failed_run_is_told_once_however_often_the_alert_is_started(
    mock: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("failures.place", "--seconds", "1")
    assert run("alert_on_failures.py", *arguments) == 0
    assert capsys.readouterr().out == ""
    with InngestClient() as client:
        client.send({"name": "app/order.created"})
    mock.advance(1)
    (failed,) = (it.id for it in mock.runs[2:] if it.status == "failed")
    for told in (f"shop/charge failed: card declined (run {failed})\n", ""):
        assert run("alert_on_failures.py", *arguments) == 0
        assert capsys.readouterr().out == told


def test_a_backfill_from_a_database_goes_on_after_the_last_row_that_was_sent(
    mock: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL)")
        for number in (1, 2):
            with database:
                database.execute("INSERT INTO orders VALUES (?, 20)", (number,))
            assert run("backfill_database.py", "shop.db") == 0
    assert capsys.readouterr().out == "done\n" * 2
    assert [it.data["order_id"] for it in mock.events[1:]] == [1, 2]


def test_every_example_is_run_here() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in tests] == []
