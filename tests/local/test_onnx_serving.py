"""A bare ONNX file, packed with the library's own handler and really served."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
from model_hosts import DOUBLE, Hosts, invoke

from constructs_lib.serving.models import OnnxModel
from constructs_lib.serving.packaging import package
from constructs_lib.serving.servers import sagemaker_environment
from local_aws.hosting import Host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.delenv("LOCAL_AWS_CACHE", raising=False)  # 20 MB: once per machine, not once per run
    (tmp_path / "model").mkdir()
    copyfile(DOUBLE, tmp_path / "model" / "double.onnx")
    model = OnnxModel(artifact=str(tmp_path / "model"))
    hosts = Hosts(tmp_path)
    yield hosts.start(package(model).path, environment=sagemaker_environment(model))
    hosts.stop()


def test_the_librarys_handler_serves_a_bare_model_in_every_format(host: Host) -> None:
    array = io.BytesIO()
    np.save(array, np.array([[1, 2]], dtype=np.float32))

    assert invoke(host, b'{"instances": [[1, 2], [3, 4]]}').json == {"predictions": [[2, 4], [6, 8]]}
    assert invoke(host, b"1,2\n3,4", "text/csv").json == {"predictions": [[2, 4], [6, 8]]}
    assert invoke(host, array.getvalue(), "application/x-npy").json == {"predictions": [[2, 4]]}
    wrong = invoke(host, b'{"inputs": 1}')
    assert wrong.status >= 400
    assert b'the request has no list of "instances"' in wrong.body
