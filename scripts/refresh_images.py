"""Distil the image catalogue from the SageMaker SDK's tables and the repository's own.

Run it in an environment with the dependency group `images` (`sagemaker-core`: 300 MB, never needed at run time):

    python -m scripts.refresh_images            writes constructs_lib/serving/images.json
    python -m scripts.refresh_images --check    writes nothing; fails when the file is out of date

The SDK's tables are read as data. Its `retrieve` is not called: scripts/record_image_uris.py does that, and a test
holds the two answers equal.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.image_tables.sdk import Entry, Registries, RegistryKey, numbers, sdk_entries

HERE = Path(__file__).parent
TABLE = HERE / "image_tables" / "listed.toml"
CATALOGUE = HERE.parent / "constructs_lib" / "serving" / "images.json"

FIELDS = (
    *("framework", "version", "base", "python", "device", "architecture", "platform", "repository", "tag"),
    *("full_tag", "cuda", "registry", "public", "end_of_patch"),
)
LISTED = re.compile(
    r"(?P<version>\d[\d.]*)-(?P<device>cpu|gpu|neuronx?)-(?P<python>py\d+)(?:-(?P<cuda>cu\d+))?"
    r"(?:-sdk[\d.]+)?-(?:ubuntu[\d.]+|amzn2023)(?:-(?P<platform>ec2|e3|sagemaker))?"
)


def listed_entries(table: dict[str, Any]) -> Iterator[Entry]:
    """Read the repository's own table: one entry per tag and platform."""
    for repository in table["repository"]:
        name = repository["name"]
        for tag in repository["tags"]:
            if not (match := LISTED.fullmatch(tag)):
                sys.exit(f"{TABLE}: {tag!r} of {name!r} does not follow the grammar; list it as an [[image]]")
            version = match["version"]
            public = any((version + ".").startswith(start + ".") for start in repository.get("public", []))
            entry = {
                "framework": repository["framework"],
                **{key: match[key] for key in ("version", "python", "cuda")},
                "device": "eia" if name.endswith("-eia") else match["device"],
                "architecture": "arm64" if name.endswith(("-graviton", "-arm64")) else "x86_64",
                "repository": name,
                "tag": tag,
                "public": "deep-learning-containers" if public else None,
            }
            if match["platform"] != "sagemaker":
                yield {**entry, "platform": "kubernetes"}
            if match["platform"] in (None, "sagemaker"):
                yield {**entry, "platform": "sagemaker"}
    for image in table["image"]:
        yield {"architecture": "x86_64", **{key: value for key, value in image.items() if key != "source"}}


def same_image(sdk: Entry, listed: Entry) -> bool:
    """Tell whether a listed tag is the image for which the SDK has a shorter tag."""
    return all(sdk[k] == listed[k] for k in ("version", "device", "repository", "platform")) and (
        sdk["python"] is None or str(listed.get("python")).startswith(sdk["python"])
    )


def merge(sdk: list[Entry], listed: list[Entry], table: dict[str, Any]) -> list[Entry]:
    """Add to the SDK's entries what only the list says, and the list's entries that the SDK lacks."""
    coverage: dict[str, list[Entry]] = {}
    for entry in sdk:
        coverage.setdefault(entry["repository"], []).append(entry)
    neuron = next(
        e for e in sdk if e["repository"].endswith("-neuronx") and e["version"] == table["neuron_regions"]["version"]
    )
    extra: list[Entry] = []
    for entry in sorted(listed, key=lambda e: (numbers(e["version"]), numbers(e.get("python"))), reverse=True):
        known = coverage.get(entry["repository"]) or coverage.get(
            re.sub("-(arm64|graviton)$", "", entry["repository"]), []
        )
        same = [e for e in coverage.get(entry["repository"], []) if same_image(e, entry)]
        for twin in same:
            twin.setdefault("full_tag", entry["tag"])
            twin.setdefault("cuda", entry.get("cuda"))
            twin.setdefault("public", entry["public"])
            twin["python"] = twin["python"] or entry["python"]
        if not same:
            is_neuron = "-neuron" in entry["repository"]
            same_version = [e for e in known if e["version"] == entry["version"]] or known
            widest = neuron if is_neuron else max(same_version, key=lambda e: len(e["registry"][1]))
            extra.append({**entry, "registry": widest["registry"]})
    return sdk + extra


