"""Inference components: several models on one endpoint, copies, none of them, and CloudFormation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, TRUST, Aws, refusal, unique
from patience import eventually, looks

NEEDS: Any = {"MinMemoryRequiredInMb": 128}


def make_endpoint(aws: Aws) -> str:
    name = unique("fleet")
    variant: Any = {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=aws.make_role(), ProductionVariants=[variant]
    )
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert aws.settle(name)["EndpointStatus"] == "InService"
    return name


def container(aws: Aws, environment: dict[str, str] | None = None) -> Any:
    given = {"Image": IMAGE, "ArtifactUrl": aws.make_artifact(), "Environment": environment or {}}
    return {"Container": given, "ComputeResourceRequirements": NEEDS}


def make_component(aws: Aws, endpoint: str, specification: Any, copies: int = 1) -> str:
    name = unique("ic")
    aws.sagemaker.create_inference_component(
        InferenceComponentName=name,
        EndpointName=endpoint,
        VariantName="main",
        Specification=specification,
        RuntimeConfig={"CopyCount": copies},
    )
    settle(aws, name)
    return name


def settle(aws: Aws, component: str) -> dict[str, Any]:
    for _ in looks():
        described = aws.sagemaker.describe_inference_component(InferenceComponentName=component)
        if described["InferenceComponentStatus"] in ("InService", "Failed"):
            return dict(described)
    raise AssertionError(f"{component} is still {described['InferenceComponentStatus']}")


def test_each_request_names_its_component(aws: Aws) -> None:
    endpoint = make_endpoint(aws)
    by_container = make_component(aws, endpoint, container(aws, {"WHO": "a"}), copies=2)
    by_model = make_component(
        aws, endpoint, {"ModelName": aws.make_config({"WHO": "b"}), "ComputeResourceRequirements": NEEDS}
    )

    assert aws.invoke(endpoint, InferenceComponentName=by_container)["environment"]["WHO"] == "a"
    assert aws.invoke(endpoint, InferenceComponentName=by_model)["environment"]["WHO"] == "b"
    described = settle(aws, by_container)
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert described["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == IMAGE
    listed = aws.sagemaker.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"]
    assert {item["InferenceComponentName"] for item in listed} == {by_container, by_model}
    group = f"/aws/sagemaker/InferenceComponents/{by_model}"
    assert aws.logs.filter_log_events(logGroupName=group, filterPattern="invoked")["events"]
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"x") == (
        "ValidationError: Inference Component Name header is required for endpoints to which you plan to deploy "
        "inference components. Please include Inference Component Name header or consider using SageMaker models."
    )
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"x", InferenceComponentName="none") == (
        f"ValidationError: Inference Component none not found in endpoint {endpoint}."
    )


def test_no_copies_have_no_capacity_until_there_are_some_again(aws: Aws) -> None:
    endpoint = make_endpoint(aws)
    name = make_component(aws, endpoint, container(aws))
    resource = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{name}",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    aws.autoscaling.register_scalable_target(**resource, MinCapacity=0, MaxCapacity=2)  # type: ignore[arg-type]

    def scale(copies: int) -> None:
        aws.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
        )
        assert settle(aws, name)["RuntimeConfig"]["CurrentCopyCount"] == copies

    scale(0)
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"x", InferenceComponentName=name) == (
        "ValidationError: Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
        "in-progress (if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig "
        "API."
    )
    dimensions: Any = [{"Name": "InferenceComponentName", "Value": name}]
    metrics = aws.cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)["Metrics"]
    assert [metric["MetricName"] for metric in metrics] == ["NoCapacityInvocationFailures"]
    scale(1)
    assert aws.invoke(endpoint, InferenceComponentName=name)["body"] == 1


def test_an_update_serves_the_old_container_until_the_new_one_starts(aws: Aws) -> None:
    endpoint = make_endpoint(aws)
    name = make_component(aws, endpoint, container(aws, {"VERSION": "1"}))

    def update(environment: dict[str, str]) -> dict[str, Any]:
        aws.sagemaker.update_inference_component(InferenceComponentName=name, Specification=container(aws, environment))
        return settle(aws, name)

    assert update({"FAIL": "no weights"})["FailureReason"] == "no weights"
    assert aws.invoke(endpoint, InferenceComponentName=name)["environment"]["VERSION"] == "1"
    assert "FailureReason" not in update({"VERSION": "2"})
    assert aws.invoke(endpoint, InferenceComponentName=name)["environment"]["VERSION"] == "2"


def test_an_alarm_that_is_off_takes_an_update_back(aws: Aws) -> None:
    endpoint, alarm = make_endpoint(aws), unique("alarm")
    name = make_component(aws, endpoint, container(aws, {"VERSION": "1"}))
    aws.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="Rollouts",
        MetricName=alarm,
        Statistic="Sum",
        Period=3600,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    aws.cloudwatch.put_metric_data(Namespace="Rollouts", MetricData=[{"MetricName": alarm, "Value": 1.0}])
    step: Any = {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}

    def update(alarm_name: str) -> None:
        aws.sagemaker.update_inference_component(
            InferenceComponentName=name,
            Specification=container(aws, {"VERSION": "2"}),
            DeploymentConfig={
                "RollingUpdatePolicy": step,
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm_name}]},
            },
        )

    assert refusal(update, alarm_name="none").endswith("Could not find the alarms of AutoRollbackConfiguration: none.")
    assert "not authorized to perform: cloudwatch:DescribeAlarms" in refusal(update, alarm_name=alarm)
    role = aws.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint)["ExecutionRoleArn"]
    seen = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [seen]})
    aws.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="alarms", PolicyDocument=document)
    update(alarm)

    described = settle(aws, name)
    assert described["FailureReason"] == f"The update was rolled back: alarm {alarm} is in ALARM."
    assert aws.invoke(endpoint, InferenceComponentName=name)["environment"]["VERSION"] == "1"


def test_a_caller_needs_the_right_on_the_component_that_it_names(aws: Aws) -> None:
    endpoint = make_endpoint(aws)
    one, other = (make_component(aws, endpoint, container(aws)) for _ in range(2))
    place = "arn:aws:sagemaker:us-east-1:000000000000"
    resources = [f"{place}:endpoint/{endpoint}", f"{place}:inference-component/{one}"]
    runtime = aws.as_user(
        "sagemaker-runtime", [{"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": resources}]
    )

    assert runtime.invoke_endpoint(EndpointName=endpoint, InferenceComponentName=one, Body=b"x")["Body"].read()
    refused = refusal(runtime.invoke_endpoint, EndpointName=endpoint, InferenceComponentName=other, Body=b"x")
    assert (
        f"not authorized to perform: sagemaker:InvokeEndpoint on resource: {place}:inference-component/{other}"
        in refused
    )


def test_what_components_are_sent_is_captured_by_the_endpoints_role(aws: Aws) -> None:
    name, role = unique("fleet"), aws.make_role()
    if "component-captures" not in [each["Name"] for each in aws.s3.list_buckets()["Buckets"]]:
        aws.s3.create_bucket(Bucket="component-captures")
    variant: Any = {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    capture: Any = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://component-captures/log/",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=role, ProductionVariants=[variant], DataCaptureConfig=capture
    )
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)
    component = make_component(aws, name, container(aws))

    def captured() -> int:
        return aws.s3.list_objects_v2(Bucket="component-captures", Prefix=f"log/{name}/main/")["KeyCount"]

    aws.invoke(name, InferenceComponentName=component)
    assert captured() == 0  # the role may not
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::component-captures/log/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    aws.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="captures", PolicyDocument=document)
    aws.invoke(name, InferenceComponentName=component)
    assert captured() == 1


def test_an_endpoint_is_deleted_after_its_components(aws: Aws) -> None:
    endpoint = make_endpoint(aws)
    name = make_component(aws, endpoint, container(aws))

    assert refusal(aws.sagemaker.delete_endpoint, EndpointName=endpoint).endswith(
        f"while it hosts inference components: delete {name} first."
    )
    for config in (config_of_another_variant(aws), aws.make_config()):
        assert refusal(aws.sagemaker.update_endpoint, EndpointName=endpoint, EndpointConfigName=config).endswith(
            f"while it hosts inference components: delete {name} first."
        )
    aws.sagemaker.delete_inference_component(InferenceComponentName=name)
    assert eventually(
        lambda: not aws.sagemaker.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"]
    )
    aws.sagemaker.delete_endpoint(EndpointName=endpoint)


def config_of_another_variant(aws: Aws) -> str:
    name = unique("fleet")
    variant: Any = {"VariantName": "other", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=aws.make_role(), ProductionVariants=[variant]
    )
    return name


def test_a_component_whose_container_does_not_start_has_failed(aws: Aws) -> None:
    name = make_component(aws, make_endpoint(aws), container(aws, {"FAIL": "no weights"}))
    described = settle(aws, name)
    assert (described["InferenceComponentStatus"], described["FailureReason"]) == ("Failed", "no weights")

    again = container(aws, {"FAIL": "still none"})
    aws.sagemaker.update_inference_component(InferenceComponentName=name, Specification=again)
    described = settle(aws, name)
    assert (described["InferenceComponentStatus"], described["FailureReason"]) == ("Failed", "still none")


@pytest.mark.parametrize(
    ("specification", "copies", "message"),
    [
        ({"ComputeResourceRequirements": NEEDS}, 1, "Exactly one of ModelName and Container must be specified"),
        ({"ModelName": "none", "ComputeResourceRequirements": NEEDS}, 1, 'Could not find model "'),
        ({"Container": {"Image": IMAGE}}, 1, "ComputeResourceRequirements is required in Specification."),
        (
            {"Container": {"Image": IMAGE}, "ComputeResourceRequirements": NEEDS},
            0,
            "Inference components copy count must be an integer larger than 0.",
        ),
    ],
)
def test_fails_to_create_a_component_with(aws: Aws, specification: Any, copies: int, message: str) -> None:
    assert refusal(
        aws.sagemaker.create_inference_component,
        InferenceComponentName=unique("ic"),
        EndpointName=make_endpoint(aws),
        VariantName="main",
        Specification=specification,
        RuntimeConfig={"CopyCount": copies},
    ).startswith(f"ValidationException: {message}")


def test_fails_to_create_a_component_on_an_endpoint_of_a_model(aws: Aws) -> None:
    assert "does not host inference components" in refusal(
        aws.sagemaker.create_inference_component,
        InferenceComponentName=unique("ic"),
        EndpointName=aws.make_endpoint(),
        VariantName="main",
        Specification=container(aws),
        RuntimeConfig={"CopyCount": 1},
    )


def template(copies: int, **environment: str) -> dict[str, Any]:
    statements = [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/*"},
    ]
    policy = {"PolicyName": "execution", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    variant = {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    given = {"Image": IMAGE, "ArtifactUrl": "s3://models/digits/model.tar.gz", "Environment": environment}
    return {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": [policy]},
            },
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {
                    "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "ProductionVariants": [variant],
                },
            },
            "Fleet": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
            },
            "Component": {
                "Type": "AWS::SageMaker::InferenceComponent",
                "Properties": {
                    "EndpointName": {"Fn::GetAtt": ["Fleet", "EndpointName"]},
                    "VariantName": "main",
                    "Specification": {"Container": given, "ComputeResourceRequirements": NEEDS},
                    "RuntimeConfig": {"CopyCount": copies},
                },
            },
        },
        "Outputs": {
            "Endpoint": {"Value": {"Fn::GetAtt": ["Fleet", "EndpointName"]}},
            "Component": {"Value": {"Fn::GetAtt": ["Component", "InferenceComponentName"]}},
            "Arn": {"Value": {"Ref": "Component"}},
        },
    }


def test_a_stack_creates_updates_rolls_back_and_deletes_a_component(aws: Aws) -> None:
    aws.make_artifact()
    stack = unique("stack")

    created = aws.put_stack(stack, template(1, VERSION="1"))
    assert created["StackStatus"] == "CREATE_COMPLETE", aws.reasons(stack)
    outputs = {item["OutputKey"]: item["OutputValue"] for item in created["Outputs"]}
    endpoint, component = outputs["Endpoint"], outputs["Component"]
    assert outputs["Arn"] == f"arn:aws:sagemaker:us-east-1:000000000000:inference-component/{component.lower()}"
    assert aws.put_stack(stack, template(3, VERSION="2"))["StackStatus"] == "UPDATE_COMPLETE"
    assert aws.invoke(endpoint, InferenceComponentName=component)["environment"]["VERSION"] == "2"
    assert settle(aws, component)["RuntimeConfig"]["CurrentCopyCount"] == 3

    failed = aws.put_stack(stack, template(3, FAIL="no weights"))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert 'Resource handler returned message: "no weights"' in aws.reasons(stack)[0]
    assert aws.invoke(endpoint, InferenceComponentName=component)["environment"]["VERSION"] == "2"

    aws.cloudformation.delete_stack(StackName=stack)
    assert aws.sagemaker.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"] == []
