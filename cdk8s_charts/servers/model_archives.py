"""What TorchServe and Multi Model Server, which it came from, have in common: ``.mar`` archives and a Java front."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from cdk8s_charts.container import CONFIG_DIRECTORY, MODELS
from constructs_lib.serving.artifacts import MAR_SUFFIX, S3Artifact
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.notices import TORCHSERVE_UNMAINTAINED, Notice
from constructs_lib.serving.problems import Problem

CONFIG = "config.properties"
# Where the servers write, since the rest of the file system is read-only: logs, unpacked archives, sockets of workers.
ENVIRONMENT = {"LOG_LOCATION": "/tmp/logs", "METRICS_LOCATION": "/tmp/logs", "TEMP": "/tmp"}  # noqa: S108
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def unmaintained(server: str) -> Notice:
    """Warn that nobody looks after a server any more."""
    return Notice(
        TORCHSERVE_UNMAINTAINED,
        f"{server} gets no fixes any more, of security neither: keep it to callers whom you trust ('clients'), and "
        "serve what can be exported with Triton (server 'triton'), language models with vLLM",
    )


def archive_of(archive: str | None, name: str, model: AnyModel) -> str:
    """Give the file name of the archive: the one given, that of the artifact, or that of the model."""
    location = model.location
    if isinstance(location, S3Artifact) and location.key.endswith(MAR_SUFFIX):
        return location.key.rpartition("/")[2]
    return archive or f"{name}.mar"


def arguments(config_flag: str, name: str, archive: str) -> tuple[str, ...]:
    """Give the arguments that both servers take."""
    return (
        "--start",
        "--foreground",
        config_flag,
        f"{CONFIG_DIRECTORY}/{CONFIG}",
        "--model-store",
        MODELS,
        "--models",
        f"{name}={archive}",
    )


def name_problems(model_name: str | None, archive: str | None) -> Iterator[Problem]:
    """Check that the names of a model and of its archive are such as the servers take."""
    if model_name is not None and not _NAME.fullmatch(model_name):
        yield Problem("model_name", f"must have letters, digits, '_', '.' and '-' only, got '{model_name}'")
    if archive is not None and (not archive.endswith(MAR_SUFFIX) or not _NAME.fullmatch(archive)):
        yield Problem("archive", f"must be the file name of a .mar archive, such as 'model.mar', got '{archive}'")


def archive_problems(archive: str | None, model: AnyModel) -> Iterator[Problem]:
    """Check that the archive is named once."""
    location = model.location
    if archive and isinstance(location, S3Artifact) and location.key.endswith(MAR_SUFFIX):
        yield Problem(
            "server.archive", f"is '{archive}', but the artifact '{location.uri}' is the archive; leave it out"
        )


def property_problems(properties: Mapping[str, str]) -> Iterator[Problem]:
    """Check that each property is one line, and that none opens what the chart keeps closed."""
    for key, value in properties.items():
        if "\n" in f"{key}{value}" or "=" in key:
            yield Problem(f"properties.{key}", "must be one line of config.properties, 'KEY: VALUE'")
        if key.endswith("_address"):
            yield Problem(f"properties.{key}", "is the chart's own: the Service and the probes rely on the ports")


def properties_text(properties: Mapping[str, str]) -> str:
    """Write properties as the lines of ``config.properties``."""
    return "".join(f"{key}={value}\n" for key, value in properties.items())
