"""The Kubernetes versions of EKS, and what runs in a cluster of each.

The day of a warning is the table's own (`AS_OF`), never the clock's: the same code gives the same warnings on any day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from constructs_lib.serving.notices import KUBERNETES_EXTENDED_SUPPORT, KUBERNETES_VERSION_UNKNOWN, Notice

AS_OF = "2026-11-22"
DEFAULT_VERSION = "1.35"
_SHAPE = re.compile(r"1\.\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesRelease:
    """One Kubernetes version in EKS.

    Attributes
    ----------
    standard_until, extended_until
        Last days of standard and of extended support, as ``YYYY-MM-DD``; the latter costs extra, and ends with an
        upgrade by AWS.
    cluster_autoscaler
        Version of the Cluster Autoscaler that is made for it.
    """

    standard_until: str
    extended_until: str
    cluster_autoscaler: str


# Days: EKS User Guide, "Understand the Kubernetes version lifecycle on EKS" (14 months of standard support, 12 more of
# extended). Cluster Autoscaler: kubernetes/kops, ClusterAutoscalerOptionsBuilder, which keeps one for each version.
RELEASES = {
    "1.36": KubernetesRelease(standard_until="2027-08-02", extended_until="2028-08-02", cluster_autoscaler="1.36.1"),
    "1.35": KubernetesRelease(standard_until="2027-03-27", extended_until="2028-03-27", cluster_autoscaler="1.35.1"),
    "1.34": KubernetesRelease(standard_until="2026-12-02", extended_until="2027-12-02", cluster_autoscaler="1.34.4"),
    "1.33": KubernetesRelease(standard_until="2026-07-29", extended_until="2027-07-29", cluster_autoscaler="1.33.5"),
    "1.32": KubernetesRelease(standard_until="2026-03-23", extended_until="2027-03-23", cluster_autoscaler="1.32.7"),
}


def version_problem(version: str) -> str | None:
    """Say what is wrong with a Kubernetes version; None when EKS has it, or may have it by now."""
    choices = ", ".join(RELEASES)
    if not _SHAPE.fullmatch(version):
        return f"must look like '{DEFAULT_VERSION}', got '{version}'; choose one of {choices}"
    if _minor(version) < min(map(_minor, RELEASES)):
        return f"is '{version}', which EKS no longer has; choose one of {choices}"
    return None


def version_notices(version: str) -> Iterator[Notice]:
    """Give the warnings about a Kubernetes version: that it is in extended support, or not known here."""
    release = RELEASES.get(version)
    if release is None:
        yield Notice(
            KUBERNETES_VERSION_UNKNOWN,
            f"Kubernetes {version} is newer than this library, which was made for {', '.join(RELEASES)}: what it "
            "installs may not fit",
        )
    elif release.standard_until < AS_OF:
        yield Notice(
            KUBERNETES_EXTENDED_SUPPORT,
            f"standard support of Kubernetes {version} ended on {release.standard_until}: the cluster costs more per "
            f"hour, and AWS upgrades it by itself after {release.extended_until}; set the version to {DEFAULT_VERSION}",
        )


def cluster_autoscaler_version(version: str) -> str:
    """Give the version of the Cluster Autoscaler for a Kubernetes version; the newest for one that is not known."""
    return RELEASES.get(version, RELEASES[max(RELEASES, key=_minor)]).cluster_autoscaler


def _minor(version: str) -> int:
    return int(version.partition(".")[2])
