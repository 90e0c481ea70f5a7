"""The jobs of jobs.toml, which says what their fields mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from jinja2 import ChainableUndefined, Environment

from tests.skill.evaluation.judges import JUDGES
from tests.skill.evaluation.night import SIGNING_KEY, Night

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = {"right": SIGNING_KEY, "wrong": SIGNING_KEY.replace("ab", "cd"), "": None}

# Not StrictUndefined: not every group that is answered has times, or failures.
_TEMPLATES = Environment(undefined=ChainableUndefined, trim_blocks=True, autoescape=False)
_TEMPLATES.globals.update({judge.__name__: judge for judge in JUDGES})


def render(text: str, night: Night, answers: Sequence[Any] = ()) -> str:
    """Fill in what the user names, and what was answered so far."""
    answer = answers[-1] if answers else None
    template = _TEMPLATES.from_string(text)
    return template.render(night.said, answers=answers, answer=answer, ago=night.ago).strip()


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user asks for."""

    name: str = ""
    asks: str
    calls: list[str]
    tells: str = ""
    says: list[str] = []
    but_not: list[str] = []
    right: str = ""
    key: Literal["right", "wrong", ""] = ""

    def begin(self, folder: Path) -> tuple[Night, str]:
        """Return the server of the job, and what the user says."""
        night = Night(folder, KEYS[self.key])
        return night, render(self.asks, night)

    def is_right(self, night: Night, answer: str) -> bool:
        """Judge an answer, by its text and by what became of the server."""
        text = answer.lower()
        wanted = [render(word, night).lower() for word in self.says]
        unwanted = [render(word, night).lower() for word in self.but_not]
        if not all(word in text for word in wanted) or any(word in text for word in unwanted):
            return False
        holds = _TEMPLATES.compile_expression(self.right or "true")
        return bool(holds(night=night, answer=answer))


def _read(file: Path) -> list[Job]:
    jobs = msgspec.toml.decode(file.read_bytes(), type=dict[str, Job])
    return [msgspec.structs.replace(job, name=name) for name, job in jobs.items()]


JOBS = _read(Path(__file__).with_name("jobs.toml"))
