"""Training jobs on local AWS, over plain boto3."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from aws_clients import HOSTING_ACTIONS, Aws, unique
from patience import looks

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
BUCKET = "training"
DUMP = """
import json, os, pathlib, sys
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
seen = {
    "argv": sys.argv[1:],
    "environment": {k: v for k, v in os.environ.items()},
    "files": {str(p.relative_to(channel)): p.read_text() for p in sorted(channel.rglob("*")) if p.is_file()},
    "hyperparameters": json.loads((model.parent / "input/config/hyperparameters.json").read_text()),
    "inputs": json.loads((model.parent / "input/config/inputdataconfig.json").read_text()),
    "resources": json.loads((model.parent / "input/config/resourceconfig.json").read_text()),
    "root": str(model.parent),
}
(model / "seen.json").write_text(json.dumps(seen))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "report.txt").write_text("fine")
for loss in (0.5, 0.25):
    print(f"epoch done; loss={loss};")
"""


def put_data(aws: Aws) -> None:
    """Make the bucket, with data in it."""
    aws.s3.create_bucket(Bucket=BUCKET)
    for key, body in {"data/train/a.csv": b"1,2\n", "data/train/more/b.csv": b"3,4\n", "data/other.csv": b"5"}.items():
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def make_role(aws: Aws, *, without: str = "") -> str:
    arn = f"arn:aws:s3:::{BUCKET}"
    rights = {"s3:GetObject": f"{arn}/*", "s3:PutObject": f"{arn}/out/*", "s3:ListBucket": arn}
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": [a for a in HOSTING_ACTIONS if a != without], "Resource": "*"},
        *({"Effect": "Allow", "Action": a, "Resource": r} for a, r in rights.items() if a != without),
    ]
    return aws.make_role_of(statements)


def upload_source(aws: Aws, files: dict[str, str | bytes]) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    key = f"source/{unique('s')}/sourcedir.tar.gz"
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=packed.getvalue())
    return f"s3://{BUCKET}/{key}"


def job_request(aws: Aws, files: dict[str, str | bytes] | str, **changes: Any) -> dict[str, Any]:
    sources: dict[str, str | bytes] = {"train.py": files} if isinstance(files, str) else files
    parameters = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": f'"{upload_source(aws, sources)}"'}
    request: dict[str, Any] = {
        "TrainingJobName": unique("job"),
        "RoleArn": make_role(aws),
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
    }
    request |= changes
    request["HyperParameters"] = parameters | request.get("HyperParameters", {})
    return {name: value for name, value in request.items() if value is not None}


def channel(prefix: str = "data/train", **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"} | more
    return {"ChannelName": "train", "DataSource": {"S3DataSource": source}}


def start(aws: Aws, files: dict[str, str | bytes] | str, **changes: Any) -> str:
    request = job_request(aws, files, **changes)
    aws.sagemaker.create_training_job(**request)
    return str(request["TrainingJobName"])


def settled(aws: Aws, name: str) -> dict[str, Any]:
    for _ in looks():
        described = aws.sagemaker.describe_training_job(TrainingJobName=name)
        if described["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return dict(described)
    raise AssertionError(f"{name} is still {described['TrainingJobStatus']}, {described['SecondaryStatus']}")


def train(aws: Aws, files: dict[str, str | bytes] | str, **changes: Any) -> dict[str, Any]:
    return settled(aws, start(aws, files, **changes))


def read_archive(aws: Aws, uri: str) -> dict[str, bytes]:
    body = aws.s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {m.name: file.read() for m in archive if (file := archive.extractfile(m)) is not None}


def log_lines(aws: Aws, job: str) -> list[str]:
    group = "/aws/sagemaker/TrainingJobs"
    streams = aws.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/algo-1-")["logStreams"]
    events = [aws.logs.get_log_events(logGroupName=group, logStreamName=s["logStreamName"])["events"] for s in streams]
    return [event["message"] for found in events for event in found]
