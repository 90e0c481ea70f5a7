"""The app under test, written with the official SDK and served on a socket of 127.0.0.1."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import fastapi
import inngest
import inngest.fast_api
import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator


Body = Callable[[inngest.Context], Awaitable[Any]]


async def echoes(context: inngest.Context) -> Any:
    return {"echo": dict(context.event.data)}


async def fails(_: inngest.Context) -> Any:
    raise inngest.NonRetriableError("told to fail")


async def naps(context: inngest.Context) -> Any:
    await context.step.sleep("nap", timedelta(seconds=1))
    return "slept"


async def retries(context: inngest.Context) -> Any:
    if context.attempt == 0:
        raise inngest.RetryAfterError("told to fail once", timedelta(seconds=1))
    return {"attempt": context.attempt}


async def sleeps(context: inngest.Context) -> Any:
    await context.step.sleep("sleep", timedelta(minutes=10))


async def steps(context: inngest.Context) -> Any:
    async def one() -> int:
        return 1

    async def two() -> int:
        return 2

    return [await context.step.run("one", one), await context.step.run("two", two)]


async def batches(context: inngest.Context) -> Any:
    return len(context.events)


async def completes(_: inngest.Context) -> Any:
    return "done"


async def singles(context: inngest.Context) -> Any:
    await context.step.sleep("sleep", timedelta(seconds=3))


BODIES: tuple[Body, ...] = (echoes, fails, naps, retries, sleeps, steps)


def functions(client: inngest.Inngest, app: str) -> list[inngest.Function[Any]]:
    """Return the functions that `world.FUNCTIONS` and `world.LIMITED` describe."""
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    limits: dict[str, tuple[Body, str | None, dict[str, Any]]] = {
        "batches": (batches, None, {"batch_events": inngest.Batch(max_size=2, timeout=5 * second)}),
        "debounces": (completes, None, {"debounce": inngest.Debounce(period=2 * second)}),
        "picks": (completes, "event.data.n > 5", {}),
        "rates": (completes, None, {"rate_limit": inngest.RateLimit(limit=1, period=hour)}),
        "singles": (singles, None, {"singleton": inngest.Singleton(mode="skip")}),
    }
    limited = [
        client.create_function(
            fn_id=name,
            retries=1,
            trigger=inngest.TriggerEvent(event=f"{app}/{name}", expression=expression),
            **limit,
        )(body)
        for name, (body, expression, limit) in limits.items()
    ]
    return limited + [
        client.create_function(
            fn_id=body.__name__,
            retries=1,
            trigger=inngest.TriggerEvent(event=f"{app}/{body.__name__}"),
        )(body)
        for body in BODIES
    ]


@contextmanager
def serve(url: str, app: str, event_key: str | None, signing_key: str | None) -> Iterator[str]:
    """Serve the app during the `with` block; yield the URL it is registered at."""
    logger = logging.getLogger("contract.app")
    logger.setLevel(logging.CRITICAL)
    client = inngest.Inngest(
        app_id=app,
        api_base_url=url,
        event_api_base_url=url,
        event_key=event_key,
        signing_key=signing_key,
        is_production=signing_key is not None,
        logger=logger,
    )
    site = fastapi.FastAPI()
    inngest.fast_api.serve(site, client, functions(client, app))
    config = uvicorn.Config(site, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/inngest"
        finally:
            server.should_exit = True
            thread.join()
