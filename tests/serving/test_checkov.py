"""What the real checkov says of the manifests and cluster templates of all examples.

It has an environment of its own, finds no configuration or token of the user's, and asks nothing of the network.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml

from scripts.inference import main
from stacks.app_stacks import define_stacks
from stacks.settings import load_settings
from tests.snapshot.conftest import ROOT, new_app
from tests.snapshot.every_example import EXAMPLES, construct_id, names

pytestmark = pytest.mark.serving

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
CONFIG = ROOT / ".checkov.yaml"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write every example's workloads as YAML, and its cluster as templates."""
    directory = tmp_path_factory.mktemp("checked")
    app = new_app(directory / "cdk.out")
    for example in names():
        settings = load_settings(EXAMPLES / example)
        if settings.workloads or settings.neuron_compilations:
            main(["charts", "-s", str(EXAMPLES / example), "-o", str(directory / construct_id(example))])
        if settings.cluster:
            define_stacks(cdk.Stage(app, construct_id(example)), settings)
    app.synth()
    return directory


def reports(directory: Path, config: Path = CONFIG) -> dict[str, Json]:
    """Run checkov on a directory, and give what it says of each kind of file."""
    if not CHECKOV.exists():
        pytest.fail("checkov is missing; install it: make .venv-checkov/.ready")
    ran = subprocess.run(
        [CHECKOV, "--directory", directory, "--config-file", config, "--output", "json"],
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout, ran.stderr
    made = json.loads(ran.stdout)
    return {report["check_type"]: report for report in (made if isinstance(made, list) else [made])}


def failures(found: dict[str, Json]) -> dict[str, str]:
    """Give the checks that failed, each with where it did last."""
    return {
        check["check_id"]: f"{check['check_name']}: {check['file_path']}: {check['resource']}"
        for report in found.values()
        for check in report["results"]["failed_checks"]
    }


def test_checkov_finds_nothing_in_the_manifests_and_cluster_templates_of_the_examples(written: Path) -> None:
    found = reports(written)

    assert failures(found) == {}
    assert found.keys() == {"kubernetes", "cloudformation"}
    for report in found.values():
        assert report["summary"]["passed"] > 0
        assert (report["summary"]["failed"], report["summary"]["parsing_errors"]) == (0, 0)


def test_no_exception_is_left_over(written: Path, tmp_path: Path) -> None:
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    exceptions = settings.pop("skip-check")
    without = tmp_path / "checkov.yaml"
    without.write_text(yaml.safe_dump(settings), encoding="utf-8")

    assert sorted(failures(reports(written, without))) == sorted(exceptions)


def test_a_privileged_pod_would_be_found(tmp_path: Path) -> None:
    container = {"name": "server", "image": "server:1.0", "securityContext": {"privileged": True}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "server"}, "spec": {"containers": [container]}}
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(pod), encoding="utf-8")

    assert (
        failures(reports(tmp_path))["CKV_K8S_16"] == "Container should not be privileged: /pod.yaml: Pod.default.server"
    )
