"""`inference charts`: folders of YAML, the same whenever they are written, and nothing half-written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from cdk8s_charts.write import ForeignFilesError, write_charts
from constructs_lib.serving.problems import InvalidValueError
from scripts.inference import main
from tests.charts.conftest import NODE_GROUPS, ROOT, charts_of, manifests_of, tensorflow

EXAMPLE = str(ROOT / "examples" / "eks-torchserve" / "inference.yaml")


def content(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in sorted(directory.rglob("*.yaml"))}


def test_each_workload_has_a_folder_in_which_namespaces_come_first(tmp_path: Path) -> None:
    workload = tensorflow(namespace="ml", create_namespace=True)
    (folder,) = write_charts(tmp_path, [workload], node_groups=NODE_GROUPS, region="us-east-1")

    assert folder == tmp_path / "demo"
    assert sorted(path.name for path in folder.iterdir()) == [
        "00-namespace.yaml",
        "01-serviceaccount.yaml",
        "04-configmap.yaml",
        "05-deployment.yaml",
        "07-service.yaml",
        "11-poddisruptionbudget.yaml",
        "12-networkpolicy.yaml",
    ]


def test_the_files_hold_what_the_chart_has(tmp_path: Path) -> None:
    workload = tensorflow()
    write_charts(tmp_path, [workload], node_groups=NODE_GROUPS, region="us-east-1")

    written = [yaml.safe_load(text) for text in content(tmp_path).values()]
    assert sorted(written, key=str) == sorted(manifests_of(workload), key=str)


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    main(["charts", "-s", EXAMPLE, "-o", str(tmp_path / "one")])
    main(["charts", "-s", EXAMPLE, "-o", str(tmp_path / "two")])
    before = content(tmp_path / "one")

    main(["charts", "-s", EXAMPLE, "-o", str(tmp_path / "one")])

    assert content(tmp_path / "one") == content(tmp_path / "two") == before
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(charts_of("eks-torchserve"))


def test_what_a_workload_no_longer_has_goes(tmp_path: Path) -> None:
    main(["charts", "-s", EXAMPLE, "-o", str(tmp_path)])
    stale = tmp_path / "archived-model" / "99-old.yaml"
    stale.write_text("{}")

    main(["charts", "-s", EXAMPLE, "-o", str(tmp_path)])

    assert not stale.exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "notes.txt").write_text("mine")

    with pytest.raises(ForeignFilesError) as caught:
        write_charts(tmp_path, [tensorflow()], region="us-east-1")

    assert str(caught.value) == (
        f"'{tmp_path / 'demo'}' holds 'notes.txt', which was not written here, and the folder would be replaced; move "
        "it, or write into another directory"
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["demo", "notes.txt"]


def test_all_problems_of_all_workloads_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    workloads = [tensorflow(node_group="gpu", accelerators=2), tensorflow(name="other", region="eu-west-1")]

    with pytest.raises(InvalidValueError) as caught:
        write_charts(tmp_path / "out", workloads, node_groups=NODE_GROUPS[:1], region="us-east-1")

    assert str(caught.value).splitlines() == [
        "workloads: 'demo.accelerators' is 2, but a pod on 'gpu' may have 1; no node group of the cluster fits: add "
        "one, such as of 'g5.12xlarge', or ask for less",
        "workloads: 'other.region' is 'eu-west-1', but the cluster is in 'us-east-1'; leave it out",
    ]
    assert not (tmp_path / "out").exists()


def test_two_workloads_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidValueError, match=r"^workloads: 'demo\.name' is 'demo', as is another's; choose another name$"
    ):
        write_charts(tmp_path, [tensorflow(), tensorflow(namespace="other")], region="us-east-1")


def test_the_command_names_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["charts", "-s", EXAMPLE, "-o", str(tmp_path)])

    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / name) for name in ("pytorch-service", "archived-model", "repository")
    ]


def test_the_command_says_what_is_wrong_with_the_settings(tmp_path: Path) -> None:
    settings = tmp_path / "inference.yaml"
    settings.write_text("endpoints: {}\n")

    with pytest.raises(SystemExit) as caught:
        main(["charts", "-s", str(settings), "-o", str(tmp_path / "out")])

    assert str(caught.value) == f"inference charts: {settings}:1: endpoints: is empty; give at least one endpoint"


def test_the_command_needs_workloads(tmp_path: Path) -> None:
    settings = ROOT / "inference.yaml"

    with pytest.raises(SystemExit) as caught:
        main(["charts", "-s", str(settings), "-o", str(tmp_path / "out")])

    assert str(caught.value) == (
        f"inference charts: {settings}: workloads: is missing; give the models that are to be served"
    )


def test_the_command_needs_the_region_of_an_image_that_is_not_public(tmp_path: Path) -> None:
    settings = tmp_path / "inference.yaml"
    settings.write_text("workloads: {a: {model: {framework: tensorflow, artifact: s3://models/a/}}}", encoding="utf-8")

    with pytest.raises(SystemExit) as caught:
        main(["charts", "-s", str(settings), "-o", str(tmp_path / "out")])

    assert str(caught.value).startswith(f"inference charts: {settings}: workloads: 'a.region' is missing: ")
    assert not (tmp_path / "out").exists()


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SystemExit) as caught:
        main(["charts", "-s", EXAMPLE, "-o", str(tmp_path / "file" / "out")])

    assert str(caught.value) == f"inference charts: cannot write to '{tmp_path / 'file' / 'out'}': Not a directory"


def test_without_cdk8s_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cdk8s", None)

    with pytest.raises(SystemExit) as caught:
        main(["charts", "-s", EXAMPLE, "-o", str(tmp_path / "out")])

    assert str(caught.value) == (
        "inference charts: workloads need cdk8s, which is not installed; run: pip install 'inference-constructs[charts]'"
    )
    assert not (tmp_path / "out").exists()
