"""The one method of an endpoint's API: what API Gateway asks SageMaker, and how it passes the answer on."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

from constructs_lib.sagemaker.api.front import COMPONENT_HEADER, ApiFront
from constructs_lib.sagemaker.fingerprint import fingerprint

# The stage, not the method, names the endpoint: a deployment is a snapshot of the method, and CloudFormation would not
# take a new one when only the endpoint's name has changed.
ENDPOINT_VARIABLE = "endpoint"
# A text type is decoded as UTF-8, which breaks what is not text; a type listed here passes byte for byte. By `Accept`
# the same holds for the answer, and most clients send `*/*`, which only this entry matches.
BINARY_MEDIA_TYPES = ("*/*",)

# botocore sagemaker-runtime, InvokeEndpointOutput: the headers of an answer.
_ANSWERED = (
    "Content-Type",
    "X-Amzn-Invoked-Production-Variant",
    "X-Amzn-SageMaker-Closed-Session-Id",
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-New-Session-Id",
)
# The status that a caller gets, and by which of SageMaker's (botocore sagemaker-runtime, errors of InvokeEndpoint).
# What no pattern matches, such as the 403 of a role that may not invoke, API Gateway answers with its own 500, which
# tells nothing of the account.
#
# - 424, a ModelError, stays 424: it stands for a wrong request as often as for a broken model, and a 502 would have
#   clients and proxies repeat it, at the price of another inference. Its body says which of the two it was.
# - 500 and 530 are SageMaker's own failures, so for a caller the gateway's upstream failed.
_STATUSES = {"200": "200", "400": "400", "413": "413", "424": "424", "429": "429", "502": "500|530", "503": "503"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationMethod:
    """``POST`` from a caller to ``InvokeEndpoint``.

    Attributes
    ----------
    api
        What the API looks like.
    partition, region
        Where the endpoint is; each may be a token.
    inference_component
        Name of the inference component that answers every request. None: a request names it, where there are any.
    """

    api: ApiFront
    partition: str
    region: str
    inference_component: str | None = None

    @property
    def uri(self) -> str:
        """What API Gateway calls: InvokeEndpoint of the endpoint that the stage names."""
        endpoint = f"${{stageVariables.{ENDPOINT_VARIABLE}}}"
        service = f"arn:{self.partition}:apigateway:{self.region}:runtime.sagemaker"
        return f"{service}:path/endpoints/{endpoint}/invocations"

    @property
    def request_parameters(self) -> dict[str, bool]:
        """The headers that the method knows, and whether a request without one is refused.

        Without a ``Content-Type`` API Gateway would say for the caller that the body is JSON.
        """
        optional = {f"method.request.header.{name}": False for name in ("Accept", *self._passed)}
        return {"method.request.header.Content-Type": True, **optional}

    @property
    def _passed(self) -> list[str]:
        """The headers of SageMaker's that a caller may give."""
        passed = self.api.passed_headers
        return [name for name in passed if self.inference_component is None or name.lower() != COMPONENT_HEADER.lower()]

    @property
    def fingerprint(self) -> str:
        """What of the method a deployment is a snapshot of, summed up."""
        facts = [
            self.uri,
            self.request_parameters,
            _STATUSES,
            _ANSWERED,
            BINARY_MEDIA_TYPES,
            self.api.authorization,
            self.api.path,
            self.api.integration_timeout,
            self.api.processor is not None,
            *([self.inference_component] if self.inference_component is not None else ()),
            *(["streaming"] if self.api.streaming else ()),
        ]
        return fingerprint(json.dumps(facts, sort_keys=True))

    def processed(
        self, credentials: str, function_arn: str, *, region: str
    ) -> apigateway.CfnMethod.IntegrationProperty:
        """Render that a function answers, by Lambda's proxy integration.

        Source: API Gateway developer guide, "Set up a Lambda proxy integration with payload response streaming".
        """
        version, operation = "2015-03-31", "invocations"
        if self.api.streaming:
            version, operation = "2021-11-15", "response-streaming-invocations"
        return apigateway.CfnMethod.IntegrationProperty(
            type="AWS_PROXY",
            integration_http_method="POST",
            uri=(
                f"arn:{self.partition}:apigateway:{region}:lambda:path/{version}/functions/{function_arn}/{operation}"
            ),
            credentials=credentials,
            timeout_in_millis=self.api.integration_timeout * 1000,
            response_transfer_mode="STREAM" if self.api.streaming else None,
        )

    def integration(self, credentials: str) -> apigateway.CfnMethod.IntegrationProperty:
        """Render what API Gateway asks, with which role, and how it passes the answer on."""
        names = ("Content-Type", "Accept", *self._passed)
        fixed = {} if self.inference_component is None else {COMPONENT_HEADER: f"'{self.inference_component}'"}
        return apigateway.CfnMethod.IntegrationProperty(
            type="AWS",
            integration_http_method="POST",
            uri=self.uri,
            credentials=credentials,
            passthrough_behavior="WHEN_NO_TEMPLATES",
            request_parameters={
                f"integration.request.header.{name}": value
                for name, value in ({name: f"method.request.header.{name}" for name in names} | fixed).items()
            },
            integration_responses=[
                apigateway.CfnMethod.IntegrationResponseProperty(
                    status_code=status, selection_pattern=pattern, response_parameters=_passed_back(status)
                )
                for status, pattern in _STATUSES.items()
            ],
            timeout_in_millis=self.api.integration_timeout * 1000,
        )

    @staticmethod
    def responses() -> list[apigateway.CfnMethod.MethodResponseProperty]:
        """Render the statuses that a caller may get, with their headers."""
        return [
            apigateway.CfnMethod.MethodResponseProperty(
                status_code=status, response_parameters=dict.fromkeys(_passed_back(status), False)
            )
            for status in _STATUSES
        ]


def _passed_back(status: str) -> dict[str, str]:
    names = _ANSWERED if status == "200" else _ANSWERED[:1]
    return {f"method.response.header.{name}": f"integration.response.header.{name}" for name in names}
