"""A model's host process installs what the model requires, once."""

import importlib.util
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from model_hosts import DOUBLING, Hosts, failure, invoke, wheel
from patience import eventually

from local_aws.hosting import Host, HostFailedError
from local_aws.hosting.environment import _short, cache_root

HAS_TORCH = importlib.util.find_spec("torch") is not None
MODELS = Path(__file__).parent / "models"


def environments(hosts: Hosts) -> list[Path]:
    root = cache_root() / "environments"
    return sorted(p for p in root.iterdir() if p.is_dir()) if root.exists() else []


def test_requirements_are_installed_once_for_two_hosts_at_once_and_see_the_base_packages(
    hosts: Hosts, tmp_path: Path
) -> None:
    package = wheel(tmp_path, "tripling", "def triple(x): return 3 * x")
    files = {
        "code/inference.py": "import tripling\ndef model_fn(d): ...\ndef predict_fn(d, m): return tripling.triple(d)",
        "code/requirements.txt": f"numpy\n{package}\n",
    }
    made = [hosts.make(files) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Host.start, made))
    assert [invoke(h, b"[1]").json for h in made] == [[3], [3]]
    assert len(environments(hosts)) == 1
    assert [line for line in hosts.lines if "Successfully installed" in line] == ["Successfully installed tripling-1.0"]
    assert any(line.startswith("Requirement already satisfied: numpy in ") for line in hosts.lines)
    assert importlib.util.find_spec("tripling") is None

    hosts.start(files)
    assert sum("Successfully installed" in line for line in hosts.lines) == 1


def test_requirements_that_pip_refuses_fail_the_host_with_pips_error_and_leave_no_environment(hosts: Hosts) -> None:
    files: dict[str, str | bytes] = {"code/inference.py": DOUBLING}
    message = failure(
        hosts, files | {"code/requirements.txt": "numpy  # here\n./nowhere/nosuch-1.0-py3-none-any.whl\n"}
    )
    assert message.startswith("code/requirements.txt (")
    assert "nosuch-1.0-py3-none-any.whl" in message
    message = failure(hosts, files | {"code/requirements.txt": "numpy\nnumpy=>1\n"})
    assert re.match(
        r"code/requirements.txt \(.*numpy=>1\) could not be installed: Invalid requirement: 'numpy=>1'", message
    )
    assert environments(hosts) == []


def test_pips_error_keeps_the_newest_versions_only() -> None:
    assert _short("no match (from versions: 1, 2)") == "no match (from versions: 1, 2)"
    many = ", ".join(str(n) for n in range(100))
    assert _short(f"no x==1 (from versions: {many})") == "no x==1 (from versions: …, 92, 93, 94, 95, 96, 97, 98, 99)"


def test_an_installation_that_was_interrupted_is_begun_again(hosts: Hosts, tmp_path: Path) -> None:
    slow = wheel(tmp_path, "quick", "")
    files: dict[str, str | bytes] = {"code/inference.py": DOUBLING, "code/requirements.txt": str(slow)}
    host = hosts.make(files)

    def stop_it() -> None:
        assert eventually(lambda: bool(environments(hosts)))
        host.stop()

    stopper = threading.Thread(target=stop_it)
    stopper.start()
    with pytest.raises(HostFailedError, match="the host was stopped before it was in service"):
        host.start()
    stopper.join()
    assert environments(hosts) == []
    home = cache_root() / "environments"
    (half,) = [p.with_suffix("") for p in home.glob("*.lock")]
    (half / "bin").mkdir(parents=True)
    hosts.start(files)
    assert invoke(hosts.made[-1], b"[1]").status == 200


def test_an_onnx_model_runs_with_the_onnxruntime_of_its_requirements(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_AWS_CACHE")  # 20 MB: once per machine, not once per run
    handler = """
import numpy, onnxruntime
def model_fn(model_dir):
    return onnxruntime.InferenceSession(model_dir + "/double.onnx", providers=["CPUExecutionProvider"])
def predict_fn(data, model):
    return model.run(None, {"x": numpy.asarray(data, "float32")})[0]
"""
    onnx = (MODELS / "double.onnx").read_bytes()
    host = hosts.start(
        {"code/inference.py": handler, "code/requirements.txt": "onnxruntime>=1.20", "double.onnx": onnx}
    )
    assert invoke(host, b"1,2\n3,4", "text/csv").json == [[2, 4], [6, 8]]


@pytest.mark.serving
@pytest.mark.skipif(not HAS_TORCH, reason="needs torch")
def test_a_torchscript_model_is_served_without_a_handler(hosts: Hosts) -> None:
    import torch

    script = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Flatten(), torch.zeros(1, 2, 2)), script)
    host = hosts.start({"net.pth": script.getvalue()})
    assert invoke(host, b"[[[1, 2], [3, 4]]]").json == [[1, 2, 3, 4]]
    assert "Exactly one .pth or .pt file is required" in failure(hosts, {"a.pt": b"", "b.pt": b""})
    assert "Please ensure model is saved using torchscript." in failure(hosts, {"model.pt": b"x"})
