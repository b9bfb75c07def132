"""An AWS service as a table of operations: how a request becomes a call and its result a response.

A later operation is one decorated function::

    @SAGEMAKER.operation("DescribeModel")
    def describe_model(scope: Scope, request: Parameters) -> Parameters:
        ...

The request has been checked against botocore's model of the service before the function sees it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_aws import backend
from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.validation import check, service_model, without_nulls

Parameters = dict[str, Any]
Operation = Callable[[Scope, Parameters], Parameters]
Response = tuple[int, dict[str, str], bytes]
StreamedResponse = tuple[int, dict[str, str], Generator[bytes, None, None]]


@dataclass(frozen=True, slots=True)
class Right:
    """What a caller must be allowed besides the operation itself."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


class JsonService:
    """A service that speaks AWS's JSON protocol: ``POST /`` with the operation in ``X-Amz-Target``.

    Parameters
    ----------
    name
        The boto3 client name, by which botocore keeps its model.
    resources
        Says which resources' ARNs IAM is asked about for an operation with its parameters.
    further_rights
        Says what else the caller must be allowed.
    """

    def __init__(
        self,
        name: str,
        resources: Callable[[Scope, str, Parameters], list[str]],
        further_rights: Callable[[Scope, str, Parameters], list[Right]] = lambda *_: [],
    ) -> None:
        self.name = name
        self.resources = resources
        self.further_rights = further_rights
        self.operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Callable[[Operation], Operation]:
        """Register the decorated function as an operation of the service."""

        def register(function: Operation) -> Operation:
            self.operations[name] = function
            return function

        return register

    def call(self, scope: Scope, name: str, parameters: object) -> Parameters:
        """Check the parameters of an operation and run it.

        Raises
        ------
        ServiceError
            When the parameters break the service's model or the operation refuses them.
        """
        operation = self.operations.get(name)
        if operation is None:
            raise ServiceError("UnknownOperationException", f"local AWS does not have {self.name}:{name}")
        request = without_nulls(parameters)
        shape = service_model(self.name).operation_model(name).input_shape
        if shape is not None:
            check(shape, request)
        return operation(scope, request)

    def respond(self, scope: Scope, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one HTTP request."""
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            try:
                parameters = json.loads(body or b"{}")
            except ValueError as error:
                raise ServiceError("SerializationException", f"the request body is not JSON: {error}") from error
            # As in AWS: who may not call learns nothing of what is wrong with the call.
            self._authorize(scope, headers, name, parameters)
            result = self.call(scope, name, parameters)
        except ServiceError as error:
            return error_response(error)
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(result, default=_plain).encode()

    def _authorize(self, scope: Scope, headers: Mapping[str, str], name: str, parameters: Parameters) -> None:
        known = parameters if isinstance(parameters, dict) else {}
        backend.authorize(scope, headers, self.name, f"{self.name}:{name}", self.resources(scope, name, known))
        for right in self.further_rights(scope, name, known):
            service = right.action.partition(":")[0]
            backend.authorize(scope, headers, service, right.action, [right.resource], context=right.context)


def error_response(error: ServiceError, *, message_member: str = "message") -> Response:
    """Return a refusal in AWS's JSON form."""
    document = {"__type": error.code, message_member: error.message, **error.members}
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code}
    return error.status, headers, json.dumps(document).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"an operation returned a {type(value).__name__}, which JSON cannot hold")
