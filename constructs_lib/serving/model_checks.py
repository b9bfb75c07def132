"""The rules that a model's own fields keep; each gives the problems of one field, and none reads a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_lib.serving.artifacts import S3Artifact, parse_artifact
from constructs_lib.serving.problems import InvalidValueError, Problem, below, is_token

# botocore sagemaker: ContainerImage, EnvironmentMap, EnvironmentKey, EnvironmentValue.
_IMAGE_MAX = 255
_ENVIRONMENT_MAX = 100
_ENVIRONMENT_TEXT_MAX = 1024
# The only name under which the TensorFlow Serving container looks for a handler.
_TENSORFLOW_HANDLER = "inference.py"


def required(field: str, value: object, meaning: str) -> Iterator[Problem]:
    """Hold that a field is given."""
    if value is None:
        yield Problem(field, f"is missing; give {meaning}")


def at_least(field: str, value: int | None, minimum: int) -> Iterator[Problem]:
    """Hold that a number, if given, reaches a minimum."""
    if value is not None and below(value, minimum):
        yield Problem(field, f"must be at least {minimum}, got {value}")


def artifact(location: str | None) -> Iterator[Problem]:
    """Hold that the artifact's address can be read."""
    if location is None:
        return
    try:
        parse_artifact(location)
    except InvalidValueError as error:
        yield from error.problems


def image(uri: str | None) -> Iterator[Problem]:
    """Hold that an image's URI is one word of at most 255 characters."""
    if uri is None or is_token(uri):
        return
    if not uri or any(character.isspace() for character in uri):
        yield Problem("image", f"must be the URI of a container image, without spaces, got '{uri}'")
    elif len(uri) > _IMAGE_MAX:
        yield Problem("image", f"must have at most {_IMAGE_MAX} characters, got {len(uri)}")


def environment(variables: Mapping[str, str]) -> Iterator[Problem]:
    """Hold that there are at most 100 variables, with names and lengths that SageMaker takes."""
    if len(variables) > _ENVIRONMENT_MAX:
        yield Problem("environment", f"must have at most {_ENVIRONMENT_MAX} variables, got {len(variables)}")
    for name, value in variables.items():
        field = f"environment.{name}"
        if not (name.isascii() and name.isidentifier()):
            yield Problem(field, "must be named with letters, digits and underscores, and not begin with a digit")
        if max(len(name), len(value)) > _ENVIRONMENT_TEXT_MAX:
            yield Problem(field, f"must have at most {_ENVIRONMENT_TEXT_MAX} characters in its name and in its value")


def version(number: str | None, py_version: str | None) -> Iterator[Problem]:
    """Hold that versions look like versions; whether an image exists is the catalogue's answer."""
    if number is not None and not number.strip():
        yield Problem("version", "must not be empty; leave it out for the newest version")
    if py_version is not None and not (py_version.startswith("py") and py_version[2:].isdigit()):
        yield Problem("py_version", f"must look like 'py312', got '{py_version}'")


def handler(location: str | None, entry_point: str | None, source_dir: str | None) -> Iterator[Problem]:
    """Hold that the handler is a Python file's name, and that its directory can be packaged at all."""
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
        yield Problem(
            "source_dir",
            f"cannot be added to {what}; put the handler into the artifact's own code/, or give the artifact as a "
            "local directory",
        )


def tensorflow_entry_point(entry_point: str | None) -> Iterator[Problem]:
    """Hold that a TensorFlow handler has the one name that its container looks for."""
    if entry_point not in (None, _TENSORFLOW_HANDLER):
        yield Problem(
            "entry_point",
            f"must be '{_TENSORFLOW_HANDLER}' for TensorFlow, whose container looks for no other name, got "
            f"'{entry_point}'; rename the file",
        )


def one_source(model_id: str | None, location: str | None) -> Iterator[Problem]:
    """Hold that weights come from the hub or from an artifact, and from one of them only."""
    if model_id is None and location is None:
        yield Problem("model_id", "is missing; give the model's name on the hub, or an 'artifact'")
    if model_id is not None and location is not None:
        yield Problem("model_id", "and 'artifact' exclude each other; give the one that holds the weights")
