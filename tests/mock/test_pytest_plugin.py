"""The plugin's fixtures: the mock, in process and on a socket, or a real server instead of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import httpx
import pytest

import inngest_rest_pytest
from inngest_rest_mock import MockServer, completes

if TYPE_CHECKING:
    from inngest_rest import InngestClient

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "inngest_rest")

TESTS = """
from inngest_rest_mock import answers, completes

def test_order_is_charged(mock_inngest, inngest_client):
    mock_inngest.function("shop", "charge", trigger="order", run=completes({"by": "the mock"}))
    [run] = inngest_client.send_and_wait({"name": "order"}, timeout=30)
    print("charged by", run.output["by"])

def test_outage_is_noticed(mock_inngest, inngest_client):
    mock_inngest.fault(answers(503))
    inngest_client.health()

def test_address(mock_inngest_url, inngest_client, mock_inngest):
    assert not hasattr(mock_inngest, "nothing of the kind")
    print("served at", mock_inngest_url)
"""

PROGRAM = """\
#!{python}
import signal, sys
if "--help" in sys.argv:
    sys.exit(print("--port"))
from inngest_rest_mock import MockServer, completes
mock = MockServer(visibility_delay=0)
mock.function("shop", "charge", trigger="order", run=completes({{"by": "the program"}}))
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
with mock.serve(int(sys.argv[sys.argv.index("--port") + 1])):
    signal.pause()
"""


def test_fixtures_are_one_server(
    mock_inngest: MockServer,
    mock_inngest_url: str,
    inngest_client: InngestClient,
    inngest_server_url: str | None,
) -> None:
    assert inngest_server_url is None
    mock_inngest.function("shop", "charge", trigger="order", run=completes({"by": "the mock"}))
    [run] = inngest_client.send_and_wait({"name": "order"}, timeout=30)
    assert run.output == {"by": "the mock"}
    httpx.post(f"{mock_inngest_url}/e/k", json={"name": "a"}).raise_for_status()
    assert [event.name for event in mock_inngest.events] == ["order", "a"]


@pytest.fixture
def tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Tests of a project without other plugins, which take longer to load than they run."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(TESTS)
    return pytester


def test_what_needs_the_mock_is_skipped_on_a_real_server(
    tests: pytest.Pytester,
) -> None:
    real = MockServer()
    real.function("shop", "charge", trigger="order", run=lambda _: {"by": "the server"})
    with real.serve() as url:
        result = tests.runpytest_subprocess(*PLUGIN, "-s", "-rs", "--inngest-url", url)
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*charged by the server*", f"*served at {url}*"])
    why = "mock_inngest.fault needs the mock server, and this is a real one"
    result.stdout.fnmatch_lines([f"SKIPPED * test_*.py:9: {why}"])
    assert [event.name for event in real.events] == ["order"]


def test_a_server_is_started_for_the_tests_and_ended(tests: pytest.Pytester) -> None:
    program = tests.path / "inngest"
    program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    result = tests.runpytest_subprocess(*PLUGIN, "-s", "--inngest-bin", "./inngest")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*charged by the program*"])
    (line,) = (line for line in result.outlines if "served at" in line)
    with pytest.raises(httpx.ConnectError):
        httpx.get(line.rpartition(" ")[2])


def test_an_absent_server_is_looked_for_once(
    tests: pytest.Pytester,
) -> None:
    result = tests.runpytest_subprocess(*PLUGIN, "--inngest-url", "http://127.0.0.1:1")
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["*TransportError: *127.0.0.1:1*"])


def test_one_server_is_enough(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("--inngest-url", "http://a", "--inngest-bin", "b")
    with pytest.raises(pytest.UsageError, match="--inngest-url and --inngest-bin: give one of"):
        inngest_rest_pytest.pytest_configure(config)


def test_a_project_that_uses_no_fixture_loads_neither_the_client_nor_the_mock(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pytest loads the plugin wherever the package is installed; other plugins stay out of this."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile("def test_nothing(): pass")
    program = """
import sys, pytest
pytest.main(["--collect-only", "-p", "inngest_rest"])
ours = {"attr", "attrs", "httpcore", "httpx", "inngest_rest", "inngest_rest_api", "msgspec"}
ours |= {"inngest_rest_mock", "inngest_rest_pytest"}
print("loaded:", *sorted(name for name in sys.modules if name.partition(".")[0] in ours))
"""
    result = pytester.run(sys.executable, "-c", program)
    loaded = "loaded: inngest_rest_pytest"
    assert result.outlines[-1] == loaded
