"""Reads the inference and training images of the SageMaker SDK's own tables, as data.

Source: sagemaker-core 2.27.0, sagemaker/core/image_uris.py (`retrieve`, `_format_tag`) for the grammar of tags.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
RegistryKey = tuple[str, tuple[str, ...]]

# The SDK's file -> our framework and the device of its images when the file's processors do not say it.
SDK_FILES: dict[str, tuple[str, str | None]] = {
    "djl-lmi": ("djl-lmi", "gpu"),
    "djl-neuronx": ("djl-lmi", "neuronx"),
    "huggingface": ("huggingface", None),
    "huggingface-neuron": ("huggingface", "neuron"),
    "huggingface-neuronx": ("huggingface", "neuronx"),
    "inferentia-mxnet": ("neo-mxnet", "neuron"),
    "inferentia-pytorch": ("neo-pytorch", "neuron"),
    "inferentia-tensorflow": ("neo-tensorflow", "neuron"),
    "mxnet": ("mxnet", None),
    "neo-mxnet": ("neo-mxnet", None),
    "neo-pytorch": ("neo-pytorch", None),
    "neo-tensorflow": ("neo-tensorflow", None),
    "pytorch": ("pytorch", None),
    "pytorch-amzn2023": ("pytorch", None),
    "ray-serve": ("ray-serve", None),
    "sagemaker-tritonserver": ("triton", None),
    "sglang": ("sglang", None),
    "sglang-server": ("sglang-server", None),
    "tensorflow": ("tensorflow", None),
    "vllm": ("vllm", None),
    "vllm-server": ("vllm-server", None),
}
SCOPES = ("inference", "inference_graviton", "eia", "training")
# The repositories of the images that are catalogued for training: those whose toolkit runs any script.
TRAINING = {"pytorch", "pytorch-training", "tensorflow-training"}
# One account of each family, by which a table of the SDK is recognised.
FAMILIES = {"763104351884": "dlc", "520713654638": "legacy", "785573368785": "neo"}
# djl-neuronx.json has an account for it; AWS has no such region (botocore's partitions.json).
NO_REGIONS = {"sa-west-1"}


def numbers(text: str | None) -> tuple[int, ...]:
    """Give the numbers of a version as something that sorts."""
    return tuple(int(part) for part in re.findall(r"\d+", text or ""))


class Registries:
    """Names each distinct set of regions, and keeps one table of accounts per family."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, str]] = {family: {} for family in FAMILIES.values()}
        self._regions: dict[RegistryKey, None] = {}

    def add(self, table: dict[str, str]) -> RegistryKey:
        """Take in a table of the SDK; give its key."""
        table = {region: account for region, account in table.items() if region not in NO_REGIONS}
        family = next(name for account, name in FAMILIES.items() if account in table.values())
        for region, account in table.items():
            if self.accounts[family].setdefault(region, account) != account:
                sys.exit(f"the SDK gives two {family} accounts for {region}; the catalogue holds one per family")
        key = (family, tuple(sorted(table)))
        self._regions[key] = None
        return key

    def names(self) -> dict[RegistryKey, str]:
        """Name every key: the family and the number of regions, and a letter where that is not unique."""
        names: dict[RegistryKey, str] = {}
        for family, regions in sorted(self._regions, key=lambda key: (key[0], -len(key[1]), key[1])):
            name = f"{family}-{len(regions)}"
            names[family, regions] = next(n for n in (name, *(name + c for c in "bcdefgh")) if n not in names.values())
        return names


def sdk_entries(directory: Path, registries: Registries) -> Iterator[Entry]:
    """Read the images that the SDK's own tables describe."""
    for file, (framework, device) in SDK_FILES.items():
        config = json.loads((directory / f"{file}.json").read_text())
        scopes = {"inference": config} if "versions" in config else config
        for scope in SCOPES:
            for version, by_version in scopes.get(scope, {}).get("versions", {}).items():
                # A server image whose version is a major number alone floats over the minor ones: not catalogued.
                if file.endswith(("-server", "-serve")) and "." not in version:
                    continue
                for base, python, leaf in leaves(by_version):
                    if scope == "training" and leaf["repository"] not in TRAINING:
                        continue
                    processors = scopes[scope].get("processors") or leaf.get("processors") or [None]
                    for processor in processors:
                        if file.startswith("huggingface") and processor not in leaf["container_version"]:
                            continue
                        entry = {
                            "framework": catalogue_name(framework, scope, base),
                            "version": version,
                            "base": base,
                            "python": python,
                            "device": "eia" if scope == "eia" else device or processor,
                            "architecture": "arm64" if scope == "inference_graviton" else "x86_64",
                            "platform": "sagemaker",
                            "repository": leaf["repository"],
                            "registry": registries.add(leaf["registries"]),
                        }
                        yield {**entry, "tag": sdk_tag(file, entry, processor, leaf)}


def catalogue_name(framework: str, scope: str, base: str | None) -> str:
    """Name a framework as the catalogue does: with what is below it, or with what its images are for."""
    if base:
        return f"huggingface-{base.rstrip('.0123456789')}"
    return f"{framework}-training" if scope == "training" else framework


def leaves(config: dict[str, Any]) -> Iterator[tuple[str | None, str | None, dict[str, Any]]]:
    """Walk down to the tables that name a repository: by base framework, by Python version, or at once."""
    if "repository" in config:
        for python in config.get("py_versions") or [None]:
            yield None, python, config
        return
    for key, value in config.items():
        if key != "version_aliases":
            for _, python, leaf in leaves(value):
                is_python = key.startswith("py") and key[2:].isdigit()
                yield (None, key, leaf) if is_python else (key, python, leaf)


def sdk_tag(file: str, entry: Entry, processor: str | None, leaf: dict[str, Any]) -> str:
    """Build a tag by the SDK's grammar: prefix, processor, Python, container version."""
    version, base = entry["version"], entry["base"]
    prefix = leaf.get("tag_prefix", version)
    token = processor if leaf.get("processor_in_tag", True) else None
    container = leaf.get("container_version", {}).get(processor)
    if base:
        prefix = f"{base.lstrip('abcdefghijklmnopqrstuvwxyz')}-transformers{version}"
    if file.startswith("huggingface-neuron"):
        token = file.removeprefix("huggingface-")
        container = f"{max(leaf['sdk_versions'], key=numbers)}-{container}"
    if leaf["repository"].endswith(("-graviton", "-arm64")):
        container = f"{container}-sagemaker"
    if file == "sagemaker-tritonserver" and processor == "gpu":
        token = None
    return "-".join(part for part in (prefix, token, entry["python"], container) if part)
