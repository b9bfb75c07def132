"""Helpers of the hosting tests: tiny archives, running hosts, and plain HTTP to them."""

import contextlib
import http.client
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gate as gate_module
import pytest
from gate import Gate
from patience import PATIENCE, eventually

from local_aws.hosting import Container, Host, HostFailedError

PYTORCH = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
TRITON = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:25.09-py3-cpu"

DOUBLE = Path(__file__).with_name("models") / "double.onnx"
DOUBLING = """
def model_fn(model_dir):
    return 2
def predict_fn(data, model):
    return data * model
"""


def archive(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """Pack files as a model.tar.gz."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "model.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def wheel(directory: Path, name: str, source: str) -> Path:
    """Make a wheel of one module, to install without a network."""
    path = directory / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr(f"{name}.py", source)
        z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def gated(gate: Gate, source: str) -> dict[str, str | bytes]:
    """Give a handler that knows a gate by the name GATE."""
    known = f"from gate import Gate\nGATE = Gate({str(gate.directory)!r})\n"
    return {"code/inference.py": known + source, "code/gate.py": Path(gate_module.__file__).read_bytes()}


@dataclass
class Hosts:
    """Makes hosts in a directory, keeps their log, and stops them in the end."""

    directory: Path
    lines: list[str] = field(default_factory=list)
    made: list[Host] = field(default_factory=list)

    def make(
        self,
        files: Mapping[str, str | bytes] | Path,
        environment: Mapping[str, str] | None = None,
        *,
        image: str = PYTORCH,
        startup_timeout: float = PATIENCE,
        hostname: str | None = None,
    ) -> Host:
        """Make a host that is not started."""
        place = self.directory / f"host-{len(self.made)}"
        path = files if isinstance(files, Path) else archive(place, files)
        container = Container(image=image, environment=environment or {}, archive=path, hostname=hostname)
        host = Host(container, workdir=place, log=self.lines.append, startup_timeout=startup_timeout)
        self.made.append(host)
        return host

    def start(self, files: Mapping[str, str | bytes] | Path | str, **options: Any) -> Host:
        """Start a host; a string is the handler."""
        host = self.make({"code/inference.py": files} if isinstance(files, str) else files, **options)
        host.start()
        return host

    def stop(self) -> None:
        """Stop them all."""
        for host in self.made:
            host.stop()

    def log_has(self, text: str) -> bool:
        """Wait for a line of the log: it arrives by a pipe, beside the answer."""
        return eventually(lambda: any(text in line for line in list(self.lines)))


@contextlib.contextmanager
def connection(host: Host) -> Iterator[http.client.HTTPConnection]:
    """Connect to a host."""
    made = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True)
class Reply:
    """A response that was read."""

    status: int
    content_type: str | None
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body, decoded."""
        return self.body.decode()


def invoke(
    host: Host,
    body: bytes | Iterator[bytes],
    content_type: str | None = "application/json",
    accept: str | None = None,
    **headers: str,
) -> Reply:
    """POST /invocations."""
    given = {"Content-Type": content_type, "Accept": accept, **headers}
    with connection(host) as c:
        c.request("POST", "/invocations", body, {k: v for k, v in given.items() if v is not None})
        response = c.getresponse()
        return Reply(response.status, response.getheader("Content-Type"), response.read(), dict(response.getheaders()))


def ping(host: Host) -> int:
    """GET /ping; 0 when nothing listens there."""
    try:
        with connection(host) as c:
            c.request("GET", "/ping")
            return c.getresponse().status
    except ConnectionError:
        return 0


def failure(hosts: Hosts, files: dict[str, str | bytes] | Path | str, **options: object) -> str:
    with pytest.raises(HostFailedError) as e:
        hosts.start(files, **options)
    assert "\n" not in str(e.value)
    return str(e.value)
