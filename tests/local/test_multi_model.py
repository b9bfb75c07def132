"""Multi-model endpoints: real containers that load the model which each request names."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, Aws, refusal, unique
from model_hosts import DOUBLING, archive
from patience import PATIENCE

from local_aws.hosting import Container, Host
from local_aws.process import LocalAws
from local_aws.services.sagemaker.http_client import HttpClient

BUCKET = "many"


@pytest.fixture(scope="module")
def aws(local_aws: LocalAws) -> Aws:
    made = Aws(local_aws)
    made.s3.create_bucket(Bucket=BUCKET)
    return made


def put_model(aws: Aws, key: str, factor: int | str) -> None:
    """Upload a model whose handler multiplies."""
    source = f"""
def model_fn(model_dir):
    return int({factor!r})
def predict_fn(data, model):
    return data * model
""".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(source)
        archive.addfile(member, io.BytesIO(source))
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=packed.getvalue())


def make_role(aws: Aws, readable: str) -> str:
    """Create a role that may list the bucket and read the objects below a prefix."""
    statements = [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/{readable}"},
    ]
    return aws.make_role_of(statements)


def make_endpoint(aws: Aws, prefix: str, *, readable: str = "", **settings: Any) -> str:
    name = unique("many")
    container: Any = {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/{prefix}/"} | settings
    role = make_role(aws, readable or f"{prefix}/*")
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant: Any = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert aws.settle(name)["EndpointStatus"] == "InService"
    return name


def ask(aws: Aws, endpoint: str, model: str) -> Any:
    answer = aws.runtime.invoke_endpoint(
        EndpointName=endpoint, TargetModel=model, Body=b"[10]", ContentType="application/json"
    )
    return json.loads(answer["Body"].read())


def metric(aws: Aws, endpoint: str, name: str, namespace: str = "AWS/SageMaker") -> list[float]:
    """Return a metric's data; the order is not kept."""
    dimensions: Any = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "main"}]
    found = aws.cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=dimensions,
        StartTime="2020-01-01T00:00:00Z",
        EndTime="2100-01-01T00:00:00Z",
        Period=3600,
        Statistics=["Sum", "SampleCount", "Maximum"],
    )["Datapoints"]
    return [sum(p["Sum"] for p in found), sum(p["SampleCount"] for p in found), max(p["Maximum"] for p in found)]


def log_text(aws: Aws, endpoint: str) -> str:
    return json.dumps(aws.logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"])


def test_each_model_is_loaded_on_its_first_call_and_the_least_recently_used_makes_room(aws: Aws) -> None:
    prefix = unique("p")
    for factor in (1, 2, 3):
        put_model(aws, f"{prefix}/team/times-{factor}.tar.gz", factor)
    name = make_endpoint(aws, prefix, Environment={"LOCAL_AWS_LOADED_MODELS": "2"})

    calls = [ask(aws, name, f"team/times-{factor}.tar.gz") for factor in (1, 2, 1, 3, 1, 2)]

    assert calls == [[10], [20], [10], [30], [10], [20]]
    # 3 makes 2 go, which was used before 1; 2 then makes 3 go.
    assert metric(aws, name, "ModelCacheHit")[:2] == [2.0, 6.0]
    assert metric(aws, name, "ModelLoadingTime")[1] == 4.0
    assert metric(aws, name, "ModelDownloadingTime")[1] == 4.0
    assert metric(aws, name, "ModelUnloadingTime")[1] == 2.0
    assert metric(aws, name, "ModelLoadingWaitTime")[1] == 6.0
    assert metric(aws, name, "LoadedModelCount", "/aws/sagemaker/Endpoints")[2] == 2.0


def test_a_model_put_under_the_prefix_later_is_served_and_one_changed_while_it_is_loaded_is_not(aws: Aws) -> None:
    prefix = unique("p")
    put_model(aws, f"{prefix}/a.tar.gz", 2)
    name = make_endpoint(aws, prefix)
    assert ask(aws, name, "a.tar.gz") == [20]

    put_model(aws, f"{prefix}/b.tar.gz", 5)
    put_model(aws, f"{prefix}/a.tar.gz", 3)

    assert ask(aws, name, "b.tar.gz") == [50]
    assert ask(aws, name, "a.tar.gz") == [20]


def test_nothing_is_kept_with_the_cache_disabled(aws: Aws) -> None:
    prefix = unique("p")
    put_model(aws, f"{prefix}/a.tar.gz", 2)
    name = make_endpoint(aws, prefix, MultiModelConfig={"ModelCacheSetting": "Disabled"})

    assert [ask(aws, name, "a.tar.gz") for _ in range(2)] == [[20], [20]]
    assert metric(aws, name, "ModelCacheHit")[:2] == [0.0, 2.0]


def test_fails_for_a_model_that_is_not_there_that_the_role_may_not_read_or_that_does_not_load(aws: Aws) -> None:
    prefix = unique("p")
    put_model(aws, f"{prefix}/open/a.tar.gz", "no number")
    put_model(aws, f"{prefix}/closed/b.tar.gz", 2)
    name = make_endpoint(aws, prefix, readable=f"{prefix}/open/*")

    def refused(model: str) -> str:
        return refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"[1]", TargetModel=model)

    assert refused("open/none.tar.gz").startswith(
        f"ValidationError: Failed to download model data(bucket: {BUCKET}, key: {prefix}/open/none.tar.gz). Please "
        "ensure that there is an object located at the URL and that the role passed to CreateModel has permissions to "
        "download the model."
    )
    assert f"is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::{BUCKET}/{prefix}/closed" in refused(
        "closed/b.tar.gz"
    )
    message = refused("open/a.tar.gz")
    assert message.startswith('ModelError: Received server error (500) from primary with message "{"code": 500, ')
    assert "invalid literal for int() with base 10: 'no number' (code/inference.py, line 3, in model_fn)" in message
    put_model(aws, f"{prefix}/open/a.tar.gz", 4)
    assert ask(aws, name, "open/a.tar.gz") == [40]
    assert "no number" in log_text(aws, name)


