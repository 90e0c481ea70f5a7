"""Acts on many runs: what is confirmed first, what is kept in a report, what is left to do."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest_mock import MockServer, answers
from inngest_rest_tools.command.invocation import TerminalInvocation
from inngest_rest_tools.command.stderr import Stderr

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.bulk import ActionRow
    from tests.support.command import Run


NO_RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


def writes(mock: MockServer) -> set[str]:
    """Return the ids of the runs that something was asked to be done to."""
    paths = [it.path for it in mock.requests if it.method != "GET" and "/e/" not in it.path]
    return {path.split("/")[3] for path in paths}


def created(mock: MockServer) -> list[dict[str, Any]]:
    """Return the bulk cancellations that were asked for."""
    asked = [it for it in mock.requests if it.method == "POST" and "cancellations" in it.path]
    return [json.loads(each.body) for each in asked]


def running(mock: MockServer) -> int:
    return sum(run.status == "running" for run in mock.runs)


def test_one_id_is_acted_on_at_once(run: Run) -> None:
    ids = run.start("open", 3)
    ran = run("runs", "cancel", ids[0])
    assert (ran.status, ran.answer["data"]["counts"]) == (0, {"done": 1})
    assert running(run.server) == 2


@pytest.mark.parametrize("given", ["ids", "standard input", "a filter", "--params"])
@pytest.mark.parametrize("act", ["cancel", "replay"])
def test_more_than_one_run_is_confirmed_however_it_is_chosen(
    given: str, act: str, run: Run
) -> None:
    ids = run.start("open" if act == "cancel" else "failed", 2)
    words, stdin = ["runs", act], ""
    match given:
        case "ids":
            words += ids
        case "standard input":
            words, stdin = [*words, "-"], "\n".join(ids)
        case "--params":
            words += ["--params", json.dumps({"ids": ids})]
        case _:
            words += ["--app", "shop"]
    refused = run(*words, stdin=stdin)
    assert (refused.status, refused.answer["error"]["code"]) == (9, "confirmation_needed")
    assert not writes(run.server)
    acted = run(*words, "--yes", stdin=stdin)
    assert acted.status == 0
    assert writes(run.server) == set(ids)
    told = {name for row in acted.answer["data"]["rows"] for name in row}
    assert told <= {"id", "outcome", "new_run_id"}, "the short answer"


def test_a_dry_run_on_cloud_says_how_long_the_acts_take_at_least(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.start("failed", 16)
    words = ["runs", "replay", "--app", "shop", "--dry-run"]
    told = "15 a second on Inngest Cloud: at least 2 s in all"
    assert told not in run(*words).answer.get("warnings", [])
    monkeypatch.delenv("INNGEST_DEV")
    monkeypatch.setenv("INNGEST_SIGNING_KEY", "signkey-test-" + "ab" * 32)
    assert told in run(*words).answer["warnings"]
    assert told not in run(*words, "--rate", "100").answer.get("warnings", [])


@pytest.mark.parametrize("given", ['{"yes": true}', '{"yes": "true", "app": "shop"}'])
def test_yes_is_an_option_of_the_command_line_alone(
    given: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = run.start("open", 2)
    for name in ("YES", "INNGEST_YES", "INNGEST_REST_YES"):
        monkeypatch.setenv(name, "1")
    assert run("runs", "cancel", *ids, "--params", given).status == 2
    assert run("runs", "cancel", "-", stdin="\n".join([*ids, "--yes"])).status == 2
    assert run("runs", "cancel", "--app", "shop").status == 9
    assert not writes(run.server)


def test_a_token_confirms_the_runs_that_were_shown_and_no_others(run: Run) -> None:
    shown = run.start("open", 2)
    words = ["runs", "cancel", "--app", "shop", "--limit", "2"]
    token = run(*words, "--dry-run").answer["confirm"]
    others = run.start("open", 2)
    refused = run(*words, "--confirm", token)
    assert (refused.status, refused.answer["error"]["field"]) == (9, "confirm")
    assert "not what was confirmed, which were 2 then" in refused.answer["error"]["message"]
    assert {row["id"] for row in refused.answer["data"]["rows"]} == set(others)
    assert not writes(run.server)
    run("runs", "cancel", others[0])
    run("runs", "cancel", others[1])
    assert run(*words, "--confirm", token).status == 0
    assert writes(run.server) == {*shown, *others}


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "cancel", "--app", "shop", "--limit", "2"],
        ["runs", "cancel", "--app", "shop", "--limit", "2", "--dry-run"],
        ["api", "POST", "/v2/apps/shop/syncs"],
    ],
    ids=["refusal", "dry run", "request"],
)
def test_an_answer_has_its_token_and_the_command_that_it_confirms(
    words: list[str], run: Run
) -> None:
    run.start("open", 2)
    answer = run(*words).answer
    token = answer["confirm"]
    assert answer["next_command"].startswith(f"inngest-rest {words[0]} {words[1]} ")
    assert answer["next_command"].endswith(f"--confirm {token}")
    assert not writes(run.server)


@pytest.mark.parametrize("other", ["act", "server", "environment"])
def test_a_token_is_of_one_act_in_one_place(other: str, run: Run) -> None:
    ids = run.start("failed", 2)
    token = run("runs", "replay", *ids, "--dry-run").answer["confirm"]
    words = ["runs", "replay", *ids]
    if other == "act":
        ids = run.start("open", 2)
        token = run("runs", "cancel", *ids, "--dry-run").answer["confirm"]
        run.server.advance(7200)  # now they have completed, and could be replayed
        words = ["runs", "replay", *ids]
    words += {
        "server": ["--base-url", "http://127.0.0.1:8289"],
        "environment": ["--env", "test"],
    }.get(other, [])
    assert run(*words, "--confirm", token).status == 9
    assert not writes(run.server)


def test_nothing_is_printed_for_a_pipeline_before_it_is_confirmed(run: Run) -> None:
    ids = run.start("open", 2)
    ran = run("runs", "cancel", *ids, "-o", "id")
    assert (ran.status, ran.out) == (9, "")
    ran = run("runs", "cancel", *ids, "-o", "ndjson")
    assert [line["ok"] for line in ran.lines] == [False]


def test_a_person_sees_which_runs_of_which_functions_it_is_before_saying_yes(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = run.start("failed", 7)
    asked: list[str] = []

    def ask(_: Stderr, question: str, *, about: str) -> bool:
        asked.append(f"{about}{question}")
        return False

    monkeypatch.setattr(Stderr, "can_ask", True)
    monkeypatch.setattr(Stderr, "ask", ask)
    ran = run("runs", "replay", *ids, "-o", "table")
    assert (ran.status, "not confirmed; nothing was done" in ran.err) == (9, True)
    said, _, *rows, question = asked[0].splitlines()
    assert said == "runs.replay: 7 planned at http://127.0.0.1:8288"
    place = "http://127.0.0.1:8288 (default environment)"
    assert question == f"It would act on 7 runs at {place}. Replay?"
    shown = [each.split() for each in rows]
    assert [(it[0], *it[2:4], *it[6:]) for it in shown] == [
        (id, "shop/ship", "failed", "no", "stock") for id in ids
    ]
    assert not writes(run.server)
    monkeypatch.setattr(Stderr, "ask", lambda *_, **__: True)
    assert run("runs", "replay", *ids, "-o", "table").status == 0
    assert writes(run.server) == set(ids)


@pytest.mark.parametrize("function", ["wait", "shop-wait"])
def test_a_bulk_cancellation_is_shown_before_it_is_created(function: str, run: Run) -> None:
    ids = run.start("open", 2)
    run.start("failed")
    run.server.advance(60)
    words = ["cancellations", "create", "shop", function, "--started-before", "1s"]
    planned = run(*words, "--dry-run")
    data = planned.answer["data"]
    assert (planned.status, data["cancellation"]) == (0, None)
    assert [row["id"] for row in data["planned"]["rows"]] == ids
    assert data["planned"]["by_function"] == {"shop/wait": 2}
    refused = run(*words)
    assert refused.status == 9
    assert "of at most 2 runs now" in refused.answer["error"]["message"]
    assert not created(run.server)
    run.server.advance(60)
    command = planned.answer["next_command"].removeprefix("inngest-rest ")
    run(*shlex.split(command))
    assert [it["started_before"][:19] for it in created(run.server)] == [
        data["planned"]["until"][:19]
    ]
    run(*words, "--yes")
    assert len(created(run.server)) == 2


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--yes"]])
def test_a_bulk_cancellation_is_refused_where_the_server_has_none_with_what_cancels_the_same_runs(
    more: list[str], run: Run
) -> None:
    run.start("open", 2)
    run.server.advance(60)
    run.server.fault(answers(500, b""), path="/v1/cancellations", times=None)
    words = ["--started-before", run.server.now.isoformat(), "--condition", "event.data.id == 1"]
    refused = run("cancellations", "create", "shop", "shop-wait", *words, *more)
    error = refused.answer["error"]
    assert (refused.status, error["code"], error["retryable"]) == (4, "not_found", False)
    assert refused.answer.get("confirm") is None
    assert len(created(run.server)) == ("--yes" in more)
    if "--yes" in more:
        return
    _, _, command = error["hint"].partition("inngest-rest ")
    planned = run(*shlex.split(command))
    assert planned.answer["data"]["counts"] == {"planned": 1}


@pytest.mark.parametrize("command", ["cancel", "replay", "wait"])
def test_an_answer_in_json_instead_of_ids_is_refused_with_what_prints_ids(
    command: str, run: Run
) -> None:
    run.start("open", 2)
    listed = run("runs", "list", "-o", "json").out
    before = len(run.server.requests)
    ran = run("runs", command, "-", stdin=listed)
    error = ran.answer["error"]
    assert (ran.status, error["field"]) == (2, "ids")
    assert error["message"].startswith('ids[0] is malformed: \'{"ok":')
    assert "`runs list`" in error["hint"]
    assert len(run.server.requests) == before


def test_no_ids_on_standard_input_are_a_mistake_even_beside_a_filter(run: Run) -> None:
    run.start("open")
    ran = run("runs", "cancel", "-", "--status", "running", "--yes")
    assert (ran.status, ran.answer["error"]["field"]) == (2, "ids")
    assert not writes(run.server)


@pytest.mark.parametrize("form", ["json", "ndjson", "id", "table"])
@pytest.mark.parametrize("act", ["cancel", "replay"])
def test_a_filter_is_refused_where_nobody_can_be_asked_with_the_command_that_does_it(
    form: str, act: str, run: Run
) -> None:
    run.start("open" if act == "cancel" else "failed", 3)
    ran = run("runs", act, "--since", "2h", "--app", "shop", "-o", form)
    assert ran.status == 9
    assert not writes(run.server)
    if form in {"json", "ndjson"}:  # where the error is in the answer, it is not printed again
        error = (ran.answer if form == "json" else ran.lines[-1])["error"]
        message, hint = error["message"], error["hint"]
        assert ran.err == ""
    else:
        message, hint = ran.err.strip().splitlines()
    assert "3 runs at http://127.0.0.1:8288 (default environment); nothing was done" in message
    _, _, command = hint.partition("To do it: inngest-rest ")
    assert "2h" not in command
    run.start("open" if act == "cancel" else "failed")  # nobody has seen this one
    assert run(*shlex.split(command)).status == 0
    assert len(writes(run.server)) == 3


def test_the_refusal_has_the_first_rows(run: Run) -> None:
    ids = run.start("open", 30)
    answer = run("runs", "cancel", "--app", "shop").answer
    assert [row["id"] for row in answer["data"]["rows"]] == ids[:20]
    assert answer["data"]["counts"] == {"planned": 30}
    assert answer["warnings"] == ["cut at 20 items: data.rows (30); --fields '*' has it"]
    data = run("runs", "cancel", "--app", "shop", "--fields", "*").answer["data"]
    assert [row["id"] for row in data["rows"]] == ids


def test_json_means_no_yes_even_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.start("open")
    monkeypatch.setattr(Stderr, "can_ask", True)
    monkeypatch.setattr(Stderr, "ask", lambda *_: pytest.fail("asked"))
    assert run("runs", "cancel", "--app", "shop", "-o", "json").status == 9
    assert not writes(run.server)


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_filter_that_selects_nothing_is_done_at_once(more: list[str], run: Run) -> None:
    ran = run("runs", "cancel", "--status", "running", *more)
    assert (ran.status, ran.answer["data"]["counts"]) == (0, {})
    assert ran.answer.keys().isdisjoint({"confirm", "next_command"})


def test_a_dry_run_does_nothing_and_says_how_to_do_it(run: Run) -> None:
    ids = run.start("open", 2)
    ran = run("runs", "cancel", "--app", "shop", "--since", "1h", "--dry-run", "-o", "id")
    assert (ran.status, ran.out.split()) == (0, ids)
    assert not writes(run.server)
    _, _, command = ran.err.strip().partition("To do it: inngest-rest ")
    assert run(*shlex.split(command)).out.split() == ids
    assert running(run.server) == 0


@pytest.mark.parametrize("form", ["json", "ndjson", "id", "table"])
def test_a_dry_run_of_what_cannot_all_be_done_is_no_success(form: str, run: Run) -> None:
    (id,) = run.start("failed")
    ran = run("runs", "replay", id, NO_RUN, "--dry-run", "-o", form)
    assert ran.status == 6
    assert "To do it" not in ran.err
    assert "not all of it can be done" in (ran.out if "json" in form else ran.err)
    assert not writes(run.server)


def test_a_dry_run_of_one_run_that_does_not_exist_exits_as_that_does(run: Run) -> None:
    ran = run("runs", "replay", NO_RUN, "--dry-run")
    assert (ran.status, ran.answer["ok"]) == (4, False)
    assert ran.answer["data"]["counts"] == {"not_found": 1}


def test_rows_are_streamed_as_they_are_done(run: Run) -> None:
    ids = run.start("failed", 3)
    ran = run("runs", "replay", *ids, "--yes", "-o", "ndjson")
    assert [(row["id"], row["outcome"]) for row in ran.lines] == [(id, "done") for id in ids]
    assert run("runs", "replay", ids[0], "-o", "id").out.strip() == run.server.runs[-1].id


def test_ctrl_c_reports_what_was_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = run.start("open", 4)
    ended = TerminalInvocation.ended

    def interrupted(self: TerminalInvocation, row: ActionRow) -> None:
        ended(self, row)
        if row.id == ids[1]:
            raise KeyboardInterrupt

    monkeypatch.setattr(TerminalInvocation, "ended", interrupted)
    ran = run("runs", "cancel", *ids, "--yes")
    assert ran.status == 130
    assert "interrupted; so far runs.cancel: " in ran.answer["error"]["message"]
    rows = ran.answer["data"]["rows"]
    assert sorted(row["id"] for row in rows) == sorted(ids)
    assert {row["outcome"] for row in rows if row["id"] in ids[:2]} == {"done"}


@pytest.mark.parametrize(("form", "lines"), [("id", 1), ("ndjson", 3)])
def test_what_a_dry_run_found_before_it_was_stopped_is_printed(
    form: str, lines: int, run: Run
) -> None:
    ids = run.start("failed", 2)
    run.server.fault(answers(401), path=f"/v2/runs/{ids[1]}", times=None)
    ran = run("runs", "replay", *ids, "--dry-run", "-o", form)
    assert ran.status == 3
    assert len(ran.out.splitlines()) == lines
    assert ids[0] in ran.out


def test_a_report_is_resumed_from_and_what_is_done_is_not_done_again(
    run: Run, folder: Path
) -> None:
    ids = run.start("failed", 4)
    run.server.fault(answers(400), path=f"/v2/runs/{ids[2]}/rerun")
    first = run("runs", "replay", "--app", "shop", "--yes", "--report", "r.json")
    assert (first.status, first.answer["data"]["counts"]) == (6, {"done": 3, "failed": 1})
    started = len(run.server.runs)
    second = run("runs", "replay", "--app", "shop", "--yes", "--report", "r.json")
    assert (second.status, second.answer["data"]["counts"]) == (0, {"done": 4})
    assert "resumed from r.json, which has 4 rows" in second.answer["warnings"][0]
    assert len(run.server.runs) == started + 1
    assert [each.name for each in folder.iterdir()] == ["r.json"]


@pytest.mark.parametrize("by", ["token", "terminal"])
def test_what_was_confirmed_is_kept_in_a_report_and_gone_on_with(
    by: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["runs", "cancel", "--app", "shop", "--report", "r.jsonl"]
    ids = run.start("open", 2)
    run.server.fault(answers(400), path=f"/v2/runs/{ids[0]}/cancel")
    if by == "terminal":
        monkeypatch.setattr(Stderr, "can_ask", True)
        monkeypatch.setattr(Stderr, "ask", lambda *_, **__: True)
        first = run(*words, "-o", "table")
    else:
        planned = run(*words, "--dry-run")
        assert not list(folder.iterdir())
        run.start("open")  # nobody has seen this one
        words = shlex.split(planned.answer["next_command"])[1:]
        first = run(*words)
    assert first.status == 6
    assert "The same command does what is left." in first.out + first.err
    assert writes(run.server) == set(ids)
    assert run(*words, "--yes").status == 0
    assert writes(run.server) == set(ids)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("others", [(), ("--since", "2h")], ids=["alone", "with another"])
def test_a_window_of_ends_is_pinned_by_its_token_and_is_that_of_its_report(
    run: Run, others: tuple[str, ...]
) -> None:
    ids = run.start("failed", 2)
    run.server.fault(answers(400), path=f"/v2/runs/{ids[0]}/rerun")
    words = ["runs", "replay", *others, "--ended-since", "1h", "--report", "r.jsonl"]
    command = run(*words, "--dry-run").answer["next_command"].removeprefix("inngest-rest ")
    given = {word.partition("=")[0] for word in shlex.split(command) if word.startswith("--")}
    assert given >= {"--ended-since", "--ended-until"}
    assert given.isdisjoint({"--since", "--until"}.difference(others))
    assert run(*shlex.split(command)).status == 6
    assert run(*shlex.split(command.partition(" --confirm")[0]), "--yes").status == 0
    assert writes(run.server) == set(ids)


def test_an_empty_list_says_on_standard_error_or_as_a_warning_what_was_searched(run: Run) -> None:
    told = "searched runs with app='shp'; there is no app 'shp'; did you mean 'shop'"
    assert any(told in each for each in run("runs", "list", "--app", "shp").answer["warnings"])
    ran = run("runs", "list", "--app", "shp", "-o", "table")
    assert told in ran.err
    assert "searched" not in run("apps", "list", "-o", "table").err


def test_an_act_that_failed_names_the_command_that_looks_at_the_server(run: Run) -> None:
    (id,) = run.start("open")
    run.server.fault(answers(400), path=f"/v2/runs/{id}/cancel")
    error = run("runs", "cancel", id).answer["error"]
    assert (error["code"], error["hint"]) == (
        "server",
        "`inngest-rest doctor` shows what answers at the base URL.",
    )


def test_nothing_is_read_from_standard_input_but_where_it_is_asked_for(run: Run) -> None:
    (id,) = run.start("open")
    run("runs", "cancel", id, stdin="not read")
    assert sys.stdin.read() == "not read"


def test_a_token_confirms_no_other_step(run: Run) -> None:
    words = ("runs", "replay", *run.start("failed", 2))
    plan = json.loads(run(*words, "--dry-run", "-o", "json").out)
    token = ("--confirm", plan["confirm"])
    others = ("--from-step", "step"), ("--replay-again",)
    assert {run(*words, *other, *token).status for other in others} == {9}
    assert run(*words, *token).status == 0
    assert len(run.server.runs) == 4


@pytest.mark.parametrize(
    "tokens",
    [
        ["runs", "replay", "--function", "shop/chrge", "--dry-run"],
        ["runs", "cancel", "--function", "shop/chrge", "--dry-run"],
        ["runs", "cancel", "--function", "shop/chrge", "--yes"],
        ["runs", "cancel", "--app", "shp"],
    ],
)
def test_an_act_on_a_name_that_does_not_exist_is_not_found(tokens: list[str], run: Run) -> None:
    ran = run(*tokens)
    error = ran.answer["error"]
    assert (ran.status, error["code"]) == (4, "not_found")
    assert "did you mean" in error["message"]
    assert ("`apps list`" if "shp" in tokens else "`functions list`") in error["hint"]
    assert writes(run.server) == set()
