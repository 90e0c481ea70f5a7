"""`send_many` with a checkpoint: it continues where it stopped, and loses and repeats nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import Event, InvalidArgumentError, SendReport
from inngest_rest_mock import MockServer
from tests.files.imports.ndjson import BY_TWO, ROUTE, names, raises_at, sent
from tests.support.disk import fill_disk
from tests.support.server import accepts_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from inngest_rest import BatchReport, InngestClient
    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind
    from tests.support.server import Server


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "orders.checkpoint"


def rows(count: int) -> Iterator[dict[str, Any]]:
    return ({"name": f"e{each}", "data": {"n": each}} for each in range(count))


def test_the_same_call_continues_with_the_same_ids_and_then_sends_what_was_added(
    client: InngestClient, server: Server, checkpoint: Path
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        client.send_many(rows(10), **BY_TWO, checkpoint=checkpoint, on_batch=raises_at(3))
    assert caught.value.__notes__ == ["the same call continues at 6"]
    Path(f"{checkpoint}.copy").write_bytes(checkpoint.read_bytes())
    told: list[BatchReport] = []
    report = client.send_many(rows(10), checkpoint=checkpoint, on_batch=told.append)
    assert report == SendReport(accepted=4)
    assert [list(each.positions) for each in told] == [[6, 7, 8, 9]]
    assert names(server) == [f"e{each}" for each in range(10)]
    # What a kill leaves unrecorded is sent again with its ids.
    Path(f"{checkpoint}.copy").replace(checkpoint)
    server.requests.clear()
    ids = {each["id"] for each in sent(server)}
    client.send_many(rows(10), checkpoint=checkpoint)
    assert ids <= {each["id"] for each in sent(server)}
    assert client.send_many(rows(10), checkpoint=checkpoint) == SendReport()
    assert client.send_many(rows(11), checkpoint=checkpoint) == SendReport(accepted=1)


def test_an_event_without_an_id_of_its_own_has_the_same_one_each_time(
    client: InngestClient, server: Server, checkpoint: Path
) -> None:
    def events() -> Iterator[Event]:
        return (Event("e", {"n": each}, id="mine" if each else "") for each in range(2))

    made: list[Any] = [[Event("a"), {"name": "b", "id": None}, *events()] for _ in range(2)]
    for each in made:
        client.send_many(each, checkpoint=checkpoint)
        checkpoint.unlink()
    first, second = server.bodies()
    assert [each["id"] for each in first] == [each["id"] for each in second]
    assert first[0]["id"] != made[0][0].id
    assert first[-1]["id"] == "mine"


def test_rejected_events_are_final_and_kept_in_a_file(
    client: InngestClient, server: Server, checkpoint: Path
) -> None:
    events: list[Any] = [
        {"name": "e0", "data": {"n": object()}},
        {"name": ""},
        {"name": "e2"},
        "no event",
        {"name": "e4", "data": {"at": Decimal("9.90")}},
        {"nmae": "e5"},
    ]
    ends: list[int] = []
    report = client.send_many(
        events, **BY_TWO, checkpoint=checkpoint, on_batch=lambda batch: ends.append(batch.end)
    )
    assert (report.accepted, report.rejected) == (2, 4)
    assert [each.position for each in report.failures] == [0, 1, 3, 5]
    assert ends == [2, 4, 6]
    assert names(server) == ["e2", "e4"]
    kept = Path(f"{checkpoint}.rejected.reasons.ndjson").read_text().splitlines()
    assert [json.loads(each)["line"] for each in kept] == [0, 1, 3, 5]
    assert client.send_many(events, checkpoint=checkpoint) == SendReport()


def test_a_request_has_no_more_bytes_than_one_of_a_file(
    client: InngestClient, server: Server, checkpoint: Path
) -> None:
    big = ({"name": "e", "data": {"x": "x" * 2_500_000, "n": n}} for n in range(3))
    assert client.send_many(big, checkpoint=checkpoint) == SendReport(accepted=3)
    assert [len(each) for each in server.bodies()] == [1, 1, 1]


def test_an_event_of_unknown_outcome_is_where_it_continues(
    connect: Connect, server: Server, checkpoint: Path
) -> None:
    client = connect(retries=0)
    server.on(ROUTE, accepts_all, httpx.ReadError("reset"), accepts_all)
    report = client.send_many(rows(8), **BY_TWO, checkpoint=checkpoint)
    assert (report.accepted, report.unknown) == (6, 2)
    server.requests.clear()
    assert client.send_many(rows(8), checkpoint=checkpoint).accepted == 6
    assert names(server) == [f"e{each}" for each in range(2, 8)]


def test_other_events_are_refused(client: InngestClient, server: Server, checkpoint: Path) -> None:
    client.send_many(rows(4), checkpoint=checkpoint)
    server.requests.clear()
    others = ({**each, "data": {}} for each in rows(9))
    with pytest.raises(InvalidArgumentError, match="belongs to other events, by what is now at 3"):
        client.send_many(others, checkpoint=checkpoint)
    assert server.requests == []


def test_fewer_events_than_were_sent_are_other_ones(
    client: InngestClient, server: Server, checkpoint: Path
) -> None:
    client.send_many(rows(4), checkpoint=checkpoint)
    server.requests.clear()
    with pytest.raises(
        InvalidArgumentError, match=r"of which there are 2, while 4 are final\. Delete"
    ):
        client.send_many(rows(2), checkpoint=checkpoint)
    assert server.requests == []


def test_beginning_anew_runs_events_once_more_by_another_name_alone(
    connect: Connect, checkpoint: Path
) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="e*")
    client = connect(transport=mock.transport)
    for name, runs in ((None, 3), (None, 3), ("again", 6), ("again", 6)):
        assert client.send_many(rows(3), checkpoint=checkpoint, name=name).accepted == 3
        assert len(mock.runs) == runs
        checkpoint.unlink()


def test_a_checkpoint_of_another_name_is_refused(client: InngestClient, checkpoint: Path) -> None:
    client.send_many(rows(3), checkpoint=checkpoint, name="08h")
    with pytest.raises(InvalidArgumentError, match=r"named '08h', not '09h'\. Delete it to begin"):
        client.send_many(rows(3), checkpoint=checkpoint, name="09h")


def test_a_checkpoint_in_a_folder_that_is_not_there_is_refused_before_anything_is_sent(
    client: InngestClient, server: Server, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"cannot use .*: no such file or directory"):
        client.send_many(rows(3), checkpoint=tmp_path / "absent" / "rows")
    assert server.requests == []


def test_a_checkpoint_that_cannot_be_written_ends_the_sending_in_a_sentence_that_names_it(
    client: InngestClient, server: Server, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        fill_disk(patched)
        with pytest.raises(InvalidArgumentError) as caught:
            client.send_many(rows(3), checkpoint=checkpoint)
    assert str(caught.value) == f"cannot use {checkpoint}: no space left on device"
    assert caught.value.argument == "checkpoint"
    first = {each["id"] for each in sent(server)}
    client.send_many(rows(3), checkpoint=checkpoint)
    assert {each["id"] for each in sent(server)} == first, "sent again with the same ids"


@pytest.mark.parametrize("written", ["checkpoint", "rejected.ndjson"])
def test_a_file_beside_a_resumed_one_that_cannot_be_written_is_named_in_a_sentence(
    client: InngestClient, tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_text("[]\n" if written == "rejected.ndjson" else '{"name": "e"}\n')
    fill_disk(monkeypatch)
    with pytest.raises(InvalidArgumentError) as caught:
        client.send_file(file, resume=True)
    assert str(caught.value) == f"cannot use {file}.{written}: no space left on device"
    assert caught.value.argument == "path"


def test_a_name_without_a_checkpoint_is_refused(client: InngestClient) -> None:
    with pytest.raises(InvalidArgumentError, match="requires checkpoint="):
        client.send_many(rows(3), name="08h")


@pytest.mark.parametrize("client_kind", ["async"], indirect=True)
def test_events_that_are_drawn_asynchronously_continue_as_well(
    client_kind: ClientKind, connect: Connect, server: Server, checkpoint: Path
) -> None:
    del client_kind
    client: Any = connect()

    async def drawn(events: Iterable[Any]) -> AsyncIterator[Any]:
        for each in events:
            yield each

    with pytest.raises(ZeroDivisionError):
        client.send_many(drawn(rows(9)), **BY_TWO, checkpoint=checkpoint, on_batch=raises_at(2))
    assert client.send_many(drawn(rows(9)), **BY_TWO, checkpoint=checkpoint).accepted == 5
    assert names(server) == [f"e{each}" for each in range(9)]
