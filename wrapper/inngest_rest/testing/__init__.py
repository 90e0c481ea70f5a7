"""A mock Inngest server for tests: in process, or on a socket.

```python
mock = MockServer()
mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": True}))
client = InngestClient(event_key="test", transport=mock.transport)
```
"""

from ._behaviours import Behaviour, EventDict, Run, completes, fails, sleeps, waits_for
from ._faults import Effect, Fault, answers, delays, drops, loses_response
from ._records import MockEvent, MockRequest, MockRun, RunStatus
from ._server import MockServer
from ._transport import MockTransport

__all__ = [
    "Behaviour",
    "Effect",
    "EventDict",
    "Fault",
    "MockEvent",
    "MockRequest",
    "MockRun",
    "MockServer",
    "MockTransport",
    "Run",
    "RunStatus",
    "answers",
    "completes",
    "delays",
    "drops",
    "fails",
    "loses_response",
    "sleeps",
    "waits_for",
]
