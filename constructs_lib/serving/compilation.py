"""How SageMaker Neo compiles a model: for which hardware, with which inputs, and with what options."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.serving import neo
from constructs_lib.serving.arns import key_problems
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import choice_problems, range_problems

# botocore sagemaker: FrameworkVersion, DataInputConfig, CompilerOptions, S3Uri.
_VERSION = re.compile(r"[0-9]\.[A-Za-z0-9.]{1,8}")
_INPUT_MAX = 16384
_OPTIONS = (3, 1024)
_OUTPUT = re.compile(r"s3://[^/\s]+(/\S*)?")
_URI_MAX = 1024
_START_UP = 900  # seconds for which the deployment waits beyond the job's own limit
_RUNTIME = (60, 12 * 3600 - _START_UP)
_NEURON = ("ml_inf1", "ml_inf2", "ml_trn1")
_NVIDIA_OPTIONS = ("gpu-code", "trt-ver", "cuda-ver")
_Os = Literal["LINUX", "ANDROID"]
_Arch = Literal["X86_64", "X86", "ARM64", "ARM_EABI", "ARM_EABIHF"]
_Accelerator = Literal["INTEL_GRAPHICS", "MALI", "NVIDIA", "NNA"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlatform:
    """A kind of device, for which Neo has no name of its own.

    Attributes
    ----------
    os
        Operating system.
    arch
        Architecture of the processor.
    accelerator
        What the model runs on beside the processor. Left out: nothing.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    os: _Os
    arch: _Arch
    accelerator: _Accelerator | None = None

    def __post_init__(self) -> None:
        problems = Problems("TargetPlatform")
        problems.extend(choice_problems("os", self.os, _Os))
        problems.extend(choice_problems("arch", self.arch, _Arch))
        problems.extend(choice_problems("accelerator", self.accelerator, _Accelerator))
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """How Neo compiles a model; exactly one of ``target`` and ``platform`` is given.

    Attributes
    ----------
    target
        Target device: ``ml_c5`` for the instances ``ml.c5.*``, and so on for ``ml_c4``, ``ml_m4``, ``ml_m5``,
        ``ml_p2``, ``ml_p3``, ``ml_g4dn``, ``ml_inf1``, ``ml_inf2`` (us-east-2 only) and ``ml_trn1`` (us-east-1 only),
        which an endpoint serves; or the name of an edge device. Left out: ``platform`` is given.
    platform
        Operating system, architecture and accelerator of an edge device. Left out: ``target`` is given.
    input_shape
        Shape of each input by its name, such as ``{input0: [1, 3, 224, 224]}``: batch, height, width, channels for
        TensorFlow and TFLite; batch, channels, height, width for the others, Keras included. Left out: only for
        XGBoost.
    framework
        Framework that the model is written in, where it is not the one of its kind: ``keras`` or ``tflite`` for a
        TensorFlow model; ``mxnet``, ``xgboost``, ``darknet`` or ``sklearn`` for a container's. Left out: that of its
        kind.
    framework_version
        Version of the framework, such as ``2.0``. Left out: the newest that Neo takes.
    compiler_options
        Options of the compiler by name, such as ``{dtype: float32}``, or as JSON; for Inferentia and Trainium the
        Neuron compiler's command line, such as ``--num-neuroncores 2``. Left out: the compiler's defaults.
    output
        Address of the S3 prefix under which the compiled model is put. Left out: a private bucket of the stack, which
        stays when the stack is deleted.
    output_kms_key_arn
        ARN of the KMS key that the compiled model is encrypted with. Left out: the bucket's own encryption.
    max_runtime
        Seconds after which SageMaker stops the job, 60 to 42 300. The deployment waits 900 seconds longer.
    vpc
        Your VPC's subnets and security groups, through which the job reaches S3. Left out: SageMaker's own network.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    target: str | None = None
    platform: TargetPlatform | None = None
    input_shape: Mapping[str, tuple[int, ...]] | None = None
    framework: neo.Framework | None = None
    framework_version: str | None = None
    compiler_options: Mapping[str, Any] | str | None = None
    output: str | None = None
    output_kms_key_arn: str | None = None
    max_runtime: int = 900
    vpc: VpcConfig | None = None

    def __post_init__(self) -> None:
        problems = Problems("Compilation")
        if (self.target is None) == (self.platform is None):
            given = "neither is given" if self.target is None else "both are given"
            problems.add("target", f"or 'platform' says what the model is compiled for, and {given}; give one of them")
        if self.target is not None:
            problems.extend(neo.target_problems(self.target))
        problems.extend(choice_problems("framework", self.framework, neo.Framework))
        version = self.framework_version
        if version is not None and not (_VERSION.fullmatch(version) and len(version) >= 3):
            problems.add("framework_version", f"must look like '1.13', got '{version}'")
        problems.extend(self._option_problems())
        problems.extend(self._place_problems())
        problems.raise_any()

    def _option_problems(self) -> Iterator[Problem]:
        field = "compiler_options"
        try:
            text, options = self.options_text, self._options
        except json.JSONDecodeError as error:
            yield Problem(field, f"must be names with values, or JSON: {error.msg} at character {error.pos + 1}")
            return
        except (TypeError, ValueError) as error:
            yield Problem(field, f"must be names with values that JSON has: {error}")
            return
        least, most = _OPTIONS
        if text is not None and not least <= len(text) <= most:
            yield Problem(field, f"must have {least} to {most} characters as JSON, got {len(text)}")
        if options is not None and not isinstance(options, Mapping) and self.target not in _NEURON:
            yield Problem(field, f"must be names with values, got {json.dumps(options)}")
            return
        named = options if isinstance(options, Mapping) else {}
        if self.platform and self.platform.accelerator == "NVIDIA":
            missing = [name for name in _NVIDIA_OPTIONS if name not in named]
            if missing:
                yield Problem(field, f"lacks {', '.join(missing)}, which Neo needs for NVIDIA; see your TensorRT")
        level = named.get("ANDROID_PLATFORM")
        if level is not None and level not in range(21, 30):
            yield Problem(f"{field}.ANDROID_PLATFORM", f"must be an API level of 21 to 29, got {level!r}")

    def _place_problems(self) -> Iterator[Problem]:
        if self.output is not None and not (_OUTPUT.fullmatch(self.output) and len(self.output) <= _URI_MAX):
            yield Problem("output", f"must look like 's3://BUCKET/PREFIX', got '{self.output}'")
        yield from key_problems("output_kms_key_arn", self.output_kms_key_arn)
        yield from range_problems("max_runtime", self.max_runtime, *_RUNTIME, "seconds")

    @property
    def _options(self) -> Any:
        text = self.options_text
        return None if text is None else json.loads(text)

    @property
    def options_text(self) -> str | None:
        """The compiler's options as the API takes them: JSON, which for Neuron is a quoted command line."""
        given = self.compiler_options
        if given is None:
            return None
        if isinstance(given, Mapping):
            return json.dumps(dict(given), allow_nan=False)
        if self.target in _NEURON and not given.startswith(('"', "{")):
            return json.dumps(given)
        json.loads(given)
        return given

    @property
    def timeout(self) -> int:
        """Seconds that the deployment waits for the job."""
        return self.max_runtime + _START_UP

    def problems(self, framework: str) -> Iterator[Problem]:
        """Give what does not fit a model's framework.

        Parameters
        ----------
        framework
            Framework of the model's kind, where `framework` does not say another.
        """
        framework = self.framework or framework
        wrong = list(neo.framework_problems(framework, self.framework_version, self.target))
        yield from wrong
        if not any(problem.field == "framework" for problem in wrong):
            yield from neo.layout_problems(framework, self.input_shape)
        if len(json.dumps(self.shapes)) > _INPUT_MAX:
            yield Problem("input_shape", f"must have at most {_INPUT_MAX} characters as JSON")

    @property
    def shapes(self) -> dict[str, list[int]]:
        """Shape of each input, as the API takes it."""
        return {name: list(shape) for name, shape in (self.input_shape or {}).items()}

    @property
    def _platform(self) -> dict[str, str] | None:
        if self.platform is None:
            return None
        accelerator = {"Accelerator": self.platform.accelerator} if self.platform.accelerator else {}
        return {"Os": self.platform.os, "Arch": self.platform.arch, **accelerator}

    def request(self, *, framework: str, artifact: str, output: str) -> dict[str, Any]:
        """Give the request of ``CreateCompilationJob``, without the job's name and role.

        Parameters
        ----------
        framework
            Framework of the model's kind.
        artifact
            Address of the model's archive.
        output
            Address of the prefix under which the compiled model is put.
        """
        framework = self.framework or framework
        version = self.framework_version or neo.newest_version(framework, self.target)
        inputs = {
            "S3Uri": artifact,
            "Framework": framework.upper(),
            **({"DataInputConfig": json.dumps(self.shapes)} if self.shapes else {}),
            **({"FrameworkVersion": version} if version and framework in neo.VERSIONED else {}),
        }
        outputs = {
            "S3OutputLocation": output,
            "TargetPlatform": self._platform,
            "TargetDevice": self.target,
            "CompilerOptions": self.options_text,
            "KmsKeyId": self.output_kms_key_arn,
        }
        request: dict[str, Any] = {
            "InputConfig": inputs,
            "OutputConfig": {name: value for name, value in outputs.items() if value is not None},
            "StoppingCondition": {"MaxRuntimeInSeconds": self.max_runtime},
        }
        if self.vpc is not None:
            groups = list(self.vpc.security_group_ids)
            request["VpcConfig"] = {"Subnets": list(self.vpc.subnets), "SecurityGroupIds": groups}
        return request
