"""Profiles: named servers in a file, whose keys stand elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import AsyncInngestClient, ConfigurationError, InngestClient
from inngest_rest.errors import MissingKeyError
from inngest_rest.profiles import read_profiles
from inngest_rest_mock import MockServer
from inngest_rest_tools.problems import problem_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = "signkey-prod-12345678"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("INNGEST_CONFIG", str(path))
    path.write_text(
        "[prod]\n"
        'base_url = "https://inngest.shop.test"\n'
        'env = "eu"\n'
        'signing_key_variable = "PROD_KEY"\n'
        "protected = true\n"
        "[local]\n"
        "dev = true\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("kind", [InngestClient, AsyncInngestClient])
@pytest.mark.parametrize(
    "variable",
    [
        ("INNGEST_DEV", "http://127.0.0.1:9"),
        ("INNGEST_BASE_URL", "https://other.test"),
        ("INNGEST_API_BASE_URL", "https://other.test"),
        ("INNGEST_EVENT_API_BASE_URL", "https://other.test"),
        ("INNGEST_EVENT_KEY", "other"),
        ("INNGEST_API_KEY", "sk-inn-api-other"),
        ("INNGEST_SIGNING_KEY", "signkey-test-87654321"),
        ("INNGEST_SIGNING_KEY_FALLBACK", "signkey-test-87654321"),
        ("INNGEST_ENV", "us"),
    ],
    ids=lambda it: it[0],
)
def test_a_profile_that_is_named_is_taken_whole(
    kind: type[InngestClient],
    variable: tuple[str, str],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert file.exists()
    monkeypatch.setenv("PROD_KEY", KEY)
    plain = kind(profile="prod")
    assert (plain.target.api_url, plain.target.env) == ("https://inngest.shop.test", "eu")
    monkeypatch.setenv(*variable)
    client = kind(profile="prod")
    assert client.target == plain.target
    assert client.profile is not None
    assert client.profile.is_protected
    assert kind(profile="prod", env="branch").target.env == "branch"


@pytest.mark.parametrize(
    "other",
    [
        {"base_url": "https://other.test"},
        {"api_base_url": "https://other.test"},
        {"event_base_url": "https://other.test"},
        {"dev": True},
        {"signing_key": KEY},
        {"signing_key_fallback": KEY},
        {"event_key": "k"},
        {"api_key": "sk-inn-api-other"},
    ],
    ids=lambda it: next(iter(it)),
)
def test_another_server_or_key_beside_a_named_profile_is_refused(file: Path, other: Any) -> None:
    assert file.exists()
    with pytest.raises(ConfigurationError, match="of another server or key than profile prod"):
        InngestClient(profile="prod", **other)


def test_a_dev_that_is_off_names_no_server_and_is_refused_beside_a_profile_of_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file.exists()
    monkeypatch.setenv("INNGEST_DEV", "0")
    monkeypatch.setenv("PROD_KEY", KEY)
    assert InngestClient(profile="local").target.api_url == "http://127.0.0.1:8288"
    prod = InngestClient(profile="prod", dev=False)
    assert prod.target.api_url == "https://inngest.shop.test"
    monkeypatch.setenv("INNGEST_PROFILE", "prod")
    assert InngestClient(dev=False).target == prod.target
    for default, named in (("prod", "local"), ("local", None)):
        monkeypatch.setenv("INNGEST_PROFILE", default)
        with pytest.raises(ConfigurationError, match="dev is off beside profile local"):
            InngestClient(profile=named, dev=False)


def test_a_profile_may_name_the_variable_of_the_client_for_its_key(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file.read_text(encoding="utf-8").replace("PROD_KEY", "INNGEST_SIGNING_KEY")
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("INNGEST_SIGNING_KEY", KEY)
    mock = MockServer()
    InngestClient(transport=mock.transport, profile="prod").apps.list().page()
    assert "authorization" in mock.requests[0].headers


def test_a_default_profile_counts_where_nothing_else_names_a_server_or_a_key(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file.exists()
    monkeypatch.setenv("PROD_KEY", KEY)
    monkeypatch.setenv("INNGEST_PROFILE", "prod")
    assert InngestClient().target.api_url == "https://inngest.shop.test"
    assert InngestClient(profile="local").target.api_url == "http://127.0.0.1:8288"
    other = InngestClient(base_url="https://other.test")
    assert (other.target.api_url, other.profile) == ("https://other.test", None)
    monkeypatch.setenv("INNGEST_DEV", "1")
    local = InngestClient()
    assert (local.target.api_url, local.profile) == ("http://127.0.0.1:8288", None)


def test_a_key_that_a_named_profile_lacks_is_asked_for_there_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable would be ignored beside it, and an argument refused."""
    assert file.exists()
    monkeypatch.setenv("PROD_KEY", KEY)
    monkeypatch.setenv("INNGEST_EVENT_KEY", "other")
    with pytest.raises(MissingKeyError) as caught:
        InngestClient(profile="prod").send({"name": "e"})
    assert "in profile prod: event_key_variable" in str(caught.value)
    assert "INNGEST_EVENT_KEY" not in str(problem_of(caught.value).hint)


