"""Argument validation; errors name the argument and its valid values."""

from __future__ import annotations

from datetime import timedelta


def as_text(name: str, given: object) -> str:
    """Return a non-empty string; raise TypeError or ValueError otherwise."""
    if not isinstance(given, str):
        raise TypeError(f"{name} must be a str, and is {given!r}")
    if not given:
        raise ValueError(f"{name} must not be empty")
    return given


def as_timedelta(span: object, name: str) -> timedelta:
    """Return a duration given as a timedelta or in seconds.

    Raise TypeError or ValueError, naming the argument, if it is neither or negative.
    """
    if isinstance(span, bool) or not isinstance(span, timedelta | int | float):
        raise TypeError(
            f"{name} must be a timedelta or a number of seconds, not {span!r}"
        )
    try:
        result = span if isinstance(span, timedelta) else timedelta(seconds=span)
    except (OverflowError, ValueError):  # infinite, too large, or NaN
        raise ValueError(
            f"{name} is not a possible time span: {span!r} seconds"
        ) from None
    if result < timedelta(0):
        raise ValueError(f"{name} must not be negative, and is {span!r}")
    return result


def check_timedelta(span: object, name: str) -> timedelta:
    """Return a timedelta; a number is rejected, since its unit would be unclear."""
    if not isinstance(span, timedelta):
        hint = (
            f": for seconds, timedelta(seconds={span!r})"
            if isinstance(span, int | float)
            else ""
        )
        raise TypeError(f"{name} must be a timedelta, not {span!r}{hint}")
    return as_timedelta(span, name)
