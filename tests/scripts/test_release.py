"""scripts/release says what is wrong with a wheel, and what is missing before a release."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from scripts.internal.release.distributions import NEEDED, faults
from scripts.internal.release.missing import ROOT, is_of_its_owner, missing, notes, versions
from scripts.internal.release.public_api import may_not_break

WHEEL = [f"inngest_rest-0.1.0.dist-info/{NEEDED[0]}", *NEEDED[1:]]


def test_a_whole_wheel_has_no_faults() -> None:
    assert faults(WHEEL) == []


@pytest.mark.parametrize("lacking", range(len(NEEDED)))
def test_what_a_wheel_lacks_is_named(lacking: int) -> None:
    assert faults([*WHEEL[:lacking], *WHEEL[lacking + 1 :]]) == [f"{NEEDED[lacking]} is missing"]


@pytest.mark.parametrize(
    "extra",
    ["tests/test_x.py", "inngest_rest/__pycache__/a.pyc", "inngest_rest_tools/.agents/plugin.json"],
)
def test_what_a_wheel_must_not_hold_is_named(extra: str) -> None:
    assert faults([*WHEEL, extra]) == [f"{extra} is in it"]


def test_every_file_states_the_same_version() -> None:
    assert len(set(versions().values())) == 1, versions()


def test_the_recipe_needs_what_the_client_and_the_command_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["cli"]]
    recipe = yaml.safe_load((ROOT / "scripts/internal/release/recipe.yaml").read_text("utf-8"))
    in_recipe = {each.replace("python-xxhash", "xxhash") for each in recipe["requirements"]["run"]}
    # conda's Python has time zones of its own, on Windows too.
    # The evaluator of conditions would need a package of conda first.
    everywhere = [each for each in needed if not re.search(r"sys_platform|^inngest-rest\[", each)]
    spaced = {re.sub(r"^([\w-]+)", r"\1 ", each) for each in everywhere}
    assert in_recipe == {*spaced, "python >=${{ python_min }}"}


def test_the_notes_of_a_release_are_the_newest_part_of_the_changelog() -> None:
    assert "## [" not in notes()
    assert notes().strip()


def test_a_version_without_a_dated_heading_is_not_ready() -> None:
    assert "a dated heading '## [9.9.9] - YYYY-MM-DD' in CHANGELOG.md" in missing("9.9.9")


@pytest.mark.parametrize(
    ("owner", "may_publish"), [("inngest-rest", True), ("Inngest-Rest", False), ("other", False)]
)
def test_the_name_in_the_registry_is_of_the_owner_of_the_repository(
    owner: str, *, may_publish: bool
) -> None:
    server = {"name": "io.github.inngest-rest/inngest-rest"}
    assert is_of_its_owner(server)
    repository = {"url": f"https://github.com/{owner}/inngest-rest", "source": "github"}
    assert is_of_its_owner({**server, "repository": repository}) is may_publish


@pytest.mark.parametrize(
    ("last", "new", "forbidden"),
    [
        ("v0.1.0", "0.1.1", True),
        ("v0.1.0", "0.2.0", False),
        ("v1.2.0", "1.3.0", True),
        ("v1.2.0", "2.0.0", False),
    ],
)
def test_only_a_version_that_may_break_may_remove(last: str, new: str, *, forbidden: bool) -> None:
    assert may_not_break(last, new) is forbidden
