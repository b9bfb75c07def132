"""Every fenced code block of the documentation is run: Python and settings are synthesized, commands are known."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import groupby
from pathlib import Path

import aws_cdk as cdk
import pytest
import yaml
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from scripts.inference import COMMANDS
from stacks.inference_stack import InferenceStack
from stacks.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "docs/*.md", "examples/*/README.md", "local_aws/README.md"]
SETTINGS_KEYS = {field.name for field in fields(Settings)}
FIXED = cdk.Environment(account="111111111111", region="us-east-1")

# What the pages' models are called; each is there when a block is run.
FILES = {
    "model/model.pth": "",
    "model/model.onnx": "",
    "saved_model/1/saved_model.pb": "",
    "src/inference.py": "def model_fn(model_dir):\n    return model_dir\n",
    "src/train.py": "print('trained')\n",
    "server/Dockerfile": "FROM scratch\n",
}


def run_python(example: Example) -> None:
    """Run a block after those above it on its page, in an app and a stack of its own if it makes none."""
    names = example.namespace
    if "stack" not in names:
        names["app"] = cdk.App(outdir="cdk.out", analytics_reporting=False)
        names["stack"] = cdk.Stack(names["app"], "Documented", env=FIXED)
    exec(compile(str(example.parsed), f"{example.path}:{example.line}", "exec"), names)


def run_settings(example: Example) -> None:
    """Synthesize settings; a block that shows one endpoint's keys alone is taken as that."""
    given = yaml.safe_load(str(example.parsed))
    whole = given if SETTINGS_KEYS & set(given) else {"endpoints": {"example": given}}
    path = Path("inference.yaml")
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    app = cdk.App(outdir="cdk.out", analytics_reporting=False)
    InferenceStack(app, "InferenceStack", settings=load_settings(path, region=FIXED.region), env=FIXED)
    app.synth()


def check_commands(example: Example) -> None:
    """Check that each line of a shell block is made of commands that exist."""
    for line in str(example.parsed).replace("\\\n", " ").splitlines():
        for words in commands(line):
            assert is_known(words), f"nothing checks this command: {' '.join(words)}"


def commands(line: str) -> Iterator[list[str]]:
    """Take a line of shell apart at its pipes and its ``&&``, and look into ``eval``."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    for joined, words in groupby(lexer, key=lambda word: set(word) <= set("|&;")):
        command = list(words)
        while command and re.fullmatch(r"[A-Z_]+=.*", command[0]):
            command = command[1:]
        if command and command[0] == "eval":
            yield from commands(command[1].removeprefix("$(").removesuffix(")"))
        elif command and not joined:
            yield command


EVERYWHERE = {".", "aws", "cat", "cd", "curl", "cut", "echo", "export", "head", "kubectl", "mkdir", "pip", "tar"}
CDK_COMMANDS = {"bootstrap", "deploy", "destroy", "diff", "synth"}


def is_known(words: list[str]) -> bool:
    """Tell whether a command is one of the project's, or one that every machine has."""
    match words:
        case ["make", target, *_]:
            known = re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
        case ["inference", command, *_]:
            known = command in {each.name for each in COMMANDS}
        case ["cdk", command, *_]:
            known = command in CDK_COMMANDS
        case ["python", "-m", "venv", _] | [".venv/bin/pre-commit", "install"]:
            known = True
        case ["python" | ".venv/bin/python", "-m", module, *_]:
            path = ROOT / module.replace(".", "/")
            known = path.is_dir() or path.with_suffix(".py").is_file()
        case ["python" | ".venv/bin/python" | ".venv/bin/pytest", path, *_]:
            known = (ROOT / path).exists()
        case _:
            known = words[0] in EVERYWHERE
    return known


def check_json(example: Example) -> None:
    """Check that a block is JSON."""
    json.loads(str(example.parsed))


RUNNERS: dict[str, Callable[[Example], None]] = {
    "python": run_python,
    "yaml": run_settings,
    "sh": check_commands,
    "json": check_json,
}
SHOWN = {"text", "pycon", "dockerfile"}  # what a command prints, or what another program reads


SYBIL = Sybil(parsers=[*(CodeBlockParser(language, runner) for language, runner in RUNNERS.items()), SkipParser()])


def pages() -> list[Path]:
    return [page for pattern in PAGES for page in sorted(ROOT.glob(pattern))]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with the models that the pages speak of, and with the examples."""
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CDK_VALIDATION", "false")


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_block_of_a_page_runs(page: Path) -> None:
    for block in SYBIL.parse(page).examples():
        block.evaluate()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_block_names_a_language_that_is_run_or_shown(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    languages = re.findall(r"^ *```(\S*)\n(?:.*\n)*? *```$", text, re.MULTILINE)

    assert set(languages) <= set(RUNNERS) | SHOWN


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_code_block_hides_in_an_indentation(page: Path) -> None:
    """Only fenced blocks are run."""
    outside = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r"(?:^|\n\n) {4}\S.*", outside) == []
