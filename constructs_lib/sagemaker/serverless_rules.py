"""What serverless endpoints do not have, checked for settings and constructs alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.compatibility import hosting_problems, image_device
from constructs_lib.serving.images import Device
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import Problem

if TYPE_CHECKING:
    from constructs_lib.sagemaker.endpoint_options import EndpointOptions

# A CPU instance of the architecture that serverless workers have: what image a model needs there.
SERVERLESS_HOST = "ml.m5.large"
_NO_GPU = "serverless endpoints have no accelerator; give 'instance_type' instead of 'serverless', or an image for CPU"


def serverless_problems(options: EndpointOptions) -> Iterator[Problem]:
    """Check that nothing is asked of a serverless endpoint that it does not have.

    Sources: AWS, "Deploy models with Amazon SageMaker Serverless Inference", section "Feature exclusions"; botocore
    sagemaker ContainerDefinition on ModelDataSource, to which additional sources come in addition.
    """
    for name in ("async_inference", "shadow", "data_capture"):
        if getattr(options, name) is not None:
            why = "does not work with a serverless endpoint"
            yield Problem(name, f"{why}; leave it out, or give 'instance_type' instead of 'serverless'")
    excluded = ("network_isolation", "vpc", "private_registry", "compile", "compiled_for")
    for name in (*excluded, "additional_model_data_sources"):
        if getattr(options.model, name, None):
            why = "does not work with a serverless endpoint"
            yield Problem(f"model.{name}", f"{why}; leave it out, or give 'instance_type' instead of 'serverless'")
    yield from _data_problems(options)
    if options.model.image is not None:
        device = image_device(options.model.image)
        if device not in (None, Device.CPU):
            yield Problem("model.image", f"'{options.model.image}' is built for {device}; {_NO_GPU}")
        return
    if getattr(options.model, "compile", None):
        return
    for problem in hosting_problems(options.model, SERVERLESS_HOST, autoscaled=False):
        if problem.field == "instance_type":
            yield Problem("serverless", f"has no image for this model: {_NO_GPU}")
        else:
            yield problem


def _data_problems(options: EndpointOptions) -> Iterator[Problem]:
    location = getattr(options.model, "location", None)
    # Of a multi-model endpoint the prefix is right, and serverless is not, which `model_group_rules` tells.
    if isinstance(location, S3Artifact) and not location.is_archive and not isinstance(options.model, MultiModel):
        what = "is a prefix of uncompressed files, which serverless endpoints do not take"
        yield Problem("model.artifact", f"'{location.uri}' {what}; give a .tar.gz")