def test_dev_without_a_url_is_the_dev_server_of_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INNGEST_DEV", "http://127.0.0.1:9123")
    assert InngestClient(dev=True).target.api_url == "http://127.0.0.1:9123"
    monkeypatch.setenv("INNGEST_DEV", "0")
    assert InngestClient(dev=True).target.api_url == "http://127.0.0.1:8288"


def test_a_key_comes_from_the_variable_or_the_command_that_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROD_KEY", KEY)
    mock = MockServer()
    InngestClient(transport=mock.transport, signing_key=KEY).apps.list().page()
    InngestClient(transport=mock.transport, profile="prod").apps.list().page()
    command = f"[{sys.executable!r}, '-c', 'print(\"signkey\" + \"-prod-12345678\")']"
    file.write_text(f"[prod]\nsigning_key_command = {command}\n", encoding="utf-8")
    InngestClient(transport=mock.transport, profile="prod").apps.list().page()
    assert len({request.headers["authorization"] for request in mock.requests}) == 1
    assert len(mock.requests) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[prod]\nsigning_key = "{KEY}"', "must not contain keys"),
        (f'[prod]\nenv = "{KEY}"', "looks like a key"),
        (f'[prod]\nsigning_key_command = ["echo", "{KEY}"]', "looks like a key"),
        ('[prod]\nbase_ulr = "https://a.test"', "did you mean 'base_url'"),
        ("[prod]\nprotected = 1", "not text, or true or false"),
        ('[prod]\nsigning_key_command = "op read"', "not a list of words"),
        (f"[prod]\nenv = {KEY}", "not TOML"),
        ('base_url = "https://a.test"', "outside a profile"),
        ('[staging]\nenv = "a"', "no profile 'prod'"),
        ('[prod]\nsigning_key_variable = "UNSET"', "UNSET, which is not set"),
        ('[prod]\nsigning_key_command = ["false"]', "has printed no key"),
        ('[prod]\nsigning_key_command = ["/no/such"]', "cannot be run"),
    ],
)
def test_a_file_that_is_wrong_or_has_a_key_is_refused_without_quoting_it(
    text: str, said: str, file: Path
) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        InngestClient(profile="prod")
    assert said in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_profile_that_is_wrong_does_not_stop_the_others(file: Path) -> None:
    file.write_text('[a]\nbase_ulr = "x"\n[b]\nbase_url = "https://b.test"\n', encoding="utf-8")
    with InngestClient(profile="b") as client:
        assert client.target.api_url == "https://b.test"
    with pytest.raises(ConfigurationError, match="base_ulr in profile a"):
        InngestClient(profile="a")


@pytest.mark.parametrize("secret", ["deadbeefdeadbeefdeadbeef", "aB3-" * 20, "aB3_" * 20])
def test_a_key_in_the_place_of_the_name_of_a_variable_is_refused_without_quoting_it(
    secret: str, file: Path
) -> None:
    file.write_text(f'[prod]\nevent_key_variable = "{secret}"', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is not the name of a variable") as caught:
        InngestClient(profile="prod")
    assert secret not in str(caught.value)


def test_a_command_for_a_key_does_not_read_what_is_piped_to_the_program(file: Path) -> None:
    reads = "import sys; sys.stdin.read(); print('event-key')"
    command = f"[{sys.executable!r}, '-c', {json.dumps(reads)}]"
    file.write_text(f"[prod]\nevent_key_command = {command}\n", encoding="utf-8")
    program = (
        "import sys; from inngest_rest import InngestClient; "
        "InngestClient(profile='prod'); print(sys.stdin.read())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input="events",
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "events\n"


def test_profiles_are_listed_with_where_their_keys_come_from(file: Path) -> None:
    prod, local = read_profiles()
    assert (prod.name, prod.keys, prod.is_protected) == (
        "prod",
        {"signing_key": "variable PROD_KEY"},
        True,
    )
    assert (local.settings, local.keys) == ({"dev": "1"}, {})
    command = "[local]\nevent_key_command = ['op', 'read', 'a b']\n"
    file.write_text(command, encoding="utf-8")
    assert [each.keys for each in read_profiles()] == [{"event_key": "command op read 'a b'"}]
    file.unlink()
    assert read_profiles() == []


def test_a_profile_that_is_wrong_is_listed_with_its_problem_beside_the_others(file: Path) -> None:
    text = '[odd]\napi_key = "k"\n[local]\ndev = true\n[new]\nbase = "http://127.0.0.1"\n'
    file.write_text(text, encoding="utf-8")
    odd, local, new = read_profiles()
    assert (local.settings, local.problem) == ({"dev": "1"}, None)
    assert "has api_key in profile odd: the file must not contain keys" in (odd.problem or "")
    assert "has base in profile new, which is not a setting" in (new.problem or "")
    assert (odd.settings, odd.keys) == ({}, {})
