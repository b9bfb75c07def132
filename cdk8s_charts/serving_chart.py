"""A workload as a cdk8s chart: the one place that puts its objects together."""

from __future__ import annotations

from collections.abc import Sequence

import cdk8s
from constructs import Construct

from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.manifests.context import Context
from cdk8s_charts.manifests.deployment import config_map, deployment, disruption_budget
from cdk8s_charts.manifests.model_files import mountpoint
from cdk8s_charts.manifests.namespace import namespace
from cdk8s_charts.manifests.network import ingress, network_policy, service
from cdk8s_charts.manifests.scaling import autoscaler
from cdk8s_charts.workload import Workload
from cdk8s_charts.workload_rules import placement_of, workload_problems
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problems


class ServingChart(cdk8s.Chart):
    """The objects that serve a model in a cluster: Deployment, Service and what belongs to them.

    Parameters
    ----------
    scope, id
        Where the chart belongs, and its name there.
    workload
        What is served, and how.
    node_groups
        The node groups of the cluster; the workload names one of them. Default: they are not known, so that no taint is
        tolerated but that which nodes with the workload's accelerator commonly have.
    region
        Region of the cluster. None: that of the workload, if it has one.

    Raises
    ------
    InvalidValueError
        When the workload does not run there; it names all problems.

    Example
    -------
    >>> app = cdk8s.App()  # doctest: +SKIP
    >>> gpus = NodeGroup(name="gpu", instance_types=("g5.xlarge",), max_size=4)  # doctest: +SKIP
    >>> model = TensorFlowModel(artifact="s3://my-models/half-plus-two/")  # doctest: +SKIP
    >>> workload = Workload(name="demo", model=model, node_group="gpu")  # doctest: +SKIP
    >>> ServingChart(app, "demo", workload=workload, node_groups=[gpus], region="eu-west-1")  # doctest: +SKIP
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        workload: Workload,
        node_groups: Sequence[NodeGroup] = (),
        region: str | None = None,
    ) -> None:
        problems = Problems(f"Workload '{workload.name}'")
        problems.extend(workload_problems(workload, node_groups, region=region))
        problems.raise_any()
        super().__init__(scope, id, disable_resource_name_hashes=True)
        placement = placement_of(workload, node_groups, region=region)
        container = workload.served_by.container(workload.name, workload.model, placement)
        self._context = Context(workload=workload, placement=placement, container=container)
        self._define()

    @property
    def workload(self) -> Workload:
        """What is served."""
        return self._context.workload

    def _define(self) -> None:
        context, workload = self._context, self._context.workload
        if workload.create_namespace:
            namespace(self, workload.namespace)
        if workload.service_account is None:
            k8s.KubeServiceAccount(
                self, "ServiceAccount", metadata=context.metadata(), automount_service_account_token=False
            )
        if workload.artifact_access == "mountpoint" and isinstance(workload.model.location, S3Artifact):
            mountpoint(self, context, workload.model.location)
        config_map(self, context)
        deployment(self, context)
        service(self, context)
        ingress(self, context)
        autoscaler(self, context)
        disruption_budget(self, context)
        network_policy(self, context)
