"""Record what the SageMaker SDK's own `image_uris.retrieve` answers, for the test that holds our URIs equal to it.

    python -m scripts.record_image_uris            writes tests/contracts/sdk_image_uris.json
    python -m scripts.record_image_uris --check    writes nothing; fails when the SDK answers otherwise

Needs the dependency group `images`, as scripts/refresh_images.py does; the test itself needs only the recording.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.image_tables.sdk import SCOPES, TRAINING

RECORDING = Path(__file__).parent.parent / "tests" / "contracts" / "sdk_image_uris.json"
FRAMEWORKS = (
    *("djl-lmi", "djl-neuronx", "huggingface", "huggingface-neuron", "huggingface-neuronx", "inferentia-mxnet"),
    *("inferentia-pytorch", "inferentia-tensorflow", "mxnet", "neo-mxnet", "neo-pytorch", "neo-tensorflow", "pytorch"),
    *(
        "pytorch-amzn2023",
        "ray-serve",
        "sagemaker-tritonserver",
        "sglang",
        "sglang-server",
        "tensorflow",
        "vllm",
        "vllm-server",
    ),
)
INSTANCES = {"cpu": "ml.m5.xlarge", "gpu": "ml.g4dn.xlarge", "inf": "ml.inf1.xlarge", None: "ml.g5.xlarge"}
# What the SDK cannot answer and the catalogue can (facts that the test names).
REFUSED = (
    {"framework": "tensorflow", "version": "2.19.0", "instance_type": "ml.c7g.large", "image_scope": "inference"},
    {"framework": "pytorch", "version": "2.8.0", "instance_type": "ml.inf2.xlarge", "image_scope": "inference"},
    {"framework": "tensorflow", "version": "2.10.1", "instance_type": "ml.inf2.xlarge", "image_scope": "inference"},
)
Question = dict[str, Any]


def questions(config: Any) -> Iterator[tuple[Question, list[str]]]:
    """Give everything that can be asked about the images of the catalogue, and the regions to ask it in."""
    for framework in FRAMEWORKS:
        table = config(framework)
        for scope in SCOPES:
            part = table if "versions" in table else table.get(scope, {})
            if "versions" not in part or (part is table and scope != "inference"):
                continue
            for version, leaf in part["versions"].items():
                for extra, place in paths(leaf):
                    if scope == "training" and place["repository"] not in TRAINING:
                        continue
                    for processor in part.get("processors") or place.get("processors") or [None]:
                        asked = {"framework": framework, "version": version, "scope": scope, "processor": processor}
                        yield asked | extra, sorted(place["registries"])


def paths(leaf: dict[str, Any]) -> Iterator[tuple[Question, dict[str, Any]]]:
    """Give the Python version and base framework that lead to each table with a registry."""
    if "registries" in leaf:
        for python in leaf.get("py_versions") or [None]:
            yield {"python": python, "base": None}, leaf
        return
    for key, value in leaf.items():
        if key != "version_aliases":
            found = {"python": key} if key in ("py2", "py3") else {"base": key}
            yield from ((extra | found, place) for extra, place in paths(value))


def answer(retrieve: Any, asked: Question, region: str) -> str:
    """Ask the SDK."""
    tool = next((t for t in ("neuronx", "neuron") if asked["framework"] == f"huggingface-{t}"), None)
    instance = "ml.c6g.large" if asked["scope"] == "inference_graviton" else INSTANCES[asked["processor"]]
    return str(
        retrieve(
            framework="huggingface" if tool else asked["framework"],
            region=region,
            version=asked["version"],
            py_version=asked["python"],
            base_framework_version=asked["base"],
            image_scope=asked["scope"],
            instance_type=instance,
            accelerator_type="ml.eia2.medium" if asked["scope"] == "eia" else None,
            inference_tool=tool,
            container_version=None,
        )
    )


def record(image_uris: Any) -> dict[str, list[Any] | dict[str, Any]]:
    """Ask everything; give the images, each with its hosts, the hosts by region, the aliases and the refusals."""
    hosts: dict[str, str] = {}
    images = []
    aliases = []
    config = image_uris.config_for_framework
    for asked, regions in questions(config):
        try:
            uris = {region: answer(image_uris.retrieve, asked, region) for region in regions}
        except (KeyError, TypeError, ValueError) as error:
            images.append({**asked, "error": f"{type(error).__name__}: {error}"[:120]})
            continue
        paths_ = {uri.split("/", 1)[1] for uri in uris.values()}
        if len(paths_) != 1:
            sys.exit(f"{asked}: the SDK gives several tags: {sorted(paths_)}")
        table = json.dumps({region: uri.split("/", 1)[0] for region, uri in uris.items()})
        images.append({**asked, "path": paths_.pop(), "hosts": hosts.setdefault(table, f"hosts-{len(hosts) + 1}")})
    for framework in FRAMEWORKS:
        for scope, part in config(framework).items():
            if scope in ("inference", "version_aliases"):
                found = part if scope == "version_aliases" else part.get("version_aliases", {})
                aliases += [[framework, alias, version] for alias, version in sorted(found.items())]
    return {
        "hosts": {name: json.loads(table) for table, name in hosts.items()},
        "images": images,
        "aliases": aliases,
        "refused": [{**asked, "error": refusal(image_uris.retrieve, asked)} for asked in REFUSED],
    }


def refusal(retrieve: Any, asked: Question) -> str:
    """Give the error with which the SDK refuses a question, or what it answers all the same."""
    try:
        return str(retrieve(region="us-east-1", **asked))
    except (KeyError, TypeError, ValueError) as error:
        return type(error).__name__


def main() -> int:
    """Write the recording, or compare it."""
    parser = argparse.ArgumentParser(description="Record tests/contracts/sdk_image_uris.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the SDK answers otherwise")
    arguments = parser.parse_args()
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the SDK makes a session when it is imported
    try:
        from sagemaker.core import image_uris
    except ImportError:
        sys.exit("sagemaker-core is not installed: use an environment with the dependency group 'images'")
    # `retrieve` reads its tables anew at every call, and there is a call per image and region.
    image_uris.config_for_framework = functools.cache(image_uris.config_for_framework)
    image_uris.utils._botocore_resolver = functools.cache(image_uris.utils._botocore_resolver)
    recorded = record(image_uris)
    text = render(f"sagemaker-core {importlib.metadata.version('sagemaker-core')}", recorded)
    if arguments.check:
        if RECORDING.read_text() != text:
            sys.exit(f"{RECORDING.name} is out of date: run 'make images' and look at the difference")
    else:
        RECORDING.write_text(text)
    print(f"{len(recorded['images'])} answers of image_uris.retrieve in up to {len(recorded['hosts'])} sets of regions")
    return 0


def render(source: str, recorded: dict[str, list[Any] | dict[str, Any]]) -> str:
    """Write JSON with one answer per line."""
    blocks = [f' "source": {json.dumps(source)}']
    for name, rows in recorded.items():
        if isinstance(rows, dict):
            lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in rows.items()]
            blocks.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
        else:
            blocks.append(f' "{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
