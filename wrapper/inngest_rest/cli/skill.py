"""The commands of the skill for agents."""

# cyclopts reads annotations here: they are there at run time.
import sys
from collections.abc import Sequence

from attrs import frozen
from cyclopts import App

from inngest_rest._version import __version__
from inngest_rest.cli import skill_files
from inngest_rest.cli.columns import columns
from inngest_rest.cli.command import Job
from inngest_rest.cli.local_answer import answer_of
from inngest_rest.cli.options import Options
from inngest_rest.cli.skill_files import InstalledSkill, Scope, SkillState
from inngest_rest.errors import InngestError
from inngest_rest.operations.problems import Code, Problem, problem_of
from inngest_rest.record import Record

app = App(name="skill", help="The skill for agents: install, show and check it")


@frozen(repr=False)
class SkillCheck(Record):
    """The skills that are installed, compared with the one of this version.

    Attributes:
        version: This version.
        items: The skills.
    """

    version: str
    items: tuple[InstalledSkill, ...]


@app.command(version_flags=())
def show(*, version: bool = False) -> Job:
    """Print the SKILL.md of this version.

    Args:
        version: Print the version alone.
    """

    def job(_options: Options) -> int:
        sys.stdout.write(f"{__version__}\n" if version else skill_files.text())
        return 0

    return job


@app.command
def install(*, target: str = "agents", scope: Scope = "user", force: bool = False) -> Job:
    """Write the skill to where an agent's host looks for skills, over an older one.

    Args:
        target: The host: claude, codex, openclaw, or agents for the folder that most of them
            share; or a folder with a slash, such as ./skills.
        scope: For all projects of the user, or for the one in the current folder.
        force: Write it over one that has been changed, too.
    """

    def job(options: Options) -> int:
        answer = answer_of("skill.install", options)
        try:
            written = skill_files.install(target, scope, force=force)
        except InngestError as error:
            return answer.fail(problem_of(error))
        if answer.format in {"json", "ndjson"}:
            return answer.one(written)
        _print([written], paths_only=answer.format == "id")
        return 0

    return job


@app.command
def check() -> Job:
    """Check that the skill is installed, here or for the user, and is the one of this version.

    Exits with 4 if it is not installed where a host looks, and with 6 if one that is installed is
    of another version or has been changed.
    """

    def job(options: Options) -> int:
        answer = answer_of("skill.check", options)
        found = SkillCheck(__version__, tuple(skill_files.installed()))
        problem = _problem(found)
        if answer.format in {"json", "ndjson"}:
            return answer.fail(problem, data=found) if problem else answer.one(found)
        _print(found.items, paths_only=answer.format == "id")
        return answer.fail(problem) if problem else 0

    return job


def _problem(found: SkillCheck) -> Problem | None:
    if not found.items:
        return Problem(
            Code.NOT_FOUND,
            "the skill is not installed where a host looks for it",
            hint="`inngest-rest skill install` writes it; --target names the host.",
        )
    if all(it.state is SkillState.CURRENT for it in found.items):
        return None
    others = ", ".join(f"{it.path} is {it.state}" for it in found.items)
    return Problem(
        Code.PARTIAL,
        f"not every skill is the one of version {found.version}: {others}",
        hint="`inngest-rest skill install` writes it over an outdated one, and with --force over "
        "a changed one.",
    )


def _print(skills: Sequence[InstalledSkill], *, paths_only: bool) -> None:
    rows = [(it.path,) if paths_only else (it.state, it.version or "", it.path) for it in skills]
    sys.stdout.write(columns(rows))
