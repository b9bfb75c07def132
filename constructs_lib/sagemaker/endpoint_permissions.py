"""What the execution role of an endpoint's models may do beyond serving: answer into S3, capture, dump, notify."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.async_inference import AsyncInference
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.s3_prefixes import split_prefix
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.sagemaker.variants import AnyVariant, InstanceVariant


def endpoint_permissions(
    facts: StackFacts,
    variants: Sequence[AnyVariant],
    async_inference: AsyncInference | None,
    data_capture: DataCapture | None,
) -> list[permissions.Statement]:
    """Give the statements that asynchronous inference, data capture and core dumps need; empty without any of them.

    Sources: AWS, "Create an Asynchronous Inference Endpoint", prerequisites; "Capture data from real-time endpoint".

    Parameters
    ----------
    facts
        The stack, which is asked only if there is something to allow.
    variants
        Those that serve the model whose role it is.
    async_inference, data_capture
        What the endpoint does. None: it does not.
    """
    dumps = dict.fromkeys(each.core_dumps for each in variants if isinstance(each, InstanceVariant) and each.core_dumps)
    if async_inference is None and data_capture is None and not dumps:
        return []
    place = facts.place
    found: list[permissions.Statement] = []
    if async_inference is not None:
        for prefix in dict.fromkeys(filter(None, (async_inference.output, async_inference.failure))):
            found += permissions.write_prefix(place, *split_prefix(prefix))
        if async_inference.input is not None:
            found += permissions.read_prefix(place, *split_prefix(async_inference.input))
        topics = (async_inference.success_topic, async_inference.error_topic)
        found += permissions.publish([topic for topic in topics if topic is not None])
        found += permissions.use_key(async_inference.kms_key_arn)
    if data_capture is not None:
        found += permissions.write_prefix(place, *split_prefix(data_capture.destination))
        found += permissions.use_key(data_capture.kms_key_arn)
    for prefix in dumps:
        found += permissions.write_prefix(place, *split_prefix(prefix or ""))
    return found
