"""Models on Triton: what becomes of their files, and what is said when Triton would not find or serve them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from onnx_bytes import FLOAT, model, tensor

from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import Model, OnnxModel, PyTorchModel
from constructs_lib.serving.packaging import file_problems, package
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.servers import host_needs, sagemaker_environment, sagemaker_image

ONNX = model(tensor(11, "x", FLOAT, [None, 3]), tensor(12, "y", FLOAT, [None, 2]))
CONFIG = 'name: "ranking" input { name: "x" data_type: TYPE_FP32 dims: [3] } max_batch_size: 2'


def onnx(directory: Path, **choices: int) -> OnnxModel:
    return OnnxModel(server="triton", artifact=str(directory), **choices)  # type: ignore[arg-type]


def torch(directory: Path) -> PyTorchModel:
    return PyTorchModel(server="triton", artifact=str(directory))


def write(directory: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = directory / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def archived(path: Path, **files: str | bytes) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name.replace("__", "/").replace("DOT", "."))
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def wrong(model: Model) -> list[str]:
    return [problem.message.partition("' ")[2] for problem in file_problems(model)]


def test_one_onnx_file_becomes_a_model_repository(tmp_path: Path) -> None:
    made = onnx(write(tmp_path, rankingDOTonnx=ONNX, weightsDOTdata="beside"), max_batch_size=8)
    files = contents(package(made).path)

    assert file_problems(made) == []
    assert list(files) == ["ranking/1/model.onnx", "ranking/1/weights.data", "ranking/config.pbtxt"]
    assert files["ranking/1/model.onnx"] == ONNX
    assert files["ranking/config.pbtxt"].startswith(b'name: "ranking"\nbackend: "onnxruntime"\nmax_batch_size: 8\n')


def test_another_batch_size_is_another_archive_and_the_same_is_the_same(tmp_path: Path) -> None:
    write(tmp_path, rankingDOTonnx=ONNX)
    digests = [package(onnx(tmp_path, max_batch_size=size)).digest for size in (2, 4, 2)]

    assert digests[0] == digests[2] != digests[1]


def test_a_configuration_beside_the_file_is_used_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, modelDOTonnx=ONNX, configDOTpbtxt=CONFIG)
    files = contents(package(onnx(tmp_path)).path)

    assert file_problems(onnx(tmp_path)) == []
    assert files == {"ranking/1/model.onnx": ONNX, "ranking/config.pbtxt": CONFIG.encode()}


def test_a_model_repository_is_served_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, ranking__configDOTpbtxt=CONFIG, ranking__3__modelDOTonnx=ONNX)

    assert file_problems(onnx(tmp_path)) == []
    assert list(contents(package(onnx(tmp_path)).path)) == ["ranking/3/model.onnx", "ranking/config.pbtxt"]


def test_torchscript_is_laid_out_too(tmp_path: Path) -> None:
    write(tmp_path, netDOTpt=b"script", configDOTpbtxt='name: "net" platform: "pytorch_libtorch"')

    assert file_problems(torch(tmp_path)) == []
    assert list(contents(package(torch(tmp_path)).path)) == ["net/1/model.pt", "net/config.pbtxt"]


def test_a_finished_archive_is_looked_into(tmp_path: Path) -> None:
    good = archived(tmp_path / "good.tar.gz", ranking__1__modelDOTonnx=ONNX)
    bad = archived(tmp_path / "bad.tar.gz", modelDOTonnx=ONNX)

    assert file_problems(onnx(good)) == []
    assert wrong(onnx(bad)) == [
        "has model.onnx at its top, where Triton does not look; move it into a directory with the model's name: "
        "'<name>/config.pbtxt' and '<name>/1/model.onnx'"
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"aDOTonnx": ONNX, "bDOTonnx": ONNX}, "has 2 .onnx files at its top (a.onnx, b.onnx), and Triton takes one"),
        ({"readmeDOTmd": "x"}, "has no .onnx file at its top, and no '<name>/1/model.onnx' (found readme.md)"),
        ({"aDOTonnx": b"weights"}, "has a file 'a.onnx' that is no ONNX model: it is no protobuf message"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": "name: {"}, "has a config.pbtxt that cannot be read: line 1: ends too early"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": 'backend: "pytorch"'}, "has a config.pbtxt with the backend 'pytorch', and 'model.onnx' needs 'onnxruntime'"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": 'output { name: "z" }'}, "has a config.pbtxt for 'a.onnx' that has the output 'z', and the model has 'y'"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": b'name: "\xff"'}, "has a config.pbtxt that cannot be read: it is not in UTF-8"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": "max_batchsize: 2"}, "has a config.pbtxt that has the field 'max_batchsize', which Triton does not know; did you mean 'max_batch_size'?"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": "max_batch_size: -2"}, "has a config.pbtxt that has the max_batch_size -2; give 0 to 2147483647"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": 'name: "../b"'}, "has a config.pbtxt that has the name '../b', which is no directory's; give another, or leave it out"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": 'name: ""'}, "has a config.pbtxt that has the name '', which is no directory's; give another, or leave it out"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": 'name: "a" name: "b"'}, "has a config.pbtxt that has the field 'name' 2 times; give it once"),
        ({"aDOTonnx": ONNX, "configDOTpbtxt": 'input { name: "x" data_type: TYPE_FP32 dims: 3 zzz: 1 }'}, "has a config.pbtxt that has the field 'zzz' in 'input', which Triton does not know; leave it out"),
        ({"a__1__modelDOTonnx": ONNX, "a__configDOTpbtxt": "workers: 2"}, "has a 'a/config.pbtxt' that has the field 'workers', which Triton does not know; leave it out"),
        ({"configDOTpbtxt": CONFIG, "1__modelDOTonnx": ONNX}, "has config.pbtxt at its top, where Triton does not look; move it into a directory with the model's name: '<name>/config.pbtxt' and '<name>/1/model.onnx'"),
        ({"a__1__modelDOTonnx": ONNX, "b__1__modelDOTonnx": ONNX}, "has 2 directories (a, b), and Triton starts with one model; leave one, or name it by the environment variable SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"),
        ({"a__v1__modelDOTonnx": ONNX}, "has no version of 'a': Triton looks for files in 'a/1/', a number without zeros before it"),
        ({"a__01__modelDOTonnx": ONNX}, "has no version of 'a': Triton looks for files in 'a/1/', a number without zeros before it"),
        ({"a__1__netDOTonnx": ONNX}, "has no 'a/1/model.onnx', which Triton looks for"),
        ({"a__1__modelDOTonnx": ONNX, "a__configDOTpbtxt": 'name: "b"'}, "has a 'a/config.pbtxt' with the name 'b', which must be that of the directory, or left out"),
        ({"a__1__modelDOTonnx": ONNX, "a__configDOTpbtxt": "name"}, "has a 'a/config.pbtxt' that cannot be read: line 1: ends too early"),
        ({"a__1__modelDOTonnx": ONNX, "a__configDOTpbtxt": 'input { name: "z" }'}, "has a config.pbtxt for 'a/1/model.onnx' that has the input 'z', and the model has 'x'"),
    ],
)  # fmt: skip
def test_what_triton_would_not_serve_is_told(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    assert wrong(onnx(write(tmp_path, **files))) == [message]


def test_torchscript_needs_a_configuration(tmp_path: Path) -> None:
    bare = write(tmp_path / "bare", modelDOTpt=b"script")
    repository = write(tmp_path / "repository", net__1__modelDOTpt=b"script")

    what = "TorchScript does not say what it takes and gives; write it"
    assert wrong(torch(bare)) == [f"has no config.pbtxt beside 'model.pt': {what}"]
    assert wrong(torch(repository)) == [f"has no 'net/config.pbtxt': {what}"]


def test_a_batch_size_that_the_model_cannot_have_is_told(tmp_path: Path) -> None:
    fixed = model(tensor(11, "x", FLOAT, [1, 3]), tensor(12, "y", FLOAT, [1, 2]))

    found = wrong(onnx(write(tmp_path, modelDOTonnx=fixed), max_batch_size=4))

    assert [text.partition(", so")[0] for text in found] == [
        "has 'model.onnx', but its input 'x' has no free first dimension",
        "has 'model.onnx', but its output 'y' has no free first dimension",
    ]


def test_a_batch_size_beside_a_configuration_is_refused(tmp_path: Path) -> None:
    write(tmp_path, modelDOTonnx=ONNX, configDOTpbtxt=CONFIG)

    assert wrong(onnx(tmp_path, max_batch_size=4)) == [
        "has a config.pbtxt, which says 'max_batch_size' itself; leave it out of the settings, or remove the file"
    ]


def test_several_models_are_served_when_one_is_named(tmp_path: Path) -> None:
    write(tmp_path, a__1__modelDOTonnx=ONNX, b__1__modelDOTonnx=ONNX)
    named = OnnxModel(server="triton", artifact=str(tmp_path), environment={"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "b"})

    assert file_problems(named) == []


def test_triton_runs_no_handler_and_only_triton_joins_rows() -> None:
    with pytest.raises(InvalidValueError) as caught:
        OnnxModel(server="triton", artifact="model", entry_point="inference.py", py_version="py312", max_batch_size=-1)
    assert str(caught.value).splitlines() == [
        "OnnxModel: 'entry_point' is given, but Triton runs no handler; leave it out, or choose the server 'pytorch'",
        "OnnxModel: 'py_version' is given, but Triton comes with one Python per version; leave it out",
        "OnnxModel: 'max_batch_size' must be 0 to 2147483647, got -1",
    ]
    with pytest.raises(InvalidValueError, match="'max_batch_size' is for the server 'triton'; leave it out"):
        OnnxModel(artifact="model", max_batch_size=4)
    with pytest.raises(InvalidValueError, match="'server' must be one of pytorch, triton, got 'torchserve'"):
        PyTorchModel(artifact="model", server="torchserve")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("instance", "tag", "host"),
    [
        ("ml.c6i.large", "26.05-py3-cpu", None),
        ("ml.g5.xlarge", "26.05-py3", "al2023-ami-sagemaker-inference-gpu-4-1"),
    ],
)
def test_triton_has_an_image_for_cpu_and_one_for_gpu(instance: str, tag: str, host: str | None) -> None:
    on_triton = OnnxModel(server="triton", artifact="s3://my-models/model.tar.gz")

    image = sagemaker_image(on_triton, instance_type(instance))
    assert not isinstance(image, str)
    assert (image.repository, image.tag) == ("sagemaker-tritonserver", tag)
    assert sagemaker_environment(on_triton) == {}
    assert host_needs(on_triton, instance_type(instance)).inference_ami_version == host


def test_an_older_triton_runs_on_the_usual_host() -> None:
    older = OnnxModel(server="triton", version="25.04", artifact="s3://my-models/model.tar.gz")

    assert host_needs(older, instance_type("ml.g5.xlarge")).inference_ami_version is None
