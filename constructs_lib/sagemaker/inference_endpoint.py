"""One call from a trained model to an endpoint: role, model, configuration, endpoint, autoscaling."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.endpoint import Endpoint
from constructs_lib.sagemaker.endpoint_config import EndpointConfig
from constructs_lib.sagemaker.model import Model, resolve
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.sagemaker.variants import InstanceVariant, instance_count_problems
from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import Problems


class InferenceEndpoint(Endpoint):
    """Defines a real-time endpoint that serves a model, with the model and the configuration that it needs.

    Parameters
    ----------
    scope, id
        Where in the construct tree the endpoint stands.
    model
        What is served.
    instance_type
        Type of each instance, such as ``ml.c6i.large``.
    instance_count
        Instances at the start, at least 1, and between ``autoscaling.min`` and ``autoscaling.max``. None: as many as
        ``autoscaling.min`` says, otherwise 1.
    autoscaling
        How the count follows the traffic. None: it stays as it is.
    endpoint_name
        Name of the endpoint: 1 to 63 letters, digits and inner hyphens. None: CloudFormation makes one up.
    role
        Execution role; it is given the permissions that the model needs. None: a role is created that may read
        exactly this model's artifact, pull its image, and write its logs and metrics.

    Raises
    ------
    InvalidValueError
        When the choices do not fit together, or no image serves the model's framework and version on that instance
        type; its text has one line per problem.
    RegionError
        When AWS keeps no registry for the image in the stack's region.
    ArchiveError
        When a local artifact cannot be packaged.

    Examples
    --------
    >>> InferenceEndpoint(
    ...     stack,
    ...     "Digits",
    ...     model=OnnxModel(artifact="examples/digits/model", entry_point="inference.py"),
    ...     instance_type="ml.c6i.large",
    ...     autoscaling=Autoscaling(min=1, max=4, invocations_per_instance=600),
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: AnyModel,
        instance_type: str,
        instance_count: int | None = None,
        autoscaling: Autoscaling | None = None,
        endpoint_name: str | None = None,
        role: iam.IRole | None = None,
    ) -> None:
        problems = Problems("InferenceEndpoint")
        if endpoint_name is not None and (wrong := name_problem(endpoint_name)):
            problems.add("endpoint_name", wrong)
        problems.extend(instance_count_problems(instance_count, autoscaling))
        problems.extend(hosting_problems(model, instance_type, autoscaled=autoscaling is not None))
        problems.raise_any()
        variant = InstanceVariant(instance_type=instance_type, instance_count=instance_count, autoscaling=autoscaling)
        resolve(scope, model, instance_type)
        Construct.__init__(self, scope, id)  # not Endpoint's: the configuration is made inside of this one
        StackFacts.of(scope).include(self)
        self.variant = variant
        """The production variant."""
        self.model = Model(
            self, "Model", model=model, instance_type=instance_type, endpoint_name=endpoint_name, role=role
        )
        """The SageMaker model."""
        self.endpoint_config = EndpointConfig(self, "EndpointConfig", model=self.model, variants=[variant])
        """The endpoint configuration."""
        self._define(self.endpoint_config, endpoint_name)

    @property
    def role(self) -> iam.IRole:
        """The execution role, to grant it more."""
        return self.model.role
