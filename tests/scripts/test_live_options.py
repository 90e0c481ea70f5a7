"""What scripts/test-live is told: options, else variables; keys only by those, and not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.internal.live.options import DEV_SERVER, Options, parse
from scripts.internal.servers import take_keys
from tests.contract.live_routes import Routes
from tests.contract.live_world import Server

KEY = "signkey-prod-" + "ab" * 32


def read(*arguments: str, **environ: str) -> Options:
    return parse(arguments, environ, "")


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, DEV_SERVER),
        ({"INNGEST_DEV": "1"}, DEV_SERVER),
        ({"INNGEST_DEV": "http://127.0.0.1:1/"}, "http://127.0.0.1:1"),
        ({"INNGEST_BASE_URL": "http://127.0.0.1:2"}, "http://127.0.0.1:2"),
    ],
)
def test_variables_name_the_server(environ: dict[str, str], url: str) -> None:
    assert read(**environ).url == url
    assert read("--url", "http://127.0.0.1:3", **environ).url == "http://127.0.0.1:3"


def test_variables_have_the_keys() -> None:
    environ = {
        "INNGEST_EVENT_KEY": "events",
        "INNGEST_SIGNING_KEY": "first",
        "INNGEST_SIGNING_KEY_FALLBACK": "second",
    }
    found = take_keys(environ)
    assert (found.event_key, found.signing_keys) == ("events", ("first", "second"))
    assert environ == {}, "what the script starts has no use for them"


@pytest.mark.parametrize(
    ("option", "variable"),
    [
        ("--event-key", "INNGEST_EVENT_KEY"),
        ("--signing-key", "INNGEST_SIGNING_KEY"),
        ("--signing-key-fallback", "INNGEST_SIGNING_KEY_FALLBACK"),
        ("--postgres-uri", "INNGEST_POSTGRES_URI"),
    ],
)
@pytest.mark.parametrize("form", ["{}={}", "{} {}"])
def test_keys_on_a_command_line_are_refused(
    option: str, variable: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read(*form.format(option, KEY).split())
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"set {variable} instead" in said
    assert KEY not in said


PASSWORD = "postgres://me:hunter2@127.0.0.1/inngest"


def test_keys_are_not_shown() -> None:
    environ = {"INNGEST_POSTGRES_URI": PASSWORD, "INNGEST_EVENT_KEY": "x"}
    found = take_keys({**environ, "INNGEST_SIGNING_KEY": KEY})
    assert not any(secret in repr(found) for secret in (KEY, "hunter2", "'x'"))
    assert KEY not in repr(Server("http://127.0.0.1:1", "x", KEY, Routes("1.43.0", frozenset())))


def test_other_arguments_go_to_pytest() -> None:
    found = read("-k", "cancel", "--bins", f"{__file__}:{__file__}", "-x")
    assert found.arguments == ("-k", "cancel", "-x")
    assert found.bins == (Path(__file__), Path(__file__))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bins", __file__, "--url", DEV_SERVER),
        ("--bins", __file__, "--fuzz"),
        ("--bins", "no-such-file"),
        ("--fuzz", "-k", "cancel"),
    ],
)
def test_arguments_that_make_no_sense_together_are_rejected(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        read(*arguments)
    assert caught.value.code == 2
