"""A Lambda function of the library's own: one file inside the template, or an archive that the deployment uploads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from constructs_lib.serving.artifacts import S3Artifact

LOG_RETENTION = 30  # days that such functions' logs are kept


def define_function(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own name for it
    *,
    source: Path | S3Artifact,
    role_arn: str,
    log_group_name: str,
    timeout: int,
    description: str | None = None,
    entry: str = "handler",
    runtime: str = "python3.14",
    memory_size: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> lambda_.CfnFunction:
    """Define the function.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    source
        The file, or the archive of several, which the deployment uploads.
    description, runtime, role_arn, log_group_name, timeout, memory_size, environment
        As Lambda has them; the timeout is in seconds, the memory in MB. None: Lambda's own default.
    entry
        Name of the function in the file that is called; that of one in an archive begins with its module's.
    """
    if isinstance(source, Path):
        code = lambda_.CfnFunction.CodeProperty(zip_file=source.read_text(encoding="utf-8"))
        entry = f"index.{entry}"
    else:
        code = lambda_.CfnFunction.CodeProperty(s3_bucket=source.bucket, s3_key=source.key)
    variables = lambda_.CfnFunction.EnvironmentProperty(variables=dict(environment)) if environment else None
    return lambda_.CfnFunction(
        scope,
        id,
        description=description,
        runtime=runtime,
        handler=entry,
        code=code,
        role=role_arn,
        timeout=timeout,
        memory_size=memory_size,
        environment=variables,
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log_group_name),
    )
