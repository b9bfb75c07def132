"""What `cdk deploy` synthesizes, from one settings file with as many endpoints, spread over stacks by `stacks`."""

import gc
from collections.abc import Sequence
from pathlib import Path

from scripts.node import use_bundled_node

use_bundled_node()

import aws_cdk as cdk  # noqa: E402 - as in `app.py`

from benchmarks.apps import workload  # noqa: E402
from stacks.limits import APP_CONTEXT, check_limits  # noqa: E402
from stacks.validation import validation_made_ready  # noqa: E402


def main() -> None:
    """Write a settings file, and synthesize it as `app.py` does."""
    gc.disable()
    asked = workload.parse_workload()
    app = cdk.App(outdir=asked.outdir, context=APP_CONTEXT)
    stacks = [names for _, names in asked.stacks()]
    path = Path(f"{asked.outdir}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings_text([name for names in stacks for name in names], asked.artifact, stacks=len(stacks)))
    with validation_made_ready(app):
        from stacks.app_stacks import define_stacks
        from stacks.settings import load_settings

        settings = load_settings(path, region=workload.REGION)
    define_stacks(app, settings, env=cdk.Environment(account=workload.ACCOUNT, region=workload.REGION))
    check_limits(Path(app.synth().directory))


def settings_text(endpoint_names: Sequence[str], artifact: str, *, stacks: int) -> str:
    """Repeat the default settings file's endpoint under other names."""
    scaling = (
        f"{{min: {workload.MIN_CAPACITY}, max: {workload.MAX_CAPACITY}, "
        f"invocations_per_instance: {workload.INVOCATIONS_PER_INSTANCE}}}"
    )
    lines = [f"stacks: {stacks}", "endpoints:"]
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
