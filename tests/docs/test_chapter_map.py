"""The pages lead to every example, every link leads somewhere, and the book's values are in the examples.

Every warning is explained on a page, too.
"""

from __future__ import annotations

import re
from functools import cache, reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from constructs_lib.serving.notices import _IDS

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PAGES = [page for pattern in ("*.md", "docs/*.md", "examples/**/*.md", "local_aws/*.md") for page in ROOT.glob(pattern)]
FOLDERS = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir() and (path / "README.md").is_file())
CHAPTER = ROOT / "docs" / "chapter.md"
ROWS = [*(f"E{number}" for number in range(1, 8)), *(f"S{number}" for number in range(1, 15))]


def prose(page: Path) -> str:
    """Give a page without its code."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def links(page: Path) -> list[str]:
    """Give where a page's links go within the repository, as it writes them."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@cache
def linked(page: Path) -> set[Path]:
    return {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}


@cache
def anchors(page: Path) -> set[str]:
    """Give the anchors that GitHub makes of a page's headings."""
    without_code = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def sections() -> dict[str, str]:
    """Give the text of each row of the chapter's page."""
    parts = re.split(r"^### ([ES]\d+): ", CHAPTER.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def value(example: str, path: str) -> Any:
    """Look a value up in an example's settings."""
    settings = yaml.safe_load((EXAMPLES / example).read_text(encoding="utf-8"))
    return reduce(lambda node, key: node[int(key) if isinstance(node, list) else key], path.split("/"), settings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    dead = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"(?<![\w/.-])examples/[\w/.-]*\w", page.read_text(encoding="utf-8"))

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_table_of_examples_has_every_example() -> None:
    table = linked(EXAMPLES / "README.md")

    assert [name for name in FOLDERS if EXAMPLES / name / "README.md" not in table] == []


def test_every_folder_of_the_examples_has_a_readme() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert folders == set(FOLDERS)


def test_the_readme_leads_to_the_examples_and_to_the_chapter() -> None:
    assert {EXAMPLES / "README.md", CHAPTER} <= linked(ROOT / "README.md")


def test_every_row_of_the_chapter_is_there_in_order() -> None:
    assert list(sections()) == ROWS


@pytest.mark.parametrize("identifier", _IDS)
def test_every_warning_is_explained_on_a_page(identifier: str) -> None:
    assert any(f"`{identifier}`" in page.read_text(encoding="utf-8") for page in ROOT.glob("docs/*.md"))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_leads_to_an_example(row: str) -> None:
    assert re.search(r"\]\(\.\./examples/[\w-]+/", sections()[row])


@pytest.mark.parametrize(
    ("example", "path", "expected"),
    [
        ("eks-tensorflow-serving/inference.yaml", "workloads/tf-inference/namespace", "tf-inference"),
        ("eks-tensorflow-serving/inference.yaml", "workloads/tf-inference/model/version", "2.1.0"),
        ("eks-tensorflow-serving/inference.yaml", "workloads/tf-inference/server/rest_port", 8500),
        ("eks-tensorflow-serving/inference.yaml", "workloads/tf-inference/server/grpc_port", 9000),
        ("eks-tensorflow-serving/inference.yaml", "workloads/tf-inference/server/model_name", "saved_model"),
        (
            "eks-tensorflow-serving/inference.yaml",
            "workloads/tf-inference/autoscaling",
            {"cpu_utilization": 60, "min": 1, "max": 10},
        ),
        ("eks-torchserve/inference.yaml", "workloads/pytorch-service/server/command", "mxnet-model-server"),
        ("eks-torchserve/inference.yaml", "workloads/pytorch-service/server/model_name", "archived_model"),
        ("eks-neuron/inference.yaml", "workloads/neuron-demo/model/version", "1.15.4"),
        ("container/inference.yaml", "endpoints/scores-from-image/instance_type", "ml.c5.xlarge"),
        ("container/inference.yaml", "endpoints/scores-from-image/instance_count", 1),
        ("pytorch/book.yaml", "endpoints/torch-book/model/version", "1.11.0"),
        ("elastic-inference/inference.yaml", "endpoints/sentiment/accelerator_type", "ml.eia2.medium"),
        ("batch-transform/book.yaml", "batch_transforms/digits-book/max_payload_mb", 5),
        ("batch-transform/book.yaml", "batch_transforms/digits-book/instance_type", "ml.c4.xlarge"),
        ("batch-transform/book.yaml", "batch_transforms/digits-book/instance_count", 1),
        ("batch-transform/book.yaml", "batch_transforms/digits-book/content_type", "text/csv"),
        ("batch-transform/book.yaml", "batch_transforms/digits-book/split_type", "Line"),
        ("neo/book.yaml", "endpoints/compiled-for-c5/model/framework", "tensorflow"),
        ("neo/book.yaml", "endpoints/compiled-for-c5/model/compile/target", "ml_c5"),
        ("neo/book.yaml", "endpoints/compiled-for-c5/model/compile/input_shape/inputs/0", 1),
        ("training/book.yaml", "training_jobs/digits-tensorflow/framework", "tensorflow"),
    ],
)
def test_the_books_values_are_in_their_examples(example: str, path: str, expected: Any) -> None:
    assert value(example, path) == expected


def test_the_fields_of_the_consoles_pages_are_in_their_examples() -> None:
    scaling = value("autoscaling/inference.yaml", "endpoints/digits-scaled/variants/0")
    models = value("multi-model/book.yaml", "endpoints/scores-in-s3/model")

    assert scaling.keys() >= {"name", "autoscaling"}
    assert scaling["autoscaling"].keys() == {
        "min",
        "max",
        "invocations_per_instance",
        "scale_in_cooldown",
        "scale_out_cooldown",
        "disable_scale_in",
    }
    assert models.keys() >= {"framework", "image", "artifact", "container_hostname"}
