"""`@FILE`, `@-` and `@@` where text and JSON are taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command import Run

TRANSFORM = "function transform(evt) {\n  return evt\n}"


@pytest.fixture(autouse=True)
def _here(folder: Path) -> None:
    del folder


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("@file", TRANSFORM),
        ("@-", TRANSFORM),
        ("@@file", "@file"),
        ("@@@file", "@@file"),
        ("-", "-"),
        ("file", "file"),
    ],
)
def test_text_is_typed_or_in_a_file_or_on_standard_input(typed: str, taken: str, run: Run) -> None:
    Path("file").write_text(f"{TRANSFORM}\n")
    tokens = "webhooks", "create", "orders", typed
    run(*tokens, stdin=f"{TRANSFORM}\n")
    assert run.server.requests[-1].json()["transform"] == taken


def test_a_position_is_text_too(run: Run) -> None:
    Path("name").write_text("order/placed\n")
    assert run("send", "@name").status == 0
    assert [event.name for event in run.server.events] == ["order/placed"]


@pytest.mark.parametrize("typed", ["-", "@-", "@ids"])
def test_ids_are_the_words_of_a_file_or_of_standard_input(typed: str, run: Run) -> None:
    ids = run.start("placed", 3)
    Path("ids").write_text("\n".join(ids[1:]) + "\n")
    ran = run("runs", "wait", ids[0], typed, "-o", "id", stdin=" ".join(ids[1:]))
    assert set(ran.out.split()) == set(ids)


@pytest.mark.parametrize(
    ("typed", "place"), [("-", "standard input"), ("@-", "standard input"), ("@ids", "ids")]
)
def test_ids_that_are_nowhere_are_a_mistake(typed: str, place: str, run: Run) -> None:
    Path("ids").write_text("\n")
    ran = run("runs", "cancel", typed)
    assert ran.answer["error"]["message"] == f"ids: there are none in {place}"


def test_the_app_of_a_filter_is_not_silently_another(run: Run) -> None:
    run.start("open")
    run("runs", "list", "--app", "@-", stdin="shop\n")
    assert "shop" in run.server.requests[-1].query


def test_a_file_that_is_not_there_may_have_been_meant_as_text(run: Run) -> None:
    message = run("runs", "list", "--app", "@acme/shop").answer["error"]["message"]
    assert message.startswith("app: cannot read acme/shop (for the text itself, write @@acme/shop)")


@pytest.mark.parametrize("tokens", [["send-file", "@file"], ["runs", "list", "--since", "@file"]])
def test_a_path_or_a_time_is_never_in_a_file(tokens: list[str], run: Run) -> None:
    Path("file").write_text("2h")
    assert "@file" in run(*tokens).answer["error"]["message"]


def test_parameters_as_json_are_taken_as_they_are(run: Run) -> None:
    params = {"name": "orders", "transform": "@file"}
    run("webhooks", "create", "--params", json.dumps(params))
    assert run.server.requests[-1].json()["transform"] == "@file"


@pytest.mark.parametrize(("typed", "sent"), [([], True), (["--no-archived"], False)])
def test_a_flag_that_is_set_by_default_is_cleared(
    typed: list[str],
    sent: bool,
    run: Run,
) -> None:
    env = run.client.envs.create("preview")
    assert run("envs", "archive", env.id, *typed).status == 0
    assert run.server.requests[-1].json() == {"isArchived": sent}


def test_a_session_is_a_key_and_an_id(run: Run) -> None:
    ran = run("send", "shop/asked", "--session", "chat=c-1", "--session", "user=7=x")
    assert ran.status == 0
    [sent] = run.server.requests[-1].json()
    assert sent["meta"] == {"sessions": {"chat": "c-1", "user": "7=x"}}


def test_a_session_without_an_id_is_a_mistake(run: Run) -> None:
    ran = run("send", "shop/asked", "--session", "chat")
    assert ran.status == 2
    assert "write KEY=ID, such as chat=c-1" in ran.answer["error"]["message"]


@pytest.mark.parametrize(
    "typed",
    [
        ["--columns", "run=id,why=error.message"],
        ["--columns", "run=id", "--columns", "why=error.message"],
        ["--columns", '{"run": "id", "why": "error.message"}'],
        ["--columns", "@columns.json"],
    ],
)
def test_columns_of_a_file_are_typed_one_by_one_or_as_json(typed: list[str], run: Run) -> None:
    Path("columns.json").write_text('{"run": "id", "why": "error.message"}')
    run("runs", "export", "runs.csv", *typed)
    assert Path("runs.csv").read_text().startswith('"run","why"\n')


def test_a_path_alone_is_a_column_with_the_name_that_a_table_has_for_it(run: Run) -> None:
    run("runs", "export", "runs.csv", "--columns", "id, error.message")
    assert Path("runs.csv").read_text() == '"id","error_message"\n'


def test_a_column_that_is_read_has_the_form_of_one_that_is_written(run: Run) -> None:
    Path("orders.csv").write_text("order,total\no-1,9.5\n")
    columns = "order=id,total=data.amount:float"
    words = "send-file", "orders.csv", "--event", "order/placed", "--columns"
    for typed in (columns, '{"order": "id", "total": "data.amount:float"}'):
        assert run(*words, typed).status == 0
        [sent] = run.server.requests[-1].json()
        assert (sent["id"], sent["data"]) == ("o-1", {"amount": 9.5})


def test_a_column_or_a_function_that_is_typed_twice_is_a_mistake(run: Run) -> None:
    ran = run("runs", "export", "runs.csv", "--columns", "a=id", "--columns", '{"a": "status"}')
    assert ran.answer["error"]["message"] == "columns: 'a' is there twice"
