"""The answer in each format, and what is left of it: fields, bounds, files, pages."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from inngest_rest.calls import commands
from inngest_rest_mock import answers, completes
from inngest_rest_tools.command.answer_file import Output
from inngest_rest_tools.cutting import Cutter
from inngest_rest_tools.projection import field_names, record_class

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.call_row import CallRow
    from tests.support.command import Run

HOSTILE = "a\x1b[31m\x9b\u202eb\u200bc\ufe0f[red]\U000e0041"


def test_json_is_one_envelope_with_where_it_goes_on_and_what_strangers_wrote(run: Run) -> None:
    ids = run.start("placed", 3)
    ran = run("runs", "list", "--limit", "2")
    answer = ran.answer
    assert [it["id"] for it in answer["data"]["items"]] == ids[:2]
    assert answer["page"]["count"] == 2
    assert answer["untrusted"] == ["data.items[].function"]
    assert (answer["ok"], answer["command"], answer["error"]) == (True, "runs.list", None)
    following = run("runs", "list", "--limit", "2", "--cursor", answer["page"]["next"]).answer
    assert [it["id"] for it in following["data"]["items"]] == ids[2:]
    assert following["page"] == {"count": 1}


def test_a_list_has_20_items_unless_more_are_asked_for(run: Run) -> None:
    run.start("placed", 25)
    assert run("runs", "list").answer["page"]["count"] == 20
    assert run("runs", "list", "--limit", "1000").answer["page"]["count"] == 25


def test_the_hint_is_the_command_of_the_next_page_with_its_window_fixed(run: Run) -> None:
    ids = run.start("placed", 5)
    ran = run("runs", "list", "--since", "2h", "--limit", "3", "-o", "id", "--status", "completed")
    assert ran.out.split() == ids[:3]
    _, command = ran.err.strip().split("inngest-rest ")
    assert "2h" not in command
    following = run(*shlex.split(command))
    assert following.out.split() == ids[3:]
    assert not following.err


@pytest.mark.parametrize("form", ["json", "ndjson", "id", "table"])
def test_quiet_leaves_out_hints(form: str, run: Run) -> None:
    run.start("placed", 2)
    assert run("runs", "list", "--limit", "1", "-q", "-o", form).err == ""


def test_ndjson_has_a_line_per_item(run: Run) -> None:
    ids = run.start("placed", 3)
    assert [each["id"] for each in run("runs", "list", "-o", "ndjson").lines] == ids


def test_ndjson_is_flushed_page_by_page(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.start("placed", 250)
    before, flush, flushed = len(run.server.requests), Output.flush, list[int]()

    def note(output: Output) -> None:
        flushed.append(len(run.server.requests) - before)
        flush(output)

    monkeypatch.setattr(Output, "flush", note)
    run("runs", "list", "--all", "-o", "ndjson", "--app", "shop")
    assert flushed[:3] == [1, 2, 3]


def test_ndjson_keeps_what_came_before_an_error(run: Run) -> None:
    ids = run.start("placed", 150)
    run.server.fault(answers(400), after=1, times=2)
    ran = run("runs", "list", "--all", "-o", "ndjson", "--app", "shop")
    *items, last = ran.lines
    assert [each["id"] for each in items] == ids[:100]
    assert (last["ok"], last["error"]["code"]) == (False, "usage")
    assert ran.status == 2


def test_json_keeps_what_came_before_an_error(run: Run) -> None:
    run.start("placed", 150)
    run.server.fault(answers(400), after=1, times=2)
    ran = run("runs", "list", "--limit", "150", "--app", "shop")
    assert len(ran.answer["data"]["items"]) == 100
    assert ran.answer["page"]["next"]
    assert ran.answer["ok"] is False
    assert ran.status == 2


def test_all_lists_everything_where_that_needs_no_room(run: Run, folder: Path) -> None:
    run.start("placed", 120)
    assert len(run("runs", "list", "--all", "-o", "id").out.split()) == 120
    run("runs", "list", "--all", "--output-file", "runs.ndjson")
    lines = (folder / "runs.ndjson").read_text().splitlines()
    assert all(json.loads(each)["id"] for each in lines)
    assert len(lines) == 120
    assert len(run("runs", "list", "--all").lines) == 120
    for more in (["-o", "json"], ["-o", "ndjson", "--limit", "5"]):
        ran = run("runs", "list", "--all", *more)
        assert (ran.status, ran.lines[-1]["error"]["field"]) == (2, "all")


@pytest.mark.parametrize("options", [[], ["--fields", "*"], ["--fields", "id,error"]], ids=str)
def test_json_and_lines_show_one_list_in_one_shape(run: Run, options: list[str]) -> None:
    run.start("failed", 2)
    words = ("runs", "list", *options)
    assert run(*words, "-o", "ndjson").lines == run(*words, "-o", "json").answer["data"]["items"]


def test_fields_are_those_asked_for_in_that_order(run: Run) -> None:
    (id,) = run.start("placed")
    ran = run("runs", "list", "--fields", "status,id,app_id")
    assert ran.answer["data"]["items"] == [{"status": "completed", "id": id, "app_id": "shop"}]
    assert ran.answer["untrusted"] == ["data.items[].app_id"]
    assert run("runs", "get", id, "--fields", "id").answer["data"] == {"id": id}


def test_an_unknown_field_lists_those_that_there_are_and_the_nearest(run: Run) -> None:
    ran = run("runs", "list", "--fields", "id,statsu")
    assert (ran.status, ran.answer["error"]["field"]) == (2, "fields")
    assert (
        "'statsu'; did you mean 'status'? Valid values: id, status,"
        in ran.answer["error"]["message"]
    )


@pytest.mark.parametrize("form", ["id", "markdown"])
def test_a_diagnosis_has_no_ids_and_no_report_to_print(
    form: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("doctor", "-o", form)
    assert (ran.status, ran.out) == (2, "")
    assert f"doctor has no {form} to print" in ran.err
    monkeypatch.setenv("INNGEST_REST_OUTPUT", form)
    assert run("doctor").answer["command"] == "doctor"


@pytest.mark.parametrize("row", commands(), ids=lambda it: it.command)
def test_each_result_has_fields_to_choose_from(row: CallRow) -> None:
    assert field_names(record_class(row))


def test_text_that_is_too_long_is_cut_and_the_paths_are_named(run: Run) -> None:
    run.client.send({"name": "order/other", "data": {"long": "x" * 100, "short": "y"}, "id": "1"})
    ran = run("events", "list", "--max-chars", "40")
    (item,) = ran.answer["data"]["items"]
    assert item["data"] == {"long": f"{'x' * 40}...[60 more characters]", "short": "y"}
    cut = "cut at 40 characters: data.items[0].data.long"
    remedy = "a larger --max-chars or --output-file gets more"
    assert ran.answer["warnings"] == [f"{cut}; {remedy}"]
    streamed = run("events", "list", "--max-chars", "40", "-o", "ndjson")
    assert [it["data"] for it in streamed.lines] == [item["data"]]
    assert "Warning: cut at 40 characters: items[0].data.long" in streamed.err
    assert Cutter(2).cut("x" * 65, "data") == "xx...[63 more characters]"


@pytest.mark.parametrize("form", ["json", "ndjson", "table"])
def test_ids_times_and_statuses_are_never_cut(form: str, run: Run) -> None:
    (id,) = run.start("placed")
    tokens = ["runs", "list", "--fields", "id,queued_at,status", "-o", form]
    assert run(*tokens, "--max-chars", "5") == run(*tokens)
    assert id in run(*tokens, "--max-chars", "5").out


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_json_has_no_character_that_a_terminal_would_obey_and_says_the_same(
    form: str, run: Run
) -> None:
    run.client.send({"name": "order/other", "data": {"text": HOSTILE}})
    ran = run("events", "list", "-o", form)
    assert ran.out.replace("\n", "").isprintable()
    assert "\ufe0f" not in ran.out
    found = ran.answer["data"]["items"] if form == "json" else ran.lines
    assert found[0]["data"]["text"] == HOSTILE


def test_the_environment_sets_the_format_and_the_option_overrides_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id,) = run.start("placed")
    monkeypatch.setenv("INNGEST_REST_OUTPUT", "id")
    assert run("runs", "list").out == f"{id}\n"
    assert run("runs", "list", "-o", "json").answer["ok"]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["send", "order/placed"], "event"),
        (["events", "list"], "event"),
        (["functions", "list", "shop"], ["charge", "ship", "wait", "reserve"]),
        (["functions", "invoke", "shop", "charge"], "run"),
        (["apps", "list"], ["shop"]),
    ],
    ids=lambda it: " ".join(it[:2]) if isinstance(it, list) else "",
)
def test_ids_are_those_that_other_commands_take(
    tokens: list[str], expected: str | list[str], run: Run
) -> None:
    run.client.send({"name": "order/placed"})
    ids = run(*tokens, "-o", "id").out.split()
    newest = {
        "event": [run.server.events[-1].internal_id],
        "run": [run.server.runs[-1].id],
    }
    assert ids == (newest[expected] if isinstance(expected, str) else expected)


def test_what_has_no_ids_prints_none(run: Run, folder: Path) -> None:
    installed = run("skill", "install", "--target", f"{folder}/skills", "-o", "id")
    assert (installed.status, installed.out) == (0, "")


def test_watch_writes_a_line_per_change_where_no_format_is_chosen(run: Run) -> None:
    (id,) = run.start("reserved")
    ran = run("runs", "watch", "--every", "1", "--timeout", "3")
    assert [(each["kind"], each["run"]["id"]) for each in ran.lines] == [
        ("appeared", id),
        ("ended", id),
    ]


def test_the_id_of_a_change_is_that_of_its_run(run: Run) -> None:
    (id,) = run.start("reserved")
    ids = run("runs", "watch", "--every", "1", "--timeout", "3", "-o", "id").out.split()
    assert ids == [id, id]


@pytest.mark.parametrize("end", [[], ["--timeout", "2"]])
def test_a_watch_is_one_object_of_json_if_it_has_an_end(
    end: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Output) -> None:
        raise KeyboardInterrupt

    run.start("open")
    if not end:
        monkeypatch.setattr(Output, "flush", interrupt)
    out = run("runs", "watch", "-o", "json", *end).out
    assert out.startswith('{"ok":' if end else '{"kind":')


def test_no_name_with_a_line_end_makes_a_line_of_its_own(run: Run) -> None:
    run.server.function("a\nb", "c\nd", trigger="order/other", run=completes())
    run.client.send({"name": "order/other"})
    assert "a\\nb" in run("apps", "list", "-o", "id").out.splitlines()
    told = run("runs", "explain", run.server.runs[-1].id, "-o", "table").out
    assert told.startswith(f"Run {run.server.runs[-1].id} of a\\nb/c\\nd is completed")


def test_a_list_by_where_shows_the_fields_by_which_it_matched(run: Run) -> None:
    run.start("placed", 3)
    words = "runs", "list", "--where", "event.data.id > 1"
    answer = run(*words).answer
    [item] = answer["data"]["items"]
    assert item["matched"] == {"data.id": 2}
    assert "data.items[].matched" in answer["untrusted"]
    heading, row = run(*words, "-o", "table").out.splitlines()
    assert row[heading.index("EVENT") :].strip() == "data.id 2"
    assert "EVENT" not in run("runs", "list", "-o", "table").out


def test_a_command_about_the_program_has_a_table_in_place_of_a_report(run: Run) -> None:
    ran = run("schema", "-o", "markdown")
    assert (ran.status, ran.out.split()[:2]) == (0, ["NAME", "SUMMARY"])


def test_a_report_of_another_command_is_refused(run: Run) -> None:
    ran = run("runs", "list", "-o", "markdown")
    assert (ran.status, ran.out) == (2, "")
    assert "runs.list has no markdown to print: use -o json" in ran.err
