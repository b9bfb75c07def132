"""What Neo takes and gives: checks of a compilation job's request and input, and the image that serves the result.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InputConfig.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/neo-supported-cloud.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/neo-deployment-hosting-services-container-images.html
"""

from __future__ import annotations

import functools
import io
import json
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.scope import Scope
from local_aws.services.sagemaker.jobs.job import JobFailedError

_WITHOUT_SHAPES = ("XGBOOST", "SKLEARN")
_REGIONS = {"ml_trn1": "us-east-1", "ml_inf2": "us-east-2"}
_GPU_TARGETS = ("ml_p2", "ml_p3", "ml_g4dn")
_NVIDIA_OPTIONS = ("gpu-code", "trt-ver", "cuda-ver")
_MODEL_FILES = {
    "PYTORCH": (".pt", ".pth"),
    "ONNX": (".onnx",),
    "KERAS": (".h5",),
    "TENSORFLOW": (".pb", ".pbtxt"),
    "TFLITE": (".tflite",),
    "MXNET": (".params",),
}
# Framework → repository and default version, on CPU and GPU, and on Inferentia 1.
_IMAGES = {
    "PYTORCH": ("sagemaker-inference-pytorch", "2.0"),
    "TENSORFLOW": ("sagemaker-inference-tensorflow", "2.9"),
    "MXNET": ("sagemaker-inference-mxnet", "1.8.0"),
    "ONNX": ("sagemaker-neo-onnx", "1.5.0"),
    "KERAS": ("sagemaker-neo-keras", "2.2.4"),
}
_INFERENTIA_IMAGES = {
    "PYTORCH": ("sagemaker-neo-pytorch", "1.5.1"),
    "TENSORFLOW": ("sagemaker-neo-tensorflow", "1.15.0"),
    "MXNET": ("sagemaker-neo-mxnet", "1.5.1"),
}
# Inferentia 2 and Trainium have one image for each framework.
_NEURONX_IMAGES = {
    "PYTORCH": "pytorch-inference-neuronx:1.13.1-neuronx-py38-sdk2.10.0-ubuntu20.04",
    "TENSORFLOW": "tensorflow-inference-neuronx:2.10.1-neuronx-py38-sdk2.10.0-ubuntu20.04",
}


