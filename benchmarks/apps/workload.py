"""What every benchmarked app synthesizes: the same, each with its own library."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk

ACCOUNT = "111122223333"
REGION = "us-east-1"
IMAGE_ACCOUNT = "763104351884"
IMAGE_REPOSITORY = "pytorch-inference"
IMAGE_TAG = "2.6.0-cpu-py312"
IMAGE = f"{IMAGE_ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{IMAGE_REPOSITORY}:{IMAGE_TAG}"
INSTANCE_TYPE = "ml.c6i.large"
VARIANT = "AllTraffic"
ENVIRONMENT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
LOG_GROUP_PREFIX = "/aws/sagemaker/Endpoints"
MIN_CAPACITY = 1
MAX_CAPACITY = 4
INVOCATIONS_PER_INSTANCE = 600
COOLDOWN_SECONDS = 300

# CloudFormation takes 500 resources per stack; an endpoint is seven of them here, and eleven in `generative_ai`.
ENDPOINTS_PER_STACK = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How many endpoints to synthesize, of which artifact, to where."""

    endpoints: int
    artifact: str
    outdir: str

    def stacks(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Yield the name of each stack with the names of its endpoints."""
        names = [f"digits-{number:03d}" for number in range(1, self.endpoints + 1)]
        for index in range(0, self.endpoints, ENDPOINTS_PER_STACK):
            yield f"InferenceStack{index // ENDPOINTS_PER_STACK + 1}", names[index : index + ENDPOINTS_PER_STACK]


def parse_workload() -> Workload:
    """Read the workload from the command line that `benchmarks/synth.py` gives each app."""
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoints", type=int)
    parser.add_argument("artifact")
    parser.add_argument("outdir")
    arguments = parser.parse_args()
    return Workload(endpoints=arguments.endpoints, artifact=arguments.artifact, outdir=arguments.outdir)


def synthesize(add_endpoints: Callable[[cdk.Stack, Sequence[str], str], None]) -> None:
    """Synthesize the workload, calling `add_endpoints(stack, endpoint_names, artifact)` once per stack."""
    asked = parse_workload()
    app = cdk.App(outdir=asked.outdir)
    for stack_name, endpoint_names in asked.stacks():
        stack = cdk.Stack(
            app,
            stack_name,
            env=cdk.Environment(account=ACCOUNT, region=REGION),
            description="Deep-learning inference endpoints",
        )
        add_endpoints(stack, endpoint_names, asked.artifact)
    app.synth()
