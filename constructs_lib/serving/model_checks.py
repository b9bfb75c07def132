"""The rules that a model's own fields keep; each gives the problems of one field, and none reads a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from constructs_lib.serving.arns import key_problems
from constructs_lib.serving.artifacts import MAR_SUFFIX, S3Artifact, TrainedArtifact, parse_artifact
from constructs_lib.serving.problems import InvalidValueError, Problem, below, is_token
from constructs_lib.serving.ranges import range_problems

# botocore sagemaker: ContainerImage, EnvironmentMap, EnvironmentKey, EnvironmentValue.
_IMAGE_MAX = 255
_ENVIRONMENT_MAX = 100
_ENVIRONMENT_TEXT_MAX = 1024
# botocore sagemaker: AdditionalModelDataSources, AdditionalModelChannelName, and S3ModelDataSource on directory names.
_SOURCES_MAX = 5
_CHANNEL = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
# huggingface_hub, utils/_validators.py: at most 96 characters, an optional owner before the name.
_HUB_NAME = re.compile(r"(?=.{1,96}$)(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9_][\w.-]*", re.ASCII)
_BASE = re.compile(r"pytorch\d+(\.\d+)*")
_ECR = re.compile(r"\.dkr[.-]ecr(-fips)?\.|public\.ecr\.aws/")
# The only name under which the TensorFlow Serving container looks for a handler.
_TENSORFLOW_HANDLER = "inference.py"
_SERVERS = ("pytorch", "triton")


def required(field: str, value: object, meaning: str) -> Iterator[Problem]:
    """Check that a field is given."""
    if value is None:
        yield Problem(field, f"is missing; give {meaning}")


def at_least(field: str, value: int | None, minimum: int) -> Iterator[Problem]:
    """Check that a number, if given, reaches a minimum."""
    if value is not None and below(value, minimum):
        yield Problem(field, f"must be at least {minimum}, got {value}")


def artifact(location: str | None) -> Iterator[Problem]:
    """Check that the artifact's address can be read."""
    if location is None:
        return
    try:
        parse_artifact(location)
    except InvalidValueError as error:
        yield from error.problems


def image(uri: str | None) -> Iterator[Problem]:
    """Check that an image's URI is one word of at most 255 characters."""
    if uri is None or is_token(uri):
        return
    if not uri or any(character.isspace() for character in uri):
        yield Problem("image", f"must be the URI of a container image, without spaces, got '{uri}'")
    elif len(uri) > _IMAGE_MAX:
        yield Problem("image", f"must have at most {_IMAGE_MAX} characters, got {len(uri)}")


def environment(variables: Mapping[str, str], *, longest: int = _ENVIRONMENT_TEXT_MAX) -> Iterator[Problem]:
    """Check that there are at most 100 variables, with names and lengths that SageMaker takes."""
    if len(variables) > _ENVIRONMENT_MAX:
        yield Problem("environment", f"must have at most {_ENVIRONMENT_MAX} variables, got {len(variables)}")
    for name, value in variables.items():
        field = f"environment.{name}"
        if not (name.isascii() and name.isidentifier()):
            yield Problem(field, "must be named with letters, digits and underscores, and not begin with a digit")
        if max(len(name), len(value)) > longest:
            yield Problem(field, f"must have at most {longest} characters in its name and in its value")


def version(number: str | None, py_version: str | None) -> Iterator[Problem]:
    """Check that versions look like versions; whether an image exists is the catalogue's answer."""
    if number is not None and not number.strip():
        yield Problem("version", "must not be empty; leave it out for the newest version")
    if py_version is not None and not (py_version.startswith("py") and py_version[2:].isdigit()):
        yield Problem("py_version", f"must look like 'py312', got '{py_version}'")


def handler(location: str | None, entry_point: str | None, source_dir: str | None) -> Iterator[Problem]:
    """Check that the handler is a Python file's name, and that its directory can be packaged at all."""
    if entry_point is not None and (not entry_point.endswith(".py") or "/" in entry_point or "\\" in entry_point):
        yield Problem(
            "entry_point",
            f"must be the name of a Python file inside 'source_dir' or the artifact's code/, such as 'inference.py', "
            f"got '{entry_point}'",
        )
    if source_dir is None or location is None:
        return
    try:
        artifact = parse_artifact(location)
    except InvalidValueError:
        return
    if isinstance(artifact, S3Artifact) or artifact.is_archive:
        what = "an artifact that is in S3 already" if isinstance(artifact, S3Artifact) else "a finished archive"
        what = "what a training job leaves" if isinstance(artifact, TrainedArtifact) else what
        yield Problem(
            "source_dir",
            f"cannot be added to {what}; put the handler into the artifact's own code/, or give the artifact as a "
            "local directory",
        )


def tensorflow_entry_point(entry_point: str | None) -> Iterator[Problem]:
    """Check that a TensorFlow handler has the one name that its container looks for."""
    if entry_point not in (None, _TENSORFLOW_HANDLER):
        yield Problem(
            "entry_point",
            f"must be '{_TENSORFLOW_HANDLER}' for TensorFlow, whose container looks for no other name, got "
            f"'{entry_point}'; rename the file",
        )


