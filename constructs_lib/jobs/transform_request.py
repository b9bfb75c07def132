"""A batch transform as SageMaker's CreateTransformJob takes it."""

from __future__ import annotations

from typing import Any

from constructs_lib.jobs.transform import Transform


def transform_request(transform: Transform, *, model_name: str, source: str, output: str) -> dict[str, Any]:
    """Give the request, without a name.

    Parameters
    ----------
    transform
        The options.
    model_name
        Name of the SageMaker model.
    source, output
        ``s3://BUCKET/PREFIX`` of what is read and of what is written.
    """
    return {
        "ModelName": model_name,
        **_given(
            MaxConcurrentTransforms=transform.max_concurrent_transforms,
            MaxPayloadInMB=transform.max_payload_mb,
            BatchStrategy=transform.strategy,
            Environment=dict(transform.environment) or None,
            ModelClientConfig=_given(
                InvocationsTimeoutInSeconds=transform.invocation_timeout_seconds,
                InvocationsMaxRetries=transform.invocation_max_retries,
            )
            or None,
            DataProcessing=_data_processing(transform) or None,
        ),
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
            "SplitType": transform.split_type,
            "CompressionType": transform.compression,
            **_given(ContentType=transform.content_type),
        },
        "TransformOutput": {
            "S3OutputPath": output,
            "AssembleWith": transform.assemble_with,
            **_given(Accept=transform.accept, KmsKeyId=transform.output_kms_key_arn),
        },
        "TransformResources": {
            "InstanceType": transform.instance_type,
            "InstanceCount": transform.instance_count,
            **_given(VolumeKmsKeyId=transform.volume_kms_key_arn),
        },
    }


def _data_processing(transform: Transform) -> dict[str, Any]:
    return _given(
        InputFilter=transform.input_filter,
        OutputFilter=transform.output_filter,
        JoinSource=transform.join if transform.join != "None" else None,
    )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
