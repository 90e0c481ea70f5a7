"""A mock Inngest server for tests: in process, or on a socket.

```python
mock = MockServer()
mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": True}))
client = InngestClient(event_key="test", transport=mock.transport)
```
"""

# Imports between the private packages go one way:
#
#     _server -> _faults -> _api -> _state -> _times, _json
#        |          |        |
#        +----------+--------+----> _carriers
#
# and of other packages, only inngest_rest_api.

from types import FunctionType as _FunctionType

from inngest_rest_mock._carriers.transport import MockTransport
from inngest_rest_mock._faults import (
    Effect,
    Fault,
    answers,
    delays,
    drops,
    loses_response,
    takes_effect_late,
)
from inngest_rest_mock._server import MockServer
from inngest_rest_mock._state.behaviours import (
    Behaviour,
    Runner,
    completes,
    fails,
    invokes,
    retries,
    sleeps,
    steps,
    waits_for,
    waits_for_event,
    works,
)
from inngest_rest_mock._state.flow import Condition, when
from inngest_rest_mock._state.records import (
    MockEvent,
    MockRequest,
    MockRun,
    MockRunStatus,
)

__all__ = [
    "Behaviour",
    "Condition",
    "Effect",
    "Fault",
    "MockEvent",
    "MockRequest",
    "MockRun",
    "MockRunStatus",
    "MockServer",
    "MockTransport",
    "Runner",
    "answers",
    "completes",
    "delays",
    "drops",
    "fails",
    "invokes",
    "loses_response",
    "retries",
    "sleeps",
    "steps",
    "takes_effect_late",
    "waits_for",
    "waits_for_event",
    "when",
    "works",
]

# Tracebacks, reprs and pickles name the public module, not the defining private one.
for _public in [globals()[_name] for _name in __all__]:
    if isinstance(_public, type | _FunctionType):  # the rest are type aliases
        _public.__module__ = __name__
