"""AWS regions: the partition that a region is in, and the DNS suffix of its services."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Longest prefix first. Source: botocore 1.44.5 data/partitions.json (regionRegex, dnsSuffix).
_PARTITIONS = (
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("", "aws", "amazonaws.com"),
)


class RegionError(ValueError):
    """A region in which AWS keeps no registry for an image.

    Attributes
    ----------
    region
        The region that was asked for.
    alternatives
        The regions that have one, sorted.
    """

    def __init__(self, region: str, regions: Iterable[str], *, what: str) -> None:
        self.region = region
        self.alternatives = tuple(sorted(regions))
        near = get_close_matches(region, self.alternatives, n=1)
        guess = f"did you mean '{near[0]}'? It is" if near else "it is"
        super().__init__(f"'{region}' has no registry with {what}; {guess} in {', '.join(self.alternatives)}")


def partition(region: str) -> str:
    """Give the partition of a region, such as ``aws`` or ``aws-cn``."""
    return next(name for prefix, name, _ in _PARTITIONS if region.startswith(prefix))


def dns_suffix(region: str) -> str:
    """Give the DNS suffix of a region's services, such as ``amazonaws.com.cn`` in China."""
    return next(suffix for prefix, _, suffix in _PARTITIONS if region.startswith(prefix))
