"""A Lambda function of one file of the library's own, which travels inside of the template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

LOG_RETENTION = 30  # days that such functions' logs are kept


def define_function(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own name for it
    *,
    source: Path,
    description: str,
    role_arn: str,
    log_group_name: str,
    timeout: int,
    entry: str = "handler",
    memory_size: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> lambda_.CfnFunction:
    """Define the function.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    source
        The Python file.
    description, role_arn, log_group_name, timeout, memory_size, environment
        As Lambda has them; the timeout is in seconds, the memory in MB. None: Lambda's own default.
    entry
        Name of the function in the file that is called.
    """
    variables = lambda_.CfnFunction.EnvironmentProperty(variables=dict(environment)) if environment else None
    return lambda_.CfnFunction(
        scope,
        id,
        description=description,
        runtime="python3.14",
        handler=f"index.{entry}",
        code=lambda_.CfnFunction.CodeProperty(zip_file=source.read_text(encoding="utf-8")),
        role=role_arn,
        timeout=timeout,
        memory_size=memory_size,
        environment=variables,
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log_group_name),
    )
