"""The operation that checks the server, the keys and the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest.diagnosis import Check, Diagnosis
from inngest_rest.operations.operation import Operation
from inngest_rest.operations.problems import Code, OperationError, Problem

if TYPE_CHECKING:
    from inngest_rest import InngestClient

_CODES = {Check.CONNECTION: Code.NETWORK, Check.SERVER: Code.SERVER}


@frozen
class Doctor:
    """Check which server answers, the keys, the environment, routes, clock and proxies.

    Each finding that is not ok has a remedy. Sends nothing but reads, and shows no key.
    """


def _diagnose(client: InngestClient, _parameters: Doctor) -> Diagnosis:
    diagnosis = client.diagnose()
    for finding in diagnosis.problems[:1]:
        code = _CODES.get(finding.check, Code.AUTHENTICATION)
        problem = Problem(code, f"{finding.check}: {finding.message}", hint=finding.remedy)
        raise OperationError(problem, data=diagnosis)
    return diagnosis


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="doctor",
        parameters=Doctor,
        result=Diagnosis,
        run=_diagnose,
        # Errors of the server are quoted, and its release.
        untrusted=("release", "findings[].message"),
        examples=("", "--dev"),
    ),
)
