"""The command on a terminal: tables, colors, questions and a live table."""

from __future__ import annotations

import io
import math
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

import attrs
import httpx
import pytest
from rich.cells import cell_len

from inngest_rest.bulk import ActionOutcome, ActionRow
from inngest_rest.calls import commands
from inngest_rest.models import Run as RunRecord
from inngest_rest.models import RunError, RunStatus, Trigger
from inngest_rest.record import in_words
from inngest_rest_mock import drops, fails, works
from inngest_rest_tools.command import program, tables
from inngest_rest_tools.form import form_of
from inngest_rest_tools.projection import Projection, record_class, record_in
from tests.support.capabilities import rows
from tests.support.command import Run, Runner
from tests.support.terminal import Screen, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.record import Record

HOSTILE = {
    "escape": "a\x1b[31mred\x1b]0;title\x07",
    "c1": "a\x9b31mred\x85b",
    "bidi": "a\u202egnp.exe\u2066b",
    "zero-width": "a\u200b\u200d\ufeff\u2060b",
    "blank letters": "a\u3164\u115f\uffa0\ufe0fb",
    "tags": "a\U000e0041\U000e0042b",
    "lines": "a\nb\r\nc\vd\u2028e",
    "markup": "[red]a[/red] [link=https://example.com]b[/link] :smile:",
    "surrogate": "a\udc80b",
    "long": "n" * 500,
    "wide": "実行中のジョブ名" * 20,
    "right to left": "שלום עולם " * 10,
    "emoji": "👩‍💻🚀" * 40,
}

BLANK = set("\u3164\u115f\uffa0\ufe0f")

AT = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)


def kinds_below(kind: type[Record]) -> Iterator[type[Record]]:
    """Yield a class of records, and those of the records in it."""
    yield kind
    for hint in get_type_hints(kind).values():
        nested = record_in(hint)
        if nested is not None and nested is not kind:
            yield from kinds_below(nested)


KINDS = tuple(
    dict.fromkeys(
        kind
        for row in commands()
        for kind in kinds_below(record_class(row))
        if form_of(kind).columns
    )
)


class OnTerminal(Runner):
    """Runs a command on a terminal."""

    def __init__(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        super().__init__(run.server, run.client)
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *tokens: str, columns: int = 80, typed: str = "") -> Screen:
        with terminal(self._monkeypatch, columns=columns, typed=typed) as written:
            status = program.run(tokens)
        self._capsys.readouterr()
        return Screen(status, b"".join(written).decode())


@pytest.fixture
def on_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> OnTerminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "")
    return OnTerminal(run, monkeypatch, capsys)


def record(kind: type[Record], text: str) -> Record:
    """Return a record with a text in every place that has one, by the types of its fields."""
    values = {
        "str": text,
        "ReasonKind": text,
        "datetime": AT,
        "bool": True,
        "int": 1,
        "float": 1.0,
        "ActionOutcome": ActionOutcome.FAILED,
        "RunStatus": RunStatus("failed" if kind is RunRecord else text),
        "RunError": RunError(text, text, text),
        "Mapping[str, int]": {"failed": 1},
        "tuple[str, ...]": (text,),
        "tuple[Trigger, ...]": (Trigger("event", text),),
        "Mapping[str, Any]": {text: text},
        "Mapping[str, str]": {text: text},
        "Any": {text: text},
        "D": {text: text},  # the data of an event
        **{type_: value(text) for type_, value in rows("VALUES").items()},
    }
    types = {each.name: str(each.type) for each in attrs.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: values[type_.removesuffix(" | None")] for name, type_ in types.items()})


