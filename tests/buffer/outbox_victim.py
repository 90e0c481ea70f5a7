"""Processes made to be killed: each line of standard input forks one that fills an outbox.

    python outbox_victim.py PATH URL  <<<  "NAME SKEW"

A victim adds events from two threads while its buffer sends, by a clock that is off by SKEW
seconds. It writes `added ID` after `add` has returned. The next line is read when the last victim
is dead. What forks has no threads and no connections: it is Python, loaded once.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time

from inngest_rest import EventBuffer, InngestClient
from tests.support.clock import with_clock


def tell(line: str) -> None:
    # One write: lines of two threads do not mix, and nothing waits in a buffer of ours.
    os.write(1, f"{line}\n".encode())


def fill(buffer: EventBuffer, name: str) -> None:
    for number in itertools.count():
        id = f"{name}-{number}"
        buffer.add({"name": "kill/me", "id": id})
        tell(f"added {id}")


def be_a_victim(path: str, url: str, name: str, skew: float) -> None:
    client = with_clock(InngestClient, now=lambda: time.time() + skew)(dev=url, retries=0)
    buffer = EventBuffer(client, path, batch_size=4, max_age=0.002)
    for thread in range(2):
        threading.Thread(target=fill, args=(buffer, f"{name}.{thread}"), daemon=True).start()
    threading.Event().wait()


def main(path: str, url: str) -> None:
    for line in sys.stdin:
        name, skew = line.split()
        pid = os.fork()
        if not pid:
            be_a_victim(path, url, name, float(skew))
        tell(f"victim {pid}")
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
