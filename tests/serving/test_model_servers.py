"""Our archives in the real TorchServe and Multi Model Server, started as the charts' pods start them.

What Kubernetes does for a pod is done here: volumes become directories, and ports of the pod become free ones of this
machine. Everything else is what the chart says: command, arguments, environment, configuration, probes, Service.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import cdk8s
import pytest
from java_servers import PATIENCE, free_port, java_home

from cdk8s_charts.servers.multi_model_server import MultiModelServer
from cdk8s_charts.servers.torchserve import TorchServe
from cdk8s_charts.service import Service
from cdk8s_charts.serving_chart import ServingChart
from cdk8s_charts.workload import Workload
from constructs_lib.serving.models import ContainerModel, PyTorchModel
from constructs_lib.tools.command import main

pytestmark = pytest.mark.serving

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "package"
ARTIFACT = "s3://my-models/archived_model.mar"
BOOKS_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:1.3.1-cpu-py36-ubuntu16.04"
# The ports that the servers have in their pod without any line about them.
UNNAMED_PORTS = {"grpc_inference_port": 7070, "grpc_management_port": 7071}


class Pod:
    """The pod of a chart, run on this machine."""

    def __init__(self, manifests: list[dict[str, Any]], archive: Path, directory: Path) -> None:
        self._objects = {manifest["kind"]: manifest for manifest in manifests}
        spec = self._objects["Deployment"]["spec"]["template"]["spec"]
        (self._container,) = spec["containers"]
        self._ports = {number: free_port() for number in (8080, 8081, 8082, 7070, 7071)}
        self._mounts: dict[str, Path] = {}
        for mount in self._container["volumeMounts"]:
            if not mount["mountPath"].startswith("/dev/"):
                self._mounts[mount["mountPath"]] = directory / mount["name"]
                (directory / mount["name"]).mkdir()
        for volume in spec["volumes"]:
            if "configMap" in volume:
                self._write_config(directory / volume["name"])
        (fetch,) = spec["initContainers"]
        assert fetch["args"][:3] == ["s3", "cp", ARTIFACT]
        shutil.copyfile(archive, self._here(fetch["args"][3]))
        self.log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the container."""
        container = self._container
        environment = {item["name"]: self._here(item["value"]) for item in container["env"]}
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "JAVA_HOME": java_home(),
            "TMPDIR": self._here("/tmp"),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._here(word) for word in (*container["command"], *container["args"])],
                cwd=self._here(container["workingDir"]),
                env=own | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def passes(self, probe: str) -> bool:
        """Wait until one of the container's probes passes."""
        get = self._container[f"{probe}Probe"]["httpGet"]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError):
                if self._request(self._number(get["port"]), "GET", get["path"])[0] == 200:
                    return True
            if self._process is None or self._process.poll() is not None:
                return False
            time.sleep(0.1)
        return False

    def call(self, port: int, path: str, body: object) -> tuple[int, Any]:
        """Call the Service."""
        (mapping,) = [mapping for mapping in self._objects["Service"]["spec"]["ports"] if mapping["port"] == port]
        status, text = self._request(self._number(mapping["targetPort"]), "POST", path, json.dumps(body))
        return status, json.loads(text)

    def get(self, number: int, path: str) -> tuple[int, str]:
        """Look at a port of the pod itself."""
        return self._request(number, "GET", path)

    def _request(self, number: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._ports[number], timeout=30)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read().decode()

    def _number(self, port: int | str) -> int:
        names = {port["name"]: port["containerPort"] for port in self._container["ports"]}
        return names[port] if isinstance(port, str) else port

    def _here(self, text: str) -> str:
        paths = "|".join(map(re.escape, self._mounts))
        return re.sub(rf"(?<![\w.-])({paths})(?![\w.-])", lambda found: str(self._mounts[found[1]]), text)

    def _write_config(self, directory: Path) -> None:
        for name, text in self._objects["ConfigMap"]["data"].items():
            moved = self._here(text).replace("0.0.0.0", "127.0.0.1")
            moved = re.sub(r":(\d{4})$", lambda found: f":{self._ports[int(found[1])]}", moved, flags=re.MULTILINE)
            moved += "".join(f"{key}={self._ports[number]}\n" for key, number in UNNAMED_PORTS.items())
            (directory / name).write_text(moved, encoding="utf-8")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the example, by the line in its README."""
    directory = tmp_path_factory.mktemp("archive")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(EXAMPLE)
        line = "--model-name archived_model --version 1.0 --serialized-file model.pth --handler run_inference"
        main(["package", "mar", *line.split(), "--output", str(directory)])
    return directory / "archived_model.mar"


def pod(workload: Workload, archive: Path, directory: Path) -> Pod:
    chart = ServingChart(cdk8s.App(), workload.name, workload=workload, region="us-east-1")
    return Pod(cdk8s.Testing.synth(chart), archive, directory)


def test_torchserve_serves_our_archive_as_its_chart_says(archive: Path, tmp_path: Path) -> None:
    workload = Workload(
        name="demo",
        model=PyTorchModel(artifact=ARTIFACT),
        server=TorchServe(workers=1),
        service=Service(http_port=80),
    )
    served = pod(workload, archive, tmp_path)

    with served.running():
        assert served.passes("startup"), served.log.read_text()
        status, answer = served.call(80, "/predictions/demo", {"instances": [1.0, 2.0, 5.0]})
        assert (status, answer) == (200, {"predictions": [2.5, 3.0, 4.5]}), served.log.read_text()
        assert served.passes("readiness")
        assert served.passes("liveness")
        assert 'ts_inference_requests_total{model_name="demo"' in served.get(8082, "/metrics")[1]
        models = json.loads(served.get(8081, "/models/demo")[1])
        assert [(model["modelVersion"], model["modelUrl"]) for model in models] == [("1.0", "archived_model.mar")]


def test_torchserve_joins_requests_as_its_chart_says(archive: Path, tmp_path: Path) -> None:
    workload = Workload(name="demo", model=PyTorchModel(artifact=ARTIFACT), server=TorchServe(workers=1, batch_size=4))
    served = pod(workload, archive, tmp_path)

    with served.running():
        assert served.passes("startup"), served.log.read_text()
        answer = served.call(8080, "/predictions/demo", {"instances": [1.0]})
        assert answer == (200, {"predictions": [2.5]}), served.log.read_text()
        (model,) = json.loads(served.get(8081, "/models/demo")[1])
        assert (model["batchSize"], model["maxBatchDelay"]) == (4, 100)


@pytest.mark.parametrize("command", ["multi-model-server", "mxnet-model-server"])
def test_multi_model_server_serves_our_archive_as_its_chart_says(command: Any, archive: Path, tmp_path: Path) -> None:
    workload = Workload(
        name="demo",
        model=ContainerModel(image=BOOKS_IMAGE, artifact=ARTIFACT),
        server=MultiModelServer(command=command, workers=1),
        service=Service(http_port=80),
    )
    served = pod(workload, archive, tmp_path)

    with served.running():
        assert served.passes("startup"), served.log.read_text()
        status, answer = served.call(80, "/predictions/demo", {"instances": [1.0, 2.0, 5.0]})
        assert (status, answer) == (200, {"predictions": [2.5, 3.0, 4.5]}), served.log.read_text()
        assert served.passes("readiness")
        assert served.passes("liveness")
