"""How the pods of a node share its GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.serving.problems import Problems
from constructs_lib.serving.ranges import range_problems

_REPLICAS_MAX = 48
# Into how many equal slices an A100, H100 or H200 can be cut (NVIDIA's "MIG User Guide", supported profiles).
_SLICES = (2, 3, 4, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSharing:
    """How the pods of a node share its GPUs: in turns, or each with a slice of its own, or both.

    Attributes
    ----------
    time_slicing
        How many pods take turns on one GPU (or on one slice of it), 2 to 48. Each sees the whole memory, and nothing
        keeps one from using up that of the others. None: one pod to a GPU.
    mig_slices
        Into how many equal slices each GPU is cut (Multi-Instance GPU): 2, 3, 4 or 7; memory and faults are kept
        apart. None: whole GPUs.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    time_slicing: int | None = None
    mig_slices: int | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(range_problems("time_slicing", self.time_slicing, 2, _REPLICAS_MAX, "pods"))
        if self.mig_slices is not None and self.mig_slices not in _SLICES:
            choices = ", ".join(map(str, _SLICES))
            problems.add("mig_slices", f"must be one of {choices}, got {self.mig_slices}")
        if self.time_slicing is None and self.mig_slices is None:
            problems.add("", "shares nothing: give 'time_slicing' or 'mig_slices', or leave it out")
        problems.raise_any()

    @property
    def per_gpu(self) -> int:
        """How many ``nvidia.com/gpu`` the node offers for each of its GPUs."""
        return (self.time_slicing or 1) * (self.mig_slices or 1)
