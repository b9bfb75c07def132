"""EKS add-ons: software that AWS installs in a cluster and keeps running."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from constructs_lib.serving.problems import Problems

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOn:
    """An EKS add-on: one more, or a standard one with other settings.

    Attributes
    ----------
    name
        EKS's name for it, such as ``coredns``.
    version
        Such as ``v1.21.1-eksbuild.1``. None: EKS's default for the cluster's version when it is installed.
    configuration
        Its configuration values, as ``aws eks describe-addon-configuration`` describes them.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: str
    version: str | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        if not _NAME.fullmatch(self.name):
            problems.add("name", f"must look like 'coredns', got '{self.name}'")
        if self.version is not None and not _VERSION.fullmatch(self.version):
            problems.add("version", f"must look like 'v1.21.1-eksbuild.1', got '{self.version}'")
        problems.raise_any()


# On every node, tainted or not: pods with accelerators mount their models too.
_ON_ALL_NODES = {"node": {"tolerateAllTaints": True}}
_EVERYWHERE = (
    AddOn(name="metrics-server"),
    AddOn(name="aws-mountpoint-s3-csi-driver", configuration=_ON_ALL_NODES),
)
# Without it, NetworkPolicies are objects that nobody heeds (EKS User Guide, "Limit Pod traffic with Kubernetes network
# policies"; its value is text).
_NETWORK_POLICIES = {"enableNetworkPolicy": "true"}
# EKS Auto Mode has these in it.
_ON_OWN_NODES = (
    AddOn(name="vpc-cni", configuration=_NETWORK_POLICIES),
    AddOn(name="kube-proxy"),
    AddOn(name="coredns"),
    AddOn(name="eks-pod-identity-agent"),
)


def add_ons_of_cluster(given: tuple[AddOn, ...], *, auto_mode: bool) -> tuple[AddOn, ...]:
    """Give the add-ons of a cluster: the standard ones, as the caller wants them, and the caller's own.

    Parameters
    ----------
    given
        Add-ons of the caller; one of a standard name stands in for it, and its configuration is added to the standard.
    auto_mode
        Whether EKS runs the nodes.
    """
    standard = _EVERYWHERE if auto_mode else (*_ON_OWN_NODES, *_EVERYWHERE)
    found = {add_on.name: add_on for add_on in standard}
    for add_on in given:
        before = found[add_on.name].configuration if add_on.name in found else {}
        found[add_on.name] = replace(add_on, configuration={**before, **add_on.configuration})
    return tuple(found.values())
