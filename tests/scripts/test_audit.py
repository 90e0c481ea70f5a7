"""scripts/audit: licences by metadata, advisories by a database that must know what it is asked."""

from __future__ import annotations

import pytest

from scripts.internal import audit
from scripts.internal.audit import (
    KNOWN_TO_BE_BAD,
    Version,
    advisories,
    closure,
    is_allowed,
    licence_of,
    locked,
    stated_otherwise,
    untold,
)

VERSIONS = [Version("a", "1"), Version("b", "2")]


def test_all_that_the_package_installs_is_looked_at() -> None:
    alone = closure("inngest-rest", [])
    assert {"httpx", "httpcore", "h11", "certifi", "msgspec"} <= alone
    assert "rich" not in alone
    assert {"rich", "mcp", "uvicorn", "h11"} <= closure("inngest-rest", ["all"])


def test_every_licence_is_allowed() -> None:
    licences = {name: licence_of(name) for name in closure("inngest-rest", ["all"])}
    assert [name for name, licence in licences.items() if not is_allowed(licence)] == []


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("none", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("MIT AND (GPL-2.0-only OR (MIT AND GPL-3.0-only))", False),
    ],
)
def test_an_expression_is_allowed_if_one_choice_is(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) == allowed


def test_a_package_is_told_by_the_row_of_its_extra_and_that_of_its_licence() -> None:
    page = "| `cli` | the command | rich, shtab |\n|---|---|\n| MIT | rich |\n"
    assert untold(page, {"cli": ["rich"]}) == []
    assert untold(page, {"cli": ["rich", "shtab"], "arrow": ["rich"]}) == [
        "docs/installation.md: the row of MPL-2.0 lacks shtab",
        "docs/installation.md: the row of arrow lacks rich",
    ]


def test_a_file_that_states_another_licence_than_ours_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert stated_otherwise() == []
    monkeypatch.setattr(audit, "OURS", {"pyproject.toml": "MIT-0", "README.md": "MIT"})
    assert stated_otherwise() == [
        "pyproject.toml states MIT, not MIT-0",
        "README.md states no licence, not MIT",
    ]


def test_every_locked_version_is_asked_for() -> None:
    text = "# a\na==1 \\\n    --hash=sha256:0\nb-c==2 ; python_version < '3.12' \\\n"
    assert locked(text) == [Version("a", "1"), Version("b-c", "2")]
    lock = audit.LOCK.read_text(encoding="utf-8")
    assert {each.name for each in locked(lock)} >= {"httpx", "h11"}
    assert len(locked(lock)) == lock.count("==") - lock.count(" ==")


def test_an_advisory_is_reported_unless_it_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(versions: list[Version]) -> list[list[str]]:
        return [{"b": ["X-1", "X-2"], "h11": ["X-3"]}.get(each.name, []) for each in versions]

    assert advisories(VERSIONS, ask) == ["b 2: X-1", "b 2: X-2"]
    monkeypatch.setattr(audit, "IGNORED", {"X-1": "a reason"})
    assert advisories(VERSIONS, ask) == ["b 2: X-2"]


def test_a_database_that_does_not_know_a_known_advisory_does_not_count() -> None:
    assert advisories(VERSIONS, lambda versions: [[] for _ in versions]) is None
    assert KNOWN_TO_BE_BAD not in locked(audit.LOCK.read_text(encoding="utf-8"))


def test_without_a_database_the_audit_says_so_and_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: list[Version]) -> list[list[str]]:
        raise ConnectionRefusedError

    assert advisories(VERSIONS, fail) is None
    monkeypatch.setattr(audit, "advisories", lambda _: None)
    assert audit.main() == 0
    assert "not checked: no advisory database reachable" in capsys.readouterr().out


def test_a_finding_fails_the_audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "ALLOWED", {"MIT"})
    monkeypatch.setattr(audit, "advisories", lambda _: ["b 2: X-1"])
    assert audit.main() == 1
    said = capsys.readouterr().out
    assert "certifi: MPL-2.0 is not allowed" in said
    assert "b 2: X-1" in said
