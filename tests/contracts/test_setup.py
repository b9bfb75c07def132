"""`make` in a fresh clone, up to where it would fetch packages: which Python it takes, and what it says of a wrong one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("Makefile", "pyproject.toml", "package-lock.json", "requirements/dev.txt", "scripts/setup.sh")
OLD = """\
#!/bin/sh
echo Python 3.10.9
case "$2" in *version_info*) exit 1 ;; esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(("program", "found"), [(OLD, "Python 3.10.9"), (None, "missing")], ids=["old", "missing"])
def test_the_python_that_is_named_is_taken_and_refused_if_it_is_none(
    clone: Path, tmp_path: Path, program: str | None, found: str
) -> None:
    python = tmp_path / "python-of-mine"
    if program is not None:
        python.write_text(program, encoding="utf-8")
        python.chmod(0o755)

    # What `make test` was given itself, such as PYTHON or -j, comes to a make below it in these.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKEOVERRIDES")}

    ended = subprocess.run(
        ["make", "local"],
        cwd=clone,
        env={**environment, "PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode != 0
    assert ended.stderr.splitlines()[:2] == [
        f"setup: Python 3.11 or later is needed; '{python}' is {found}.",
        "setup: install one and name it: PYTHON=/path/to/python3.12 make local",
    ]
    assert not (clone / ".venv").exists()
