"""Imports go one way: app → stacks → renderers → serving; local AWS stands apart."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("app", "benchmarks", "cdk8s_charts", "constructs_lib", "examples", "local_aws", "scripts", "stacks", "tests")
RENDERERS = ("constructs_lib.sagemaker", "constructs_lib.jobs", "constructs_lib.eks", "cdk8s_charts")

# What each room may not import; of our own, only what stands in MAY_IMPORT.
MAY_NOT_IMPORT = {
    "constructs_lib.serving": ("aws_cdk", "constructs", "jsii", "cdk8s", "cdk8s_plus_27", "boto3", "botocore", "pydantic", "yaml"),
    "constructs_lib.sagemaker": ("cdk8s", "boto3", "botocore", "pydantic", "yaml"),
    "constructs_lib.jobs": ("cdk8s", "pydantic", "yaml"),
    "constructs_lib.eks": ("cdk8s", "boto3", "botocore", "pydantic", "yaml"),
    "constructs_lib.tools": ("aws_cdk", "jsii", "cdk8s", "pydantic", "yaml"),
    "cdk8s_charts": ("aws_cdk", "boto3", "botocore", "pydantic", "yaml"),
    "stacks": ("boto3", "botocore"),
    "local_aws": ("aws_cdk", "constructs", "jsii", "cdk8s"),
}  # fmt: skip
MAY_IMPORT = {
    "constructs_lib.serving": (),
    "constructs_lib.sagemaker": ("constructs_lib.serving",),
    # A job's results are what a SageMaker model serves.
    "constructs_lib.jobs": ("constructs_lib.serving", "constructs_lib.sagemaker"),
    "constructs_lib.eks": ("constructs_lib.serving",),
    "constructs_lib.tools": ("constructs_lib.serving", "constructs_lib.__version__"),
    "cdk8s_charts": ("constructs_lib.serving",),
    "stacks": (*RENDERERS, "constructs_lib.serving"),
    "app": ("stacks", "scripts.node", "constructs_lib.serving"),
    "local_aws": (),
    # As an app of somebody else's does.
    "examples": ("constructs_lib",),
    "benchmarks": ("constructs_lib", "cdk8s_charts", "stacks", "scripts.node", "examples"),
}


def modules_of(room: str) -> Iterator[Path]:
    path = ROOT.joinpath(*room.split("."))
    yield from path.rglob("*.py") if path.is_dir() else filter(Path.exists, [path.with_suffix(".py")])


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Give the full name of every module, or name in a module, that a file imports anywhere."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*start, *filter(None, [node.module])))
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def is_in(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize(("room", "forbidden"), MAY_NOT_IMPORT.items())
def test_a_room_does_not_import_what_others_are_there_for(room: str, forbidden: tuple[str, ...]) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(room)
        for name in imports_of(path)
        # What runs in AWS's Lambda, beside the construct that deploys it, calls AWS.
        if is_in(name, forbidden) and not (path.parent.name == "handler" and is_in(name, ("boto3", "botocore")))
    }

    assert wrong == set()


@pytest.mark.parametrize(("room", "allowed"), MAY_IMPORT.items())
def test_a_room_imports_of_ours_only_what_is_below_it(room: str, allowed: tuple[str, ...]) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(room)
        for name in imports_of(path)
        if is_in(name, OURS) and not is_in(name, (room, *allowed))
    }

    assert wrong == set()


def test_only_scripts_and_tests_import_local_aws() -> None:
    wrong = {
        str(path.relative_to(ROOT))
        for room in OURS
        if room not in ("local_aws", "scripts", "tests")
        for path in modules_of(room)
        for name in imports_of(path)
        if is_in(name, ("local_aws",))
    }

    assert wrong == set()


def test_the_rules_read_files_that_are_there() -> None:
    """A rule over an empty room proves nothing."""
    rooms = {*MAY_IMPORT, *MAY_NOT_IMPORT, *OURS}

    assert {room for room in rooms if not any(imports_of(path) for path in modules_of(room))} == set()


def loaded_by(script: str, *asked: str) -> list[str]:
    """Run Python, and give those of the modules asked for that it has loaded by then."""
    ending = f"import sys, json; print(json.dumps([name for name in {list(asked)!r} if name in sys.modules]))"
    environment = {key: value for key, value in os.environ.items() if key != "CDK_OUTDIR"}
    finished = subprocess.run(
        [sys.executable, "-c", f"{script}\n{ending}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded: list[str] = json.loads(finished.stdout)
    return loaded


@pytest.mark.parametrize(
    "module",
    [
        "constructs_lib",
        "constructs_lib.jobs",
        "constructs_lib.sagemaker",
        "constructs_lib.sagemaker.autoscaling",
        "constructs_lib.eks",
        "constructs_lib.eks.cluster_options",
        "cdk8s_charts",
        "cdk8s_charts.workload_rules",
        "cdk8s_charts.write",
        "stacks.settings",
        "scripts.inference",
    ],
)
def test_importing_does_not_start_jsii(module: str) -> None:
    assert loaded_by(f"import {module}", "jsii", "aws_cdk", "constructs") == []


def test_the_names_of_the_package_are_imported_when_they_are_used() -> None:
    script = "import constructs_lib.sagemaker as s; s.Autoscaling; s.InstanceVariant"

    assert loaded_by(script, "jsii", "constructs_lib.sagemaker.autoscaling") == ["constructs_lib.sagemaker.autoscaling"]


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import constructs_lib.sagemaker

    with pytest.raises(AttributeError, match=r"^module 'constructs_lib\.sagemaker' has no attribute 'Endpiont'$"):
        _ = constructs_lib.sagemaker.Endpiont


def test_every_public_name_can_be_imported() -> None:
    import constructs_lib.sagemaker

    assert [name for name in constructs_lib.sagemaker.__all__ if not hasattr(constructs_lib.sagemaker, name)] == []
    assert set(constructs_lib.sagemaker.__all__) == set(constructs_lib.sagemaker._HOME)


def test_synthesizing_the_default_app_loads_neither_cdk8s_nor_eks(tmp_path: Path) -> None:
    script = f"""
import os, runpy
os.environ["CDK_OUTDIR"] = {str(tmp_path)!r}
runpy.run_path("app.py", run_name="__main__")
"""

    heavy = ("cdk8s", "aws_cdk.aws_eks", "aws_cdk.aws_eks_v2", "aws_cdk.aws_ec2", "boto3", "local_aws")
    assert loaded_by(script, "aws_cdk.aws_sagemaker", *heavy) == ["aws_cdk.aws_sagemaker"]
    assert (tmp_path / "InferenceStack.template.json").is_file()


def test_the_command_line_loads_what_is_heavy_only_for_the_subcommand_that_needs_it() -> None:
    heavy = ("boto3", "botocore", "numpy", "isal", "jsii", "pydantic", "yaml", "stacks", "local_aws")
    script = """
import contextlib, io
from scripts.inference import main
for line in (["--help"], ["package", "mar", "--help"], ["local", "up", "--help"]):
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main(line)
"""

    assert loaded_by(script, "constructs_lib.tools.package_command", *heavy) == ["constructs_lib.tools.package_command"]