def on_triton(server: str, **given: str | None) -> Iterator[Problem]:
    """Check that nothing is asked of Triton that only a container with a handler does."""
    if server not in _SERVERS:
        yield Problem("server", f"must be one of {', '.join(_SERVERS)}, got '{server}'")
    if server != "triton":
        return
    for field, why in (
        ("entry_point", "runs no handler; leave it out, or choose the server 'pytorch'"),
        ("source_dir", "runs no handler; leave it out, or choose the server 'pytorch'"),
        ("py_version", "comes with one Python per version; leave it out"),
    ):
        if given[field] is not None:
            yield Problem(field, f"is given, but Triton {why}")


def max_batch_size(rows: int | None, server: str) -> Iterator[Problem]:
    """Check that Triton alone is told how many rows to join, and a number that it takes."""
    if rows is None:
        return
    if server != "triton":
        yield Problem("max_batch_size", "is for the server 'triton'; leave it out, or choose that server")
    yield from range_problems("max_batch_size", rows, 0, 2**31 - 1)  # an int32 of Triton's


def one_source(model_id: str | None, location: str | None) -> Iterator[Problem]:
    """Check that weights come from the hub or from an artifact, and from one of them only."""
    if model_id is None and location is None:
        yield Problem("model_id", "is missing; give the model's name on the hub, or an 'artifact'")
    if model_id is not None and location is not None:
        yield Problem("model_id", "and 'artifact' exclude each other; give the one that holds the weights")


def hub_name(model_id: str | None) -> Iterator[Problem]:
    """Check that a model's name on the hub looks like one, and not like an address or a path."""
    if model_id is None or is_token(model_id) or _HUB_NAME.fullmatch(model_id):
        return
    local = model_id.startswith(("s3://", ".", "/")) or model_id.endswith("/")
    hint = "; weights in S3 or on this machine are an 'artifact'" if local else ""
    yield Problem(
        "model_id", f"must look like 'owner/name', with letters, digits, '-', '_' and '.', got '{model_id}'{hint}"
    )


def base(framework: str | None) -> Iterator[Problem]:
    """Check that the framework below Transformers looks like one."""
    if framework is not None and not _BASE.fullmatch(framework):
        yield Problem("base", f"must look like 'pytorch2.6', got '{framework}'")


def reaches_hub(model_id: str | None, *, isolated: bool) -> Iterator[Problem]:
    """Check that a container that is to fetch its model from the hub may call it."""
    if model_id is not None and isolated:
        yield Problem(
            "network_isolation",
            "keeps the container from fetching 'model_id' from the hub; give the weights as an 'artifact', which "
            "SageMaker fetches",
        )


def additional_sources(sources: Mapping[str, str]) -> Iterator[Problem]:
    """Check that there are at most 5 additional sources, named as directories can be, in places that can be read."""
    field = "additional_model_data_sources"
    if len(sources) > _SOURCES_MAX:
        yield Problem(field, f"must be at most {_SOURCES_MAX}, got {len(sources)}")
    for name, source in sources.items():
        if not _CHANNEL.fullmatch(name):
            allowed = "1 to 64 letters, digits, '.', '_' and '-', other than '.' and '..'"
            yield Problem(field, f"must be named with {allowed}, got '{name}'")
        found = list(artifact(source))
        yield from (Problem(f"{field}.{name}", problem.message) for problem in found)
        location = None if found else parse_artifact(source)
        if isinstance(location, TrainedArtifact):
            what = "names a training job, as an 'artifact' alone may"
            yield Problem(f"{field}.{name}", f"'{source}' {what}; give the s3:// address of what it leaves")
        elif isinstance(location, S3Artifact) and location.key.endswith(MAR_SUFFIX):
            what = "is TorchServe's own archive, which SageMaker does not unpack"
            yield Problem(f"{field}.{name}", f"'{source}' {what}; give a .tar.gz, or a prefix that ends with '/'")


def artifact_key(locations: Sequence[str | None], key_arn: str | None) -> Iterator[Problem]:
    """Check that a KMS key is given by its ARN, and that there is something to decrypt with it."""
    if key_arn is None:
        return
    yield from key_problems("artifact_kms_key_arn", key_arn)
    if not any(location is not None and location.startswith("s3://") for location in locations):
        yield Problem(
            "artifact_kms_key_arn",
            "is for an artifact that is in S3 already; the role may decrypt what the deployment uploads without it",
        )


def one_image(uri: str | None, directory: str | None) -> Iterator[Problem]:
    """Check that an image is there or is built, and one of them only."""
    if uri is None and directory is None:
        yield Problem("image", "is missing; give the URI of your container image, or a 'dockerfile_directory'")
    if uri is not None and directory is not None:
        yield Problem("dockerfile_directory", "and 'image' exclude each other; give the one that is to be served")


def private_registry(uri: str | None, registry: object | None, *, in_vpc: bool) -> Iterator[Problem]:
    """Check that a private registry is not ECR, and is reached through a VPC."""
    if registry is None:
        return
    # SageMaker developer guide, "Use a Private Docker Registry for Real-Time Inference Containers".
    if not in_vpc:
        yield Problem("private_registry", "is reached through your VPC only; give 'vpc'")
    if uri is None:
        yield Problem("private_registry", "is for an 'image' that is there already; the deployment pushes to ECR")
    elif _ECR.search(uri):
        yield Problem("private_registry", f"is for images outside of ECR, got '{uri}'; leave it out")
