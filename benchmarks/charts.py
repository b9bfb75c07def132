"""How long `inference charts` takes for many workloads, once Node and the libraries are loaded.

    python -m benchmarks.charts --workloads 100 --runs 5

Each run writes all kinds of servers, in turn, into an empty directory. The first run, which loads the libraries, is
reported separately.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from cdk8s_charts.autoscaling import PodAutoscaling
from cdk8s_charts.servers.tensorflow_serving import Batching, TensorFlowServing
from cdk8s_charts.servers.triton import Triton
from cdk8s_charts.workload import Workload
from cdk8s_charts.write import write_charts
from constructs_lib.serving.models import LargeLanguageModel, OnnxModel, PyTorchModel, TensorFlowModel
from constructs_lib.serving.node_group import NodeGroup
from scripts.node import use_bundled_node

GPUS = NodeGroup(name="gpu", instance_types=("g5.xlarge",), max_size=100)
KINDS = (
    Workload(
        name="tensorflow",
        model=TensorFlowModel(artifact="s3://amzn-s3-demo-bucket/models/"),
        server=TensorFlowServing(batching=Batching(max_batch_size=8)),
        autoscaling=PodAutoscaling(),
    ),
    Workload(name="torchserve", model=PyTorchModel(artifact="s3://amzn-s3-demo-bucket/model.mar")),
    Workload(
        name="triton",
        model=OnnxModel(artifact="s3://amzn-s3-demo-bucket/repository/"),
        server=Triton(),
        node_group="gpu",
    ),
    Workload(name="vllm", model=LargeLanguageModel(model_id="Qwen/Qwen3-8B"), node_group="gpu"),
)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    use_bundled_node()
    workloads = [
        replace(KINDS[number % len(KINDS)], name=f"workload-{number}") for number in range(arguments.workloads)
    ]
    seconds = [_written(workloads) for _ in range(arguments.runs + 1)]
    first, warm = seconds[0], sorted(seconds[1:])
    print(
        f"{len(workloads)} workloads: first {first:.2f} s; warm {warm[0]:.2f} to {warm[-1]:.2f} s, of {len(warm)} runs"
    )


def _written(workloads: list[Workload]) -> float:
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        write_charts(Path(directory), workloads, node_groups=[GPUS], region="us-east-1")
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
