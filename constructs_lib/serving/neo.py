"""What SageMaker Neo takes: its targets, the frameworks and versions of each, and where its models run.

Sources: botocore sagemaker (TargetDevice, Framework, InputConfig, OutputConfig); SageMaker developer guide, "Supported
Instance Types and Frameworks" (cloud, Inferentia, edge) and "Deploy a Model" (the instances that SageMaker hosts on).
Both have not changed since 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal

from constructs_lib.serving.problems import Problem

Framework = Literal["tensorflow", "keras", "mxnet", "onnx", "pytorch", "xgboost", "tflite", "darknet", "sklearn"]

_HOSTED = ("m4", "m5", "c4", "c5", "p2", "p3", "g4dn", "inf1", "inf2", "trn1")
_CLOUD = ("lambda", *(f"ml_{family}" for family in (*_HOSTED, "m6g", "c6g", "eia2")))
# fmt: off
_EDGE = (
    "jetson_tx1", "jetson_tx2", "jetson_nano", "jetson_xavier", "rasp3b", "rasp4b", "imx8qm", "imx8mplus", "deeplens",
    "rk3399", "rk3288", "aisage", "sbe_c", "qcs605", "qcs603", "sitara_am57x", "amba_cv2", "amba_cv22", "amba_cv25",
    "x86_win32", "x86_win64", "coreml", "jacinto_tda4vm",
)
# fmt: on
TARGETS = (*_CLOUD, *_EDGE)
"""Every target device."""

# Versions of a framework; empty where AWS lists none, so that none can be checked.
_Versions = Mapping[str, tuple[str, ...]]
_CLOUD_VERSIONS: _Versions = {
    "mxnet": ("1.8",),
    "onnx": ("1.7",),
    "keras": ("2.2",),
    "pytorch": ("1.4", "1.5", "1.6", "1.7", "1.8", "1.12", "1.13", "2.0"),
    "tensorflow": ("1.15", "2.9"),
    "xgboost": ("1.3",),
    "darknet": (),
}
_INFERENTIA_VERSIONS: _Versions = {
    "mxnet": ("1.5", "1.8"),
    "pytorch": ("1.7", "1.8", "1.9"),
    "tensorflow": ("1.15", "2.5"),
}
_NEURONX_VERSIONS: _Versions = {"pytorch": (), "tensorflow": ()}
_EIA_VERSIONS: _Versions = {"mxnet": (), "pytorch": (), "tensorflow": ()}
_EDGE_VERSIONS: _Versions = {
    "mxnet": ("1.8",),
    "onnx": ("1.7",),
    "keras": ("2.2",),
    "pytorch": ("1.7", "1.8"),
    "tensorflow": ("1.15", "2.4"),
    "tflite": ("1.15",),
    "xgboost": ("1.3",),
    "darknet": (),
    "sklearn": (),
}
_BY_TARGET: Mapping[str, _Versions] = {
    "ml_inf1": _INFERENTIA_VERSIONS,
    "ml_inf2": _NEURONX_VERSIONS,
    "ml_trn1": _NEURONX_VERSIONS,
    "ml_eia2": _EIA_VERSIONS,
    **dict.fromkeys(_EDGE, _EDGE_VERSIONS),
}
_ONLY_IN = {"ml_trn1": "us-east-1", "ml_inf2": "us-east-2"}
# Of the others Neo reads the version from the model.
VERSIONED = ("mxnet", "pytorch", "tensorflow", "tflite")
"""Frameworks whose version Neo wants to be told."""


def target_problems(target: str) -> Iterator[Problem]:
    """Check that Neo has a target."""
    if target in TARGETS:
        return
    near = get_close_matches(target.lower().replace(".", "_").replace("-", "_"), TARGETS, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"choose of {', '.join(TARGETS)}"
    yield Problem("target", f"'{target}' is no target of Neo; {hint}")


def framework_problems(framework: str, version: str | None, target: str | None) -> Iterator[Problem]:
    """Check that Neo compiles a framework and its version for a target.

    Parameters
    ----------
    framework
        Framework of the model.
    version
        Its version. None: the newest that Neo takes.
    target
        Target device. None: the target is a platform, for which the versions of edge devices hold.
    """
    versions = _versions(target)
    for_target = f"for '{target}'" if target else "for a platform"
    if framework not in versions:
        yield Problem("framework", f"'{framework}' cannot be compiled {for_target}; Neo takes {', '.join(versions)}")
        return
    taken = versions[framework]
    if version is not None and taken and not any(version == each or version.startswith(f"{each}.") for each in taken):
        yield Problem(
            "framework_version",
            f"'{version}' of {framework} cannot be compiled {for_target}; Neo takes {', '.join(taken)}",
        )


def newest_version(framework: str, target: str | None) -> str | None:
    """Give the newest version of a framework that Neo takes; None where AWS lists none, or Neo reads it itself."""
    taken = _versions(target).get(framework, ()) if framework in VERSIONED else ()
    return taken[-1] if taken else None


def layout_problems(framework: str, shapes: Mapping[str, Sequence[int]] | None) -> Iterator[Problem]:
    """Check that the shapes of a model's inputs are laid out as Neo expects them of its framework.

    Sizes of images tell channels from pixels where they are clear: 1, 3 or 4 beside larger ones.
    """
    if framework == "xgboost":
        if shapes:
            yield Problem("input_shape", "is not for XGBoost, whose inputs Neo does not ask for; leave it out")
        return
    if not shapes and framework != "sklearn":
        yield Problem("input_shape", "is missing; give the shape of each input, such as {data: [1, 3, 224, 224]}")
        return
    channels_last = framework in ("tensorflow", "tflite")
    for name, shape in (shapes or {}).items():
        field = f"input_shape.{name}"
        wrong = [size for size in shape if isinstance(size, bool) or size < 1]
        if wrong:
            yield Problem(field, f"must have sizes of at least 1, got {wrong[0]} in {list(shape)}; give a fixed size")
            continue
        if framework in ("keras", "darknet") and len(shape) != 4:
            yield Problem(field, f"must have 4 sizes (batch, channels, height, width), got {len(shape)}: {list(shape)}")
        elif not 1 <= len(shape) <= 5:
            yield Problem(field, f"must have 1 to 5 sizes, got {len(shape)}")
        elif len(shape) == 4 and _is_turned(shape, channels_last=channels_last):
            batch, first, second, third = shape
            right = [batch, second, third, first] if channels_last else [batch, third, first, second]
            layout = "batch, height, width, channels" if channels_last else "batch, channels, height, width"
            yield Problem(field, f"is {list(shape)}, but {framework} takes ({layout}); did you mean {right}?")


def hosting_family(target: str | None) -> str | None:
    """Give the instance family that SageMaker hosts a target's models on, such as ``c5``; None when it hosts none."""
    family = (target or "").removeprefix("ml_")
    return family if target and target.startswith("ml_") and family in _HOSTED else None


def hosted_targets() -> tuple[str, ...]:
    """Give the targets whose models an endpoint serves."""
    return tuple(f"ml_{family}" for family in _HOSTED)


def only_region(target: str | None) -> str | None:
    """Give the only region in which Neo compiles for a target; None when there are several."""
    return _ONLY_IN.get(target or "")


def _versions(target: str | None) -> _Versions:
    return _EDGE_VERSIONS if target is None else _BY_TARGET.get(target, _CLOUD_VERSIONS)


def _is_turned(shape: Sequence[int], *, channels_last: bool) -> bool:
    channels = (1, 3, 4)
    here, there = (shape[3], shape[1]) if channels_last else (shape[1], shape[3])
    return there in channels and here not in channels and shape[2] not in channels
