"""One client shared by many threads and tasks: every answer is there, and nothing stays open."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inngest_rest import AsyncInngestClient, InngestClient
from tests.concurrency.echo import Echo
from tests.support.peer import PATIENCE

THREADS, CALLS_OF_A_THREAD = 64, 12
TASKS = 1_000
MAX_AT_ONCE = 64

# How many answers a connection carries: with a few, it is always some thread that finds it closed.
ANSWERS = pytest.mark.parametrize("answers", [10**9, 5], ids=["keep alive", "hang up"])


def descriptors() -> set[str]:
    """Return the open sockets, where the system lists them."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return set()
    links = [os.path.realpath(each) for each in folder.iterdir()]
    return {link for link in links if "socket:" in link}


@ANSWERS
def test_64_threads_get_each_its_own_answers(answers: int) -> None:
    threads, sockets = set(threading.enumerate()), descriptors()
    start = threading.Barrier(THREADS)

    def call(number: int) -> list[list[str]]:
        start.wait(PATIENCE)
        return [client.send({"name": f"{number}/{n}"}) for n in range(CALLS_OF_A_THREAD)]

    with Echo(answers) as echo:
        client = InngestClient(dev=echo.url, timeout=PATIENCE)
        with ThreadPoolExecutor(THREADS) as pool:
            got = list(pool.map(call, range(THREADS)))
        client.close()
        echo.wait_until_all_hung_up()
        assert 1 < echo.most <= MAX_AT_ONCE + 1
    expected = [[[f"{each}/{n}"] for n in range(CALLS_OF_A_THREAD)] for each in range(THREADS)]
    assert got == expected
    assert Counter(echo.names).keys() == {name for each in expected for [name] in each}
    assert set(threading.enumerate()) <= threads  # those of an earlier test may have ended
    assert descriptors() <= sockets


@ANSWERS
def test_1000_tasks_get_each_its_own_answer(answers: int) -> None:
    sockets = descriptors()

    async def scenario() -> list[list[str]]:
        async with AsyncInngestClient(dev=echo.url, timeout=PATIENCE) as client:
            got = await asyncio.gather(*(client.send({"name": f"{n}"}) for n in range(TASKS)))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return got

    with Echo(answers) as echo:
        got = asyncio.run(scenario())
        echo.wait_until_all_hung_up()
        assert 1 < echo.most <= MAX_AT_ONCE + 1
    assert got == [[f"{n}"] for n in range(TASKS)]
    assert descriptors() <= sockets


def test_1000_tasks_of_which_most_are_cancelled_leave_nothing_open() -> None:
    sockets = descriptors()

    async def scenario() -> list[object]:
        async with AsyncInngestClient(dev=echo.url, timeout=PATIENCE) as client:
            tasks = [asyncio.create_task(client.send({"name": f"{n}"})) for n in range(TASKS)]
            for n, task in enumerate(tasks):
                if n % 4:
                    task.cancel()
                if n % 8 == 0:  # so that they are cancelled at all stages
                    await asyncio.sleep(0)
            got = await asyncio.gather(*tasks, return_exceptions=True)
            assert await client.send({"name": "last"}) == ["last"]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return list(got)

    with Echo() as echo:
        got = asyncio.run(scenario())
        echo.wait_until_all_hung_up()
    assert got[::4] == [[f"{n}"] for n in range(0, TASKS, 4)]
    assert {type(each) for each in got} <= {list, asyncio.CancelledError}
    assert descriptors() <= sockets


def test_several_event_loops_share_an_asynchronous_client() -> None:
    def use(url: str) -> list[list[list[str]]]:
        client = AsyncInngestClient(dev=url, timeout=PATIENCE)

        async def send(number: int) -> list[list[str]]:
            names = [f"{number}/{n}" for n in range(20)]
            return await asyncio.gather(*(client.send({"name": name}) for name in names))

        with ThreadPoolExecutor(4) as pool:
            got = list(pool.map(lambda number: asyncio.run(send(number)), range(8)))
        asyncio.run(client.aclose())
        return got

    with Echo() as echo, warnings.catch_warnings():
        # Nobody but the loop of a connection can close it, and those are gone.
        warnings.simplefilter("ignore", ResourceWarning)
        got = use(echo.url)
        gc.collect()
    assert got == [[[f"{number}/{n}"] for n in range(20)] for number in range(8)]
