"""Who may call a workload: the sources of its NetworkPolicy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cdk8s_charts.service import cidr_problems
from constructs_lib.serving.kubernetes_names import dns_label_problem
from constructs_lib.serving.problems import Problem, Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The sources that may call a workload; all others are blocked, except the kubelet's probes.

    Attributes
    ----------
    namespaces
        Names of namespaces, all of whose pods may call; include that of your monitoring.
    cidrs
        CIDR blocks: a load balancer's subnets, the VPC.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    namespaces: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(self._problems())
        problems.raise_any()

    def _problems(self) -> Iterator[Problem]:
        for index, name in enumerate(self.namespaces):
            if wrong := dns_label_problem(name):
                yield Problem(f"namespaces.{index}", wrong)
        yield from cidr_problems("cidrs", self.cidrs)
        if not self.namespaces and not self.cidrs:
            yield Problem("namespaces", "is empty, as is 'cidrs': nobody could call; give one, or leave 'clients' out")
