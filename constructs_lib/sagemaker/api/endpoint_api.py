"""``AWS::ApiGateway``: an HTTPS API in front of an endpoint, by direct integration with SageMaker's runtime."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.api.method import BINARY_MEDIA_TYPES, InvocationMethod
from constructs_lib.sagemaker.api.stage import define_stage
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.sagemaker.endpoint_place import place_of
from constructs_lib.sagemaker.invoke_permissions import called_arns
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems, is_token


class EndpointApi(Construct):
    """Defines an HTTPS API through which an endpoint is called without an AWS client.

    API Gateway itself calls SageMaker: a Lambda function is in between only when a processor or streaming is asked for.

    Parameters
    ----------
    scope, id
        Where in the construct tree the API stands.
    endpoint
        What it calls: an endpoint made here, or an imported one of the same account. One that is imported by an ARN
        is called in its own region.
    api
        Who may call it, where, and how often. None: whoever was granted the call, at ``/prod/invocations``.
    inference_component
        Name of the endpoint's inference component that answers every request. None: on an endpoint that hosts
        components each request names one, by the header ``X-Amzn-SageMaker-Inference-Component``; one that is imported
        needs the name here, as nothing is known of its components.

    Raises
    ------
    InvalidValueError
        When the endpoint is another account's, which cannot be called from this one, or has no such component, or the
        processor has no ``handler.py``, or the endpoint does not stream what is to be streamed.

    Examples
    --------
    >>> api = EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(rate_limit=50, burst_limit=100))
    >>> api.grant_call(caller)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        endpoint: IEndpoint,
        api: ApiFront | None = None,
        inference_component: str | None = None,
    ) -> None:
        place = StackFacts.of(scope).place
        its = place_of(endpoint) or place
        region, account = its.region, its.account
        api = api or ApiFront()
        problems = Problems("EndpointApi")
        if not is_token(account) and not is_token(place.account) and account != place.account:
            wrong = f"is of account {account}, and SageMaker lets no other account call it; define the API in that one"
            problems.add("endpoint", wrong)
        problems.extend(api.file_problems())
        if api.streaming:
            from constructs_lib.sagemaker.api.stream import stream_problems  # Lambda, where it is wanted

            problems.extend(stream_problems(endpoint))
        if inference_component is not None and (misnamed := name_problem(inference_component)):
            problems.add("inference_component", misnamed)
        problems.raise_any()
        called = called_arns(endpoint, inference_component)
        super().__init__(scope, id)
        self.api = api
        """What the API looks like."""
        self._endpoint, self._component, self._called = endpoint, inference_component, called
        self._place = place
        self._resource = apigateway.CfnRestApi(
            self,
            "Resource",
            name=cdk.Names.unique_resource_name(self, max_length=128),
            binary_media_types=list(BINARY_MEDIA_TYPES),
            # An edge-optimized API, which is the default, goes by CloudFront and never waits longer than 29 seconds.
            endpoint_configuration=apigateway.CfnRestApi.EndpointConfigurationProperty(types=["REGIONAL"]),
        )
        self.api_id = self._resource.ref
        """Id of the REST API; a token."""
        method = InvocationMethod(
            api=self.api, partition=place.partition, region=region, inference_component=inference_component
        )
        self._stage = define_stage(
            self,
            api=self.api,
            api_id=self.api_id,
            endpoint_name=endpoint.endpoint_name,
            method=self._define_method(method),
            fingerprint=method.fingerprint,
        )
        self.api_key_id = self._define_key() if self.api.authorization == "api_key" else None
        """Id of the API key, by which its owner reads its value; a token. None without one."""

    def grant_call(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a grantee to call exactly this method.

        Parameters
        ----------
        grantee
            A role, a user, a function.

        Raises
        ------
        InvalidValueError
            When IAM does not decide who may call.
        """
        if self.api.authorization != "iam":
            wrong = f"is '{self.api.authorization}', so no grant decides who may call; make it 'iam' to grant"
            raise InvalidValueError("EndpointApi", [Problem("authorization", wrong)])
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["execute-api:Invoke"], resource_arns=[self.method_arn]
        )

    @property
    def method_arn(self) -> str:
        """ARN of the method, as policies name it; a token."""
        return self._place.arn("execute-api", f"{self.api_id}/{self.api.stage}/POST{self.api.path}")

    @property
    def url(self) -> str:
        """Address to ``POST`` to; a token."""
        host = f"{self.api_id}.execute-api.{self._place.region}.{cdk.Aws.URL_SUFFIX}"
        return f"https://{host}/{self.stage_name}{self.api.path}"

    @property
    def stage_name(self) -> str:
        """Name of the stage; a token, so that what uses it waits for the stage."""
        return self._stage.ref

    def _define_method(self, method: InvocationMethod) -> apigateway.CfnMethod:
        parent = self._resource.attr_root_resource_id
        parts = self.api.path.strip("/").split("/")
        for number, part in enumerate(parts):
            at = apigateway.CfnResource(
                self, f"Path{number}", rest_api_id=self.api_id, parent_id=parent, path_part=part
            )
            parent = at.ref
        validator = apigateway.CfnRequestValidator(
            self,
            "Validator",
            rest_api_id=self.api_id,
            name="request",
            validate_request_body=True,
            validate_request_parameters=True,
        )
        return apigateway.CfnMethod(
            self,
            "Method",
            rest_api_id=self.api_id,
            resource_id=parent,
            http_method="POST",
            authorization_type="AWS_IAM" if self.api.authorization == "iam" else "NONE",
            api_key_required=self.api.authorization == "api_key",
            request_validator_id=validator.ref,
            request_parameters=method.request_parameters,
            integration=self._define_integration(method),
            method_responses=method.responses(),
        )

    def _define_integration(self, method: InvocationMethod) -> apigateway.CfnMethod.IntegrationProperty:
        if self.api.streaming:
            from constructs_lib.sagemaker.api.stream import define_stream

            function_arn = define_stream(
                self,
                api=self.api,
                endpoint=self._endpoint,
                inference_component=self._component,
                region=method.region,
            )
        elif self.api.processor is not None:
            from constructs_lib.sagemaker.api.processor import define_processor  # Lambda, where it is wanted

            function_arn = define_processor(
                self,
                self.api.processor,
                api=self.api,
                endpoint=self._endpoint,
                inference_component=self._component,
                region=method.region,
            )
        else:
            return method.integration(self._define_role("sagemaker:InvokeEndpoint", self._called))
        role = self._define_role("lambda:InvokeFunction", function_arn)
        return method.processed(role, function_arn, region=self._place.region)

    def _define_role(self, action: str, resource: str | list[str]) -> str:
        """Make the role that API Gateway takes on: it may do this, and nothing else."""
        statement = permissions.allow([action], resource)
        role = iam.CfnRole(
            self,
            "IntegrationRole",
            assume_role_policy_document=permissions.trust_policy("apigateway.amazonaws.com"),
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name=action.partition(":")[2], policy_document=permissions.document([statement])
                )
            ],
        )
        return role.attr_arn

    def _define_key(self) -> str:
        key = apigateway.CfnApiKey(self, "ApiKey", enabled=True)
        daily = self.api.requests_per_day
        plan = apigateway.CfnUsagePlan(
            self,
            "UsagePlan",
            api_stages=[apigateway.CfnUsagePlan.ApiStageProperty(api_id=self.api_id, stage=self.stage_name)],
            quota=apigateway.CfnUsagePlan.QuotaSettingsProperty(limit=daily, period="DAY") if daily else None,
        )
        apigateway.CfnUsagePlanKey(self, "UsagePlanKey", key_id=key.ref, key_type="API_KEY", usage_plan_id=plan.ref)
        return key.ref
