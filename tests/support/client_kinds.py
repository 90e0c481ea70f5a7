"""Both clients behind one blocking interface, so that one test covers both."""

from __future__ import annotations

import contextvars
import inspect
from typing import TYPE_CHECKING, Any, Literal, Self

from inngest_rest import AsyncInngestClient, InngestClient
from inngest_rest.aio.groups import AsyncPaginator
from inngest_rest.aio.polling import AsyncEndedRuns, AsyncWatcher

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterator

    from inngest_rest import Page
    from tests.support.clock import Clock

ClientKind = Literal["blocking", "async"]


def open_client(
    name: ClientKind, runner: asyncio.Runner, clock: Clock | None = None, **kwargs: Any
) -> Any:
    """Return a client, with the test's clock if given; calls of the asynchronous one block."""
    if name == "blocking":
        return (clock.govern(InngestClient) if clock else InngestClient)(**kwargs)
    client = clock.govern(AsyncInngestClient) if clock else AsyncInngestClient
    return Blocking(client(**kwargs), runner)


class Blocking:
    """Anything async, its coroutines run to their end where they are called.

    Attributes:
        target: What it stands before.
        runner: What runs the coroutines.
    """

    def __init__(self, target: Any, runner: asyncio.Runner) -> None:
        self.target = target
        self.runner = runner

    def __getattr__(self, name: str) -> Any:
        if name == "close":
            name = "aclose"
        found = getattr(self.target, name)
        if inspect.isroutine(found):
            return self._blocking(found)
        is_group = type(found).__module__.startswith("inngest_rest.aio")
        return Blocking(found, self.runner) if is_group else found

    def __repr__(self) -> str:
        return repr(self.target)

    def __enter__(self) -> Self:
        self.runner.run(self.target.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self.runner.run(self.target.__aexit__(*error))

    def _blocking(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if isinstance(result, AsyncPaginator):
                return BlockingPaginator(result, self.runner)
            if isinstance(result, AsyncWatcher | AsyncEndedRuns):
                return BlockingSteps(result, self.runner)
            if isinstance(result, AsyncInngestClient):
                return Blocking(result, self.runner)
            if not inspect.iscoroutine(result):
                return result
            return self.runner.run(result, context=contextvars.copy_context())

        return call


class BlockingSteps(Blocking):
    """An asynchronous iterator, one await per step."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        end = object()

        async def step() -> Any:
            return await anext(self.target, end)

        item = self.runner.run(step(), context=contextvars.copy_context())
        if item is end:
            raise StopIteration
        return item


class BlockingPaginator:
    """An `AsyncPaginator` iterated with `for`, one await per step."""

    def __init__(self, paginator: AsyncPaginator[Any], runner: asyncio.Runner) -> None:
        self._paginator = paginator
        self._runner = runner

    def __iter__(self) -> Iterator[Any]:
        return self._steps(self._paginator)

    def pages(self) -> Iterator[Page[Any]]:
        return self._steps(self._paginator.pages())

    def page(self) -> Page[Any]:
        page: Page[Any] = self._run(self._paginator.page())
        return page

    def first(self) -> Any:
        return self._run(self._paginator.first())

    def count(self) -> int:
        count: int = self._run(self._paginator.count())
        return count

    def searched(self) -> str:
        searched: str = self._run(self._paginator.searched())
        return searched

    def __bool__(self) -> bool:
        return bool(self._paginator)

    def __repr__(self) -> str:
        return repr(self._paginator).replace("<Async", "<")

    def _run(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(call, context=contextvars.copy_context())

    def _steps(self, source: Any) -> Iterator[Any]:
        steps = aiter(source)
        end = object()

        async def step() -> Any:
            return await anext(steps, end)

        while (item := self._runner.run(step(), context=contextvars.copy_context())) is not end:
            yield item
