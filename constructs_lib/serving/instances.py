"""Instance types of SageMaker and EC2: architecture, memory, accelerators, and what SageMaker takes them for.

The facts are in instances.json, which scripts/refresh_instances.py writes from botocore's service model (which types
SageMaker hosting, batch transform and training accept) and from EC2's DescribeInstanceTypes (the hardware).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from constructs_lib.serving.images import Device
from constructs_lib.serving.problems import is_token

__all__ = [
    "Accelerator",
    "InstanceType",
    "InstanceTypeError",
    "Use",
    "ec2_instance_type",
    "ec2_instance_types",
    "instance_type",
    "instance_types",
]

_PREFIX = "ml."
# AWS Neuron, "Logical NeuronCore configuration": by default, Trainium2 shows two of its cores as one.
_CORES_AS_ONE = {"Trainium2": 2}


class Use(StrEnum):
    """What SageMaker takes an instance type for."""

    HOSTING = "hosting"
    """Real-time and asynchronous endpoints (``ProductionVariantInstanceType``)."""
    TRANSFORM = "transform"
    """Batch transform (``TransformInstanceType``)."""
    TRAINING = "training"
    """Training jobs (``TrainingInstanceType``)."""

    @property
    def label(self) -> str:
        """The use in words."""
        return "batch transform" if self is Use.TRANSFORM else self.value


class InstanceTypeError(ValueError):
    """An instance type that does not exist, or that SageMaker does not take for the use.

    Attributes
    ----------
    alternatives
        The nearest names that would do, best first.
    """

    def __init__(self, message: str, alternatives: Iterable[str] = ()) -> None:
        self.alternatives = tuple(alternatives)
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """The accelerators of one instance.

    Attributes
    ----------
    kind
        ``gpu``, ``neuron`` (Inferentia), ``neuronx`` (Inferentia 2, Trainium) or ``gaudi``: a `Device`'s name.
    model
        EC2's name for it: ``A10G``, ``Inferentia2``.
    count
        How many devices there are; a fraction of a GPU (g6f) is one.
    memory_gib
        Memory of one device; None where it is not known.
    cores
        NeuronCores of one Neuron device, as programs see them; None for others.
    """

    kind: str
    model: str
    count: int
    memory_gib: float | None = None
    cores: int | None = None

    @property
    def total_memory_gib(self) -> float | None:
        """Memory of all devices together; None where it is not known."""
        return None if self.memory_gib is None else self.memory_gib * self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """One instance type. Make one by hand for a type that is newer than this library.

    Attributes
    ----------
    name
        ``ml.g5.xlarge`` for SageMaker, ``g5.xlarge`` for EC2.
    architecture
        ``x86_64`` or ``arm64``.
    vcpus, memory_gib
        None where they are not known.
    accelerator
        None for an instance that has none.
    burstable
        Whether it earns CPU credits (the T families), which endpoints with autoscaling may not use.
    uses
        What SageMaker takes it for; empty for an EC2 name.
    """

    name: str
    architecture: str
    vcpus: int | None = None
    memory_gib: float | None = None
    accelerator: Accelerator | None = None
    burstable: bool = False
    uses: frozenset[Use] = frozenset()

    @property
    def family(self) -> str:
        """``g5`` of ``ml.g5.xlarge``."""
        return self.name.removeprefix(_PREFIX).split(".")[0]

    @property
    def size(self) -> str:
        """``xlarge`` of ``ml.g5.xlarge``."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def device(self) -> Device:
        """What an image for this instance computes on."""
        return Device(self.accelerator.kind) if self.accelerator else Device.CPU


