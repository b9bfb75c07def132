"""How much CloudFormation takes in one stack, checked before anything is deployed.

Source: AWS CloudFormation user guide, "Understand CloudFormation quotas".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

_RESOURCES_MAX = 500
_OUTPUTS_MAX = 200
_BYTES_MAX = 1_000_000
# The stacks that workloads are in.
CLUSTER_STACK, WORKLOAD_STACK = "ClusterStack", "WorkloadStack"
_FEWER_ENDPOINTS = (
    "give endpoints that are not deployed yet another 'stack', or raise 'stacks' if none is (some 60 endpoints fit "
    "into one)"
)
_FEWER_WORKLOADS = (
    "let workloads share a 'service_account' of yours that may read their models (one resource for each instead of "
    "three), or apply them as YAML from a settings file of their own (`inference charts`)"
)
APP_CONTEXT = {
    "@aws-cdk/core:stackResourceLimit": 0,  # whose message would not say what to do; `check_limits` takes its place
    "aws:cdk:disable-creation-stack-traces": True,  # which would only name jsii's own lines, not Python's
}


class StackLimitError(ValueError):
    """Stacks that are too large; the text has one line for each, with what to do."""


def check_limits(assembly: Path) -> None:
    """Check that CloudFormation takes every template of a cloud assembly.

    Parameters
    ----------
    assembly
        The directory that the app was synthesized into.

    Raises
    ------
    StackLimitError
        When a template has too many resources or outputs, or is too large.
    """
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    found = []
    for artifact in manifest["artifacts"].values():
        if artifact["type"] == "aws:cloudformation:stack":
            properties = artifact["properties"]
            name = properties.get("stackName") or artifact.get("displayName", "")
            remedy = _FEWER_WORKLOADS if name in (CLUSTER_STACK, WORKLOAD_STACK) else _FEWER_ENDPOINTS
            found += [f"{name}: {wrong}" for wrong in _excesses(assembly / properties["templateFile"], remedy)]
    if found:
        raise StackLimitError("\n".join(found))


def _excesses(file: Path, remedy: str) -> Iterator[str]:
    text = file.read_bytes()
    template = json.loads(text)
    sizes = (
        ("resources", len(template.get("Resources", {})), _RESOURCES_MAX),
        ("outputs", len(template.get("Outputs", {})), _OUTPUTS_MAX),
        ("bytes", len(text), _BYTES_MAX),
    )
    for what, got, most in sizes:
        if got > most:
            yield f"the stack has {got:,} {what}, and CloudFormation takes {most:,}; {remedy}"