def finish(entries: list[Entry], table: dict[str, Any], names: dict[RegistryKey, str]) -> list[Entry]:
    """Fill in CUDA, end of patch and registry names; drop what is empty; sort."""
    cuda = {(e["framework"], e["version"], e["device"]): e["cuda"] for e in entries if e.get("cuda")}
    rows = []
    for entry in entries:
        in_tag = re.search(r"\bcu\d{2,3}\b", entry["tag"])
        key = (entry["framework"], entry["version"], entry["device"])
        entry["cuda"] = entry.get("cuda") or (in_tag[0] if in_tag else cuda.get(key))
        entry["registry"] = names[entry["registry"]]
        entry["end_of_patch"] = end_of_patch(entry, table["end_of_patch"].get(entry["framework"], {}))
        if entry.get("full_tag") == entry["tag"]:
            del entry["full_tag"]
        rows.append({field: entry[field] for field in FIELDS if entry.get(field) is not None})
    return sorted(
        rows,
        key=lambda r: (r["framework"], r["platform"], r["architecture"], r["device"], numbers(r["version"]), r["tag"]),
    )


def end_of_patch(entry: Entry, dates: dict[str, Any]) -> str | None:
    """Find the date of a version, or the oldest one's for a version that is older than all."""
    if entry["device"] in ("neuron", "neuronx") or not dates:
        return None
    minor = numbers(entry["version"])[:2]
    by_version = {numbers(version): date for version, date in dates.items()}
    found = by_version.get(minor) or (by_version[min(by_version)] if minor < min(by_version) else None)
    return str(found) if found else None


def main() -> int:
    """Write the catalogue, or compare it."""
    parser = argparse.ArgumentParser(description="Distil constructs_lib/serving/images.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file is out of date")
    arguments = parser.parse_args()
    try:
        sdk_package = importlib.metadata.distribution("sagemaker-core")
    except importlib.metadata.PackageNotFoundError:
        sys.exit("sagemaker-core is not installed: use an environment with the dependency group 'images'")
    table = tomllib.loads(TABLE.read_text())
    registries = Registries()
    directory = Path(str(sdk_package.locate_file("sagemaker/core/image_uri_config")))
    sdk = list(sdk_entries(directory, registries))
    entries = merge(sdk, list(listed_entries(table)), table)
    names = registries.names()
    images = finish(entries, table, names)
    text = render(str(table["as_of"]), f"sagemaker-core {sdk_package.version}", registries.accounts, names, images)
    if arguments.check:
        if CATALOGUE.read_text() != text:
            sys.exit(f"{CATALOGUE.name} is out of date: run 'make images' and look at the difference")
    else:
        CATALOGUE.write_text(text)
    frameworks = {entry["framework"] for entry in images}
    print(f"{len(frameworks)} frameworks, {len(images)} images, {len(registries.accounts['dlc'])} regions")
    return 0


def render(
    as_of: str,
    source: str,
    accounts: dict[str, dict[str, str]],
    names: dict[RegistryKey, str],
    images: list[Entry],
) -> str:
    """Write JSON with one entry per line, so that a difference reads well."""
    accounts = {family: dict(sorted(table.items())) for family, table in accounts.items()}
    absent = {
        name: {"accounts": family, "without": sorted(set(accounts[family]) - set(regions))}
        for (family, regions), name in names.items()
    }

    def block(rows: list[str]) -> str:
        return "\n" + ",\n".join("  " + row for row in rows) + "\n "

    def table(mapping: dict[str, Any]) -> str:
        return "{" + block([f"{json.dumps(key)}: {json.dumps(value)}" for key, value in mapping.items()]) + "}"

    return (
        f'{{\n "as_of": {json.dumps(as_of)},\n "source": {json.dumps(source)},\n "accounts": {table(accounts)},\n'
        f' "registries": {table(absent)},\n "images": [{block([json.dumps(row) for row in images])}]\n}}\n'
    )


if __name__ == "__main__":
    sys.exit(main())
