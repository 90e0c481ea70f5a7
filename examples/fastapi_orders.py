"""Start work in a FastAPI service, and stream to the browser how it ended.

INNGEST_DEV=1 python examples/fastapi_orders.py
curl -X POST localhost:8000/orders -H 'content-type: application/json' -d '{"id": 7, "total": 20}'
curl -N localhost:8000/orders/EVENT_ID

`POST /orders` sends an event and responds at once; the second URL is a stream of server-sent
events, which a browser reads with `new EventSource(url)`.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from inngest_rest import AsyncInngestClient, Event, InngestError, NoRunError, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inngest_rest import Run


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, AsyncInngestClient]]:
    """Share one client between all requests."""
    async with AsyncInngestClient() as client:
        yield {"inngest": client}  # request.state.inngest


app = FastAPI(lifespan=lifespan)


class Order(BaseModel):
    """The body of a request."""

    id: int
    total: float


@app.post("/orders", status_code=202)
async def start(order: Order, request: Request) -> dict[str, str]:
    """Start the functions that listen for the order, once for each id."""
    event = Event("app/order.paid", order.model_dump(), id=f"order-{order.id}")
    (event_id,) = await request.state.inngest.send(event)
    return {"progress": f"/orders/{event_id}"}


@app.get("/orders/{event_id}")
async def progress(event_id: str, request: Request) -> StreamingResponse:
    """Stream the end of the runs that an event started."""
    stream = ends(request.state.inngest, event_id)
    return StreamingResponse(stream, media_type="text/event-stream")


async def ends(client: AsyncInngestClient, event_id: str) -> AsyncIterator[str]:
    """Yield a server-sent event for each run, and comments that keep the connection open."""
    waiting = asyncio.ensure_future(runs_of_first(client, event_id))
    try:
        while not waiting.done():
            yield ": waiting\n\n"
            await asyncio.wait([waiting], timeout=15)
        for run in waiting.result():
            yield message(run.status, {"function": run.function_id, "output": run.output})
    except NoRunError as error:
        yield message("none", {"reason": str(error.explanation or error)})
    except WaitTimeoutError:
        yield message("open", {"reason": "not ended in ten minutes"})
    except InngestError as error:
        yield message("error", {"reason": str(error)})
    finally:
        waiting.cancel()  # the browser has closed the page


async def runs_of_first(client: AsyncInngestClient, event_id: str) -> list[Run]:
    """Wait for the runs of an event, or of the first event with its id."""
    try:
        return await client.events.wait(event_id, timeout=600)
    except NoRunError as error:
        for reason in error.explanation.reasons if error.explanation else ():
            if reason.kind == "duplicate_id":
                return await client.events.wait(reason.evidence["other_event"], timeout=600)
        raise


def message(kind: str, data: object) -> str:
    """Return a server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app)
