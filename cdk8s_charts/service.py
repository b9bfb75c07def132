"""How callers reach a workload: its Service, and an Ingress in front of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from constructs_lib.serving.kubernetes_names import label_key_problem
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import choice_problems, range_problems

ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]
Scheme = Literal["internal", "internet-facing"]

_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
# kube-apiserver --service-node-port-range, which EKS leaves at its default.
_NODE_PORTS = 30_000, 32_767


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The Service of a workload. Its ports are those of the server, unless set here.

    Attributes
    ----------
    type
        ``ClusterIP``, ``NodePort``, or ``LoadBalancer``: a Network Load Balancer by the AWS Load Balancer Controller or
        by EKS Auto Mode. Default: ``ClusterIP``.
    http_port
        Port that callers use for HTTP. None: the one that the server listens on.
    grpc_port
        Port that callers use for gRPC, where the server speaks it. None: the one that the server listens on.
    node_port
        Port of each node for HTTP, 30000 to 32767; for ``NodePort`` and ``LoadBalancer``. None: Kubernetes chooses one.
    scheme
        Whether the load balancer is ``internal`` to the VPC or ``internet-facing``. Default: ``internal``.
    source_ranges
        CIDR blocks that may call the load balancer; required when it is internet-facing, since model servers do not
        authenticate callers. Default: any.
    load_balancer_class
        The controller that makes the load balancer, such as ``eks.amazonaws.com/nlb`` for EKS Auto Mode. None: the AWS
        Load Balancer Controller.
    annotations
        More annotations of the Service; they take precedence over those that the chart sets.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    type: ServiceType = "ClusterIP"
    http_port: int | None = None
    grpc_port: int | None = None
    node_port: int | None = None
    scheme: Scheme = "internal"
    source_ranges: tuple[str, ...] = ()
    load_balancer_class: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(choice_problems("type", self.type, ServiceType))
        problems.extend(choice_problems("scheme", self.scheme, Scheme))
        for port in ("http_port", "grpc_port"):
            problems.extend(range_problems(port, getattr(self, port), 1, 65_535))
        if self.http_port is not None and self.http_port == self.grpc_port:
            problems.add("grpc_port", f"is {self.grpc_port}, as is 'http_port'; give each a port of its own")
        problems.extend(range_problems("node_port", self.node_port, *_NODE_PORTS))
        problems.extend(self._type_problems())
        problems.extend(cidr_problems("source_ranges", self.source_ranges))
        problems.extend(annotation_problems(self.annotations))
        problems.raise_any()

    def _type_problems(self) -> Iterator[Problem]:
        if self.node_port is not None and self.type == "ClusterIP":
            yield Problem("node_port", "needs the type NodePort or LoadBalancer; a ClusterIP has no port on the nodes")
        if self.type == "LoadBalancer":
            yield from _open_problems(self.scheme, self.source_ranges)
            return
        for name, default in (("scheme", "internal"), ("source_ranges", ()), ("load_balancer_class", None)):
            if getattr(self, name) != default:
                yield Problem(name, f"is for a load balancer; set 'type' to LoadBalancer, got '{self.type}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """HTTP from outside the cluster, through an Application Load Balancer or another ingress controller.

    Attributes
    ----------
    host
        Host name that callers use, such as ``models.example.com``. None: any.
    path
        Prefix of the paths that are passed on. Default: ``/``.
    class_name
        The ingress class. Default: ``alb``, that of the AWS Load Balancer Controller.
    scheme
        For ``alb``: ``internal`` to the VPC, or ``internet-facing``. Default: ``internal``.
    source_ranges
        For ``alb``: CIDR blocks that may call; required when it is internet-facing. Default: any.
    certificate_arn
        For ``alb``: ARN of the ACM certificate for HTTPS. None: HTTP only.
    tls_secret
        For other classes: name of the Secret with the certificate; it needs ``host``. None: HTTP only.
    annotations
        More annotations of the Ingress; they take precedence over those that the chart sets.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    host: str | None = None
    path: str = "/"
    class_name: str = "alb"
    scheme: Scheme = "internal"
    source_ranges: tuple[str, ...] = ()
    certificate_arn: str | None = None
    tls_secret: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        if self.host is not None and not _HOST.fullmatch(self.host):
            problems.add("host", f"must be a DNS name such as 'models.example.com', got '{self.host}'")
        if not self.path.startswith("/"):
            problems.add("path", f"must begin with '/', got '{self.path}'")
        problems.extend(choice_problems("scheme", self.scheme, Scheme))
        problems.extend(_open_problems(self.scheme, self.source_ranges))
        problems.extend(cidr_problems("source_ranges", self.source_ranges))
        for name, default in (("scheme", "internal"), ("source_ranges", ())):
            if self.class_name != "alb" and getattr(self, name) != default:
                problems.add(name, f"is for the class 'alb', got '{self.class_name}'; set its controller up for it")
        if self.certificate_arn is not None and self.class_name != "alb":
            problems.add("certificate_arn", f"is for the class 'alb', got '{self.class_name}'; give 'tls_secret'")
        if self.tls_secret is not None and self.class_name == "alb":
            problems.add("tls_secret", "is not read by an Application Load Balancer; give 'certificate_arn'")
        if self.tls_secret is not None and self.host is None:
            problems.add("tls_secret", "needs the 'host' that the certificate is for")
        problems.extend(annotation_problems(self.annotations))
        problems.raise_any()


def _open_problems(scheme: Scheme, source_ranges: tuple[str, ...]) -> Iterator[Problem]:
    if scheme == "internet-facing" and not source_ranges:
        yield Problem(
            "source_ranges",
            "is missing: anyone on the internet could call the model; give the CIDR blocks of the callers, or "
            "'0.0.0.0/0' if that is meant",
        )


def cidr_problems(field: str, blocks: tuple[str, ...]) -> Iterator[Problem]:
    """Check that blocks of addresses are in CIDR notation."""
    for index, block in enumerate(blocks):
        try:
            ipaddress.ip_network(block)
            wrong = "" if "/" in block else "it has no '/'"
        except ValueError as error:
            wrong = str(error)
        if wrong:
            yield Problem(f"{field}.{index}", f"must be a CIDR block such as '10.0.0.0/16', got '{block}' ({wrong})")


def annotation_problems(annotations: Mapping[str, str]) -> Iterator[Problem]:
    """Check that the keys of annotations are such as Kubernetes takes."""
    for key in annotations:
        if wrong := label_key_problem(key):
            yield Problem(f"annotations.{key}", wrong)
