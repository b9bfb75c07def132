"""The digest that names the prefix of files which are uploaded one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.file_digest import digest_of
from constructs_lib.serving.source_file import ArchiveError

FILES = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=4), min_size=1, max_size=3)


def digest(directory: Path, files: dict[str, bytes]) -> str:
    directory.mkdir(parents=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return digest_of(list_files(directory))


@given(one=FILES, other=FILES)
def test_the_digest_is_the_same_if_names_and_content_are(
    one: dict[str, bytes], other: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("files")

    assert (digest(place / "one", one) == digest(place / "other", other)) is (one == other)


def test_a_file_that_goes_away_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    files = list_files(tmp_path)
    (tmp_path / "a.csv").unlink()

    with pytest.raises(ArchiveError, match=r"a\.csv: cannot be read \(No such file or directory\); make it readable$"):
        digest_of(files)
