"""The stack of the cluster, its workloads, and what their pods may do; imported only when there is a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import aws_cdk as cdk
import cdk8s
from constructs import Construct

from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.neuron_compilation_chart import NeuronCompilationChart
from cdk8s_charts.serving_chart import ServingChart
from cdk8s_charts.workload import Workload
from constructs_lib.eks.cluster_base import ClusterBase
from constructs_lib.eks.existing_cluster import ExistingCluster
from constructs_lib.eks.inference_cluster import InferenceCluster
from constructs_lib.eks.workload_identity import WorkloadIdentity
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.problems import is_token
from stacks.settings import Settings
from stacks.workloads import cluster_notices


class ClusterStack(cdk.Stack):
    """Deploys the cluster of the settings, or finds it, and applies the workloads to it.

    Parameters
    ----------
    scope, id
        Where in the construct tree the stack stands.
    settings
        What to deploy; with a cluster.
    env
        Account and region. None: those of whoever deploys.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        settings: Settings,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, env=env, description="Deep-learning inference on EKS")
        for warning in settings.acknowledged_warnings:
            cdk.Annotations.of(self).acknowledge_warning(warning)
        self._settings = settings
        self._cluster = self._define_cluster()
        cdk.CfnOutput(self, "ClusterName", value=self._cluster.cluster_name)
        for notice in cluster_notices(settings):
            cdk.Annotations.of(self).add_warning_v2(notice.id, notice.message)
        charts = cdk8s.App()
        self._deployed: list[tuple[Workload | NeuronCompilation, cdk.CfnResource]] = []
        for workload in settings.workloads.values():
            self._deploy(charts, workload)
        for compilation in settings.neuron_compilations.values():
            self._compile(charts, compilation)
        self._put_namespaces_first()

    @property
    def availability_zones(self) -> list[str]:
        """The first two zones of the region, as the deployment finds them: the CDK would ask AWS for them at synth."""
        zones = cdk.Fn.get_azs()
        return [cdk.Fn.select(index, zones) for index in range(2)]

    def _define_cluster(self) -> ClusterBase:
        options = self._settings.cluster or self._settings.existing_cluster
        assert options is not None  # noqa: S101  the app makes this stack for a cluster
        given = {field.name: getattr(options, field.name) for field in fields(options)}
        return (InferenceCluster if self._settings.cluster else ExistingCluster)(self, "Cluster", **given)

    def _deploy(self, charts: cdk8s.App, workload: Workload) -> None:
        location = workload.model.location
        reads = [location.uri] if isinstance(location, S3Artifact) else []
        chart = ServingChart(charts, workload.name, workload=workload, **self._where())
        self._add(f"Workload-{workload.name}", chart, workload, reads, key_arn=workload.model.artifact_kms_key_arn)

    def _compile(self, charts: cdk8s.App, compilation: NeuronCompilation) -> None:
        chart = NeuronCompilationChart(charts, compilation.name, compilation=compilation, **self._where())
        reads, writes = [compilation.source], [compilation.destination]
        self._add(f"Compilation-{compilation.name}", chart, compilation, reads, writes)

    def _where(self) -> dict[str, Any]:
        # A region that is known at deployment only is none to look an image up for.
        region = self._settings.region or (None if is_token(self.region) else self.region)
        return {"node_groups": self._cluster.node_groups, "region": region}

    def _add(
        self,
        id: str,  # noqa: A002 - the CDK's own name for it
        chart: cdk8s.Chart,
        pods: Workload | NeuronCompilation,
        reads: Sequence[str],
        writes: Sequence[str] = (),
        *,
        key_arn: str | None = None,
    ) -> None:
        """Apply a chart, and let its pods read and write what they need, unless their service account is given."""
        deployed = self._cluster.add_chart(id, chart)
        resource = deployed.nested_stack_resource
        assert isinstance(resource, cdk.CfnResource)  # noqa: S101  of a nested stack there always is one
        self._deployed.append((pods, resource))
        if pods.service_account is None and reads:
            identity = WorkloadIdentity(
                self,
                f"{id}-Identity",
                cluster=self._cluster,
                namespace=pods.namespace,
                service_account=pods.account,
                reads=reads,
                writes=writes,
                key_arn=key_arn,
            )
            # Pods get credentials when they start: so the association is there before them.
            deployed.after(identity.resource)

    def _put_namespaces_first(self) -> None:
        """Have charts wait for the one that makes their namespace, and go before it."""
        makers = {pods.namespace: resource for pods, resource in self._deployed if pods.create_namespace}
        for pods, resource in self._deployed:
            if not pods.create_namespace and pods.namespace in makers:
                resource.add_resource_dependency(makers[pods.namespace])
