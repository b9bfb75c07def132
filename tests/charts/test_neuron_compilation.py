"""The compilation Job, and the program that it runs: with stand-ins for the compilers, which run on AWS's images alone."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from cdk8s_charts.programs import compile_for_neuron
from tests.charts.conftest import ECR, Json, charts_of, compilation, job_of, only


def steps(manifests: list[Json]) -> list[Json]:
    pod = only(manifests, "Job")["spec"]["template"]["spec"]
    return [*pod["initContainers"], *pod["containers"]]


def variables(container: Json) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


def test_a_node_stays_while_it_compiles() -> None:
    template = only(charts_of("eks-neuron")["compile-bert"], "Job")["spec"]["template"]

    assert template["metadata"]["annotations"] == {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
    }


def test_the_books_compilation_is_a_job_from_s3_to_s3() -> None:
    manifests = charts_of("eks-neuron")["compile-neuron-model"]
    fetch, compiler, upload = steps(manifests)

    assert fetch["args"] == ["s3://mybucket/models/", "/models/source"]
    assert compiler["image"] == f"{ECR}/tensorflow-inference-neuron:1.15.4-neuron-py37-ubuntu18.04"
    assert compiler["command"] == ["python", "/etc/programs/compile_for_neuron.py"]
    assert json.loads(variables(compiler)["COMPILER_ARGS"]) == ["--neuroncore-pipeline-cores", "4"]
    # What `sync` needs besides, the right to list the destination, the pod does not have.
    assert upload["args"][:5] == ["s3", "cp", "--recursive", "/models/compiled", "s3://mybucket/neuron_model/"]
    assert "aws.amazon.com/neuron" not in compiler["resources"]["limits"]


def test_a_compilation_for_inferentia2_runs_on_such_a_node() -> None:
    manifests = job_of(compilation(node_group="inferentia2", compiler_args=("--auto-cast=none",)))
    _, compiler, _ = steps(manifests)
    pod = only(manifests, "Job")["spec"]["template"]["spec"]

    assert "/pytorch-inference-neuronx:" in compiler["image"]
    assert compiler["resources"]["limits"]["aws.amazon.com/neuron"] == "1"
    assert json.loads(variables(compiler)["INPUTS"]) == [{"shape": [1, 128], "dtype": "int64"}]
    assert json.loads(variables(compiler)["COMPILER_ARGS"]) == ["--auto-cast=none"]
    assert pod["tolerations"][0]["key"] == "aws.amazon.com/neuron"
    assert pod["restartPolicy"] == "Never"
    assert "ingress" not in only(manifests, "NetworkPolicy")["spec"]


def test_the_job_carries_the_program_that_is_tested_here() -> None:
    data = only(job_of(compilation()), "ConfigMap")["data"]

    assert data == {"compile_for_neuron.py": Path(str(compile_for_neuron.__file__)).read_text(encoding="utf-8")}


def test_the_program_runs_on_the_oldest_python_of_the_images() -> None:
    import ast

    ast.parse(Path(str(compile_for_neuron.__file__)).read_text(encoding="utf-8"), feature_version=(3, 7))


class Recorder:
    """A compiler that notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def trace(self, model: Any, examples: Any, compiler_args: Any = None) -> Recorder:
        self.calls.append((model, examples, compiler_args))
        return self

    def compile(self, source: str, destination: str, compiler_args: Any = None) -> None:
        self.calls.append((source, destination, compiler_args))

    def save(self, path: str) -> None:
        self.calls.append(("saved", path))


@pytest.fixture
def compiler() -> Recorder:
    return Recorder()


def module(name: str, monkeypatch: pytest.MonkeyPatch, **members: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__dict__.update(members)
    monkeypatch.setitem(sys.modules, name, made)
    return made


def run(tmp_path: Path, framework: str, target: str, arguments: list[str]) -> None:
    compile_for_neuron.main(
        {
            "FRAMEWORK": framework,
            "TARGET": target,
            "SOURCE": str(tmp_path / "source"),
            "DESTINATION": str(tmp_path / "compiled"),
            "INPUTS": '[{"shape": [1, 3], "dtype": "float32"}]',
            "COMPILER_ARGS": json.dumps(arguments),
        }
    )


def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loaded:
        def eval(self) -> str:
            return "model"

    module(
        "torch",
        monkeypatch,
        jit=types.SimpleNamespace(load=lambda path, map_location: Loaded()),
        zeros=lambda shape, dtype: (tuple(shape), dtype),
        float32="f32",
    )


@pytest.mark.parametrize(("target", "name"), [("inf1", "torch_neuron"), ("inf2", "torch_neuronx")])
def test_torchscript_is_traced_by_the_targets_compiler(
    target: str, name: str, compiler: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch(monkeypatch)
    module(name, monkeypatch, trace=compiler.trace)
    (tmp_path / "source" / "weights").mkdir(parents=True)
    (tmp_path / "source" / "weights" / "bert.pt").touch()

    run(tmp_path, "pytorch", target, ["-O2"])

    assert compiler.calls == [
        ("model", (((1, 3), "f32"),), ["-O2"]),
        ("saved", str(tmp_path / "compiled" / "bert.pt")),
    ]


def test_one_torchscript_file_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch(monkeypatch)
    module("torch_neuronx", monkeypatch)
    (tmp_path / "source").mkdir()

    with pytest.raises(SystemExit, match=r"^the model must be one \.pt or \.pth file, found \[\]$"):
        run(tmp_path, "pytorch", "trn1", [])


def test_tensorflow_1_compiles_saved_models_as_the_book_does(
    compiler: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    neuron = types.SimpleNamespace(saved_model=compiler)
    module("tensorflow", monkeypatch, __version__="1.15.4", neuron=neuron)
    module("tensorflow.neuron", monkeypatch)
    (tmp_path / "source" / "3").mkdir(parents=True)
    (tmp_path / "source" / "3" / "saved_model.pb").touch()

    run(tmp_path, "tensorflow", "inf1", [])

    assert compiler.calls == [(str(tmp_path / "source" / "3"), str(tmp_path / "compiled" / "3"), None)]


def test_tensorflow_2_is_traced_and_numbered_for_tensorflow_serving(
    compiler: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = types.SimpleNamespace(models=types.SimpleNamespace(load_model=lambda path: "model"))
    module(
        "tensorflow", monkeypatch, __version__="2.10.1", keras=keras, zeros=lambda shape, dtype: (tuple(shape), dtype)
    )
    module("tensorflow_neuronx", monkeypatch, trace=compiler.trace)
    monkeypatch.setenv("NEURON_CC_FLAGS", "")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "saved_model.pb").touch()

    run(tmp_path, "tensorflow", "inf2", [])

    assert compiler.calls == [("model", ((1, 3), "float32"), None), ("saved", str(tmp_path / "compiled" / "1"))]


def test_a_saved_model_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module("tensorflow", monkeypatch, __version__="2.10.1", zeros=lambda shape, dtype: None)
    module("tensorflow_neuronx", monkeypatch)
    monkeypatch.setenv("NEURON_CC_FLAGS", "")
    (tmp_path / "source").mkdir()

    with pytest.raises(SystemExit, match=r"^the model has no saved_model\.pb$"):
        run(tmp_path, "tensorflow", "trn1", [])
