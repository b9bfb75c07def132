"""A model compiled by SageMaker Neo as part of a deployment, and served by an endpoint of the same stack."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.jobs.job import SageMakerJob
from constructs_lib.jobs.results_bucket import own_output
from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.s3_prefixes import split_prefix
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.compilation import Compilation
from constructs_lib.serving.compile_rules import compile_region_problems
from constructs_lib.serving.models import ContainerModel, OnnxModel, PyTorchModel, TensorFlowModel
from constructs_lib.serving.neo import hosted_targets, hosting_family
from constructs_lib.serving.notices import compilation_notices
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems, is_token

CompilableModel = TensorFlowModel | PyTorchModel | OnnxModel | ContainerModel

# SageMaker developer guide, "Deploy a Compiled Model Using SageMaker SDK": for MXNet and PyTorch.
_RESPONSE_TIMEOUT = {"MMS_DEFAULT_RESPONSE_TIMEOUT": "500"}


class NeoCompilation(Construct):
    """Defines a compilation job that the deployment runs and waits for.

    It compiles when it is deployed first, and again when a byte of the model, the framework's version, the target, an
    input's shape or a compiler option changes.

    Parameters
    ----------
    scope, id
        Where in the construct tree the job stands.
    model
        What is compiled; its ``compile`` says how. A local artifact is packaged and uploaded.
    role
        Role that the job takes on; it is given the permissions that the job needs. None: a role is created that may
        read exactly the model, write the compiled one, and write its logs and metrics.

    Raises
    ------
    InvalidValueError
        When the model has no ``compile``; when Neo does not compile for its target in the stack's region; when a local
        artifact is missing.
    ArchiveError
        When a local artifact cannot be packaged.

    Examples
    --------
    >>> compiled = NeoCompilation(
    ...     stack,
    ...     "Compiled",
    ...     model=PyTorchModel(
    ...         artifact="model/",
    ...         compile=Compilation(target="ml_c5", input_shape={"input0": (1, 3, 224, 224)}, framework_version="2.0"),
    ...     ),
    ... )
    >>> InferenceEndpoint(stack, "Endpoint", model=compiled.model, instance_type="ml.c5.large")
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: CompilableModel,
        role: iam.IRole | None = None,
    ) -> None:
        facts = StackFacts.of(scope)
        compilation = _checked(model, facts.place.region)
        data = facts.model_data(model)
        assert data is not None  # noqa: S101 - a model that is compiled has an artifact
        super().__init__(scope, id)
        facts.warn(compilation_notices(compilation))
        self._model, self._compilation = model, compilation
        output = compilation.output or own_output(self, "compiled")
        self.job = SageMakerJob(
            self,
            "Job",
            kind="CompilationJob",
            request=compilation.request(framework=model.framework, artifact=data.uri, output=output),
            role=role,
            statements=_statements(facts.place, model, compilation, data, output),
            timeout=compilation.timeout,
        )
        """The job itself: its name, its role, its results."""

    @cached_property
    def artifact(self) -> str:
        """Address of the compiled model, as a model's ``artifact`` takes it."""
        return self.job.artifact

    @cached_property
    def image(self) -> str:
        """Address of the image that serves the compiled model, which Neo names.

        Raises
        ------
        InvalidValueError
            When it is compiled for a device that SageMaker does not host.
        """
        self._check_hosted("image")
        return self.job.image

    @cached_property
    def model(self) -> CompilableModel:
        """The compiled model as a value, for an endpoint on instances of its target.

        Raises
        ------
        InvalidValueError
            When it is compiled for a device that SageMaker does not host.
        """
        self._check_hosted("model")
        framework = self._compilation.framework or self._model.framework
        environment = {**(_RESPONSE_TIMEOUT if framework in ("mxnet", "pytorch") else {}), **self._model.environment}
        in_archive: dict[str, Any] = {} if isinstance(self._model, ContainerModel) else {"source_dir": None}
        return replace(
            self._model,
            artifact=self.artifact,
            image=self.image,
            environment=environment,
            artifact_kms_key_arn=self._compilation.output_kms_key_arn,
            compile=None,
            compiled_for=self._compilation.target,
            **in_archive,
        )

    @property
    def role(self) -> iam.IRole:
        """The job's role, to grant it more."""
        return self.job.role

    def _check_hosted(self, what: str) -> None:
        target = self._compilation.target
        if hosting_family(target) is None:
            given, targets = f"'{target}'" if target else "a platform", ", ".join(hosted_targets())
            wrong = f"is not there for {given}, which SageMaker does not host: use '.artifact', or {targets}"
            raise InvalidValueError("NeoCompilation", [Problem(what, wrong)])


def _checked(model: CompilableModel, region: str) -> Compilation:
    if model.compile is None:
        wrong = (
            "has no 'compile'; give it one, such as Compilation(target='ml_c5', input_shape={'data': (1, 3, 224, 224)})"
        )
        raise InvalidValueError("NeoCompilation", [Problem("model", wrong)])
    problems = Problems("NeoCompilation")
    if not is_token(region):
        problems.extend(compile_region_problems(model, region))
    problems.raise_any()
    return model.compile


def _statements(
    place: permissions.Place, model: CompilableModel, compilation: Compilation, data: S3Artifact, output: str
) -> list[permissions.Statement]:
    """Give what the job's role has to be allowed.

    Source: AWS, API reference, "CreateCompilationJob", ``RoleArn``: to read the input in S3, to write the result there,
    and to write logs and metrics.
    """
    network = compilation.vpc
    found = [
        *permissions.read_object(place, data.bucket, data.key),
        *permissions.write_prefix(place, *split_prefix(output)),
        *permissions.decrypt(model.artifact_kms_key_arn),
        *permissions.use_key(compilation.output_kms_key_arn),
        *(permissions.use_network(place, network.subnets, network.security_group_ids) if network else ()),
        *permissions.write_log_group(place, "CompilationJobs"),
    ]
    return permissions.distinct(found)
