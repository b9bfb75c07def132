"""The CloudFormation types that local AWS adds, deployed as templates by plain boto3."""

from __future__ import annotations

import copy
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, TRUST, Aws, unique
from gate import Gate
from patience import eventually

_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/*"},
    ],
}
_TEMPLATE: dict[str, Any] = {
    "Mappings": {"Images": {"us-east-1": {"Image": IMAGE}}},
    "Conditions": {"Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}},
    "Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "execution", "Roles": [{"Ref": "Role"}], "PolicyDocument": _POLICY},
        },
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "DependsOn": "Policy",
            "Properties": {
                "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "PrimaryContainer": {
                    "Image": {"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "Image"]},
                    "ModelDataUrl": "s3://models/digits/model.tar.gz",
                    "Environment": {"VERSION": "1"},
                },
            },
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [
                    {
                        "VariantName": "main",
                        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                        "InstanceType": "ml.c6i.large",
                        "InitialInstanceCount": "1",
                    }
                ]
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                "RetainAllVariantProperties": True,
            },
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "sagemaker",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/main"},
                "MinCapacity": 1,
                "MaxCapacity": 4,
                "ScheduledActions": [
                    {
                        "ScheduledActionName": "night",
                        "Schedule": "cron(0 20 * * ? *)",
                        "ScalableTargetAction": {"MaxCapacity": 1},
                    }
                ],
            },
        },
        "Scaling": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "invocations",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 600,
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                },
            },
        },
        "Metadata": {"Type": "AWS::CDK::Metadata", "Condition": "Here", "Properties": {"Analytics": "v2"}},
    },
    "Outputs": {
        "ModelRef": {"Value": {"Ref": "Model"}},
        "ConfigRef": {"Value": {"Ref": "Config"}},
        "EndpointRef": {"Value": {"Ref": "Endpoint"}},
        "EndpointName": {
            "Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]},
            "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-endpoint"}},
        },
        "TargetRef": {"Value": {"Ref": "Target"}},
        "ScalingRef": {"Value": {"Ref": "Scaling"}},
    },
}


def template(**environment: str) -> dict[str, Any]:
    """Return the template, its container with an environment."""
    changed = copy.deepcopy(_TEMPLATE)
    if environment:
        changed["Resources"]["Model"]["Properties"]["PrimaryContainer"]["Environment"] = environment
    return changed


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def stack(aws: Aws) -> str:
    """Return the name of a deployed stack."""
    aws.make_artifact()
    name = unique("stack")
    assert aws.put_stack(name, template())["StackStatus"] == "CREATE_COMPLETE"
    return name


def test_a_stack_serves_and_its_references_are_what_cloudformation_gives(aws: Aws, stack: str) -> None:
    found = outputs(aws.settled_stack(stack))

    name = found["EndpointName"]
    arn = "arn:aws:sagemaker:us-east-1:000000000000"
    target = f"endpoint/{name}/variant/main|sagemaker:variant:DesiredInstanceCount|sagemaker"
    assert aws.invoke(name)["environment"]["VERSION"] == "1"
    assert re.fullmatch(r"Endpoint-\w{12}", name)
    assert found["EndpointRef"] == f"{arn}:endpoint/{name.lower()}"
    assert found["ModelRef"].startswith(f"{arn}:model/model-")
    assert found["ConfigRef"].startswith(f"{arn}:endpoint-config/config-")
    assert found["TargetRef"] == target
    assert found["ScalingRef"].endswith(f":resource/sagemaker/{target.partition('|')[0]}:policyName/invocations")
    exports = {export["Name"]: export["Value"] for export in aws.cloudformation.list_exports()["Exports"]}
    assert exports[f"{stack}-endpoint"] == name


def test_stack_tags_reach_the_resources(aws: Aws) -> None:
    aws.make_artifact()
    name = unique("stack")
    aws.cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template()),
        Capabilities=["CAPABILITY_IAM"],
        Tags=[{"Key": "team", "Value": "vision"}],
    )

    arn = outputs(aws.settled_stack(name))["EndpointRef"]
    assert {"Key": "team", "Value": "vision"} in aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]


def test_a_changed_model_replaces_model_and_config_and_updates_the_endpoint(aws: Aws, stack: str) -> None:
    before = outputs(aws.settled_stack(stack))

    after = outputs(aws.put_stack(stack, template(VERSION="2")))

    assert aws.settled_stack(stack)["StackStatus"] == "UPDATE_COMPLETE"
    assert after["EndpointRef"] == before["EndpointRef"]
    assert after["ModelRef"] != before["ModelRef"]
    assert aws.invoke(after["EndpointName"])["environment"]["VERSION"] == "2"
    old = before["ModelRef"].rpartition("/")[2]
    assert aws.sagemaker.list_models(NameContains=old)["Models"] == []


def test_a_model_that_does_not_load_fails_the_stack_with_the_reason_and_leaves_nothing(aws: Aws) -> None:
    aws.make_artifact()
    name = unique("stack")
    failed = aws.sagemaker.list_endpoints(StatusEquals="Failed")["Endpoints"]

    described = aws.put_stack(name, template(FAIL="ModuleNotFoundError: No module named 'timm'"))

    assert described["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Resource handler returned message: \"ModuleNotFoundError: No module named 'timm'\"" in aws.reasons(name)[0]
    assert aws.sagemaker.list_endpoints(StatusEquals="Failed")["Endpoints"] == failed


def test_an_update_that_fails_is_rolled_back_and_the_old_model_serves_on(aws: Aws, stack: str) -> None:
    described = aws.put_stack(stack, template(FAIL="no such layer"))

    assert described["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "no such layer" in aws.reasons(stack)[0]
    assert aws.invoke(outputs(described)["EndpointName"])["environment"]["VERSION"] == "1"
    assert aws.put_stack(stack, template(VERSION="3"))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_failure_after_the_endpoint_sends_the_endpoint_back(aws: Aws, stack: str) -> None:
    broken = template(VERSION="2")
    broken["Resources"]["Target"]["Properties"]["MinCapacity"] = 9

    described = aws.put_stack(stack, broken)

    assert described["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Maximum capacity cannot be less than minimum capacity." in aws.reasons(stack)[0]
    assert aws.invoke(outputs(described)["EndpointName"])["environment"]["VERSION"] == "1"


def test_an_instance_type_that_changes_under_autoscaling_fails_as_on_aws(aws: Aws, stack: str) -> None:
    changed = template()
    changed["Resources"]["Config"]["Properties"]["ProductionVariants"][0]["InstanceType"] = "ml.c6i.xlarge"

    assert aws.put_stack(stack, changed)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "must be deregistered as scalable targets with AutoScaling" in aws.reasons(stack)[0]


@pytest.mark.parametrize(
    ("resource", "properties", "message"),
    [
        ("Endpoint", {"Name": "x"}, "#: extraneous key [Name] is not permitted"),
        ("Endpoint", {"EndpointConfigName": {"Ref": "AWS::NoValue"}}, "#: required key [EndpointConfigName] not found"),
        ("Target", {"MaxCapacity": "many"}, "#/MaxCapacity: expected type: Integer, found: String"),
        ("Model", {"ModelName": "a_b"}, "at 'modelName' failed to satisfy constraint"),
        ("Model", {"PrimaryContainer": {"Picture": "x"}}, "#/PrimaryContainer: extraneous key [Picture] is not"),
    ],
)
def test_fails_on(aws: Aws, resource: str, properties: dict[str, Any], message: str) -> None:
    aws.make_artifact()
    name = unique("stack")
    wrong = template()
    wrong["Resources"][resource]["Properties"] |= properties

    assert aws.put_stack(name, wrong)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert message in aws.reasons(name)[0]


def test_a_policy_that_comes_after_the_model_is_noticed(aws: Aws) -> None:
    aws.make_artifact()
    name = unique("stack")
    late = template()
    del late["Resources"]["Model"]["DependsOn"]
    late["Resources"]["Policy"]["DependsOn"] = "Model"

    assert aws.put_stack(name, late)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "is not authorized to perform: s3:GetObject" in aws.reasons(name)[0]


def test_waiting_for_an_endpoint_holds_up_nobody(aws: Aws, gate: Gate) -> None:
    aws.make_artifact()
    name = unique("stack")
    slow = template(START_GATE=str(gate.directory))

    with ThreadPoolExecutor(1) as pool, gate:
        stack = pool.submit(aws.put_stack, name, slow)
        assert eventually(lambda: gate.waiting == 1)
        assert aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
        gate.open()
        assert stack.result()["StackStatus"] == "CREATE_COMPLETE"


def test_deleting_a_stack_deletes_all_of_it(aws: Aws, stack: str) -> None:
    found = outputs(aws.settled_stack(stack))

    aws.delete_stack(stack)

    assert aws.sagemaker.list_endpoints(NameContains=found["EndpointName"])["Endpoints"] == []
    assert aws.sagemaker.list_models(NameContains=found["ModelRef"].rpartition("/")[2])["Models"] == []
    targets = aws.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert found["EndpointName"] not in str(targets)
