"""Rollouts: the alarms must be there and be seen by the role, and take an update back; variants keep their names."""

from __future__ import annotations

import json
from typing import Any

from aws_clients import Aws, refusal, unique


def guarded(*alarms: str) -> Any:
    return {
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}},
    }


def make_alarm(aws: Aws) -> str:
    name = unique("alarm")
    aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": name}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    return name


def let_describe(aws: Aws, role: str, *alarms: str) -> None:
    resources = [f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}" for name in alarms]
    statement = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": resources}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="alarms", PolicyDocument=document)


def test_fails_to_create_or_update_with_an_alarm_that_is_not_there(aws: Aws) -> None:
    there, name, config = make_alarm(aws), unique("endpoint"), aws.make_config()
    refused = "ValidationException: Could not find the alarms of AutoRollbackConfiguration: gone, lost."

    request: Any = {"EndpointConfigName": config, "DeploymentConfig": guarded("gone", there, "lost")}
    assert refusal(aws.sagemaker.create_endpoint, EndpointName=name, **request) == refused
    existing = aws.make_endpoint()
    assert refusal(aws.sagemaker.update_endpoint, EndpointName=existing, **request) == refused
    assert aws.sagemaker.describe_endpoint(EndpointName=existing)["EndpointStatus"] == "InService"


def test_the_role_of_each_model_must_see_the_alarms(aws: Aws) -> None:
    alarm, role, name = make_alarm(aws), aws.make_role(), aws.make_endpoint()
    config = aws.make_config({"VERSION": "2"}, role=role)
    request: Any = {"EndpointName": name, "EndpointConfigName": config, "DeploymentConfig": guarded(alarm)}

    refused = refusal(aws.sagemaker.update_endpoint, **request)
    let_describe(aws, role, alarm)
    aws.sagemaker.update_endpoint(**request)

    assert (
        "is not authorized to perform: cloudwatch:DescribeAlarms on resource: "
        f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{alarm}" in refused
    )
    assert aws.settle(name)["EndpointConfigName"] == config


def test_the_role_of_the_second_variants_model_must_see_them_as_well(aws: Aws) -> None:
    alarm, seeing, blind, name = make_alarm(aws), aws.make_role(), aws.make_role(), unique("endpoint")
    let_describe(aws, seeing, alarm)
    models = {role: aws.make_config(role=role) for role in (seeing, blind)}  # a model has its configuration's name
    variants: Any = [
        {"VariantName": f"v{number}", "ModelName": model, "InstanceType": "ml.c6i.large", "InitialInstanceCount": 1}
        for number, model in enumerate(models.values())
    ]
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    request: Any = {"EndpointName": name, "EndpointConfigName": name, "DeploymentConfig": guarded(alarm)}

    refused = refusal(aws.sagemaker.create_endpoint, **request)
    let_describe(aws, blind, alarm)
    aws.sagemaker.create_endpoint(**request)

    assert (
        f"assumed-role/{blind.rpartition('/')[2]}/SageMaker is not authorized to perform: cloudwatch:Describe"
        in refused
    )
    assert aws.settle(name)["EndpointStatus"] == "InService"


def test_a_deployment_that_is_kept_must_still_have_its_alarms(aws: Aws) -> None:
    alarm, role, name = make_alarm(aws), aws.make_role(), aws.make_endpoint()
    let_describe(aws, role, alarm)
    config = aws.make_config(role=role)
    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, DeploymentConfig=guarded(alarm))
    assert aws.settle(name)["EndpointStatus"] == "InService"

    aws.cloudwatch.delete_alarms(AlarmNames=[alarm])

    assert (
        refusal(
            aws.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=config, RetainDeploymentConfig=True
        )
        == f"ValidationException: Could not find the alarms of AutoRollbackConfiguration: {alarm}."
    )
    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    assert aws.settle(name)["EndpointStatus"] == "InService"


def test_an_alarm_that_goes_off_takes_the_update_back(aws: Aws) -> None:
    alarm, role, name = make_alarm(aws), aws.make_role(), aws.make_endpoint({"VERSION": "1"})
    let_describe(aws, role, alarm)
    before = aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    config = aws.make_config({"VERSION": "2"}, role=role)
    aws.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="it answers with 5XX")

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, DeploymentConfig=guarded(alarm))

    described = aws.settle(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert described["FailureReason"] == f"The update was rolled back: alarm {alarm} is in ALARM."
    assert aws.invoke(name)["environment"]["VERSION"] == "1"


def test_variants_keep_their_names_in_a_rollout(aws: Aws) -> None:
    name, renamed = aws.make_endpoint(), aws.make_config(VariantName="other")
    request: Any = {"EndpointName": name, "EndpointConfigName": renamed}
    deployment = {"BlueGreenUpdatePolicy": guarded()["BlueGreenUpdatePolicy"]}

    assert refusal(aws.sagemaker.update_endpoint, **request, DeploymentConfig=deployment) == (
        "ValidationException: With a DeploymentConfig, the new endpoint configuration must have the same variant names "
        "as the old one: main."
    )
    aws.sagemaker.update_endpoint(**request)
    assert aws.settle(name)["EndpointConfigName"] == renamed
