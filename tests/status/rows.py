"""The status, for the suites that try every call."""

from __future__ import annotations

FAULTS_BY_RESULT = {"status": "what it makes of a bad server is its result [tests/status]"}
