"""What can be said of a cluster: one value, checked as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.eks.add_on import AddOn
from constructs_lib.eks.cluster_zones import cluster_zone_problems, node_zone_problems
from constructs_lib.eks.kubernetes_versions import DEFAULT_VERSION, version_problem
from constructs_lib.eks.network import ClusterVpc, cidr_problems
from constructs_lib.eks.node_scaling import NodeScaling, scaling_problems
from constructs_lib.serving.arns import key_problems
from constructs_lib.serving.node_group import NEURON_RESOURCE, NodeGroup
from constructs_lib.serving.problems import Problem, Problems, is_token
from constructs_lib.serving.ranges import choice_problems

ControlPlaneLog = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]
ALL_LOGS: tuple[ControlPlaneLog, ...] = ("api", "audit", "authenticator", "controllerManager", "scheduler")

# botocore eks: ClusterName.
_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """An EKS cluster for inference.

    Attributes
    ----------
    node_groups
        The kinds of node that it has. Unless EKS runs the nodes (``AutoMode``), one of them always has a node
        (``min_size`` 1 or more) without taints, for the cluster's own pods.
    name
        1 to 100 letters, digits, hyphens and underscores. None: CloudFormation generates one, so that a change that
        needs a new cluster can be deployed.
    version
        Kubernetes version. Default: 1.35.
    vpc
        A VPC that exists. None: one is made, with private subnets in two Availability Zones and a NAT gateway in each.
    availability_zones
        The Availability Zones of the VPC that is made, two or more; those of a VPC that stands cannot change. Left out:
        the first two of the region.
    node_scaling
        Who adds and removes nodes. ``ClusterAutoscaler``: between each group's sizes. ``Karpenter``: groups whose
        ``min_size`` is 0 become its NodePools, and the others keep their size. ``AutoMode``: EKS, which runs all nodes.
        ``Fixed``: nobody. Default: ``ClusterAutoscaler``.
    public_access_cidrs
        IPv4 networks that reach the API server from outside, such as ``203.0.113.0/24``. Left out: it is reached from
        inside the VPC alone.
    control_plane_logs
        Which logs go to CloudWatch. Left out: all five.
    secrets_key_arn
        ARN of the KMS key that Kubernetes secrets are encrypted with. None: a key of AWS's.
    admin_arns
        ARNs of IAM roles and users that are administrators of the cluster. Left out: none.
    viewer_arns
        ARNs of IAM roles and users that may look at what namespaces hold (``AmazonEKSViewPolicy``): workloads, logs,
        Services, ConfigMaps, but no secrets, nodes or roles. Left out: nobody else may.
    add_ons
        More EKS add-ons, or standard ones set up otherwise, whose configuration is added to the standard one. Standard
        are vpc-cni, kube-proxy, coredns, eks-pod-identity-agent, metrics-server and aws-mountpoint-s3-csi-driver.
    neuron_scheduler
        Whether there is a scheduler (``neuron-scheduler``) that gives pods neighbouring Neuron devices, as models need
        that are split over several. Left out: there is none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    node_groups: tuple[NodeGroup, ...] = ()
    name: str | None = None
    version: str = DEFAULT_VERSION
    vpc: ClusterVpc | None = None
    availability_zones: tuple[str, ...] = ()
    node_scaling: NodeScaling = "ClusterAutoscaler"
    public_access_cidrs: tuple[str, ...] = ()
    control_plane_logs: tuple[ControlPlaneLog, ...] = ALL_LOGS
    secrets_key_arn: str | None = None
    admin_arns: tuple[str, ...] = ()
    viewer_arns: tuple[str, ...] = ()
    add_ons: tuple[AddOn, ...] = ()
    neuron_scheduler: bool = False

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self.problems())
        problems.raise_any()

    @property
    def auto_mode(self) -> bool:
        """Whether EKS runs the nodes."""
        return self.node_scaling == "AutoMode"

    def problems(self) -> Iterator[Problem]:
        """Give what is wrong with the cluster as a whole."""
        if self.name is not None:
            yield from name_problems("name", self.name)
        if wrong := version_problem(self.version):
            yield Problem("version", wrong)
        yield from choice_problems("node_scaling", self.node_scaling, NodeScaling)
        yield from cidr_problems("public_access_cidrs", self.public_access_cidrs)
        for index, log in enumerate(self.control_plane_logs):
            yield from choice_problems(f"control_plane_logs.{index}", log, ControlPlaneLog)
        yield from key_problems("secrets_key_arn", self.secrets_key_arn)
        yield from self._access_problems()
        yield from twin_problems("node_groups", [group.name for group in self.node_groups])
        yield from twin_problems("add_ons", [add_on.name for add_on in self.add_ons])
        yield from scaling_problems(self.node_scaling, self.node_groups)
        yield from cluster_zone_problems(self.availability_zones, has_vpc=self.vpc is not None)
        zones = self.vpc.availability_zones if self.vpc else self.availability_zones
        yield from node_zone_problems(self.node_scaling, self.node_groups, zones)
        neuron = any(group.accelerator_resource == NEURON_RESOURCE for group in self.node_groups)
        if self.neuron_scheduler and not neuron:
            yield Problem("neuron_scheduler", "needs a node group with Neuron devices (inf1, inf2, trn1, trn2)")

    def _access_problems(self) -> Iterator[Problem]:
        for field in ("admin_arns", "viewer_arns"):
            for index, arn in enumerate(getattr(self, field)):
                if not is_token(arn) and not _PRINCIPAL.fullmatch(arn):
                    shape = "arn:aws:iam::ACCOUNT:role/NAME"
                    yield Problem(f"{field}.{index}", f"must be an IAM role or user such as '{shape}', got '{arn}'")
        yield from twin_problems("admin_arns", [*self.admin_arns, *self.viewer_arns])


def name_problems(field: str, name: str) -> Iterator[Problem]:
    """Check that EKS takes a name for a cluster."""
    if not is_token(name) and not _NAME.fullmatch(name):
        yield Problem(field, f"must be 1 to 100 letters, digits, '-' and '_', got '{name}'")


def twin_problems(field: str, names: Sequence[str]) -> Iterator[Problem]:
    """Check that nothing is given twice."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(field, f"have '{name}' twice; give each once")
