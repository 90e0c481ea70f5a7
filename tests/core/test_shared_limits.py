"""What the requests of a host share: a budget of retries, a pause, and when no retry helps."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import ApiError, AuthenticationError, InngestError, RateLimitError, ServerError
from inngest_rest._core.calls import retry
from inngest_rest._core.calls.retry import RateLimit, RetryBudget
from inngest_rest._core.calls.session import Session
from tests.support.peer import PATIENCE
from tests.support.plans import NoDriver
from tests.support.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable


def test_ten_successes_restore_one_retry() -> None:
    budget = RetryBudget(2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(9):
        budget.give_back()
    assert not budget.take()
    budget.give_back()
    budget.give_back()
    assert budget.take()
    assert not budget.take()


def test_the_retry_budget_does_not_exceed_its_size() -> None:
    budget = RetryBudget(1)
    for _ in range(100):
        budget.give_back()
    assert [budget.take(), budget.take()] == [True, False]


def test_a_process_remembers_the_budgets_of_a_bounded_number_of_hosts() -> None:
    first = retry.budget_of("https://0.example")
    assert retry.budget_of("https://0.example") is first
    for number in range(1, 257):
        retry.budget_of(f"https://{number}.example")
    assert retry.budget_of("https://0.example") is not first


def test_each_host_has_the_budget_that_the_process_has_for_it() -> None:
    settings = settings_of(dev=True, event_base_url="http://localhost:1")
    budgets = Session(settings, NoDriver(), has_own_transport=False).budgets
    assert budgets == {
        "event": retry.budget_of(settings.event_url),
        "api": retry.budget_of(settings.api_url),
    }


@pytest.mark.parametrize("order", [(50.0, 1.0), (1.0, 50.0)])
def test_of_two_pauses_the_longer_one_is_kept(order: tuple[float, float]) -> None:
    limit = RateLimit()
    for seconds in order:
        error = RateLimitError("", status=429, method="GET", url="u")
        error.retry_after = seconds
        limit.keep(error, now=100.0)
    assert limit.left(now=110.0) == 40.0
    assert limit.left(now=150.0) == 0.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize(
    ("shared", "use"),
    [
        (RetryBudget(), lambda budget: budget.take()),
        (
            RateLimit(),
            lambda limit: limit.keep(RateLimitError("", status=429, method="", url=""), 0.0),
        ),
    ],
    ids=["budget", "rate limit"],
)
def test_a_forked_child_can_use_what_a_thread_had_locked(
    shared: Any, use: Callable[[Any], object]
) -> None:
    with shared._lock, warnings.catch_warnings():  # noqa: SLF001 - as another thread may hold it
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if not child:
            # In a thread, which must not keep this one waiting for ever.
            thread = threading.Thread(target=use, args=(shared,), daemon=True)
            thread.start()
            thread.join(PATIENCE)
            os._exit(thread.is_alive())
    assert os.waitpid(child, 0)[1] == 0


def failure(kind: type[ApiError], status: int, retry_after: float | None = None) -> ApiError:
    error = kind("no", status=status, method="GET", url="https://a.b")
    error.retry_after = retry_after
    return error


@pytest.mark.parametrize(
    ("error", "patience", "is_hopeless"),
    [
        (None, 0.5, False),
        (failure(ServerError, 503), 0.5, False),
        (failure(ServerError, 503, 1), 1, False),
        (failure(ServerError, 503, 2), 1, True),
        (failure(RateLimitError, 429), 0.5, False),
        (failure(RateLimitError, 429, 0.1), 9, True),
        (failure(AuthenticationError, 401), 9, True),
        (failure(ApiError, 408), 0.5, False),
    ],
)
def test_no_retry_helps_against_a_refusal_or_a_pause_that_is_too_long(
    error: InngestError | None, patience: float, is_hopeless: bool
) -> None:
    assert retry.is_hopeless(error, patience) is is_hopeless
