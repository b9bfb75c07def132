"""`inference package`: make a model archive, and upload it."""

from __future__ import annotations

import argparse
from contextlib import closing
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from constructs_lib.tools.command import add_action

if TYPE_CHECKING:
    from constructs_lib.serving.mar import ModelArchive
    from constructs_lib.serving.models import Model

FRAMEWORKS = ("tensorflow", "pytorch", "onnx", "huggingface", "llm", "container")
RUNTIMES = ("python", "python3")
_SAGEMAKER_EXAMPLE = """\
  inference package sagemaker model --framework onnx --entry-point inference.py
  inference package sagemaker weights --framework pytorch --source-dir src --upload s3://BUCKET/models/"""
_MAR_EXAMPLE = """\
  inference package mar --model-name ranking --handler src/inference.py --serialized-file model/model.pth -o store"""
_OF_FRAMEWORKS = ("server", "source_dir", "entry_point")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two kinds of archive."""
    kinds = parser.add_subparsers(title="archives", metavar="ARCHIVE", required=True)
    _add_sagemaker(
        add_action(
            kinds, "sagemaker", help="make the model.tar.gz that SageMaker downloads", example=_SAGEMAKER_EXAMPLE
        )
    )
    _add_mar(
        add_action(kinds, "mar", help="make the .mar that TorchServe and Multi Model Server load", example=_MAR_EXAMPLE)
    )


def _add_sagemaker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="DIRECTORY", help="the model's files, or a finished .tar.gz to check")
    parser.add_argument("--framework", required=True, choices=FRAMEWORKS, help="framework to check the files for")
    parser.add_argument("--server", choices=["triton"], help="for a model that Triton serves")
    parser.add_argument("--source-dir", metavar="DIRECTORY", help="the handler's files, which go under code/")
    parser.add_argument("--entry-point", metavar="FILE", help="the handler's name in code/, such as inference.py")
    _add_shared(parser)
    parser.set_defaults(run=lambda arguments: _run(_model(arguments), arguments))


def _add_mar(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model-name", required=True, metavar="NAME", help="the model's name on the server")
    parser.add_argument("--version", default="1.0", metavar="V", help="the model's version (default: 1.0)")
    parser.add_argument(
        "--handler", required=True, metavar="FILE", help="Python file, file.py:function, or one of TorchServe's own"
    )
    parser.add_argument("--serialized-file", metavar="FILE", help="the weights (.pt, .pth, .onnx)")
    parser.add_argument("--model-file", metavar="FILE", help="Python file with the model's class")
    parser.add_argument(
        "--extra-files",
        action="extend",
        default=[],
        type=_paths,
        metavar="PATHS",
        help="more files and directories, separated by commas, with wildcards",
    )
    parser.add_argument("--requirements-file", metavar="FILE", help="packages for TorchServe to install")
    parser.add_argument("--config-file", metavar="FILE", help="the model's own TorchServe configuration (YAML)")
    parser.add_argument("--runtime", default="python", choices=RUNTIMES, help="the Python that runs it")
    _add_shared(parser)
    parser.set_defaults(run=lambda arguments: _run(_archive(arguments), arguments))


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        "--export-path",
        type=Path,
        metavar="PATH",
        help="file or directory to write to (default: the current directory, or nowhere with --upload)",
    )
    parser.add_argument("--upload", metavar="S3_PREFIX", help="upload it to s3://BUCKET/PREFIX/DIGEST-OF-ITS-CONTENT/")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="pack files of this name even if they look like secrets or leftovers (wildcards: '*.key'); repeatable",
    )


def _paths(text: str) -> list[str]:
    """Read a list as torch-model-archiver does; what matches nothing is named as it stands, and found missing."""
    given = filter(None, (path.strip() for path in text.split(",")))
    return [path for pattern in given for path in sorted(glob(pattern)) or [pattern]]  # noqa: PTH207 - may be absolute


def _model(arguments: argparse.Namespace) -> Model:
    from constructs_lib.serving import models

    kinds: dict[str, type[models.Model]] = {
        "tensorflow": models.TensorFlowModel,
        "pytorch": models.PyTorchModel,
        "onnx": models.OnnxModel,
        "huggingface": models.HuggingFaceModel,
        "llm": models.LargeLanguageModel,
        "container": models.Model,
    }
    kind = kinds[arguments.framework]
    given = {name: value for name in _OF_FRAMEWORKS if (value := getattr(arguments, name)) is not None}
    for name in given:
        if name not in kind.__dataclass_fields__:
            option = f"--{name.replace('_', '-')}"
            arguments.refuse(f"{option} has no meaning for --framework {arguments.framework}; leave it out")
    return kind(artifact=arguments.artifact, **given)


def _archive(arguments: argparse.Namespace) -> ModelArchive:
    from constructs_lib.serving.mar import ModelArchive

    names = ModelArchive.__dataclass_fields__
    given = {name: value for name, value in vars(arguments).items() if name in names}
    return ModelArchive(**{**given, "extra_files": tuple(arguments.extra_files)})


def _run(model: Model | ModelArchive, arguments: argparse.Namespace) -> None:
    from constructs_lib.tools.package import package
    from constructs_lib.tools.progress import ProgressBar

    with closing(ProgressBar()) as bar:
        made = package(model, output=arguments.output, upload=arguments.upload, allow=arguments.allow, progress=bar)
    for place in filter(None, (made.path, made.uri)):
        print(place)
