"""What a training job's local files must be: found by looking at names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from constructs_lib.jobs.job_data import file_problems
from constructs_lib.jobs.training import Training
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.problems import Problem
from constructs_lib.serving.source_file import ArchiveError


def training_file_problems(training: Training) -> Iterator[Problem]:
    """Check that the script is in its directory, and that code and data can be uploaded."""
    for name, channel in training.channels.items():
        yield from file_problems(f"channels.{name}.data", channel.data)
    if training.source_dir is None or training.entry_point is None:
        return
    directory = Path(training.source_dir)
    if not directory.is_dir():
        yield Problem("source_dir", f"is not a directory: '{directory}'")
        return
    try:
        names = [file.name for file in list_files(directory)]
    except ArchiveError as error:
        yield from (Problem("source_dir", line) for line in str(error).splitlines())
        return
    if training.entry_point not in names:
        scripts = [name for name in names if name.endswith((".py", ".sh"))]
        there = f"which has {', '.join(scripts)}" if scripts else "which has no script"
        yield Problem("entry_point", f"'{training.entry_point}' is not in '{directory}', {there}")
