"""A taint: what keeps pods off a node unless they tolerate it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.serving.kubernetes_names import label_key_problem, label_value_problem
from constructs_lib.serving.problems import Problems
from constructs_lib.serving.ranges import choice_problems

TaintEffect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A taint of a node.

    Attributes
    ----------
    key
        Its key, such as ``nvidia.com/gpu``.
    value
        Its value. Default: ``true``.
    effect
        ``NoSchedule``, ``PreferNoSchedule`` or ``NoExecute``, as Kubernetes has them. Default: ``NoSchedule``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    key: str
    value: str = "true"
    effect: TaintEffect = "NoSchedule"

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        if wrong := label_key_problem(self.key):
            problems.add("key", wrong)
        if wrong := label_value_problem(self.value):
            problems.add("value", wrong)
        problems.extend(choice_problems("effect", self.effect, TaintEffect))
        problems.raise_any()

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}"
