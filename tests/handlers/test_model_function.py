"""The function that creates models in CloudFormation's place: its requests, its names, and what goes wrong."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.sagemaker.custom_model.handler import index
from local_aws.validation import check, service_model

Json = dict[str, Any]
SERVICE = service_model("sagemaker")
DRAFT = {"S3Uri": "s3://weights/draft/", "S3DataType": "S3Prefix", "CompressionType": "None"}
TEAM, OWNER = {"Key": "team", "Value": "a"}, {"Key": "owner", "Value": "b"}
# As CloudFormation sends them: all text.
PROPERTIES: Json = {
    "ServiceToken": "arn:aws:lambda:us-east-1:111111111111:function:models",
    "ServiceTimeout": "360",
    "NamePrefix": "stack",
    "ExecutionRoleArn": "arn:aws:iam::111111111111:role/execution",
    "EnableNetworkIsolation": "true",
    "PrimaryContainer": {
        "Image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/mine:1",
        "Environment": {"TRUST": "true", "WORKERS": "2"},
        "AdditionalModelDataSources": [
            {"ChannelName": "draft", "S3DataSource": {**DRAFT, "ModelAccessConfig": {"AcceptEula": "true"}}}
        ],
    },
    "Tags": [TEAM],
}
ANOTHER = {**PROPERTIES, "ExecutionRoleArn": "arn:aws:iam::111111111111:role/another"}


class SageMaker:
    """As much of SageMaker as the function uses; each request is held against botocore's model of it."""

    exceptions = SimpleNamespace(ClientError=ClientError)
    meta = SimpleNamespace(service_model=SERVICE)

    def __init__(self) -> None:
        self.models: dict[str, Json] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.calls: list[str] = []
        self.errors: list[tuple[str, str]] = []
        self.loses_answers = False

    def create_model(self, **request: Any) -> Json:
        name = self._begin("CreateModel", request)
        if name in self.models:
            raise refused("CreateModel", "ValidationException", f'Cannot create already existing model "{arn(name)}".')
        self.models[name] = request
        self.tags[arn(name)] = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if self.loses_answers:
            self.loses_answers = False
            raise refused("CreateModel", "ServiceUnavailable", "try again")
        return {"ModelArn": arn(name)}

    def delete_model(self, **request: Any) -> Json:
        self._found("DeleteModel", request)
        del self.models[request["ModelName"]]
        return {}

    def describe_model(self, **request: Any) -> Json:
        self._found("DescribeModel", request)
        return {"ModelArn": arn(request["ModelName"])}

    def add_tags(self, **request: Any) -> Json:
        self._begin("AddTags", request)
        self.tags[request["ResourceArn"]] |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        return {}

    def delete_tags(self, **request: Any) -> Json:
        self._begin("DeleteTags", request)
        for key in request["TagKeys"]:
            del self.tags[request["ResourceArn"]][key]
        return {}

    def _begin(self, operation: str, request: Json) -> str:
        self.calls.append(operation)
        shape = SERVICE.operation_model(operation).input_shape
        assert shape is not None
        check(shape, request)
        if self.errors:
            raise refused(operation, *self.errors.pop(0))
        return str(request.get("ModelName", ""))

    def _found(self, operation: str, request: Json) -> None:
        name = self._begin(operation, request)
        if name not in self.models:
            raise refused(operation, "ValidationException", f'Could not find model "{arn(name)}".')


def arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:111111111111:model/{name}"


