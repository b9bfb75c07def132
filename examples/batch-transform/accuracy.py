"""Reads the answers of the batch transform, and says how many are right.

    python examples/batch-transform/accuracy.py

It is plain boto3: against local AWS, set `AWS_ENDPOINT_URL` to what `inference local status` prints.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from typing import Any

STACK = "InferenceStack"
OUTPUT = "digitsBatchTransformOutput"


def stack_output(cloudformation: Any) -> str:
    """Give the address of the answers, from the stack's outputs."""
    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    return str(next(each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == OUTPUT))


def answers(s3: Any, output: str) -> Iterator[tuple[str, str]]:
    """Read every ``.out`` object: on each line the label, and the digit that the model gave."""
    bucket, _, prefix = output.removeprefix("s3://").partition("/")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/"):
        for found in page.get("Contents", []):
            if found["Key"].endswith(".out"):
                text = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read().decode()
                yield from ((label, digit) for label, digit in csv.reader(text.splitlines()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", help="s3:// address of the answers (default: that of the stack)")
    given = parser.parse_args(argv)

    import boto3  # here: whoever brings clients of their own needs none
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        output = given.output or stack_output(boto3.client("cloudformation"))
        pairs = list(answers(boto3.client("s3"), output))
    except (BotoCoreError, ClientError) as error:
        print(f"accuracy.py: {error}", file=sys.stderr)
        return 1
    if not pairs:
        print(f"accuracy.py: no answers under {output}", file=sys.stderr)
        return 1
    right = sum(float(label) == float(digit) for label, digit in pairs)
    print(f"accuracy {right / len(pairs):.1%}: {right} of {len(pairs)} images, answers under {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
