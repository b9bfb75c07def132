"""The stage of an endpoint's API: what is deployed, which endpoint it calls, how often, and its logs."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.api.method import ENDPOINT_VARIABLE
from constructs_lib.sagemaker.stack_facts import StackFacts

_ACCOUNT_ROLE = "ApiGatewayLogRole"
# What is known of a request, and nothing of its body.
_LOGGED = {
    name: f"$context.{name}"
    for name in (
        *("requestId", "requestTime", "httpMethod", "path", "status", "responseLength", "responseLatency"),
        *("integration.status", "integration.latency", "error.responseType"),
        *("identity.sourceIp", "identity.userArn", "identity.apiKeyId"),
    )
}


def define_stage(
    scope: Construct,
    *,
    api: ApiFront,
    api_id: str,
    endpoint_name: str,
    method: apigateway.CfnMethod,
    fingerprint: str,
) -> apigateway.CfnStage:
    """Define the stage, its deployment, and its logs.

    Parameters
    ----------
    scope
        The construct that they stand under.
    api
        What the API looks like.
    api_id
        Id of the REST API.
    endpoint_name
        Name of the endpoint that the method calls.
    method
        What is deployed.
    fingerprint
        Sums up what the deployment is a snapshot of: another one makes another deployment.
    """
    deployment = apigateway.CfnDeployment(scope, f"Deployment{fingerprint}", rest_api_id=api_id)
    deployment.add_resource_dependency(method)
    access = logs.CfnLogGroup(scope, "AccessLog", retention_in_days=api.log_retention_days)
    # API Gateway itself makes the group with this name when it has something to write, and keeps it for ever.
    errors = logs.CfnLogGroup(
        scope,
        "ErrorLog",
        log_group_name=f"API-Gateway-Execution-Logs_{api_id}/{api.stage}",
        retention_in_days=api.log_retention_days,
    )
    stage = apigateway.CfnStage(
        scope,
        "Stage",
        rest_api_id=api_id,
        deployment_id=deployment.ref,
        stage_name=api.stage,
        variables={ENDPOINT_VARIABLE: endpoint_name},
        access_log_setting=apigateway.CfnStage.AccessLogSettingProperty(
            destination_arn=access.attr_arn, format=json.dumps(_LOGGED)
        ),
        method_settings=[
            apigateway.CfnStage.MethodSettingProperty(
                http_method="*",
                resource_path="/*",
                logging_level="ERROR",
                data_trace_enabled=False,
                throttling_rate_limit=api.rate_limit,
                throttling_burst_limit=api.burst_limit,
            )
        ],
    )
    stage.add_resource_dependency(errors)
    if api.account_log_role:
        stage.node.add_dependency(_account_log_role(scope))
    return stage


def _account_log_role(scope: Construct) -> Construct:
    """Give the stack's setting of the role with which API Gateway writes logs, and make it when there is none."""
    facts = StackFacts.of(scope)
    found = facts.stack.node.try_find_child(_ACCOUNT_ROLE)
    if isinstance(found, Construct):
        return found
    setting = Construct(facts.stack, _ACCOUNT_ROLE)
    role = iam.CfnRole(
        setting,
        "Role",
        assume_role_policy_document=permissions.trust_policy("apigateway.amazonaws.com"),
        managed_policy_arns=[
            f"arn:{facts.place.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        ],
    )
    account = apigateway.CfnAccount(setting, "Resource", cloud_watch_role_arn=role.attr_arn)
    for resource in (role, account):  # other stacks' APIs log with it by then
        resource.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    return setting
