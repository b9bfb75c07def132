"""Value objects as the properties of ``AWS::SageMaker::EndpointConfig``."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib.sagemaker.async_inference import AsyncInference
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.variants import AnyVariant, InstanceVariant
from constructs_lib.serving.servers import HostNeeds

_config = sagemaker.CfnEndpointConfig


def production_variant(
    variant: AnyVariant,
    model_name: str | None,
    needs: HostNeeds,
    managed_scaling: sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty | None = None,
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    """Give a variant that serves a model; what the variant leaves open follows from what the model needs.

    One that hosts inference components has no model, and may have instances that SageMaker counts.
    """
    if isinstance(variant, ServerlessVariant):
        return _config.ProductionVariantProperty(
            variant_name=variant.name,
            model_name=model_name,
            initial_variant_weight=1.0,
            serverless_config=_config.ServerlessConfigProperty(
                max_concurrency=variant.max_concurrency,
                memory_size_in_mb=variant.memory_size_mb,
                provisioned_concurrency=variant.initial_provisioned_concurrency,
            ),
        )
    routing, dumps, reservation = variant.routing_strategy, variant.core_dumps, variant.capacity_reservation_arn
    return _config.ProductionVariantProperty(
        variant_name=variant.name,
        model_name=model_name,
        instance_type=None if variant.fallback_instance_types else variant.instance_type,
        instance_pools=_pools(variant),
        capacity_reservation_config=_config.CapacityReservationConfigProperty(
            capacity_reservation_preference="capacity-reservations-only", ml_reservation_arn=reservation
        )
        if reservation
        else None,
        accelerator_type=variant.accelerator_type,
        initial_instance_count=variant.initial_instance_count,
        initial_variant_weight=variant.weight,
        managed_instance_scaling=managed_scaling,
        routing_config=_config.RoutingConfigProperty(routing_strategy=routing) if routing else None,
        model_data_download_timeout_in_seconds=variant.model_data_download_timeout or needs.start_up_seconds,
        container_startup_health_check_timeout_in_seconds=variant.container_startup_timeout or needs.start_up_seconds,
        variant_instance_provision_timeout_in_seconds=variant.instance_provision_timeout,
        volume_size_in_gb=variant.volume_size_gb,
        inference_ami_version=variant.inference_ami_version or needs.inference_ami_version,
        enable_ssm_access=variant.enable_ssm_access or None,
        core_dump_config=_config.CoreDumpConfigProperty(destination_s3_uri=dumps) if dumps else None,
    )


def _pools(variant: InstanceVariant) -> list[sagemaker.CfnEndpointConfig.InstancePoolProperty] | None:
    """Give the instance types in the order in which they are tried; None when there is one."""
    if not variant.fallback_instance_types:
        return None
    types = (variant.instance_type, *variant.fallback_instance_types)
    pool = _config.InstancePoolProperty
    return [pool(instance_type=name, priority=priority) for priority, name in enumerate(types, start=1)]


def async_config(settings: AsyncInference | None) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty | None:
    """Give the part for asynchronous inference; None when the endpoint answers at once."""
    if settings is None:
        return None
    topics = None
    if settings.success_topic or settings.error_topic:
        topics = _config.AsyncInferenceNotificationConfigProperty(
            success_topic=settings.success_topic, error_topic=settings.error_topic
        )
    concurrency = settings.max_concurrent_invocations_per_instance
    return _config.AsyncInferenceConfigProperty(
        client_config=None
        if concurrency is None
        else _config.AsyncInferenceClientConfigProperty(max_concurrent_invocations_per_instance=concurrency),
        output_config=_config.AsyncInferenceOutputConfigProperty(
            s3_output_path=settings.output,
            s3_failure_path=settings.failure,
            kms_key_id=settings.kms_key_arn,
            notification_config=topics,
        ),
    )


def capture_config(capture: DataCapture | None) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None:
    """Give the part for data capture; None when nothing is captured."""
    if capture is None:
        return None
    modes = ("Input", "Output") if capture.capture == "InputAndOutput" else (capture.capture,)
    headers = None
    if capture.csv_content_types or capture.json_content_types:
        headers = _config.CaptureContentTypeHeaderProperty(
            csv_content_types=list(capture.csv_content_types) or None,
            json_content_types=list(capture.json_content_types) or None,
        )
    return _config.DataCaptureConfigProperty(
        enable_capture=True,
        initial_sampling_percentage=capture.sampling_percentage,
        destination_s3_uri=capture.destination,
        kms_key_id=capture.kms_key_arn,
        capture_options=[_config.CaptureOptionProperty(capture_mode=mode) for mode in modes],
        capture_content_type_header=headers,
    )
