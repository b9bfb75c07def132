"""`inference package`: what it writes, prints and refuses. Uploads are in tests/local/test_upload.py."""

from __future__ import annotations

import builtins
import errno
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from constructs_lib.serving.archive import ArchiveError
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.tools.command import ToolError, main
from constructs_lib.tools.package import package

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ["package", "sagemaker", "model", "--framework", "pytorch"]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a model and a handler."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.pth").write_bytes(b"weights")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "inference.py").write_text("def model_fn(directory): ...\n")
    return tmp_path


def failure(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Give what a command says that fails."""
    with pytest.raises(SystemExit) as raised:
        main(line.split())
    shown = capsys.readouterr()
    assert shown.out == ""
    return raised.value.code if isinstance(raised.value.code, str) else shown.err.splitlines()[-1]


def test_sagemaker_writes_the_archive_that_synth_would_upload(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*PACKAGE, "--source-dir", "src", "--entry-point", "inference.py"])

    assert capsys.readouterr().out == "model.tar.gz\n"
    with tarfile.open("model.tar.gz") as tar:
        assert tar.getnames() == ["code/inference.py", "model.pth"]
    made = package(PyTorchModel(artifact="model", source_dir="src", entry_point="inference.py"), output=directory)
    assert made.path == directory / "model.tar.gz"
    assert sorted(path.name for path in directory.iterdir()) == ["model", "model.tar.gz", "src"]


def test_mar_takes_the_line_that_the_book_gives_to_torch_model_archiver(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "run_inference.py").write_text("def handle(data, context): ...\n")
    (directory / "store").mkdir()
    line = "--model-name archived_model --version 1.0 --serialized-file model/model.pth --handler run_inference"

    main(["package", "mar", *line.split(), "--extra-files", "src/*.py, src", "--export-path", "store"])

    assert capsys.readouterr().out == "store/archived_model.mar\n"
    with zipfile.ZipFile("store/archived_model.mar") as archive:
        assert archive.namelist() == ["MAR-INF/MANIFEST.json", "inference.py", "model.pth", "run_inference.py"]


def test_the_lines_of_the_example_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = ROOT / "examples" / "package"
    lines = re.findall(r"^inference (package .*)$", (example / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    monkeypatch.chdir(example)

    for line in lines:
        main([*line.partition(" --upload")[0].split(), "--output", str(tmp_path)])

    assert len(lines) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archived_model.mar", "model.tar.gz"]


def test_an_archive_that_is_there_is_replaced(directory: Path) -> None:
    Path("mine.tar.gz").write_bytes(b"old")

    main(["package", "sagemaker", "model", "--framework", "container", "--output", "mine.tar.gz"])

    with tarfile.open("mine.tar.gz") as tar:
        assert tar.getnames() == ["model.pth"]


def test_progress_goes_to_the_stage_that_it_is_about(directory: Path) -> None:
    told: list[tuple[str, int, int]] = []

    package(PyTorchModel(artifact="model"), progress=lambda *step: told.append(step))

    assert told == [("packing", 7, 7)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "package sagemaker nowhere --framework pytorch",
            "inference package sagemaker: PyTorchModel: 'artifact' does not exist: 'nowhere'; give a directory, a .tar.gz"
            " file, or an s3:// address",
        ),
        (
            "package sagemaker model --framework tensorflow",
            "inference package sagemaker: TensorFlowModel: 'artifact' 'model' has no SavedModel: TensorFlow Serving looks"
            " for '1/saved_model.pb'; tf.saved_model.save(model, 'DIRECTORY/1') writes it so (found model.pth)",
        ),
        (
            "package sagemaker model --framework pytorch --source-dir src --entry-point serve.py",
            "inference package sagemaker: PyTorchModel: 'entry_point' 'serve.py' is not in 'src', which has inference.py",
        ),
        (
            "package sagemaker model --framework huggingface --entry-point inference.py",
            "inference package sagemaker: --entry-point has no meaning for --framework huggingface; leave it out; see: "
            "inference package sagemaker --help",
        ),
        (
            "package sagemaker model --framework pytorch --output model",
            "inference package sagemaker: cannot write 'model/model.tar.gz': it is inside of 'model', so that the next"
            " archive would hold this one; give another place (--output)",
        ),
        (
            "package sagemaker model --framework pytorch --output model.zip",
            "inference package sagemaker: cannot write 'model.zip': give a directory that is there, or a name that ends"
            " with .tar.gz",
        ),
        (
            "package sagemaker model --framework pytorch --output nowhere/model.tar.gz",
            "inference package sagemaker: cannot write 'nowhere/model.tar.gz': there is no directory 'nowhere'; make it",
        ),
        (
            "package sagemaker model --framework pytorch --upload models/digits",
            "inference package sagemaker: 'models/digits' is no place to upload to; give s3://BUCKET/PREFIX/",
        ),
        (
            "package sagemaker model --framework pytorch --upload s3://models/digits/model.tar.gz",
            "inference package sagemaker: 's3://models/digits/model.tar.gz' names an object, whose key follows from the"
            " content; give the prefix that it goes under, s3://BUCKET/PREFIX/",
        ),
        (
            "package mar --model-name digits --handler gone",
            "inference package mar: gone.py: cannot be read (No such file or directory); give a file that is there",
        ),
        (
            "package mar --model-name digits",
            "inference package mar: the following arguments are required: --handler; see: inference package mar --help",
        ),
        ("package", "inference package: the following arguments are required: ARCHIVE; see: inference package --help"),
        (
            "package sagemaker model",
            "inference package sagemaker: the following arguments are required: --framework; see: inference package sagemaker --help",
        ),
    ],
)
def test_fails_in_one_line(line: str, message: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(line, capsys) == message
    assert sorted(path.name for path in directory.rglob("*")) == ["inference.py", "model", "model.pth", "src"]


def test_fails_where_it_may_not_write(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_files: object, file: BinaryIO, **_: object) -> str:
        file.write(b"a part")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("constructs_lib.serving.archive.write_tar_gz", full)

    with pytest.raises(ArchiveError, match=r"^cannot write 'model\.tar\.gz': No space left on device$"):
        package(PyTorchModel(artifact="model"))

    assert sorted(path.name for path in directory.iterdir()) == ["model", "src"]


def test_an_upload_without_boto3_says_what_to_install(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_boto(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("boto"):
            raise ImportError(name)
        return imported(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without_boto)

    with pytest.raises(ToolError, match=r"^needs boto3, .* run: pip install 'inference-constructs\[client\]'$"):
        package(PyTorchModel(artifact="model"), upload="s3://models/")


def test_an_upload_without_credentials_says_so_in_one_line(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(directory / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(directory / "none"))

    message = failure("package sagemaker model --framework pytorch --upload s3://models/", capsys)

    assert message.startswith("inference package sagemaker: upload to s3://models/")
    assert message.endswith(
        ": there are no AWS credentials; set AWS_PROFILE, or log in (`aws sso login`, `aws configure`)"
    )


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [(signal.SIGINT, 130, "inference package sagemaker: interrupted\n"), (signal.SIGTERM, 143, "")],
    ids=["Ctrl-C", "terminated"],
)
def test_an_interruption_leaves_nothing_half_written(
    number: signal.Signals, code: int, told: str, directory: Path
) -> None:
    with (directory / "model" / "large").open("wb") as file:
        file.truncate(8 << 30)
    # A test run in the background may have made its children deaf to Ctrl-C.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{listening}; from {main.__module__} import main; main()", *PACKAGE],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    begun = time.monotonic()
    while not list(directory.glob(".*.partial")) and time.monotonic() < begun + 120:
        time.sleep(0.02)
    process.send_signal(number)

    _, shown = process.communicate(timeout=120)

    assert (process.returncode, shown) == (code, told)
    assert sorted(path.name for path in directory.iterdir()) == ["model", "src"]


def test_the_archive_is_written_to_its_place_alone(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_CONSTRUCTS_CACHE", str(directory / "cache"))

    main(PACKAGE)

    assert sorted(path.name for path in directory.iterdir()) == ["model", "model.tar.gz", "src"]


def test_an_archive_may_be_packaged_onto_itself(directory: Path) -> None:
    main(PACKAGE)
    first = Path("model.tar.gz").read_bytes()

    main(["package", "sagemaker", "model.tar.gz", "--framework", "pytorch"])

    assert Path("model.tar.gz").read_bytes() == first