def instance_type(name: str, *, use: Use = Use.HOSTING) -> InstanceType:
    """Look up a SageMaker instance type such as ``ml.g5.xlarge``.

    Raises
    ------
    InstanceTypeError
        When the prefix ``ml.`` is missing, or SageMaker has no such type for the use; it carries the nearest names.
    """
    known = _sagemaker_names(use)
    if name in known:
        return _read(name, known[name])
    if f"{_PREFIX}{name}" in known:
        near = f"{_PREFIX}{name}"
        raise InstanceTypeError(f"'{name}' lacks the prefix '{_PREFIX}'; did you mean '{near}'?", [near])
    raise _unknown(name, known, f"a SageMaker instance type for {use.label}", _why_not(name.removeprefix(_PREFIX)))


def ec2_instance_type(name: str) -> InstanceType:
    """Look up an EC2 instance type such as ``g5.xlarge``, for the nodes of a cluster.

    Raises
    ------
    InstanceTypeError
        When EC2 has no such type; it carries the nearest names.
    """
    types = _types()
    if name in types:
        return _read(name, {key: value for key, value in types[name].items() if key != "sagemaker"})
    bare = name.removeprefix(_PREFIX)
    if bare in types:
        raise InstanceTypeError(f"'{name}' is SageMaker's name; did you mean '{bare}'?", [bare])
    raise _unknown(name, types, "an EC2 instance type")


def instance_types(use: Use = Use.HOSTING) -> tuple[str, ...]:
    """Give the names of all instance types that SageMaker takes for a use, sorted."""
    return tuple(sorted(_sagemaker_names(use)))


def ec2_instance_types() -> tuple[str, ...]:
    """Give the names of all EC2 instance types in the table, sorted."""
    return tuple(sorted(_types()))


def _why_not(bare: str) -> str:
    if bare not in _types():
        return ""
    others = " and ".join(Use(use).label for use in _types()[bare].get("sagemaker", ()))
    return f" (SageMaker has it for {others} only)" if others else " (EC2 has it, SageMaker does not)"


def _unknown(name: str, known: Iterable[str], what: str, reason: str = "") -> InstanceTypeError:
    if is_token(name):
        return InstanceTypeError(
            f"'{name}' is known at deployment only, and images are chosen before; give its name as text"
        )
    # The family is kept where it exists, or else its letter: another size of g5 helps more than 'ml.g6.3xlarge' would.
    family = name.rsplit(".", 1)[0] + "."
    letter = name[: len(_PREFIX) + 1] if name.startswith(_PREFIX) else name[:1]
    starts = ([other for other in known if other.startswith(start)] for start in (family, letter, ""))
    candidates = next(found for found in starts if found)
    near = get_close_matches(name, candidates, n=3, cutoff=0.5)
    quoted = [f"'{other}'" for other in near]
    guess = f"; did you mean {', '.join(quoted[:-1])}{' or ' if quoted[1:] else ''}{quoted[-1]}?" if quoted else ""
    return InstanceTypeError(f"'{name}' is not {what}{reason}{guess}", near)


@cache
def _types() -> dict[str, dict[str, Any]]:
    data = json.loads(Path(__file__).with_name("instances.json").read_text(encoding="utf-8"))
    types: dict[str, dict[str, Any]] = data["types"]
    return types


@cache
def _sagemaker_names(use: Use) -> dict[str, dict[str, Any]]:
    return {f"{_PREFIX}{name}": entry for name, entry in _types().items() if use.value in entry.get("sagemaker", ())}


def _read(name: str, entry: dict[str, Any]) -> InstanceType:
    found = entry.get("accelerator")
    return InstanceType(
        name=name,
        architecture=entry["architecture"],
        vcpus=entry["vcpus"],
        memory_gib=entry["memory_mib"] / 1024,
        accelerator=found and _accelerator(**found),
        burstable=entry.get("burstable", False),
        uses=frozenset(Use(use) for use in entry.get("sagemaker", ())),
    )


def _accelerator(
    *, kind: str, model: str, count: int, memory_mib: int | None = None, cores: int | None = None
) -> Accelerator:
    memory = None if memory_mib is None else memory_mib / 1024
    seen = cores and cores // _CORES_AS_ONE.get(model, 1)
    return Accelerator(kind=kind, model=model, count=count, memory_gib=memory, cores=seen)
