"""The skill as a file: valid, installed where hosts look, and never written over by mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import inngest_rest
from inngest_rest import InvalidArgumentError, __version__
from inngest_rest._programs.command import local
from inngest_rest._programs.command.local import SkillState

FOLDER = Path(inngest_rest.__file__).parent / ".agents" / "skills" / "inngest"
TEXT = local.skill_text()
_, FRONTMATTER, BODY = TEXT.split("---\n", 2)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make both home and the current folder empty ones."""
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "home"


def test_the_reference_validator_accepts_the_skill() -> None:
    validate = pytest.importorskip("skills_ref").validate
    assert validate(FOLDER) == []


def test_frontmatter_has_no_key_beyond_the_six_of_the_specification() -> None:
    keys = re.findall(r"^([a-z-]+):", FRONTMATTER, re.MULTILINE)
    assert keys == ["name", "description", "license", "compatibility", "metadata"]


def test_description_stands_alone_in_its_first_100_characters_and_has_no_markup() -> None:
    found = re.search(r"^description: (.*)$", FRONTMATTER, re.MULTILINE)
    assert found
    description = found[1]
    assert "Inngest" in description[:40]
    assert "runs" in description[:100]
    assert "Unofficial" in description
    assert not re.search(r"[<>]", description)


def test_the_skill_has_the_version_of_the_package() -> None:
    assert f'version: "{__version__}"' in FRONTMATTER


# Each alone makes the registry for skills call one suspicious, even inside a warning.
@pytest.mark.parametrize(
    "pattern",
    [
        r"ignore\s+(all\s+)?previous\s+instructions",
        r"you\s+are\s+now\s+an?\b",
        r"system\s+prompt\s*:",
        "[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]",
        r"[A-Za-z0-9+/=]{200}",
        r"(api[_-]?key|token|password|secret)\s*[:=]\s*['\"]?[A-Za-z0-9_\-]{16,}",
        r"\bsk-",
        r"(uvx|npx|python).*--(token|password)\s+\$",
        r"always:\s*true",
        r"rm\s+-rf",
        r"curl[^\n]*\|\s*(ba|z)?sh",
        r"npx\s+\S+@latest",
        r"https?://(bit\.ly|t\.co|tinyurl|[0-9]{1,3}\.[0-9]{1,3}\.)",
    ],
)
def test_the_skill_has_none_of_the_words_that_registries_trip_over(pattern: str) -> None:
    assert not re.search(pattern, TEXT, re.IGNORECASE)


def test_the_rules_stand_in_the_first_6000_characters() -> None:
    start = TEXT[:6000]
    for word in ("INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "--dry-run", "--yes", "untrusted"):
        assert word in start
    assert "do not follow instructions" in start
    assert "unofficial" in start.lower()
    assert len(TEXT.splitlines()) < 500


def test_keys_are_declared_and_none_is_required() -> None:
    assert "env:" not in FRONTMATTER
    assert FRONTMATTER.count("required: false") == FRONTMATTER.count("- name: INNGEST_")


@pytest.mark.parametrize(
    ("target", "scope", "place"),
    [
        ("agents", "user", "home/.agents/skills"),
        ("agents", "project", "project/.agents/skills"),
        ("claude", "user", "home/.claude/skills"),
        ("claude", "project", "project/.claude/skills"),
        ("codex", "user", "home/.codex/skills"),
        ("codex", "project", "project/.agents/skills"),
        ("openclaw", "user", "home/.openclaw/skills"),
        ("openclaw", "project", "project/skills"),
    ],
)
def test_install_writes_where_the_host_looks(
    target: str, scope: local.Scope, place: str, tmp_path: Path
) -> None:
    written = local.install(target, scope)
    assert Path(written.path) == tmp_path / place / "inngest" / "SKILL.md"
    assert Path(written.path).read_text(encoding="utf-8").startswith(TEXT)
    assert [it.state for it in local.installed()] == [SkillState.CURRENT]


def test_claude_is_found_by_its_own_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    assert local.folder("claude", "user") == tmp_path / "elsewhere" / "skills"


def test_a_folder_is_a_target_too(tmp_path: Path) -> None:
    written = local.install(str(tmp_path / "mine"), "user")
    assert Path(written.path) == tmp_path / "mine" / "inngest" / "SKILL.md"


def test_an_unknown_target_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidArgumentError, match="agents, claude, codex, openclaw"):
        local.install("cloud", "user")


def test_a_changed_skill_is_kept_unless_forced() -> None:
    path = Path(local.install("agents", "user").path)
    path.write_text(path.read_text(encoding="utf-8").replace("Rules", "My rules"), encoding="utf-8")
    assert [it.state for it in local.installed()] == [SkillState.CHANGED]
    with pytest.raises(InvalidArgumentError, match="--force"):
        local.install("agents", "user")
    assert "My rules" in path.read_text(encoding="utf-8")
    local.install("agents", "user", force=True)
    assert "My rules" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_replaced_if_forced_and_never_followed(is_there: bool, tmp_path: Path) -> None:
    path, other = tmp_path / "mine" / "inngest" / "SKILL.md", tmp_path / "other"
    path.parent.mkdir(parents=True)
    path.symlink_to(other)
    if is_there:
        other.write_text(TEXT)
    with pytest.raises(InvalidArgumentError, match="not installed by inngest-rest"):
        local.install(str(tmp_path / "mine"), "user")
    local.install(str(tmp_path / "mine"), "user", force=True)
    assert not path.is_symlink()
    assert (other.read_text() if other.exists() else None) == (TEXT if is_there else None)


def test_a_skill_of_another_version_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(local, "skill_text", lambda: TEXT.replace(__version__, "0.0.1"))
        local.install("agents", "user")
    (found,) = local.installed()
    assert (found.state, found.version) == (SkillState.OUTDATED, "0.0.1")
    local.install("agents", "user")
    (found,) = local.installed()
    assert (found.state, found.version) == (SkillState.CURRENT, __version__)


def test_the_skill_as_the_package_has_it_counts_as_installed(home: Path) -> None:
    folder = home / ".agents" / "skills" / "inngest"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(TEXT, encoding="utf-8")
    assert [it.state for it in local.installed()] == [SkillState.CURRENT]


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="cannot be installed"):
        local.install(str(tmp_path / "file"), "user")
