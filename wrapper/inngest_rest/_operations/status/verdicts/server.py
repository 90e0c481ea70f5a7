"""Whether the server answers: without it, there are no other questions."""

from __future__ import annotations

from inngest_rest.status import StatusCheck, Verdict


def answers() -> StatusCheck:
    return StatusCheck(check="server", verdict=Verdict.OK, message="the server answers")


def is_down(error: Exception) -> StatusCheck:
    return _broken(f"the server does not answer: {error}")


def answers_nothing_else(error: Exception) -> StatusCheck:
    return _broken(f"the server answers health checks only: {error}")


def _broken(message: str) -> StatusCheck:
    return StatusCheck(
        check="server",
        verdict=Verdict.BROKEN,
        message=message,
        limits="nothing else could be read",
        next_command="inngest-rest doctor",
    )
