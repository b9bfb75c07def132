"""Names of Availability Zones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from constructs_lib.serving.problems import Problem

# EC2 User Guide, "Regions and Zones": a region and a letter, and in Local Zones a place between them.
_ZONE = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+(-[a-z]+-\d+)?[a-z]")


def is_known_zone(zone: str) -> bool:
    """Tell whether a zone is known: it is no CDK token, and not what the CDK says before it has looked a VPC up."""
    return "{Token[" not in zone and not zone.startswith("dummy")


def zone_problems(field: str, zones: Sequence[str]) -> Iterator[Problem]:
    """Check that these can be names of Availability Zones, each given once; unknown zones are not checked."""
    for index, zone in enumerate(zones):
        if is_known_zone(zone) and not _ZONE.fullmatch(zone):
            yield Problem(f"{field}.{index}", f"must be the name of a zone, such as 'us-east-1a', got '{zone}'")
        elif zone in zones[:index]:
            yield Problem(f"{field}.{index}", f"is '{zone}' again; give each once")
