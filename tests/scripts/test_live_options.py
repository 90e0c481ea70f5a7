"""What scripts/test-live is told: options, else variables; no key is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.live.options import DEV_SERVER, Options, parse
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


def test_variables_have_the_keys_and_options_win() -> None:
    environ = {
        "INNGEST_EVENT_KEY": "events",
        "INNGEST_SIGNING_KEY": "first",
        "INNGEST_SIGNING_KEY_FALLBACK": "second",
    }
    found = read(**environ)
    assert (found.event_key, found.signing_keys) == ("events", ("first", "second"))
    found = read("--event-key", "own", "--signing-key", "mine", **environ)
    assert (found.event_key, found.signing_keys) == ("own", ("mine", "second"))


def test_keys_are_not_shown() -> None:
    uri = "postgres://me:secret@127.0.0.1/inngest"
    found = read(
        "--bins", __file__, "--postgres-uri", uri, "--event-key", "x", "--signing-key", KEY
    )
    assert not any(secret in repr(found) for secret in (KEY, "secret", "'x'"))
    assert KEY not in repr(
        Server("http://127.0.0.1:1", "x", KEY, Routes("1.43.0", frozenset(), "/v2"))
    )


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
        ("--postgres-uri", "postgres://127.0.0.1/inngest"),
        ("--fuzz", "-k", "cancel"),
    ],
)
def test_arguments_that_make_no_sense_together_are_rejected(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        read(*arguments)
    assert caught.value.code == 2