def check_request(scope: Scope, request: Parameters) -> None:
    """Refuse what CreateCompilationJob refuses, and what local AWS does not have.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    if ("InputConfig" in request) == ("ModelPackageVersionArn" in request):
        raise validation_error("Exactly one of InputConfig and ModelPackageVersionArn must be specified.")
    if "InputConfig" not in request:
        raise validation_error("local AWS does not have model packages (ModelPackageVersionArn): use InputConfig.")
    output = request["OutputConfig"]
    if ("TargetDevice" in output) == ("TargetPlatform" in output):
        raise validation_error("Exactly one of TargetDevice and TargetPlatform must be specified in OutputConfig.")
    region = _REGIONS.get(output.get("TargetDevice", ""), scope.region)
    if region != scope.region:
        raise validation_error(f"Target device {output['TargetDevice']} is available in {region} only.")
    options = _json(output["CompilerOptions"], "CompilerOptions") if "CompilerOptions" in output else {}
    if output.get("TargetPlatform", {}).get("Accelerator") == "NVIDIA":
        lacking = [name for name in _NVIDIA_OPTIONS if not isinstance(options, dict) or name not in options]
        if lacking:
            raise validation_error(f"CompilerOptions lacks {', '.join(lacking)}, which accelerator NVIDIA requires.")
    given = request["InputConfig"]
    if not given["S3Uri"].endswith(".tar.gz"):
        raise validation_error(f"The model at {given['S3Uri']} must be a single gzip compressed tar archive (.tar.gz).")
    if "DataInputConfig" in given:
        _json(given["DataInputConfig"], "DataInputConfig")
    elif given["Framework"] not in (*_WITHOUT_SHAPES, "PYTORCH"):
        raise validation_error(f"DataInputConfig is required for framework {given['Framework']}.")


def check_input(given: Parameters, archive: bytes) -> None:
    """Refuse input that Neo cannot compile.

    Raises
    ------
    JobFailedError
        With Neo's prefix, ``ClientError: InputConfiguration``.
    """
    framework = given["Framework"]
    if "DataInputConfig" in given and framework not in _WITHOUT_SHAPES:
        _check_shapes(framework, json.loads(given["DataInputConfig"]))
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
            names = [member.name for member in packed if member.isfile()]
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _wrong_input(f"Unable to extract the model archive: {error}") from error
    suffixes = _MODEL_FILES.get(framework)
    if suffixes and not any(name.endswith(suffixes) for name in names):
        raise _wrong_input(
            f"No {' or '.join(suffixes)} file found for {framework} model. Please make sure the framework you selected "
            "is correct."
        )


def _check_shapes(framework: str, shapes: Any) -> None:
    if isinstance(shapes, list) and framework == "PYTORCH":
        shapes = {f"input{number}": shape for number, shape in enumerate(shapes)}
    if not isinstance(shapes, dict) or not shapes:
        form = "a dictionary or a list of shapes" if framework == "PYTORCH" else "a dictionary of names and shapes"
        raise _wrong_input(f"DataInputConfig must be {form} for framework {framework}.")
    for name, shape in shapes.items():
        if isinstance(shape, dict):
            continue  # the form for Core ML, which has ranges and enumerations
        if not isinstance(shape, list) or not shape or not all(type(size) is int and size > 0 for size in shape):
            raise _wrong_input(
                f"The shape of input {name} must be a list of positive integers, got {json.dumps(shape)}."
            )


def artifact_uri(request: Parameters) -> str:
    """Return where the result goes: ``{model}-{target}.tar.gz``, as in the edge samples of the developer guide."""
    output = request["OutputConfig"]
    model = PurePosixPath(request["InputConfig"]["S3Uri"]).name.removesuffix(".tar.gz")
    target = output.get("TargetDevice") or "_".join(
        output["TargetPlatform"][part] for part in ("Os", "Arch", "Accelerator") if part in output["TargetPlatform"]
    )
    return f"{output['S3OutputLocation'].rstrip('/')}/{model}-{target}.tar.gz"


def inference_image(scope: Scope, request: Parameters) -> str | None:
    """Return the image that serves the result; None when the target is no instance, or Neo has no image for it."""
    device, given = request["OutputConfig"].get("TargetDevice", ""), request["InputConfig"]
    framework = given["Framework"]
    # Only these honour it (InputConfig's reference).
    version = given.get("FrameworkVersion") if framework in ("MXNET", "PYTORCH", "TENSORFLOW", "TFLITE") else None
    account = _registries().get(scope.region)
    if not device.startswith("ml_") or account is None:
        return None
    registry = f"{account}.dkr.ecr.{scope.region}.amazonaws.com"
    if framework == "XGBOOST":
        return f"{registry}/xgboost-neo:latest"
    if device in _REGIONS:
        image = _NEURONX_IMAGES.get(framework)
        return f"763104351884.dkr.ecr.{scope.region}.amazonaws.com/{image}" if image else None
    found = (_INFERENTIA_IMAGES if device == "ml_inf1" else _IMAGES).get(framework)
    if found is None:
        return None
    processor = "inf" if device == "ml_inf1" else "gpu" if device in _GPU_TARGETS else "cpu"
    return f"{registry}/{found[0]}:{version or found[1]}-{processor}-py3"


@functools.cache
def _registries() -> dict[str, str]:
    """Return the accounts of Neo's images by region, from the SageMaker SDK's tables."""
    registries: dict[str, str] = json.loads(Path(__file__).with_name("neo_registries.json").read_text("utf-8"))
    return registries


def _json(text: str, member: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise validation_error(f"{member} is not valid JSON: {error}.") from error


def _wrong_input(message: str) -> JobFailedError:
    return JobFailedError(f"ClientError: InputConfiguration: {message}")