def refused(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def event(kind: str, properties: Json = PROPERTIES, name: str = "", **more: Any) -> Json:
    return {
        "RequestType": kind,
        "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/Stack/1",
        "RequestId": "1",
        "LogicalResourceId": "DigitsModelCustom0A1B2C3D",
        "ResourceProperties": properties,
        **({"PhysicalResourceId": name} if name else {}),
        **more,
    }


def create(sagemaker: SageMaker, properties: Json = PROPERTIES) -> str:
    return done(sagemaker, event("Create", properties))


def update(sagemaker: SageMaker, properties: Json, name: str, before: Json) -> str:
    return done(sagemaker, event("Update", properties, name, OldResourceProperties=before))


def done(sagemaker: SageMaker, request: Json) -> str:
    answer = index.answer(request, sagemaker, no_sleep)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return str(answer["PhysicalResourceId"])


def no_sleep(seconds: float) -> None:
    raise AssertionError("there is nothing to wait for")


def test_a_model_is_made_of_the_templates_properties_as_the_api_has_them() -> None:
    sagemaker = SageMaker()

    answer = index.answer(event("Create"), sagemaker, no_sleep)

    (name,) = sagemaker.models
    assert re.fullmatch("stack-digitsmodelcustom0a1b2c3-[0-9a-f]{16}", name)
    (source,) = PROPERTIES["PrimaryContainer"]["AdditionalModelDataSources"]
    accepted = {"ChannelName": "draft", "S3DataSource": {**DRAFT, "ModelAccessConfig": {"AcceptEula": True}}}
    assert sagemaker.models[name] == {
        "ModelName": name,
        "ExecutionRoleArn": PROPERTIES["ExecutionRoleArn"],
        "EnableNetworkIsolation": True,
        "PrimaryContainer": {**PROPERTIES["PrimaryContainer"], "AdditionalModelDataSources": [accepted]},
        "Tags": [TEAM],
    }
    assert source["S3DataSource"]["ModelAccessConfig"] == {"AcceptEula": "true"}  # the event is left as it was
    assert answer == {
        "Status": "SUCCESS",
        "Reason": "OK",
        "PhysicalResourceId": name,
        "Data": {"ModelName": name},
        **{key: event("Create")[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }


def test_a_request_that_comes_twice_makes_one_model() -> None:
    sagemaker = SageMaker()
    request = {**event("Create"), "LogicalResourceId": "InternalThrottleModel"}  # words that are no error's here

    assert done(sagemaker, request) == done(sagemaker, request)

    assert len(sagemaker.models) == 1


def test_the_name_follows_from_the_stack_the_resource_and_what_the_model_is_made_of() -> None:
    other_stack = {**event("Create"), "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/Stack/2"}
    long = {**event("Create"), "LogicalResourceId": "X" * 255}
    new_function = event("Create", {**PROPERTIES, "ServiceToken": "another", "ServiceTimeout": "1", "Tags": []})

    names = [index.name_of(each) for each in (event("Create"), other_stack, long, event("Create", ANOTHER))]

    assert len(set(names)) == 4
    assert max(map(len, names)) <= 63
    assert index.name_of(new_function) == names[0]


def test_an_update_makes_another_model_and_leaves_the_former_to_cloudformation() -> None:
    sagemaker = SageMaker()
    former = create(sagemaker)

    name = update(sagemaker, ANOTHER, former, PROPERTIES)

    assert set(sagemaker.models) == {former, name}
    assert done(sagemaker, event("Delete", PROPERTIES, former)) == former
    assert set(sagemaker.models) == {name}


def test_the_way_back_from_an_update_leads_to_the_former_model() -> None:
    sagemaker = SageMaker()
    former = create(sagemaker)
    name = update(sagemaker, ANOTHER, former, PROPERTIES)

    assert update(sagemaker, PROPERTIES, name, ANOTHER) == former
    done(sagemaker, event("Delete", ANOTHER, name))

    assert set(sagemaker.models) == {former}


def test_tags_change_in_place() -> None:
    sagemaker = SageMaker()
    name = create(sagemaker)
    tagged = {**PROPERTIES, "Tags": [OWNER]}

    assert update(sagemaker, tagged, name, PROPERTIES) == name
    assert sagemaker.tags[arn(name)] == {"owner": "b"}

    bare = {key: value for key, value in PROPERTIES.items() if key != "Tags"}
    assert update(sagemaker, bare, name, tagged) == name
    assert sagemaker.tags[arn(name)] == {}


PASSING = [
    ("ThrottlingException", "Rate exceeded"),
    ("AccessDeniedException", "not authorized to perform: iam:PassRole"),
    ("ValidationException", "Could not access model data at s3://weights/draft/."),
    ("ValidationException", 'Could not assume role "arn:aws:iam::111111111111:role/execution".'),
]


def test_throttling_and_rights_that_were_just_given_are_waited_for() -> None:
    sagemaker = SageMaker()
    sagemaker.errors = list(PASSING)
    slept: list[float] = []

    answer = index.answer(event("Create"), sagemaker, slept.append)

    assert (answer["Status"], slept) == ("SUCCESS", [5, 5, 5, 5])
    assert len(sagemaker.models) == 1


def test_a_model_whose_answer_was_lost_is_not_made_again() -> None:
    sagemaker = SageMaker()
    sagemaker.loses_answers = True

    answer = index.answer(event("Create"), sagemaker, lambda _: None)

    assert answer["Status"] == "SUCCESS"
    assert list(sagemaker.models) == [answer["PhysicalResourceId"]]


@pytest.mark.parametrize(
    ("errors", "pauses"),
    [([("ValidationException", "Requested image not found.")], 0), (PASSING[2:3] * 12, 11)],
    ids=["refused", "never allowed"],
)
def test_what_no_waiting_mends_fails_and_leaves_nothing_to_its_deletion(
    errors: list[tuple[str, str]], pauses: int
) -> None:
    sagemaker = SageMaker()
    sagemaker.errors = list(errors)
    slept: list[float] = []

    answer = index.answer(event("Create"), sagemaker, slept.append)

    assert (answer["Status"], len(slept)) == ("FAILED", pauses)
    assert answer["Reason"].endswith(errors[0][1])
    assert done(sagemaker, event("Delete", PROPERTIES, answer["PhysicalResourceId"])) == answer["PhysicalResourceId"]
    assert sagemaker.models == {}


def test_a_deletion_is_tried_again_when_it_is_throttled() -> None:
    sagemaker = SageMaker()
    name = create(sagemaker)
    sagemaker.errors = [PASSING[0]]

    assert index.answer(event("Delete", PROPERTIES, name), sagemaker, lambda _: None)["Status"] == "SUCCESS"

    assert sagemaker.models == {}


def test_a_deletion_that_is_refused_fails() -> None:
    sagemaker = SageMaker()
    name = create(sagemaker)
    sagemaker.errors = [("ValidationException", "the model is in use")]

    answer = index.answer(event("Delete", PROPERTIES, name), sagemaker, no_sleep)

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", name)
    assert answer["Reason"].endswith("the model is in use")


@pytest.mark.parametrize("stack", ["Stack", "stack"])
def test_what_was_never_created_is_not_deleted(stack: str) -> None:
    sagemaker = SageMaker()

    done(sagemaker, event("Delete", PROPERTIES, f"{stack}-DigitsModelCustom0A1B2C3D-1ABCDEF2GHIJK"))

    assert sagemaker.calls == []


def test_the_function_needs_nothing_but_what_lambda_has() -> None:
    tree = ast.parse(Path(index.__file__).read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names == {"boto3"}
