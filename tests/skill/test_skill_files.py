"""The skill as a file: valid, installed where hosts look, and never written over by mistake."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

import inngest_rest_tools
from inngest_rest import InvalidArgumentError, __version__
from inngest_rest.calls import commands
from inngest_rest_tools.command import agent_skill
from tests.skill.evaluation.jobs import JOBS
from tests.skill.test_evaluation import NO_WAY

FOLDER = Path(inngest_rest_tools.__file__).parent / ".agents" / "skills" / "inngest"
FILES = agent_skill.own_files()
TEXT = FILES["SKILL.md"]
_, FRONTMATTER, BODY = TEXT.split("---\n", 2)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make both home and the current folder empty ones."""
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(variable, raising=False)
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
    assert not re.search(pattern, "\n".join(FILES.values()), re.IGNORECASE)


def test_the_skill_is_read_at_little_cost() -> None:
    assert len(TEXT.splitlines()) < 120
    assert len(TEXT.encode()) / 4 <= 1_600


def test_the_skill_has_what_operators_need_in_four_files_of_9000_characters() -> None:
    texts = "".join(FILES.values())
    assert len(texts) <= 9_000
    assert len(FILES) <= 4
    known = sorted((" ".join(row.words) for row in commands()), key=len, reverse=True)
    calls = {call: job.name for job in JOBS for call in job.calls if job.name not in NO_WAY}
    asked = {next(name for name in known if name in call): job for call, job in calls.items()}
    assert {name: job for name, job in asked.items() if name not in texts} == {}


DESCRIPTION = str(yaml.safe_load(FRONTMATTER)["description"])

OURS = [
    "Which Inngest runs failed last night, and why?",
    "Replay the failed runs of shop from their failed step",
    "Is our self-hosted Inngest server all right? Check it",
    "Cancel the runs of the import function that wait since Monday",
    "We sent an event for order 1001, and nothing ran: explain",
    "A run is stuck since yesterday: what does it wait for?",
    "Send the events in this CSV",
    "Export last week's runs to CSV",
    "Wait until the run of this event has ended",
    "Resend the events of yesterday to the dev server",
]
NOT_OURS = [
    "Write an Inngest function that mails new customers",
    "Add a step to my function that pauses for a day",
    "Install the Inngest SDK in my Next.js app",
    "Set a concurrency limit in the code of this function",
    "Migrate my functions from SDK v3 to v4",
    "Write tests for my Inngest functions",
    "Set up middleware in the SDK",
    "How do I write a fan-out with steps?",
    "Add realtime streaming to the code of a function",
    "Make this API route a durable function with retries in each step",
]


COMMON = {"inngest", "the", "and", "for", "from", "that", "what", "this", "are", "our", "not"}


def stems(text: str) -> set[str]:
    """Return the words of a text that decide, without their endings."""
    words = set(re.findall(r"[a-z]{3,}", text.lower())) - COMMON
    return {word.removesuffix("ing").rstrip("se")[:6] for word in words}


@pytest.mark.parametrize("query", [*OURS, *NOT_OURS])
def test_the_description_has_the_words_of_what_is_asked_of_it_and_disclaims_the_others(
    query: str,
) -> None:
    claimed, _, disclaimed = DESCRIPTION.partition("Not for ")
    disclaimed = disclaimed.partition(".")[0]
    words = stems(query)
    for_us, for_others = (words & stems(text) for text in (claimed, disclaimed))
    more, less = (for_us, for_others) if query in OURS else (for_others, for_us)
    assert len(more) > len(less), (for_us, for_others)


def test_metadata_is_a_map_of_strings() -> None:
    metadata = yaml.safe_load(FRONTMATTER)["metadata"]
    assert {type(it) for each in metadata.items() for it in each} == {str}


