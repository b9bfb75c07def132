"""Kubernetes objects as resources of a stack, one each: what changes is seen, rolled back and removed by itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from constructs_lib.serving.problems import InvalidValueError, Problem

Manifest = dict[str, Any]

# CloudFormation calls the function that applies an object with the object in the request, which Lambda limits.
_OBJECT_BYTES_MAX = 200_000
# CloudFormation: 500 resources and 1 MB in a template; the rest is for what the CDK adds.
_OBJECTS_MAX = 450
_CHART_BYTES_MAX = 900_000
# What others of the same chart need to be there. The rest can be applied in any order: Kubernetes brings it together.
_FIRST = ("CustomResourceDefinition", "Namespace")


class Chart(Protocol):
    """What gives Kubernetes objects: a cdk8s chart does."""

    def to_json(self) -> list[Any]:
        """Give the objects."""
        ...


def objects_of(chart: Chart | Sequence[Manifest]) -> list[Manifest]:
    """Give the objects of a chart, which can also be a plain list of them."""
    return list(chart.to_json() if hasattr(chart, "to_json") else chart)


class ChartDeployment(cdk.NestedStack):
    """Applies a chart to a cluster, in a template of its own, so that no stack grows with its workloads.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    cluster
        The cluster, with a kubectl provider.
    objects
        The Kubernetes objects. They are applied side by side, but for namespaces and resource definitions, which come
        first and go last.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        cluster: eks.ICluster,
        objects: Sequence[Manifest],
    ) -> None:
        _check(id, objects)
        super().__init__(scope, id, description="Kubernetes objects")
        first = [self._apply(cluster, manifest) for manifest in objects if manifest["kind"] in _FIRST]
        self._objects = [self._apply(cluster, manifest) for manifest in objects if manifest["kind"] not in _FIRST]
        for needed in first:
            self.after(needed)

    def after(self, resource: cdk.CfnResource) -> None:
        """Have the objects, but for namespaces and resource definitions, wait for another resource."""
        for each in self._objects:
            each.add_resource_dependency(resource)

    def _apply(self, cluster: eks.ICluster, manifest: Manifest) -> cdk.CfnResource:
        # No label for pruning: each object is a resource of its own, which is removed with it.
        name = _name(manifest).replace("/", "_")  # which no name in Kubernetes has
        made = eks.KubernetesManifest(self, name, cluster=cluster, manifest=[manifest], prune=False)
        resource = made.node.default_child
        assert isinstance(resource, cdk.CfnResource)  # noqa: S101  a custom resource
        return resource


def _name(manifest: Manifest) -> str:
    """Name an object as people do: ``ConfigMap serving/settings``."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {'/'.join(filter(None, (metadata.get('namespace'), metadata['name'])))}"


def _check(chart: str, objects: Sequence[Manifest]) -> None:
    sizes = {_name(manifest): len(json.dumps(manifest)) for manifest in objects}
    problems = [
        Problem(
            name,
            f"has {size:,} bytes, more than the {_OBJECT_BYTES_MAX:,} that a deployment can carry: keep large data in "
            "S3 instead of a ConfigMap",
        )
        for name, size in sizes.items()
        if size > _OBJECT_BYTES_MAX
    ]
    twins = [name for name, count in Counter(map(_name, objects)).items() if count > 1]
    problems += [Problem(name, "is in the chart twice; give each object a name of its own") for name in twins]
    total = sum(sizes.values())
    if len(objects) > _OBJECTS_MAX or total > _CHART_BYTES_MAX:
        problems.append(
            Problem(
                "",
                f"has {len(objects)} objects of {total:,} bytes; a template takes {_OBJECTS_MAX} and "
                f"{_CHART_BYTES_MAX:,}: make several charts of it",
            )
        )
    if problems:
        raise InvalidValueError(f"chart '{chart}'", problems)
