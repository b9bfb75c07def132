"""The wheel, installed alone: what is in it, and that another team can synthesize an app with nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ANOTHER_TEAM = Path(__file__).parent / "another_team" / "app.py"


def run(command: list[str | Path], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that sees nothing of this repository but what it is given."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    built = run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory], cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (path,) = directory.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def requirements(wheel: Path) -> list[str]:
    """What the wheel says that it needs, without its extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    return [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]


def test_the_wheel_holds_the_three_packages_with_their_data(contents: set[str]) -> None:
    expected = {
        "constructs_lib/__init__.py",
        "constructs_lib/py.typed",
        "constructs_lib/sagemaker/inference_endpoint.py",
        "constructs_lib/serving/images.json",
        "constructs_lib/serving/instances.json",
        "cdk8s_charts/py.typed",
        "local_aws/__init__.py",
        "local_aws/hosting/triton/requirements.txt",
        "local_aws/py.typed",
    }

    assert expected - contents == set()
    assert [name for name in contents if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_wheel_holds_nothing_else(contents: set[str]) -> None:
    tops = {name.split("/")[0] for name in contents}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"constructs_lib", "cdk8s_charts", "local_aws"}
    assert [name for name in contents if "__pycache__" in name or name.endswith((".pyc", ".tar.gz"))] == []


def test_the_wheel_is_built_from_every_module_of_the_library(contents: set[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "constructs_lib").rglob("*.py")}

    assert modules - contents == set()


def test_the_library_needs_three_packages(requirements: list[str]) -> None:
    assert sorted(name_of(need) for need in requirements) == ["aws-cdk-lib", "constructs", "isal"]


def test_the_wheel_brings_the_command(wheel: Path, requirements: list[str], tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        assert "inference = constructs_lib.tools.command:main" in archive.read(name).decode()
    python = empty_environment(tmp_path / "venv", requirements)
    installed = run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel],
        cwd=tmp_path,
    )
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "handler.py").write_text("def handle(data, context): ...\n")

    made = run(
        [python.with_name("inference"), "package", "mar", "--model-name", "demo", "--handler", "handler"], cwd=tmp_path
    )

    assert (made.returncode, made.stdout, made.stderr) == (0, "demo.mar\n", "")


def test_another_team_synthesizes_an_app_with_the_wheel_alone(
    wheel: Path, requirements: list[str], tmp_path: Path
) -> None:
    python = empty_environment(tmp_path / "venv", requirements)
    installed = run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel],
        cwd=tmp_path,
    )
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "model.pt").write_bytes(b"weights")
    (tmp_path / "model" / "code" / "inference.py").write_text("def model_fn(directory): ...\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert missing_here(python, elsewhere) == {"boto3", "ministack", "pydantic", "stacks", "yaml"}
    synthesized = run([python, ANOTHER_TEAM, tmp_path / "model", tmp_path / "out"], cwd=elsewhere)

    assert (synthesized.returncode, synthesized.stderr) == (0, "")
    assert list(elsewhere.iterdir()) == []
    template = json.loads((tmp_path / "out" / "Fraud.template.json").read_text(encoding="utf-8"))
    kinds = sorted(resource["Type"] for resource in template["Resources"].values())
    assert kinds == [
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::IAM::Policy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::IAM::Role",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Model",
    ]
    assert "/pytorch-inference:2.6.0-gpu-py312" in json.dumps(template)
    assert len(list((tmp_path / "out").glob("asset.*.tar.gz"))) == 1


def missing_here(python: Path, directory: Path) -> set[str]:
    """Give those of some packages that an environment does not have; the library itself is from the wheel."""
    asked = "aws_cdk boto3 constructs constructs_lib isal ministack pydantic stacks yaml"
    script = f"import importlib.util as u; print(*[name for name in {asked.split()!r} if u.find_spec(name) is None])"
    return set(run([python, "-c", script], cwd=directory).stdout.split())


def empty_environment(directory: Path, requirements: Iterable[str]) -> Path:
    """Make an environment with what the wheel requires, and what that requires, linked from this one."""
    created = run([sys.executable, "-m", "venv", "--without-pip", directory], cwd=directory.parent)
    assert created.returncode == 0, created.stderr
    python = directory / ("Scripts" if os.name == "nt" else "bin") / "python"
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run([python, "-c", script], cwd=directory).stdout.strip())
    for name in closure(requirements):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            link = site / top
            if not link.exists() and top != "__pycache__":
                link.symlink_to(Path(str(found.locate_file(top))))
    return python


def closure(requirements: Iterable[str]) -> set[str]:
    """Follow requirements, as they apply here, to all that they need."""
    names: set[str] = set()
    open_ends = [name_of(need) for need in requirements]
    while open_ends:
        name = open_ends.pop()
        if name not in names:
            names.add(name)
            needs = distribution(name).requires or []
            open_ends += [name_of(need) for need in needs if "extra ==" not in need and "python_version <" not in need]
    return names


def name_of(requirement: str) -> str:
    matched = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert matched is not None
    return matched[0]
