"""What MiniStack's own services do otherwise than AWS, put right: one module for each service, with ``install()``."""

from local_aws.adaptations import (
    api_gateway,
    cloudformation,
    cloudwatch,
    custom_resources,
    eks,
    iam,
    step_functions,
    streaming_functions,
)

ADAPTATIONS = (
    *(api_gateway, cloudformation, cloudwatch, custom_resources),
    *(eks, iam, step_functions, streaming_functions),
)
