"""The README holds only what works: its Python runs, its tables are complete, its links lead on."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import inngest_rest
from inngest_rest import InngestClient
from inngest_rest.testing import MockServer, fails, sleeps

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def names_in(block: str) -> list[str]:
    return [each.group(1) for each in re.finditer(r"`([A-Za-z_]+)`", block)]


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("block", BLOCKS)
def test_block_of_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mock = MockServer()
    mock.function("shop", "charge", trigger="app/order.created", run=fails("declined"))
    with mock.serve() as url:
        namespace: dict[str, Any] = {"url": url}
        exec(compile(block, "README.md", "exec"), namespace)
        for name, test in namespace.items():
            if name.startswith("test_"):
                test(MockServer())


@pytest.mark.parametrize("block", BLOCKS[:2])
def test_first_program_sends_its_event_and_replays_the_failed_run(block: str) -> None:
    mock = MockServer(event_keys=["k"], signing_key="signkey-test-12345678")
    mock.function("shop", "charge", trigger="app/order.created", run=fails("declined"))
    mock.function("shop", "ship", trigger="app/order.created", run=sleeps(timedelta(days=1)))
    with mock.serve() as url:
        exec(compile(block, "README.md", "exec"), {"url": url})
    (event,) = mock.events
    assert (event.data, event.user) == ({"orderId": "ord_123", "total": 49.99}, {"id": "usr_456"})
    failed, _, replayed = mock.runs
    assert replayed.original_run_id == failed.id


def test_configuration_table_names_every_argument_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("Configuration"), re.MULTILINE)
    assert rows == list(inspect.signature(InngestClient).parameters)


def test_configuration_table_names_variables_that_are_read() -> None:
    source = (ROOT / "wrapper/inngest_rest/_core/calls/settings.py").read_text(encoding="utf-8")
    for variable in re.findall(r"`(INNGEST_\w+)`", section("Configuration")):
        assert variable in source or variable == "INNGEST_EVENT_API_BASE_URL"


def test_errors_table_names_every_error_and_no_other() -> None:
    named = {name for name in names_in(section("Errors")) if name.endswith("Error")}
    assert named == {name for name in inngest_rest.__all__ if name.endswith("Error")} - {"RunError"}


def test_methods_that_are_listed_exist() -> None:
    with InngestClient(dev=True, transport=MockServer().transport) as client:
        assert all(
            callable(getattr(client, name)) for name in re.findall(r"`client\.(\w+)`", README)
        )
        for path, methods in re.findall(r"`client\.(\w+)\.([\w/]+)`", README):
            resource = getattr(client, path)
            assert all(callable(getattr(resource, name)) for name in methods.split("/"))


def test_links_into_the_tree_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
