"""How much of a node a pod asks for, and the quantities that Kubernetes writes it in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.serving.problems import Problem, Problems

# Kubernetes, apimachinery pkg/api/resource: the suffixes that CPUs and bytes are written with.
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_FACTORS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_MIB = 2.0**20


def cpu_millis(quantity: str) -> float:
    """Read a quantity of CPUs, such as ``500m`` or ``2``, in thousandths of a CPU."""
    number, unit = _split(quantity)
    return number if unit == "m" else number * 1000


def mebibytes(quantity: str) -> float:
    """Read a quantity of bytes, such as ``4Gi``, in MiB."""
    number, unit = _split(quantity)
    return number * _FACTORS.get(unit, 1.0) / _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What each pod of a workload requests from its node, besides accelerators.

    Attributes
    ----------
    cpu
        CPUs that the pod requests, such as ``500m`` or ``4``. Default: 1.
    memory
        Memory that the pod requests, such as ``8Gi``. None: what the server commonly needs: 2Gi to 12Gi, and for
        language models 6Gi more for each further GPU, 24Gi for each further Neuron device.
    cpu_limit
        CPUs that it may use at most. None: whatever the node has left, since a limit delays answers.
    memory_limit
        Memory beyond which the pod is killed. None: ``memory``, so that no pod is killed because of another one.
    shared_memory
        Size of ``/dev/shm``, which is part of the memory. None: what the server commonly needs, 64 MiB at least.
    ephemeral_storage
        Disk that the pod requests from its node, model files and logs included, such as ``20Gi``. None: none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    cpu: str = "1"
    memory: str | None = None
    cpu_limit: str | None = None
    memory_limit: str | None = None
    shared_memory: str | None = None
    ephemeral_storage: str | None = None

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(self._quantity_problems())
        problems.raise_any()
        problems.extend(_limit_problems("cpu", self.cpu, self.cpu_limit, cpu_millis))
        problems.extend(_limit_problems("memory", self.memory, self.memory_limit, mebibytes))
        problems.raise_any()

    def _quantity_problems(self) -> Iterator[Problem]:
        for field in ("cpu", "cpu_limit"):
            yield from quantity_problem(field, getattr(self, field), ("", "m"), "'500m' or '2'")
        for field in ("memory", "memory_limit", "shared_memory", "ephemeral_storage"):
            yield from quantity_problem(field, getattr(self, field), ("", *_FACTORS), "'4Gi' or '512Mi'")


def quantity_problem(field: str, given: str | None, units: tuple[str, ...], examples: str) -> Iterator[Problem]:
    """Check that a text is a quantity above 0 in one of some units; None is none, and right."""
    if given is None:
        return
    match = _QUANTITY.fullmatch(given)
    if not match or (match[2] or "") not in units or float(match[1]) == 0:
        yield Problem(field, f"must be a quantity of Kubernetes above 0, such as {examples}, got '{given}'")


def _limit_problems(
    field: str, request: str | None, limit: str | None, read: Callable[[str], float]
) -> Iterator[Problem]:
    if request is not None and limit is not None and read(limit) < read(request):
        yield Problem(f"{field}_limit", f"is {limit}, less than '{field}' ({request})")


def _split(quantity: str) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(quantity)
    if not match:
        raise ValueError(f"'{quantity}' is not a quantity of Kubernetes")
    return float(match[1]), match[2] or ""
