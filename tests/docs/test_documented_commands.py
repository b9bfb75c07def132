"""Every `inference` command that a page shows is one that its parser takes, with these options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from constructs_lib.tools.command import _parser
from scripts.inference import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = ("*.md", "docs/*.md", "examples/**/*.md", "local_aws/*.md")
COMMAND = re.compile(r'^ *(?:.*\| |eval "\$\()?inference (?P<options>[^`)\n]+)', re.MULTILINE)


def code(page: Path) -> str:
    """Give a page's shell blocks, each command in one line."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return "\n".join(blocks).replace("\\\n", " ")


def commands() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), found["options"])
        for pattern in PATTERNS
        for page in sorted(ROOT.glob(pattern))
        for found in COMMAND.finditer(code(page))
    ]


@pytest.mark.parametrize(("page", "options"), commands())
def test_a_command_is_taken_with_its_options(page: str, options: str) -> None:
    words = shlex.split(options, comments=True)

    arguments = _parser(COMMANDS, chosen=words[0]).parse_args(words)

    assert callable(arguments.run), page


def test_the_commands_of_the_pages_are_found() -> None:
    found = {(page, options.split()[0]) for page, options in commands()}

    assert found >= {
        ("README.md", "local"),
        ("docs/tools.md", "invoke"),
        ("docs/tools.md", "package"),
        ("examples/eks-neuron/README.md", "charts"),
        ("examples/eks-tensorflow-serving/README.md", "invoke"),
    }
