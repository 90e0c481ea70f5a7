"""The status, for the suites that try every call."""

from __future__ import annotations

FAULTS_BY_RESULT = {"status": "what it makes of a bad server is its result [tests/status]"}
EXIT_STATUS = {13: "tests/status/cli", 14: "tests/status/cli"}
