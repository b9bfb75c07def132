"""The metrics that SageMaker publishes for an inference component, under SageMaker's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from constructs_lib.sagemaker.metrics import COPIES, INVOCATIONS, MetricOptions

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch


class ComponentMetrics:
    """The ``metric_…`` methods of an inference component.

    Source: AWS, "Amazon SageMaker AI metrics in Amazon CloudWatch"; the dimension of all is ``InferenceComponentName``.
    Each takes CloudWatch's own options, and has as default statistic the one that the metric is read with; the default
    period is 5 minutes.
    """

    @property
    def inference_component_name(self) -> str:
        """Name of the component, as requests give it."""
        raise NotImplementedError

    def _metric_place(self) -> MetricOptions:
        """Give account and region of the metrics, as far as they are known."""
        raise NotImplementedError

    def metric(
        self, metric_name: str, *, namespace: str = INVOCATIONS, **options: Unpack[MetricOptions]
    ) -> cloudwatch.Metric:
        """Give any metric of the component.

        Parameters
        ----------
        metric_name
            SageMaker's name for it.
        namespace
            ``AWS/SageMaker`` for invocations, ``/aws/sagemaker/InferenceComponents`` for what the copies use.
        **options
            CloudWatch's options for a metric.
        """
        from aws_cdk import aws_cloudwatch  # 10 ms that most apps need not spend

        dimensions = {"InferenceComponentName": self.inference_component_name}
        read: MetricOptions = {**self._metric_place(), **options}
        return aws_cloudwatch.Metric(namespace=namespace, metric_name=metric_name, dimensions_map=dimensions, **read)

    def metric_invocations(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests sent to the component; by default their sum."""
        return self._metric("Invocations", "Sum", options)

    def metric_invocations_per_copy(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests sent to the component per copy; by default their sum."""
        return self._metric("InvocationsPerCopy", "Sum", options)

    def metric_concurrent_requests_per_copy(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests that a copy works on at one time; by default the most."""
        return self._metric("ConcurrentRequestsPerCopy", "Maximum", options)

    def metric_no_capacity_invocation_failures(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests that found no copy; by default their sum."""
        return self._metric("NoCapacityInvocationFailures", "Sum", options)

    def metric_model_latency(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the microseconds that the model took; by default the average."""
        return self._metric("ModelLatency", "Average", options)

    def metric_overhead_latency(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the microseconds that SageMaker added to the model's latency; by default the average."""
        return self._metric("OverheadLatency", "Average", options)

    def metric_invocation_4xx_errors(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests answered with a 4xx status; by default their sum."""
        return self._metric("Invocation4XXErrors", "Sum", options)

    def metric_invocation_5xx_errors(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests answered with a 5xx status; by default their sum."""
        return self._metric("Invocation5XXErrors", "Sum", options)

    def metric_invocation_model_errors(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the requests that the model itself did not answer with a 2xx status; by default their sum."""
        return self._metric("InvocationModelErrors", "Sum", options)

    def metric_cpu_utilization_normalized(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the percent of its CPU cores that a copy uses; by default the average."""
        return self._metric("CPUUtilizationNormalized", "Average", options, COPIES)

    def metric_memory_utilization_normalized(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the percent of its memory that a copy uses; by default the average."""
        return self._metric("MemoryUtilizationNormalized", "Average", options, COPIES)

    def metric_gpu_utilization_normalized(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the percent of its GPUs that a copy uses; by default the average."""
        return self._metric("GPUUtilizationNormalized", "Average", options, COPIES)

    def metric_gpu_memory_utilization_normalized(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Give the percent of its GPUs' memory that a copy uses; by default the average."""
        return self._metric("GPUMemoryUtilizationNormalized", "Average", options, COPIES)

    def _metric(
        self, name: str, statistic: str, options: MetricOptions, namespace: str = INVOCATIONS
    ) -> cloudwatch.Metric:
        merged: MetricOptions = {"statistic": statistic, **options}
        return self.metric(name, namespace=namespace, **merged)
