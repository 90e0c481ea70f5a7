"""Servers that scripts/test-live starts: on free ports, in a folder and a database of their own."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from inngest_rest_mock import _binary
from inngest_rest_mock._binary import CannotStartError, run_binary
from scripts.internal.servers import database
from tests.scripts.live_servers import is_running, write_program, write_server

KEY = "signkey-prod-" + "ab" * 32


def test_server_runs_in_a_folder_of_its_own_on_free_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY", KEY)
    with run_binary(
        write_server(tmp_path / "inngest"), "postgres://me:secret@127.0.0.1/inngest"
    ) as url:
        found = httpx.get(url).json()
        assert os.listdir(found["folder"]) == ["log"]  # noqa: PTH208 - the names
    # Old releases lack the options of some ports.
    assert [each for each in found["arguments"] if each.startswith("--connect")] == [
        "--connect-gateway-port"
    ]
    assert "secret" not in " ".join(found["arguments"]), "everyone can see a command line"
    assert found["environment"]["INNGEST_POSTGRES_URI"].startswith("postgres://me:secret@")
    assert "INNGEST_SIGNING_KEY" not in found["environment"]
    assert not Path(found["folder"]).exists()
    assert not is_running(found["pid"])


def test_server_is_found_where_the_environment_names_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_binary, "SECONDS_TO_START", 20)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with run_binary(write_server(tmp_path / "inngest")) as url:
        assert httpx.get(url, trust_env=False).status_code == 200


def test_server_that_ignores_the_request_to_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_binary, "SECONDS_TO_END", 0.2)
    binary = write_server(tmp_path / "inngest", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    with run_binary(binary) as url:
        pid = httpx.get(url).json()["pid"]
    assert not is_running(pid)


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("sys.exit('no such option')", "it ended with status 1: no such option"),
        ("signal.pause()", "no /health within 0 s"),
    ],
)
def test_server_that_does_not_start_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str, why: str
) -> None:
    if "pause" in behaviour:
        monkeypatch.setattr(_binary, "SECONDS_TO_START", 0.3)
    with (
        pytest.raises(CannotStartError, match=why),
        run_binary(write_server(tmp_path / "inngest", behaviour)),
    ):
        pytest.fail("it did not start")


def test_file_that_is_not_a_program_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text", encoding="utf-8")
    with pytest.raises(CannotStartError, match="does not run"), run_binary(tmp_path / "text"):
        pytest.fail("it did not start")


def test_each_server_gets_a_database_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "calls"
    write_program(tmp_path / "psql", f'#!/bin/sh\necho "$PGPASSWORD $*: $(cat)" >> {log}\n')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with database("postgres://me:s%40cret@127.0.0.1:1/postgres?sslmode=disable") as own:
        assert own.startswith("postgres://me:s%40cret@127.0.0.1:1/inngest_live_")
        assert own.endswith("?sslmode=disable")
    name = own.rpartition("/")[2].partition("?")[0]
    asked = log.read_text(encoding="utf-8").splitlines()
    shown = "postgres://me@127.0.0.1:1/postgres?sslmode=disable"
    assert [each.partition(f" {shown}: ")[2] for each in asked] == [
        f"create database {name}",
        f"drop database {name} with (force)",
    ]
    assert all(each.startswith("s@cret ") and each.count("s@cret") == 1 for each in asked)


@pytest.mark.parametrize("psql", ["#!/bin/sh\necho refused >&2; exit 1\n", None])
def test_database_that_cannot_be_created_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, psql: str | None
) -> None:
    if psql is not None:
        write_program(tmp_path / "psql", psql)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStartError, match="psql"), database("postgres://127.0.0.1/x"):
        pytest.fail("there is none")
