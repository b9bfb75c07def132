"""How a container's process ends: by itself, and it is started again; or with local AWS, and nobody waits for it."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, Aws, unique
from botocore.exceptions import BotoCoreError, ClientError
from gate import Gate
from model_hosts import Hosts, archive, gated, invoke
from patience import PATIENCE, eventually

from local_aws.hosting import Container, Host
from local_aws.process import LocalAws
from local_aws.services.sagemaker.http_client import HttpClient

MORTAL = """
import os
def transform_fn(model, data, content_type, accept):
    if data == b"die":
        os._exit(3)
    return f"{model} {os.getpid()}"
"""


def is_back(host: Host, before: int | None) -> bool:
    """Say whether a host serves with another process."""
    try:
        return host.pid != before and bool(host.url)
    except ConnectionRefusedError:
        return False


def test_a_host_whose_process_is_killed_serves_again_and_the_log_says_why(hosts: Hosts) -> None:
    host = hosts.start("def model_fn(model_dir): return 1\n" + MORTAL)
    first = host.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)

    assert eventually(lambda: is_back(host, first))
    assert invoke(host, b"x").text == f"1 {host.pid}"
    assert "the model's process ended with signal SIGKILL, and is started again" in hosts.lines


def test_a_host_that_does_not_start_again_is_tried_until_it_does(
    hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_aws.hosting.host._LONGEST_BREAK", 0.0)
    weights = tmp_path / "weights"
    weights.write_text("1")
    host = hosts.start(f"def model_fn(model_dir): return open({str(weights)!r}).read()\n" + MORTAL)
    first = host.pid
    weights.unlink()

    with pytest.raises(ConnectionError):
        invoke(host, b"die", "application/octet-stream")

    assert hosts.log_has("could not be started again: FileNotFoundError: [Errno 2] No such file or directory: ")
    with pytest.raises(ConnectionRefusedError, match=r"^it is being started$"):
        _ = host.url
    (tmp_path / "partial").write_text("2")
    (tmp_path / "partial").rename(weights)
    assert eventually(lambda: is_back(host, first))
    assert invoke(host, b"x").text.startswith("2 ")


def test_a_host_that_is_stopped_stays_so(hosts: Hosts) -> None:
    host = hosts.start("def model_fn(model_dir): return 1\n" + MORTAL)
    first = host.pid

    host.stop()

    assert host.pid == first
    assert not any("started again" in line for line in hosts.lines)


def test_one_of_many_models_whose_process_ends_is_started_again(tmp_path: Path) -> None:
    container = Container(image=IMAGE, environment={}, archive=None, multi_model=True)
    host = Host(container, workdir=tmp_path / "host", log=lambda _: None, startup_timeout=PATIENCE)
    host.start()
    try:
        client = HttpClient(lambda: host.url)
        source = "def model_fn(model_dir): return 1\n" + MORTAL
        path = host.add_model("a", archive(tmp_path / "a", {"code/inference.py": source}))
        loading = json.dumps({"model_name": "a", "url": path}).encode()
        assert client.post("/models", loading, {}, timeout=PATIENCE).status == 200
        answers = [client.post("/models/a/invoke", body, {}, timeout=PATIENCE) for body in (b"x", b"die", b"x")]
    finally:
        host.stop()

    assert [answer.status for answer in answers] == [200, 500, 200]
    assert answers[0].body != answers[2].body  # another process


def test_a_multi_model_container_that_is_started_again_loads_its_models_again(local_aws: LocalAws) -> None:
    aws = Aws(local_aws)
    name = unique("mortal")
    source = b"def model_fn(model_dir): return 1\n" + MORTAL.replace("os._exit(3)", "os.kill(os.getppid(), 9)").encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(source)
        tar.addfile(member, io.BytesIO(source))
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="all/a.tar.gz", Body=packed.getvalue())
    role = aws.make_role_of(
        [
            {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"},
        ]
    )
    container: Any = {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": f"s3://{name}/all/"}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant: Any = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert aws.settle(name)["EndpointStatus"] == "InService"

    def answers(body: bytes) -> bool:
        try:
            aws.runtime.invoke_endpoint(EndpointName=name, TargetModel="a.tar.gz", Body=body)
        except aws.runtime.exceptions.ModelError:
            return False
        return True

    assert answers(b"x")
    assert not answers(b"die")
    assert eventually(lambda: answers(b"x"))
    aws.sagemaker.delete_endpoint(EndpointName=name)


def test_local_aws_ends_although_a_handler_is_under_way(tmp_path: Path, gate: Gate) -> None:
    with LocalAws.start(state=tmp_path / "state") as server, ThreadPoolExecutor(1) as pool:
        aws = Aws(server)
        name = aws.make_config()
        source = gated(gate, "def model_fn(model_dir): ...\ndef transform_fn(m, d, c, a):\n    GATE.enter()\n")
        aws.s3.put_object(Bucket=aws.bucket, Key=aws.key, Body=archive(tmp_path, source).read_bytes())
        aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        aws.settle(name)
        answer = pool.submit(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"x")
        assert eventually(lambda: gate.waiting == 1)

        server.stop()

        assert server._child is not None
        assert server._child.returncode == 0  # it was not killed
        assert isinstance(answer.exception(), BotoCoreError | ClientError)
    assert not (tmp_path / "state" / "endpoints").exists()
