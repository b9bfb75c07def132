"""Write the table of instance types: what SageMaker accepts, and what EC2 says of the hardware.

    python -m scripts.refresh_instances                          takes the lists of SageMaker's types from botocore
    python -m scripts.refresh_instances --hardware types.json    takes the hardware as well

`types.json` (or `.json.gz`) is the output of `aws ec2 describe-instance-types`, or the copy of it that the PyPI package
`moto` carries as moto/ec2/resources/instance_types.json.gz (the committed table: moto 5.2.5). Without it the hardware
stays as it is in constructs_lib/serving/instances.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader

HERE = Path(__file__).parent
BY_HAND = HERE / "image_tables" / "instances.toml"
TABLE = HERE.parent / "constructs_lib" / "serving" / "instances.json"
# Macs, and accelerators that no inference image of AWS uses: video (vt1), Qualcomm (dl2q), FPGA (f2).
LEFT_OUT = ("mac", "vt1", "dl2q", "f2")


def read_hardware(path: Path) -> dict[str, dict[str, Any]]:
    """Read DescribeInstanceTypes' answer, or moto's copy of it."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    answer = json.loads(raw)
    described = {entry["InstanceType"]: entry for entry in answer.get("InstanceTypes", [])} or answer
    return {name: hardware(entry) for name, entry in described.items() if not name.startswith(LEFT_OUT)}


def hardware(entry: dict[str, Any]) -> dict[str, Any]:
    """Keep what the library uses of one instance type."""
    architectures = entry["ProcessorInfo"]["SupportedArchitectures"]
    return {
        "architecture": "arm64" if "arm64" in architectures else "x86_64",
        "vcpus": entry["VCpuInfo"]["DefaultVCpus"],
        "memory_mib": entry["MemoryInfo"]["SizeInMiB"],
        **({"burstable": True} if entry.get("BurstablePerformanceSupported") else {}),
        **accelerator(entry),
    }


def accelerator(entry: dict[str, Any]) -> dict[str, Any]:
    """Describe NVIDIA GPUs and Neuron devices."""
    for gpu in entry.get("GpuInfo", {}).get("Gpus", []):
        if gpu["Manufacturer"] == "NVIDIA":
            # A fraction of a GPU (g6f) has the count 0, and is one device to the operating system.
            count = gpu["Count"] or gpu["LogicalGpuCount"]
            memory = gpu["MemoryInfo"]["SizeInMiB"]
            return {"accelerator": {"kind": "gpu", "model": gpu["Name"], "count": count, "memory_mib": memory}}
    for device in entry.get("NeuronInfo", {}).get("NeuronDevices", []):
        kind = "neuron" if device["Name"] == "Inferentia" else "neuronx"
        found = {"kind": kind, "model": device["Name"], "count": device["Count"]}
        cores, memory = device["CoreInfo"]["Count"], device["MemoryInfo"]["SizeInMiB"]
        return {"accelerator": {**found, "memory_mib": memory, "cores": cores}}
    return {}


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(description="Write constructs_lib/serving/instances.json.")
    parser.add_argument("--hardware", type=Path, help="output of `aws ec2 describe-instance-types`")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file is out of date")
    arguments = parser.parse_args()
    if arguments.hardware:
        types = read_hardware(arguments.hardware)
    else:
        kept = json.loads(TABLE.read_text())["types"]
        types = {name: {k: v for k, v in entry.items() if k != "sagemaker"} for name, entry in kept.items()}
    types |= tomllib.loads(BY_HAND.read_text())["types"]

    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    uses = {
        "hosting": "ProductionVariantInstanceType",
        "transform": "TransformInstanceType",
        "training": "TrainingInstanceType",
    }
    for use, shape in uses.items():
        for name in shapes[shape]["enum"]:
            if (bare := name.removeprefix("ml.")) not in types:
                sys.exit(
                    f"SageMaker has {name!r}, of which EC2 says nothing: pass --hardware, or add it to {BY_HAND.name}"
                )
            types[bare].setdefault("sagemaker", []).append(use)

    lines = [f"  {json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types)]
    source = json.dumps(f"botocore {botocore.__version__} for what SageMaker accepts; EC2 DescribeInstanceTypes")
    text = f'{{\n "source": {source},\n "types": {{\n' + ",\n".join(lines) + "\n }\n}\n"
    if arguments.check:
        if TABLE.read_text() != text:
            sys.exit(f"{TABLE.name} is out of date: run 'make images' and look at the difference")
    else:
        TABLE.write_text(text)
    print(f"{len(types)} instance types; " + ", ".join(f"{len(shapes[s]['enum'])} for {u}" for u, s in uses.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
