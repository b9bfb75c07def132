"""Batch transform on local AWS: a real model over the objects of a bucket, over plain boto3."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from aws_clients import IMAGE, Aws, refusal, unique
from batches import BUCKET, Batches
from gate import Gate
from patience import eventually

from local_aws.process import LocalAws


@pytest.fixture(scope="module")
def shared(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Batches:
    return Batches(Aws(local_aws), tmp_path_factory.mktemp("batches"))


@pytest.fixture
def batches(shared: Batches) -> Batches:
    shared.prefix = unique("in")
    return shared


LINES = {"SplitType": "Line"}
SEEN = {"ECHO": "yes"}


def documents(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


# --- Splitting and assembling -----------------------------------------------------------------------------------------


def test_every_object_under_the_prefix_gets_an_output_of_its_name(batches: Batches) -> None:
    batches.put(**{"a.csv": "1,2\n3,4\n", "deep__b.csv": "5"})

    assert batches.completed() == {"a.csv.out": b"6.0\n14.0", "deep/b.csv.out": b"10.0"}


@pytest.mark.parametrize(("strategy", "bodies"), [("MultiRecord", ["1,2\n3,4\n"]), ("SingleRecord", ["1,2", "3,4"])])
def test_lines_are_sent_together_or_one_by_one(batches: Batches, strategy: str, bodies: list[str]) -> None:
    batches.put(**{"a.csv": "1,2\n3,4\n"})

    outputs = batches.completed(
        source=LINES, output={"AssembleWith": "Line", "Accept": "text/x"}, BatchStrategy=strategy, Environment=SEEN
    )

    seen = documents(outputs["a.csv.out"])
    assert [document["body"] for document in seen] == bodies
    assert {(document["accept"], document["type"]) for document in seen} == {("text/x", "text/csv")}


def test_a_record_that_does_not_fit_fails_its_object_alone(batches: Batches) -> None:
    batches.put(**{"big.csv": "1" * 1_100_000, "small.csv": "1"})

    reason = batches.failure(MaxPayloadInMB=1)

    assert reason == (
        f"ClientError: {BUCKET}/{batches.prefix}/big.csv: Too much data for max payload size: a record has 1100000 bytes"
    )
    assert batches.outputs() == {"small.csv.out": b"2.0"}


def test_objects_may_be_compressed_and_listed_in_a_manifest(batches: Batches) -> None:
    batches.put(**{"a.csv.gz": gzip.compress(b"1,2"), "b.csv.gz": gzip.compress(b"3")})
    manifest = [{"prefix": f"s3://{BUCKET}/{batches.prefix}/"}, "b.csv.gz"]
    batches.put(**{"list.json": json.dumps(manifest)})
    s3 = {"S3DataType": "ManifestFile", "S3Uri": f"s3://{BUCKET}/{batches.prefix}/list.json"}

    source = {"CompressionType": "Gzip", "DataSource": {"S3DataSource": s3}}
    assert batches.completed(source=source) == {"b.csv.gz.out": b"6.0"}


def test_the_container_knows_that_it_serves_a_batch(batches: Batches) -> None:
    batches.put(a="1")

    outputs = batches.completed(
        MaxConcurrentTransforms=2, MaxPayloadInMB=3, BatchStrategy="SingleRecord", Environment={**SEEN, "COLOUR": "red"}
    )

    environment = json.loads(outputs["a.out"])["environment"]
    assert environment.items() >= {
        ("SAGEMAKER_BATCH", "true"),
        ("SAGEMAKER_BATCH_STRATEGY", "SINGLE_RECORD"),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "3"),
        ("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "2"),
        ("COLOUR", "red"),
    }


# --- Filters and joins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_columns_of_csv_are_filtered_and_joined(batches: Batches, strategy: str) -> None:
    batches.put(**{"a.csv": "7,2\n8,4\n"})

    outputs = batches.completed(
        source=LINES,
        output={"AssembleWith": "Line", "Accept": "text/csv"},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        BatchStrategy=strategy,
    )

    assert outputs == {"a.csv.out": b"7,4.0\n8,8.0\n"}


def test_a_whole_json_document_gets_its_inference(batches: Batches) -> None:
    batches.put(**{"a.json": '{\n "id": 1,\n "features": [1, 2]\n}'})

    outputs = batches.completed(
        source={"ContentType": "application/json"},
        output={"Accept": "application/json"},
        DataProcessing={"InputFilter": "$.features", "JoinSource": "Input"},
    )

    assert json.loads(outputs["a.json.out"]) == {"id": 1, "features": [1, 2], "SageMakerOutput": [2, 4]}


def test_a_filter_that_selects_nothing_fails_the_object(batches: Batches) -> None:
    batches.put(**{"a.csv": "1,2"})

    failure = batches.failure(output={"Accept": "text/csv"}, DataProcessing={"InputFilter": "$.id"})

    assert failure.startswith(f"ClientError: {BUCKET}/{batches.prefix}/a.csv: $.id selects nothing of a record ")


# --- Failures ---------------------------------------------------------------------------------------------------------


def test_a_request_that_fails_is_tried_again(batches: Batches) -> None:
    batches.put(**{"a.csv": "1"})

    assert batches.completed(Environment={"FAILURES": "3"}) == {"a.csv.out": b"2.0"}


def test_an_object_that_the_model_refuses_fails_the_job_and_the_others_are_kept(batches: Batches) -> None:
    batches.put(**{"a.csv": "poison", "b.csv": "1"})

    described = batches.run(ModelClientConfig={"InvocationsMaxRetries": 0})

    name = described["TransformJobName"]
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"].startswith(
        f"AlgorithmError: {BUCKET}/{batches.prefix}/a.csv: Bad HTTP status received from algorithm: 500\nMessage: "
    )
    assert "ValueError: poison" in described["FailureReason"]
    assert batches.outputs() == {"b.csv.out": b"2.0"}
    lines = data_log(batches.aws, name)
    assert lines[0].endswith(
        "[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    )
    assert "/a.csv: Bad HTTP status received from algorithm: 500" in lines[1]


def data_log(aws: Aws, job: str) -> list[str]:
    group = "/aws/sagemaker/TransformJobs"
    streams = aws.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    (stream,) = [found for found in streams if found["logStreamName"].endswith("/data-log")]
    events = aws.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    return [event["message"] for event in events]


def test_a_request_that_takes_too_long_fails(batches: Batches, gate: Gate) -> None:
    batches.put(**{"a.csv": "1"})

    name = batches.start(
        Environment={"GATE": str(gate.directory)},
        ModelClientConfig={"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0},
    )
    assert eventually(lambda: gate.waiting == 1)
    assert eventually(lambda: "Unable to get response" in str(data_log(batches.aws, name)))
    gate.open()

    reason = batches.settled(name)["FailureReason"]
    assert f"AlgorithmError: {BUCKET}/{batches.prefix}/a.csv: Unable to get response from algorithm: " in reason


def test_a_model_that_does_not_load_fails_the_job(batches: Batches) -> None:
    batches.put(**{"a.csv": "1"})

    reason = batches.failure(Environment={"FAIL": "wrong weights"})

    assert reason.startswith("AlgorithmError: Model container failed to respond to ping. ")
    assert "RuntimeError: wrong weights (code/inference.py, line 6, in model_fn)" in reason


def test_an_empty_prefix_fails_the_job(batches: Batches) -> None:
    assert batches.failure() == (
        f"ClientError: Data download failed:S3 key: s3://{BUCKET}/{batches.prefix}/ matched no files on s3"
    )


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:PutObject"])
def test_a_role_that_lacks_a_right_fails_the_job(batches: Batches, action: str) -> None:
    batches.put(**{"a.csv": "1"})
    model = batches.make_model(unique("closed"), without=action)

    assert f"is not authorized to perform: {action} on resource: " in batches.failure(ModelName=model)


def test_several_requests_are_under_way_at_a_time(batches: Batches, gate: Gate) -> None:
    batches.put(**{"a.csv": "1\n" * 4})

    name = batches.start(
        source=LINES,
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=4,
        Environment={"GATE": str(gate.directory), "SAGEMAKER_MODEL_SERVER_WORKERS": "4"},
    )

    assert eventually(lambda: gate.waiting == 4)
    gate.open()
    assert batches.settled(name)["TransformJobStatus"] == "Completed"


def test_a_stopped_job_stores_nothing(batches: Batches, gate: Gate) -> None:
    batches.put(**{"a.csv": "1\n2\n"})
    name = batches.start(source=LINES, BatchStrategy="SingleRecord", Environment={"GATE": str(gate.directory)})
    assert eventually(lambda: gate.waiting == 1)

    batches.aws.sagemaker.stop_transform_job(TransformJobName=name)
    gate.open()

    assert batches.settled(name)["TransformJobStatus"] == "Stopped"
    assert batches.outputs() == {}
    assert refusal(batches.aws.sagemaker.stop_transform_job, TransformJobName=name) == (
        "ValidationException: The request was rejected because the transform job is in status Stopped."
    )


def test_an_inference_pipeline_transforms_batches_as_well(batches: Batches) -> None:
    container: Any = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model/model.tar.gz"}
    model = batches.make_model(unique("pipeline"), PrimaryContainer=None, Containers=[container, container])
    batches.put(**{"a.csv": "1,2\n3,4"})

    assert batches.completed(ModelName=model) == {"a.csv.out": b"12.0\n28.0"}


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ModelName": "absent"}, 'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/absent".'),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB, and MaxConcurrentTransforms * MaxPayloadInMB, cannot exceed 100 MB"),
        ({"MaxConcurrentTransforms": 17}, "cannot exceed 100 MB: got 6 and 102."),
        ({"DataProcessing": {"InputFilter": "$..id"}}, "'$..id' is not a supported JSONPath expression at position 1"),
        (
            {"DataProcessing": {"JoinSource": "Input"}, "source": {"ContentType": "image/png"}},
            "application/x-jsonlines: ContentType is image/png.",
        ),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://x/y"}}, "does not capture the data of batch transform jobs"),
    ],
)
def test_a_wrong_request_is_refused(batches: Batches, changes: dict[str, Any], message: str) -> None:
    refused = refusal(batches.start, **changes)

    assert refused.startswith("ValidationException: ")
    assert message in refused


def test_models_without_one_archive_are_refused(batches: Batches) -> None:
    uncompressed = {"S3Uri": f"s3://{BUCKET}/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container: Any = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": uncompressed}}
    plain = batches.make_model(unique("plain"), PrimaryContainer=container)
    many: Any = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model/", "Mode": "MultiModel"}
    multiple = batches.make_model(unique("many"), PrimaryContainer=many)

    assert refusal(batches.start, ModelName=plain) == (
        "ValidationException: SageMaker Batch currently doesn't support Model entity with container definitions which "
        "use ModelDataSource attribute"
    )
    assert "MultiModel mode cannot be used for batch transform" in refusal(batches.start, ModelName=multiple)


def test_a_name_is_taken_for_ever(batches: Batches) -> None:
    batches.put(**{"a.csv": "1"})
    name = batches.start()

    assert refusal(batches.start, TransformJobName=name) == (
        "ResourceInUse: Job name must be unique within an AWS account and region, and a job with this name already "
        f"exists (arn:aws:sagemaker:us-east-1:000000000000:transform-job/{name})"
    )
    assert refusal(batches.aws.sagemaker.describe_transform_job, TransformJobName="absent") == (
        "ValidationException: Could not find requested job with name: absent"
    )
    listed = batches.aws.sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert [job["TransformJobName"] for job in listed] == [name]
