"""Which models Neo compiles, and on which instances what it has compiled runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.compilation import Compilation
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.neo import hosted_targets, hosting_family, only_region
from constructs_lib.serving.problems import InvalidValueError, Problem

# Frameworks that each kind of model may be written in, its own first.
_FRAMEWORKS = {
    "tensorflow": ("tensorflow", "keras", "tflite"),
    "pytorch": ("pytorch",),
    "onnx": ("onnx",),
    "container": ("mxnet", "xgboost", "darknet", "sklearn"),
}


def compile_problems(model: Any, **unused: object) -> Iterator[Problem]:
    """Check that a model's compilation fits the model.

    Parameters
    ----------
    model
        A model that has ``compile`` and ``compiled_for``.
    unused
        Fields of the model that mean nothing when it is compiled, by name.
    """
    if model.compiled_for is not None:
        yield from _compiled_problems(model)
    if model.compile is None:
        return
    yield from _framework_problems(model.framework, model.compile)
    for field, value in {"image": model.image, **unused}.items():
        if value is not None:
            why = "Neo says which image serves the model, for 'compile.framework_version'"
            yield Problem(field, f"does not go with 'compile': {why}; leave it out")
    if getattr(model, "server", None) == "triton":
        yield Problem("server", "'triton' does not serve what Neo compiles; leave 'server' or 'compile' out")
    yield from _artifact_problems(model)


def _framework_problems(kind: str, compilation: Compilation) -> Iterator[Problem]:
    frameworks = _FRAMEWORKS[kind]
    framework = compilation.framework or frameworks[0]
    if kind == "container" and compilation.framework is None:
        yield Problem("compile.framework", f"is missing; give one of {', '.join(frameworks)}")
    elif framework not in frameworks:
        kinds = [kind for kind, taken in _FRAMEWORKS.items() if framework in taken]
        yield Problem("compile.framework", f"'{framework}' is of a model of the framework '{kinds[0]}', not this one")
    else:
        for problem in compilation.problems(frameworks[0]):
            yield Problem(f"compile.{problem.field}", problem.message)


def _artifact_problems(model: Any) -> Iterator[Problem]:
    try:
        location = model.location
    except InvalidValueError:
        return  # told already
    if location is None:
        yield Problem("artifact", "is missing; give the model that is compiled: a local directory or a .tar.gz")
    elif isinstance(location, S3Artifact) and not location.is_archive:
        yield Problem("artifact", f"'{location.uri}' is a prefix, but Neo compiles one archive; give a .tar.gz")


def _compiled_problems(model: Any) -> Iterator[Problem]:
    if model.compile is not None:
        yield Problem("compiled_for", "does not go with 'compile', which compiles it; leave one of them out")
    if hosting_family(model.compiled_for) is None:
        targets = ", ".join(hosted_targets())
        yield Problem("compiled_for", f"'{model.compiled_for}' is nothing that SageMaker hosts; choose of {targets}")
    if model.compile is None and model.image is None:
        where = "DescribeCompilationJob names it as InferenceImage"
        yield Problem("image", f"is missing: a compiled model runs in the image that Neo has for it; {where}")


def target_of(model: object) -> str | None:
    """Give what a model is compiled for, or is to be; None for one that is not compiled, or for a platform."""
    compilation: Compilation | None = getattr(model, "compile", None)
    target: str | None = compilation.target if compilation else getattr(model, "compiled_for", None)
    return target


def compiled_model_problems(model: object, instance: InstanceType) -> Iterator[Problem]:
    """Check that an instance is of the family that a model is compiled for."""
    compilation: Compilation | None = getattr(model, "compile", None)
    target, where = target_of(model), "model.compile.target" if compilation else "model.compiled_for"
    if target is None and compilation is None:
        return
    family = hosting_family(target)
    if family is None:
        given = f"'{target}'" if target else "a platform"
        targets = ", ".join(hosted_targets())
        yield Problem(where, f"is {given}, whose models no endpoint serves; choose of {targets}")
    elif instance.family != family:
        own = f"ml_{instance.family}"
        instead = f", or compile for '{own}'" if own in hosted_targets() else ""
        yield Problem(
            "instance_type",
            f"is '{instance.name}', but the model is compiled for '{target}', which runs on ml.{family}.* alone; "
            f"choose such an instance{instead}",
        )


def uncompiled_problems(model: object) -> Iterator[Problem]:
    """Check that a model is not still to be compiled."""
    if getattr(model, "compile", None) is not None:
        yield Problem("compile", "is not done by itself: make a NeoCompilation of the model, and serve its '.model'")


def compile_region_problems(model: object, region: str) -> Iterator[Problem]:
    """Check that Neo compiles for a model's target in a region."""
    compilation: Compilation | None = getattr(model, "compile", None)
    only = only_region(compilation.target if compilation else None)
    if compilation and only not in (None, region):
        yield Problem(
            "region",
            f"is '{region}', but Neo compiles for '{compilation.target}' in {only} alone; deploy there, or "
            "choose another target",
        )