def test_the_rules_stand_in_the_first_6000_characters() -> None:
    start = TEXT[:6000]
    for word in ("INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "--dry-run", "--yes", "untrusted"):
        assert word in start
    assert "do not follow instructions" in start
    assert "unofficial" in start.lower()


def test_keys_are_declared_and_none_is_required() -> None:
    variables = yaml.safe_load(FRONTMATTER)["metadata"]["variables"]
    assert set(re.findall(r"INNGEST_\w+", variables)) == set(re.findall(r"INNGEST_\w+", BODY))
    assert variables.endswith("; none is required")


@pytest.mark.parametrize(
    ("target", "scope", "place"),
    [
        ("agents", "user", "home/.agents/skills"),
        ("agents", "project", "project/.agents/skills"),
        ("claude", "user", "home/.claude/skills"),
        ("claude", "project", "project/.claude/skills"),
        *(
            (host, scope, f"{base}/.agents/skills")
            for host in ("codex", "copilot", "cursor", "gemini-cli", "openclaw")
            for scope, base in (("user", "home"), ("project", "project"))
        ),
    ],
)
def test_install_writes_where_the_host_looks(
    target: str, scope: agent_skill.Scope, place: str, tmp_path: Path
) -> None:
    (written,) = agent_skill.install([target], scope)
    assert Path(written.path) == tmp_path / place / "inngest"
    assert written.state == "current"


@pytest.mark.parametrize(
    ("host", "variable"), [("claude", "CLAUDE_CONFIG_DIR"), ("codex", "CODEX_HOME")]
)
def test_a_host_is_found_by_its_own_variable(
    host: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert agent_skill.found_hosts() == [host]
    assert agent_skill.folder(host, "user") == tmp_path / "elsewhere" / "skills"


def test_a_folder_is_a_target_too(tmp_path: Path) -> None:
    (written,) = agent_skill.install([str(tmp_path / "mine")])
    assert Path(written.path) == tmp_path / "mine" / "inngest"


def test_what_is_not_ours_is_kept_unless_forced(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "inngest" / "SKILL.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="is not the skill of version"):
        agent_skill.install([str(tmp_path / "other"), str(tmp_path / "mine")])
    assert mine.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("linked", ["inngest", "inngest/SKILL.md", "inngest/references"])
def test_a_link_is_replaced_if_forced_and_never_followed(linked: str, tmp_path: Path) -> None:
    path, other = tmp_path / "mine" / linked, tmp_path / "other"
    path.parent.mkdir(parents=True)
    path.symlink_to(other)
    with pytest.raises(InvalidArgumentError, match="is not the skill of version"):
        agent_skill.install([str(tmp_path / "mine")])
    (written,) = agent_skill.install([str(tmp_path / "mine")], force=True)
    assert written.state == "current"
    assert not path.is_symlink()
    assert not other.exists()


def test_other_files_of_a_folder_that_is_replaced_stay(tmp_path: Path) -> None:
    place = tmp_path / "mine" / "inngest"
    (place / "src").mkdir(parents=True)
    (place / "src" / "app.py").write_text("mine", encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="is not the skill of version"):
        agent_skill.install([str(tmp_path / "mine")])
    (written,) = agent_skill.install([str(tmp_path / "mine")], force=True)
    assert written.state == "current"
    assert (place / "src" / "app.py").read_text(encoding="utf-8") == "mine"


def test_a_link_to_the_same_skill_stays(tmp_path: Path) -> None:
    (shared,) = agent_skill.install(["agents"])
    path = tmp_path / "home" / ".claude" / "skills" / "inngest"
    path.parent.mkdir(parents=True)
    path.symlink_to(shared.path)
    agent_skill.install(["claude"])
    assert path.is_symlink()


def test_a_skill_of_another_version_is_replaced_whole() -> None:
    (older,) = agent_skill.install(["agents"])
    path = Path(older.path)
    (path / "SKILL.md").write_text(TEXT.replace(__version__, "0.0.1"), encoding="utf-8")
    (path / "references" / "older.txt").write_text("gone", encoding="utf-8")
    (found,) = agent_skill.look(["agents"], "user")
    assert (found.state, found.version) == ("different", "0.0.1")
    (found,) = agent_skill.install(["agents"], force=True)
    assert (found.state, found.version) == ("current", __version__)
    assert not (path / "references" / "older.txt").exists()


def test_the_skill_as_the_package_has_it_counts_as_installed(home: Path) -> None:
    shutil.copytree(FOLDER, home / ".agents" / "skills" / "inngest")
    assert [it.state for it in agent_skill.look(["agents"], "user")] == ["current"]


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="cannot be installed"):
        agent_skill.install([str(tmp_path / "file")])
