"""What a cluster of ours and one that exists already have in common: charts are applied to them."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from constructs_lib.eks.chart_deployment import Chart, ChartDeployment, Manifest, objects_of
from constructs_lib.serving.node_group import NodeGroup


class ClusterBase(Construct):
    """A cluster that charts can be applied to.

    Attributes
    ----------
    cluster
        The cluster as the CDK's own interface.
    cluster_name, cluster_arn
        Its name and ARN; tokens for a cluster that is made here.
    node_groups
        The kinds of node that it has.
    """

    cluster: eks.ICluster
    cluster_name: str
    cluster_arn: str
    node_groups: tuple[NodeGroup, ...]

    def __init__(self, scope: Construct, id: str) -> None:  # noqa: A002 - the CDK's own name for it
        super().__init__(scope, id)
        self._before_charts: list[cdk.CfnResource] = []

    @property
    def needed_by_charts(self) -> tuple[cdk.CfnResource, ...]:
        """What a chart that is added now waits for."""
        return tuple(self._before_charts)

    def before_charts(self, *resources: cdk.CfnResource) -> None:
        """Have the charts that are added from now on wait for resources, and go before them."""
        self._before_charts += resources

    def charts_follow(self, resource: cdk.CfnResource) -> None:
        """Have the charts that are added from now on wait for one resource, which has waited for all else itself."""
        self._before_charts = [resource]

    def add_chart(
        self,
        id: str,  # noqa: A002 - the CDK's own name for it
        chart: Chart | Sequence[Manifest],
    ) -> ChartDeployment:
        """Apply a chart to the cluster, after its nodes, access and add-ons, and take it off before they go.

        Parameters
        ----------
        id
            Its name among the charts of the cluster.
        chart
            A cdk8s chart, or a list of Kubernetes objects.

        Returns
        -------
        ChartDeployment
            A nested stack.

        Raises
        ------
        InvalidValueError
            When the chart, or an object in it, is too large for CloudFormation.
        """
        made = ChartDeployment(self, id, cluster=self.cluster, objects=objects_of(chart))
        stack = made.nested_stack_resource
        assert isinstance(stack, cdk.CfnResource)  # noqa: S101  of a nested stack there always is one
        for resource in self._before_charts:
            stack.add_resource_dependency(resource)
        return made
