"""The metrics that SageMaker publishes for an endpoint, under SageMaker's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

if TYPE_CHECKING:
    import aws_cdk as cdk
    from aws_cdk import aws_cloudwatch as cloudwatch

INVOCATIONS = "AWS/SageMaker"
"""CloudWatch's namespace of requests, errors and latency."""
INSTANCES = "/aws/sagemaker/Endpoints"
"""CloudWatch's namespace of what the instances of an endpoint use."""
COPIES = "/aws/sagemaker/InferenceComponents"
"""CloudWatch's namespace of what the copies of an inference component use."""


class MetricOptions(TypedDict, total=False):
    """How a metric is read; CloudWatch's own options."""

    statistic: str
    period: cdk.Duration
    label: str
    color: str
    unit: cloudwatch.Unit
    region: str
    account: str


class EndpointMetrics:
    """The ``metric_…`` methods of an endpoint.

    Source: AWS, "Amazon SageMaker AI metrics in Amazon CloudWatch". Each takes the variant's name and CloudWatch's own
    options, and has as default statistic the one that the metric is read with; the default period is 5 minutes.
    """

    @property
    def endpoint_name(self) -> str:
        """Name of the endpoint, as requests give it."""
        raise NotImplementedError

    def _metric_place(self) -> MetricOptions:
        """Give account and region of the metrics, as far as they are known."""
        raise NotImplementedError

    def metric(
        self,
        metric_name: str,
        *,
        variant: str = "AllTraffic",
        container: str | None = None,
        namespace: str = INVOCATIONS,
        **options: Unpack[MetricOptions],
    ) -> cloudwatch.Metric:
        """Give any metric of one variant, or of one container of it.

        Parameters
        ----------
        metric_name
            SageMaker's name for it.
        variant
            Name of the production variant. Default: ``AllTraffic``.
        container
            Host name of one of several containers, such as for ``ContainerLatency``. None: of the variant as a whole.
        namespace
            ``AWS/SageMaker`` for invocations, ``/aws/sagemaker/Endpoints`` for the instances.
        **options
            CloudWatch's options for a metric.
        """
        from aws_cdk import aws_cloudwatch  # 10 ms that most apps need not spend

        dimensions = {"EndpointName": self.endpoint_name, "VariantName": variant}
        if container is not None:
            dimensions["ContainerName"] = container
        read: MetricOptions = {**self._metric_place(), **options}
        return aws_cloudwatch.Metric(namespace=namespace, metric_name=metric_name, dimensions_map=dimensions, **read)

    def metric_invocations(self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests sent to the variant; by default their sum."""
        return self._metric("Invocations", "Sum", variant, options)

    def metric_invocations_per_instance(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the requests sent to the variant per instance; by default their sum."""
        return self._metric("InvocationsPerInstance", "Sum", variant, options)

    def metric_model_latency(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the microseconds that the model took; by default the average."""
        return self._metric("ModelLatency", "Average", variant, options)

    def metric_overhead_latency(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the microseconds that SageMaker added to the model's latency; by default the average."""
        return self._metric("OverheadLatency", "Average", variant, options)

    def metric_invocation_4xx_errors(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the requests answered with a 4xx status; by default their sum."""
        return self._metric("Invocation4XXErrors", "Sum", variant, options)

    def metric_invocation_5xx_errors(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the requests answered with a 5xx status; by default their sum."""
        return self._metric("Invocation5XXErrors", "Sum", variant, options)

    def metric_invocation_model_errors(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the requests that the model itself did not answer with a 2xx status; by default their sum."""
        return self._metric("InvocationModelErrors", "Sum", variant, options)

    def metric_cpu_utilization(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the percent of one CPU core, summed over the cores, that the containers use; by default the average."""
        return self._metric("CPUUtilization", "Average", variant, options, INSTANCES)

    def metric_memory_utilization(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the percent of the memory that the containers use; by default the average."""
        return self._metric("MemoryUtilization", "Average", variant, options, INSTANCES)

    def metric_disk_utilization(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the percent of the disk that the containers use; by default the average."""
        return self._metric("DiskUtilization", "Average", variant, options, INSTANCES)

    def metric_gpu_utilization(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the percent of one GPU, summed over the GPUs, that the containers use; by default the average."""
        return self._metric("GPUUtilization", "Average", variant, options, INSTANCES)

    def metric_gpu_memory_utilization(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the percent of one GPU's memory, summed over the GPUs, that containers use; by default the average."""
        return self._metric("GPUMemoryUtilization", "Average", variant, options, INSTANCES)

    def metric_model_cache_hit(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the share of requests whose one of many models was loaded already; by default the average."""
        return self._metric("ModelCacheHit", "Average", variant, options)

    def metric_model_loading_wait_time(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give the microseconds that a request waited for one of many models; by default the average."""
        return self._metric("ModelLoadingWaitTime", "Average", variant, options)

    def metric_loaded_model_count(
        self, *, variant: str = "AllTraffic", **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give how many of many models an instance has loaded; by default the average."""
        return self._metric("LoadedModelCount", "Average", variant, options, INSTANCES)

    def _metric(
        self, name: str, statistic: str, variant: str, options: MetricOptions, namespace: str = INVOCATIONS
    ) -> cloudwatch.Metric:
        merged: MetricOptions = {"statistic": statistic, **options}
        return self.metric(name, variant=variant, namespace=namespace, **merged)