class Draw(Protocol):
    def __call__(
        self, items: list[Record], columns: int, *names: str, is_one: bool = False
    ) -> str: ...


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Draw records on a terminal of so many columns, all of their fields or some."""

    def draw(items: list[Record], columns: int, *names: str, is_one: bool = False) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        projection = Projection(names or None)
        return tables.draw(items, projection, "table", io.StringIO(), is_one=is_one) + "\n"

    return draw


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.__name__)
def test_no_text_leaves_its_table_or_does_anything_to_the_terminal(
    kind: type[Record], draw: Draw
) -> None:
    items = [record(kind, text) for text in (*HOSTILE.values(), "plain")]
    for columns in (80, 200):
        shown = draw(items, columns)
        for each in items:
            shown += draw([each], columns, is_one=True)
        assert "plain" in shown
        assert "[red]" in shown
        assert all(cell_len(line) <= columns for line in shown.splitlines())
        unsafe = [it for it in shown if not it.isprintable() and it not in "\n\u200e"]
        assert not unsafe
        assert not BLANK.intersection(shown)


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.__name__)
def test_each_field_that_is_asked_for_is_a_column(kind: type[Record], draw: Draw) -> None:
    names = tuple(it.name for it in attrs.fields(kind))[:3]  # type: ignore[arg-type]
    heading = draw([record(kind, "x")], 200, *names).splitlines()[0]
    assert heading.split("  ")[0].strip() == names[0].upper().replace("_", " ")


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_gets_a_table_as_wide_as_it_is(columns: int, on_terminal: OnTerminal) -> None:
    (id,) = on_terminal.start("failed")
    screen = on_terminal("runs", "list", columns=columns)
    heading, row, *below = screen.text.splitlines()
    assert heading.startswith("ID  ")
    assert row.startswith(f"{id}  failed")
    assert "shop/ship" in row
    assert ("ENDED" in heading) is (columns == 200)
    assert below == ([] if columns == 200 else [f"{id}  error: NonRetriableError: no stock"])


def lifelike(kind: type[Record], is_short: bool) -> Record:
    """Return a record with ids, names and texts as long as those of a server, and all different."""
    values: dict[str, Any] = {}
    like = record(kind, "")
    for at, each in enumerate(attrs.fields(kind)):  # type: ignore[arg-type]
        value = getattr(like, each.name)
        if isinstance(value, RunError):
            value = RunError("PaymentError", f"{SENTENCE} {at}")
        elif each.name in {"error", "sync_error", "reason", "message"}:
            value = f"{SENTENCE} {at}"
        elif value == "" and "id" in each.name.split("_"):
            value = f"01M8PHHRZNRH4MDMSM700PVD{at:02}"
        elif value == "":
            value = f"shop/f{at}" if is_short else f"shop/charge-the-card-of-a-customer-{at}"
        values[each.name] = value
    return kind(**values)


SENTENCE = "the card was declined by the bank, which says that it expired last month; " * 3


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.__name__)
def test_ids_and_reasons_are_whole_in_each_table_and_nothing_is_cut_without_a_sign(
    kind: type[Record], columns: int, draw: Draw
) -> None:
    items = [lifelike(kind, is_short) for is_short in (True, False)]
    shown = draw(items, columns)
    assert all(cell_len(line) <= columns for line in shown.splitlines())
    words, text = shown.split(), "".join(shown.split())
    for item in items:
        for each in form_of(kind).columns:
            value = in_words(each.value(item))
            if each.whole and not each.is_optional and columns >= each.from_width:
                assert set(value.split()) <= set(words), each.heading
            if each.is_line and columns < (each.below_width or math.inf):
                assert "".join(value.split()) in text, each.heading
    headings = {word for word in shown.splitlines()[0].split("  ") if word.strip()}
    assert {it.strip() for it in headings} <= {each.heading for each in form_of(kind).columns}


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_a_row_of_a_replay_has_both_ids_whole_and_its_reason_below_the_rows(
    columns: int, draw: Draw
) -> None:
    done = ActionRow(
        position=0,
        id="01M8PJFQC6AQRE4J4X2AA0VY00",
        outcome=ActionOutcome.DONE,
        new_run_id="01M8PJFSSJFA7NTS1ZNQ7E8V00",
        function="shop/charge",
        status="failed",
        queued_at=AT,
        error="PspError: declined",
        from_step="charge",
    )
    refused = ActionRow(position=1, id=done.id, outcome=ActionOutcome.REFUSED, reason=SENTENCE)
    lines = draw([done, refused], columns).splitlines()
    assert lines[1].startswith(f"{done.id}  done     {done.new_run_id}  shop/charge")
    assert "PspError: declined" in "".join(lines)
    reason = " ".join(line.strip() for line in lines[-5:]).partition("reason: ")[2]
    assert reason == SENTENCE.strip()


def test_a_page_on_a_terminal_ends_with_one_line_about_the_next_one(
    on_terminal: OnTerminal,
) -> None:
    on_terminal.start("placed", 3)
    *_, last = on_terminal("runs", "list", "--limit", "2").text.splitlines()
    assert last == "There is more: a higher --limit shows it, and -o json how to go on."


def test_a_run_whose_function_has_no_name_is_shown_with_its_internal_id(draw: Draw) -> None:
    runs: list[Record] = [
        RunRecord("1", RunStatus("failed"), internal_function_id="uuid-of-ship"),
        RunRecord("2", RunStatus("failed"), function_id="ship"),
        RunRecord("3", RunStatus("failed")),
    ]
    rows = [line.split() for line in draw(runs, 80).splitlines()[1:]]
    assert rows == [["1", "failed", "uuid-of-ship"], ["2", "failed", "ship"], ["3", "failed"]]


def test_a_duration_is_shown_in_seconds(on_terminal: OnTerminal) -> None:
    on_terminal.server.function(
        "shop", "pack", trigger="order/pack", run=works(timedelta(seconds=1.5))
    )
    (id,) = on_terminal.start("pack")
    on_terminal.client.runs.wait(id, 10)
    screen = on_terminal("runs", "trace", id, "--fields", "status,duration")
    assert [line.split() for line in screen.text.splitlines()] == [
        ["status", "completed"],
        ["duration", "1.5", "s"],
    ]


def test_a_diagnosis_of_what_does_not_respond_has_no_table_of_calls(
    on_terminal: OnTerminal,
) -> None:
    assert "SINCE" in on_terminal("doctor").text
    on_terminal.server.fault(drops(httpx.ConnectError), times=None)
    text = on_terminal("doctor", "--retries", "0").text
    assert "connection" in text
    assert "SINCE" not in text


def test_statuses_are_colored(on_terminal: OnTerminal) -> None:
    on_terminal.start("failed")
    screen = on_terminal("runs", "list")
    assert "\x1b[31mfailed" in screen.raw


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
@pytest.mark.parametrize("command", ["list", "trace", "watch"])
def test_there_is_no_color_where_none_is_wanted(
    command: str, name: str, value: str, on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id,) = on_terminal.start("reserved" if command == "watch" else "failed")
    monkeypatch.setenv(name, value)
    more = {"list": [], "trace": [id], "watch": ["--every", "1", "--timeout", "3"]}[command]
    screen = on_terminal("runs", command, *more)
    assert screen.status == 0
    assert "failed" in screen.text
    colors = [it for it in screen.escapes if it.endswith("m") and "3" in it]
    assert not colors
    if value == "dumb":
        assert not screen.escapes


def test_a_table_has_no_escapes_in_a_pipe(run: Run) -> None:
    run.start("failed")
    out = run("runs", "list", "-o", "table").out
    assert "\x1b" not in out
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_json_on_a_terminal_is_indented(on_terminal: OnTerminal) -> None:
    assert '\n  "ok": true,' in on_terminal("runs", "list", "-o", "json").text


def test_the_trace_is_a_waterfall(on_terminal: OnTerminal) -> None:
    on_terminal.server.function("shop", "odd", trigger="order/odd", run=fails(HOSTILE["escape"]))
    (id,) = on_terminal.start("odd")
    screen = on_terminal("runs", "trace", id)
    assert screen.text.startswith(f"{id}  failed")
    assert r"a\x1b[31mred" in screen.text
    assert "━" in screen.text or "╸" in screen.text


QUESTION = "runs.cancel: 3 planned at http://127.0.0.1:8288"


@pytest.mark.parametrize(
    ("typed", "status", "left"),
    [
        ("y\n", 0, 0),
        ("Yes\n", 0, 0),
        ("n\n", 9, 3),
        ("\n", 9, 3),
        ("\x04", 9, 3),
        ("maybe\n", 9, 3),
    ],
    ids=["y", "Yes", "n", "nothing", "end of input", "maybe"],
)
def test_an_act_on_many_is_asked_for(
    typed: str, status: int, left: int, on_terminal: OnTerminal
) -> None:
    ids = on_terminal.start("open", 3)
    screen = on_terminal("runs", "cancel", "--app", "shop", "--since", "2h", typed=typed)
    assert screen.status == status
    assert sum(run.status == "running" for run in on_terminal.server.runs) == left
    assert QUESTION in screen.text
    assert "since 20" in screen.text
    assert all(id in screen.text for id in ids)
    assert "Cancel? [y/N]" in screen.text
    assert ("nothing was done" in screen.text) is (status == 9)


def test_nothing_is_asked_where_one_is_named_or_nothing_is_selected(
    on_terminal: OnTerminal,
) -> None:
    (id,) = on_terminal.start("open")
    assert "[y/N]" not in on_terminal("runs", "cancel", id).text
    assert "[y/N]" not in on_terminal("runs", "cancel", "--status", "running").text


def test_progress_is_shown_and_cleared(on_terminal: OnTerminal) -> None:
    ids = on_terminal.start("open", 3)
    screen = on_terminal("runs", "cancel", *ids, "--yes")
    assert "1 so far" in screen.text
    assert "so far" not in screen.text.replace("\r", "\n").splitlines()[-1]
    assert "so far" not in on_terminal("runs", "cancel", *ids, "--yes", "-q").text


def test_watch_on_a_terminal_is_a_line_per_change(on_terminal: OnTerminal) -> None:
    (id,) = on_terminal.start("reserved")
    screen = on_terminal("runs", "watch", "--every", "1", "--timeout", "3")
    assert screen.status == 0
    announced, *lines = screen.text.splitlines()
    assert announced == "Watching runs at http://127.0.0.1:8288 for 3 s."
    assert [line.split()[2:5] for line in lines] == [
        [id, "appeared", "running"],
        [id, "ended", "failed"],
    ]


def test_watch_as_a_table_in_a_pipe_is_a_line_per_change(run: Run) -> None:
    (id,) = run.start("reserved")
    ran = run("runs", "watch", "--every", "1", "--timeout", "3", "-o", "table")
    lines = [line.split()[2:4] for line in ran.out.splitlines()]
    assert lines == [[id, "appeared"], [id, "ended"]]


def test_the_streams_are_put_back() -> None:
    assert not sys.stdout.isatty()
