"""A handler that sends its answer in parts does under the real TorchServe, the PyTorch images' server, what it does here."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from java_servers import PATIENCE, free_port, java_home

from local_aws.hosting import Container, Host

pytestmark = pytest.mark.serving

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "streaming"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
# As the image has it: TorchServe calls the toolkit, and the toolkit the functions of inference.py.
SERVICE = """
from sagemaker_inference.default_handler_service import DefaultHandlerService

service = DefaultHandlerService()

def handle(data, context):
    return service.initialize(context) if data is None else service.handle(data, context)
"""
# sagemaker_pytorch_serving_container/etc/default-ts.properties, and one worker for the sake of time.
IMAGES_CONFIG = ["decode_input_request=false", "default_workers_per_model=1"]
FAILING = """

def output_fn(_, accept):
    raise ValueError("no last part")
"""


class Answer(NamedTuple):
    status: int
    content_type: str | None
    coding: str | None
    body: bytes


def ask(port: int, path: str) -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("POST", path, (EXAMPLE / "prompt.json").read_bytes(), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        coding = answer.getheader("Transfer-Encoding")
        return Answer(answer.status, answer.getheader("Content-Type"), coding, answer.read())


@contextmanager
def torchserve(model: Path, directory: Path) -> Iterator[int]:
    """Serve a model's directory with the real TorchServe, and give its port."""
    port, management, metrics = free_port(), free_port(), free_port()
    (model / "service.py").write_text(SERVICE)
    (model / "MAR-INF").mkdir()
    manifest = {"runtime": "python", "model": {"modelName": "model", "modelVersion": "1", "handler": "service.py"}}
    (model / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    addresses = {"inference": port, "management": management, "metrics": metrics}
    config = [f"{name}_address=http://127.0.0.1:{number}" for name, number in addresses.items()]
    config += [f"grpc_{name}_port={free_port()}" for name in ("inference", "management")]
    (directory / "config.properties").write_text("\n".join([*config, *IMAGES_CONFIG]))
    command = ["torchserve", "--start", "--foreground", "--ncs", "--disable-token-auth", "--model-store"]
    command += [str(model.parent), "--models", f"model={model}", "--ts-config", str(directory / "config.properties")]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "JAVA_HOME": java_home(),
        "PYTHONPATH": str(model / "code"),
        "LOG_LOCATION": str(directory),
        "METRICS_LOCATION": str(directory),
    }
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            end = time.monotonic() + PATIENCE
            while not is_ready(management):
                assert time.monotonic() < end, (directory / "log").read_text()
                time.sleep(0.1)
            yield port
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def is_ready(management: int) -> bool:
    with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", management, timeout=5)) as connection:
        connection.request("GET", "/models/model")
        (model,) = json.loads(connection.getresponse().read())
        return [worker["status"] for worker in model["workers"]] == ["READY"]
    return False


@contextmanager
def local_host(model: Path, directory: Path) -> Iterator[int]:
    """Serve a model's directory as local AWS does, and give its port."""
    archive = directory / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(model, arcname=".")
    container = Container(image=IMAGE, environment={}, archive=archive)
    host = Host(container, workdir=directory / "host", log=lambda _: None, startup_timeout=PATIENCE)
    (directory / "host").mkdir()
    host.start()
    try:
        yield int(host.url.rpartition(":")[2])
    finally:
        host.stop()


@pytest.mark.parametrize("ending", ["", FAILING], ids=["ends well", "fails in the end"])
def test_the_example_answers_as_it_does_here(ending: str, tmp_path: Path) -> None:
    model = tmp_path / "models" / "model"
    shutil.copytree(EXAMPLE / "model", model)
    with (model / "code" / "inference.py").open("a", encoding="utf-8") as handler:
        handler.write(ending)
    with local_host(model, tmp_path) as port:
        here = ask(port, "/invocations")

    with torchserve(model, tmp_path) as port:
        there = ask(port, "/predictions/model")

    assert (here.status, here.content_type, here.coding) == (200, "text/event-stream", "chunked")
    assert there[:3] == here[:3], there.body
    whole, _, _ = here.body.partition(b"Traceback")
    assert there.body.startswith(whole)
    assert len(whole.split(b"data: ")) == (21 if ending else 22)
    assert whole.endswith(b"no last part\n" if ending else b"data: [DONE]\n\n")
