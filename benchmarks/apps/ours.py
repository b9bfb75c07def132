"""The default stack: what `cdk deploy InferenceStack` synthesizes, from a settings file with as many endpoints."""

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk

from benchmarks.apps import workload
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings


def main() -> None:
    """Write a settings file per stack, and synthesize them as `app.py` does."""
    asked = workload.parse_workload()
    app = cdk.App(outdir=asked.outdir)
    for stack_name, endpoint_names in asked.stacks():
        path = Path(f"{asked.outdir}-{stack_name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(settings_text(endpoint_names, asked.artifact))
        InferenceStack(
            app,
            stack_name,
            settings=load_settings(path, region=workload.REGION),
            env=cdk.Environment(account=workload.ACCOUNT, region=workload.REGION),
        )
    app.synth()


def settings_text(endpoint_names: Sequence[str], artifact: str) -> str:
    """Repeat the default settings file's endpoint under other names."""
    scaling = (
        f"{{min: {workload.MIN_CAPACITY}, max: {workload.MAX_CAPACITY}, "
        f"invocations_per_instance: {workload.INVOCATIONS_PER_INSTANCE}}}"
    )
    lines = ["endpoints:"]
    for name in endpoint_names:
        lines += [
            f"  {name}:",
            f"    model: {{framework: onnx, artifact: {artifact}, entry_point: inference.py}}",
            f"    instance_type: {workload.INSTANCE_TYPE}",
            "    instance_count: 1",
            f"    autoscaling: {scaling}",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
