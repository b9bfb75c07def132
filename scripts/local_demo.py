"""`make local`: the digits example, deployed by the real CDK onto an AWS on this machine, and called."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from constructs_lib.serving.archive import ArchiveError
from constructs_lib.serving.packaging import package
from examples.digits.predict import predict, read_rows, report
from local_aws.process import LocalAws, StartFailedError
from scripts.stages import CommandError, Stages, run, stop_on_terminate
from stacks.settings import load_settings
from stacks.yaml_source import SettingsError

ROOT = Path(__file__).resolve().parent.parent
STACK = "InferenceStack"
ENDPOINT = "digits"

BY_HAND = """\
The same by hand, after `. .venv/bin/activate && eval "$(inference local up)" && cdk bootstrap`:

  cdk deploy InferenceStack      # AWS_ENDPOINT_URL, which `inference local up` gives, sends it to local AWS
  python -c 'import boto3; print(boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName="digits",
    ContentType="text/csv", Accept="text/csv", Body=",".join(["0"] * 64))["Body"].read())'

and onto AWS itself, in a new shell with your credentials and without AWS_ENDPOINT_URL:

  cdk bootstrap && cdk deploy InferenceStack

SageMaker Neo's compiler exists on AWS only: for examples/neo, local AWS passes the model through unchanged.
"""


def main() -> None:
    """Deploy and predict; whatever happens, stop all that was started, and say in one line what went wrong."""
    stop_on_terminate()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows what it can
    try:
        with tempfile.TemporaryDirectory(prefix="inference-local-") as scratch:
            demonstrate(Path(scratch))
    except KeyboardInterrupt:
        sys.exit("\nmake local: interrupted; everything that it started has been stopped")
    except (CommandError, StartFailedError, SettingsError, ArchiveError, BotoCoreError, ClientError) as error:
        sys.exit(f"make local: {error}")


def demonstrate(scratch: Path) -> None:
    """Run the five stages, and print what came of them.

    Parameters
    ----------
    scratch
        Directory for the cloud assembly and for what local AWS keeps on disk.
    """
    stages = Stages(total=5)
    with stages.stage("package the model"):
        archive = package(load_settings(ROOT / "inference.yaml").endpoints[ENDPOINT].model)
        _say(f"model.tar.gz: {archive.size:,} bytes, content {archive.digest[:12]}…")
    with stages.stage("start local AWS"):
        aws = LocalAws.start(state=scratch / "aws")
    with aws:
        _say(aws.endpoint_url)
        environment = {**aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true"}
        with stages.stage("cdk bootstrap"):
            # Away from cdk.json, for which the CDK would synthesize the app first.
            _cdk(["bootstrap", f"aws://{aws.account}/{aws.region}"], environment, directory=scratch, quiet=True)
        with stages.stage(f"cdk deploy {STACK}"):
            outputs = scratch / "outputs.json"
            assembly = ["--output", str(scratch / "cdk.out"), "--outputs-file", str(outputs)]
            _cdk(["deploy", STACK, "--require-approval", "never", "--progress", "events", *assembly], environment)
        with stages.stage("predict the held-out digits"):
            os.environ.update(environment)  # which covers the profile and the credentials of whoever runs this
            status = boto3.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"]
            predictions = predict(ENDPOINT, boto3.client("sagemaker-runtime"), read_rows())
    _conclude(json.loads(outputs.read_text())[STACK], status, report(predictions), stages)


def _conclude(outputs: Mapping[str, str], status: str, predictions: str, stages: Stages) -> None:
    print(f"\nOutputs of {STACK}:")
    for name, value in outputs.items():
        print(f"  {name} = {value}")
    print(
        f"\nEndpoint '{ENDPOINT}' is {status}.\n\n{predictions}\n\nTime taken:\n{stages.table()}\n\n{BY_HAND}", end=""
    )


def _cdk(
    arguments: Sequence[str], environment: Mapping[str, str], *, directory: Path = ROOT, quiet: bool = False
) -> None:
    command = [str(ROOT / ".venv" / "bin" / "cdk"), *arguments, "--no-notices"]
    run(command, environment=environment, directory=directory, quiet=quiet)


def _say(text: str) -> None:
    print(f"      {text}", flush=True)


if __name__ == "__main__":
    main()
