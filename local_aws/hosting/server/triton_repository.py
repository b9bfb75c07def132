"""Which model of an archive Triton's SageMaker container serves, and with what configuration.

Sources: triton-inference-server/server, docker/sagemaker/serve and src/sagemaker_server.cc (many models);
triton-inference-server/core, src/model_config_utils.cc (``AutoCompleteBackendFields``, ``ValidateModelConfig``,
``ValidateIOShape``) and src/model_lifecycle.cc (``VersionsToLoad``). The texts of refusals are near theirs.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .triton_config import ConfigError, read_config

_CONFIG = "config.pbtxt"
_DEFAULT_MODEL_NAME = "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"
_ONNX_FILE = "model.onnx"
_BACKEND, _PLATFORM = "onnxruntime", "onnxruntime_onnx"
# Platforms, and the files by which a backend is known where a configuration does not name it.
_BACKENDS = {
    _PLATFORM: _BACKEND,
    "tensorrt_plan": "tensorrt",
    "pytorch_libtorch": "pytorch",
    "tensorflow_graphdef": "tensorflow",
    "tensorflow_savedmodel": "tensorflow",
    "model.plan": "tensorrt",
    _ONNX_FILE: _BACKEND,
    "model.xml": "openvino",
    "model.pt": "pytorch",
    "model.savedmodel": "tensorflow",
    "model.graphdef": "tensorflow",
    "model.py": "python",
}
_NOT_SERVED = ("sequence_batching", "batch_input", "batch_output")


class LoadError(Exception):
    """A model that Triton would not load, or that local AWS does not serve on Triton."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model of a repository.

    Attributes
    ----------
    name
        Its name.
    config
        Its configuration: the protobuf message ``ModelConfig``.
    files
        The ``.onnx`` files of the versions to load, by version.
    """

    name: str
    config: Any
    files: dict[int, Path]


def find_model(repository: Path, *, is_one_of_many: bool) -> StoredModel:
    """Find the model that is served.

    Parameters
    ----------
    repository
        The extracted archive.
    is_one_of_many
        Whether a multi-model container loads it: then its configuration may be at the top, and no name is asked for.

    Raises
    ------
    LoadError
        When there is none, or it cannot be served.
    """
    directory = _directory_of(repository, is_one_of_many=is_one_of_many)
    name, versions = directory.name, _versions(directory)
    try:
        config = read_config(directory / _CONFIG)
        _check_backend(name, config, directory / str(max(versions, default=1)))
        _check(config, name, is_one_of_many=is_one_of_many)
    except ConfigError as error:
        raise LoadError(f"Poll failed for model directory '{name}': {error}") from error
    if not (chosen := list(_chosen(config.version_policy, versions))):
        raise LoadError(f"at least one version must be available under the version policy of model '{name}'")
    return StoredModel(name, config, {version: _file(directory / str(version), config) for version in chosen})


def _directory_of(repository: Path, *, is_one_of_many: bool) -> Path:
    if (repository / _CONFIG).is_file():
        if is_one_of_many:
            return repository
        raise LoadError("Incorrect directory structure. Model directory needs to contain the top level folder")
    wanted = None if is_one_of_many else os.environ.get(_DEFAULT_MODEL_NAME)
    if wanted:
        if not (repository / wanted).is_dir():
            raise LoadError(f"Directory with provided {_DEFAULT_MODEL_NAME} {wanted} does not exist")
        return repository / wanted
    directories = sorted(path for path in repository.iterdir() if path.is_dir())
    if not directories:
        raise LoadError("No model found in model repository")
    if len(directories) > 1:
        names = " ".join(path.name for path in directories)
        raise LoadError(
            f"More than 1 model directory found in model repository. Either provide a single directory or set "
            f"{_DEFAULT_MODEL_NAME} to run the ensemble backend. Directories found in model repository: {names}"
        )
    return directories[0]


def _versions(directory: Path) -> list[int]:
    """Give the versions, the newest first; a directory with a leading zero is none."""
    found = (path.name for path in directory.iterdir() if path.is_dir())
    return sorted((int(name) for name in found if re.fullmatch(r"0|[1-9][0-9]*", name)), reverse=True)


def _chosen(policy: Any, versions: list[int]) -> Iterator[int]:
    if policy.HasField("specific"):
        return (version for version in versions if version in policy.specific.versions)
    if policy.HasField("all"):
        return iter(versions)
    return iter(versions[: policy.latest.num_versions or 1])


def _file(version: Path, config: Any) -> Path:
    file = version / (config.default_model_filename or _ONNX_FILE)
    return file / _ONNX_FILE if file.is_dir() else file


def _check_backend(name: str, config: Any, newest: Path) -> None:
    """Hold the backend, which may be left out, against the one that is served here."""
    if config.platform == "ensemble" or config.HasField("ensemble_scheduling"):
        raise LoadError(
            "local AWS serves no ensembles on Triton; deploy it to AWS, or serve its ONNX models by themselves"
        )
    known = (config.platform, config.default_model_filename)
    backend = config.backend or next((_BACKENDS[each] for each in known if each in _BACKENDS), None)
    if backend is None and not any(known) and newest.is_dir():
        backend = next((_BACKENDS[file] for file in _BACKENDS if (newest / file).exists()), None)
    if backend is None:
        raise ConfigError(
            f"Invalid argument: Invalid model name: Could not determine backend for model '{name}' with no backend in "
            "model configuration. Expected model name of the form 'model.<backend_name>'."
        )
    if backend != _BACKEND:
        raise LoadError(
            f"local AWS serves ONNX models on Triton, and the backend of '{name}' is '{backend}'; export it to ONNX, "
            "serve it in a pytorch-inference image, or deploy it to AWS"
        )
    if config.platform not in ("", _PLATFORM):
        raise ConfigError(
            f"Invalid argument: unexpected 'platform' and 'backend' pair, got:{config.platform}, {config.backend}"
        )


def _check(config: Any, name: str, *, is_one_of_many: bool) -> None:
    """Refuse what Triton refuses whatever the model is, and what local AWS does not do."""
    if not is_one_of_many and config.name not in ("", name):
        raise ConfigError(
            f"Invalid argument: unexpected directory name '{name}' for model '{config.name}', directory name must "
            "equal model name"
        )
    if config.max_batch_size < 0:
        raise ConfigError(f"Invalid argument: 'max_batch_size' must be non-negative value for {name}")
    for size in config.dynamic_batching.preferred_batch_size:
        if not 0 < size <= config.max_batch_size:
            limit = "positive" if size <= 0 else "<= max batch size"
            raise ConfigError(f"Invalid argument: dynamic batching preferred size must be {limit} for {name}")
    for kind, tensors in (("input", config.input), ("output", config.output)):
        for tensor in tensors:
            if wrong := _shape_problem(tensor, config.max_batch_size):
                raise ConfigError(f"Invalid argument: model {kind} {wrong} for {name}")
    set_fields = {field.name for field, _ in config.ListFields()}
    asked = next((field for field in _NOT_SERVED if field in set_fields), None)
    if asked or any(tensor.allow_ragged_batch for tensor in config.input):
        raise LoadError(
            f"local AWS does not do '{asked or 'allow_ragged_batch'}' of Triton, which '{name}' asks for; deploy it to "
            "AWS"
        )


def _shape_problem(tensor: Any, max_batch_size: int) -> str | None:
    for field in ("name", "data_type", "dims"):
        if not getattr(tensor, field):
            return f"must specify '{field}'"
    if tensor.HasField("reshape") and not tensor.reshape.shape and max_batch_size == 0:
        return "cannot have empty reshape for non-batching model"
    if any(dim < 1 and dim != -1 for dim in (*tensor.dims, *tensor.reshape.shape)):
        return "dimension must be integer >= 1, or -1 to indicate a variable-size dimension"
    if tensor.HasField("reshape") and _sizes(tensor.dims) != _sizes(tensor.reshape.shape):
        return "has different size for dims and reshape"
    return None


def _sizes(dims: Iterable[int]) -> list[int]:
    """Count the elements before, between and after the dimensions of variable size."""
    sizes = [1]
    for dim in dims:
        if dim == -1:
            sizes.append(1)
        else:
            sizes[-1] *= dim
    return sizes