def test_a_multi_model_endpoint_is_told_the_model_and_no_other_endpoint_is(aws: Aws) -> None:
    prefix = unique("p")
    put_model(aws, f"{prefix}/a.tar.gz", 2)
    many = make_endpoint(aws, prefix)
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=many, Body=b"[1]") == (
        f"ValidationError: Endpoint {many} is a multi-model endpoint and requires target model header."
    )


def test_a_user_may_be_held_to_some_of_the_models(aws: Aws) -> None:
    prefix = unique("p")
    put_model(aws, f"{prefix}/mine.tar.gz", 2)
    name = make_endpoint(aws, prefix)
    rights = {
        "Effect": "Allow",
        "Action": "sagemaker:InvokeEndpoint",
        "Resource": f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{name}",
        "Condition": {"StringLike": {"sagemaker:TargetModel": "mine*"}},
    }
    user = aws.as_user("sagemaker-runtime", [rights])
    request = {"EndpointName": name, "Body": b"[1]", "ContentType": "application/json"}

    assert user.invoke_endpoint(**request, TargetModel="mine.tar.gz")["Body"].read() in (b"[2]", b"[2.0]")
    assert "is not authorized to perform: sagemaker:InvokeEndpoint" in refusal(
        user.invoke_endpoint, **request, TargetModel="yours.tar.gz"
    )


def test_fails_to_create_a_multi_model_without_a_prefix(aws: Aws) -> None:
    role = make_role(aws, "*")
    container: Any = {"Image": IMAGE, "Mode": "MultiModel"}
    assert refusal(
        aws.sagemaker.create_model, ModelName=unique("m"), ExecutionRoleArn=role, PrimaryContainer=container
    ) == ("ValidationException: ModelDataUrl with an S3 prefix is required for a container in MultiModel mode.")


def test_a_container_answers_the_multi_model_contract(tmp_path: Path) -> None:
    place = tmp_path / "host"
    container = Container(image=IMAGE, environment={"LOCAL_AWS_LOADED_MODELS": "1"}, archive=None, multi_model=True)
    host = Host(container, workdir=place, log=lambda _: None, startup_timeout=PATIENCE)
    host.start()
    try:
        client = HttpClient(lambda: host.url)

        def call(method: str, path: str, document: object = None) -> tuple[int, Any]:
            reply = client.request(
                method, path, json.dumps(document).encode(), {"Content-Type": "application/json"}, timeout=PATIENCE
            )
            return reply.status, json.loads(reply.body)

        paths = {
            name: host.add_model(name, archive(tmp_path / name, {"code/inference.py": DOUBLING})) for name in ("a", "b")
        }
        assert call("GET", "/models") == (200, {"models": []})
        assert call("POST", "/models", {"model_name": "a", "url": paths["a"]})[0] == 200
        assert call("POST", "/models", {"model_name": "a", "url": paths["a"]})[0] == 409
        assert call("POST", "/models", {"model_name": "b", "url": paths["b"]})[0] == 507
        assert call("POST", "/models", {"url": paths["b"]})[0] == 400
        assert call("GET", "/models/a") == (200, {"modelName": "a", "modelUrl": paths["a"]})
        assert call("POST", "/models/a/invoke", [2])[1] == [4]
        assert call("POST", "/models/b/invoke", [2])[0] == 404
        assert call("DELETE", "/models/a")[0] == 200
        assert call("DELETE", "/models/a")[0] == 404
    finally:
        host.stop()
    assert not (place / "opt").exists()
