"""scripts/record: what differs, each thing once, in the form of the recordings and without keys."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from scripts.internal import record
from scripts.internal.release_diff.subjects import Subject
from scripts.internal.release_diff.survey import Probe
from tests.contract.live_routes import routes_of
from tests.contract.live_world import Server
from tests.contract.recordings import FOLDER, Recording
from tests.scripts.changed_server import CHANGES
from tests.scripts.surveys import exchanges

if TYPE_CHECKING:
    from pathlib import Path

KEY = "signkey-prod-" + "ab" * 32


def chosen(words: str | None = None, *, everything: bool = False) -> dict[str, str]:
    every = exchanges(*CHANGES)
    reasons = record.reasons_of(every, exchanges(), "1.44.0")
    found = record.selected(every, reasons, words, everything=everything)
    return {record.slug(probe): " ".join(reasons[probe]) for probe in found}


def test_what_is_as_documented_and_as_the_mock_answers_is_not_recorded() -> None:
    plain = exchanges()
    reasons = record.reasons_of(plain, plain, "1.43.0")
    assert record.selected(plain, reasons, None, everything=False) == {}
    assert record.selected(plain, reasons, None, everything=True) == plain


def test_each_change_of_a_release_is_recorded() -> None:
    why = chosen()
    assert "'fieldOfTomorrow' was unexpected" in why["get-run-v1-of-a-run-that-sleeps"]
    assert "durationMillis" in why["get-run-trace-v2-of-a-run-that-fails"]
    assert "hasNextPage" in why["list-functions-v2-a-page-of-two"]
    assert "'WAITING' is not one of" in why["get-run-v2-of-a-run-that-sleeps"]
    assert "asked for" in why["post-v2-runs-run-id-annotations-asked-for"]
    assert "not documented" in why["get-v2-runs-run-id-annotations-as-usual"]
    assert "status 422 is not documented" in why["cancel-run-v2-of-an-ended-run"]
    assert why["list-run-jobs-v1-as-usual"] == "the route is gone"
    assert "not 400" in why["send-events-an-event-without-data"]
    assert "not 400" in why["list-runs-v2-the-largest-page"]


def test_a_reason_is_recorded_once_in_its_shortest_response() -> None:
    lists = [name for name in chosen() if name.startswith("list-function-runs-v2")]
    assert "list-function-runs-v2-a-page-of-two" in lists
    assert "list-function-runs-v2-as-usual" not in lists


def test_words_select_by_the_name_of_an_operation_or_a_file() -> None:
    names = chosen("annotations jobs")
    assert names
    assert all("annotations" in name or "jobs" in name for name in names)


def test_what_a_release_has_not_had_yet_is_no_reason() -> None:
    (probe,) = (each for each in exchanges() if record.slug(each) == "list-runs-v2-as-usual")
    gone = Recording("", "GET", "/v2/runs", {}, None, 404, "text/plain", "404 page not found\n")
    assert record.reasons_of({probe: gone}, exchanges(), "1.33.0") == {}
    assert record.reasons_of({probe: gone}, exchanges(), "1.44.0") == {probe: ["the route is gone"]}


def written(folder: Path, exchange: Recording, key: str | None = None) -> dict[str, Any]:
    server = Server("http://x", "event-key-1", key, routes_of("1.43"))
    probe = Probe("as usual", "sendEvents", "POST", "/e/{eventKey}")
    files = record.write({probe: exchange}, Subject(server, "x"), "1.44.1", "dev", folder)
    (path,) = files
    text = path.read_text(encoding="utf-8")
    return {**json.loads(text), "file": path.name, "text": text}


def test_a_file_has_the_keys_of_the_others_and_its_release(tmp_path: Path) -> None:
    exchange = Recording("", "POST", "/e/event-key-1", {"_": "1"}, {"name": "x"}, 200, "", {"a": 1})
    found = written(tmp_path, exchange)
    other = json.loads((FOLDER / "1.43-v2-account.json").read_text(encoding="utf-8"))
    assert found.keys() - {"file", "text"} == other.keys()
    assert found["request"].keys() == other["request"].keys()
    assert found["response"].keys() == other["response"].keys()
    assert (found["file"], found["release"]) == ("1.44-send-events-as-usual.json", "1.44.1")
    assert Recording.read(tmp_path / found["file"]).minor_release == "1.44"


def test_no_key_is_recorded(tmp_path: Path) -> None:
    sent = {"quoted": f"Bearer {KEY}", "bare": "ab" * 32, "other": "signkey-prod-" + "cd" * 32}
    exchange = Recording("", "POST", "/e/event-key-1", {}, sent, 401, "", {"key": "event-key-1"})
    text = written(tmp_path, exchange, KEY)["text"]
    assert not any(part in text for part in (KEY, "ab" * 32, "cd" * 32, "event-key-1"))
    assert "/e/***" in text


def test_a_server_that_states_no_release_needs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server("http://x", None, None, routes_of("1.43"))
    assert record.stated_release(Subject(server, "x")) == "1.43"
    with pytest.raises(ValueError, match="--release"):
        record.stated_release(Subject(Server("http://x", None, None, routes_of("1.42+")), "x"))
    monkeypatch.setattr(sys, "argv", ["record", "--bins", str(tmp_path / "none")])
    assert record.main() == 2
    assert "neither a file" in capsys.readouterr().err
