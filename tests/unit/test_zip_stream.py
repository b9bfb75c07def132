"""Zip archives: readable by everybody, the same bytes for the same files."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.serving import zip_stream
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.deflate import BLOCK_BYTES
from constructs_lib.serving.source_file import ArchiveError, SourceFile
from constructs_lib.serving.zip_stream import write_zip


def files_of(contents: dict[str, bytes]) -> list[SourceFile]:
    return [SourceFile.of_content(name, content) for name, content in contents.items()]


def zipped(contents: dict[str, bytes], threads: int = 1) -> tuple[bytes, str]:
    output = io.BytesIO()
    digest = write_zip(files_of(contents), output, threads=threads)
    return output.getvalue(), digest


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@given(
    st.dictionaries(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\0\\", exclude_categories=["Cc"]), min_size=1, max_size=20
        ).filter(lambda name: "/" not in name),
        st.binary(max_size=300),
        max_size=5,
    )
)
@settings(max_examples=50, deadline=None)
def test_what_goes_in_comes_out(contents: dict[str, bytes]) -> None:
    assert unzipped(zipped(contents)[0]) == contents


def test_large_files_are_cut_into_blocks_that_are_one_stream() -> None:
    contents = {"a": bytes(3 * BLOCK_BYTES + 5), "b": b"", "c": bytes(range(256)) * (BLOCK_BYTES // 256)}

    assert unzipped(zipped(contents)[0]) == contents


def test_the_bytes_do_not_follow_from_the_number_of_threads() -> None:
    contents = {"a": bytes(range(256)) * 8192, "b": b"x" * BLOCK_BYTES}

    assert zipped(contents, threads=1) == zipped(contents, threads=3)


def test_the_digest_tells_apart_where_one_file_ends_and_the_next_begins() -> None:
    digests = {
        zipped(contents)[1]
        for contents in ({"a": b"xy"}, {"a": b"x", "b": b"y"}, {"ab": b"xy"}, {"a": b"", "b": b"xy"}, {"a": b"xz"})
    }

    assert len(digests) == 5


def test_entries_have_no_clock_and_keep_the_execute_bit(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "weights").write_bytes(b"w")
    output = io.BytesIO()

    write_zip(list_files(tmp_path), output)

    entries = zipfile.ZipFile(output).infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [(entry.filename, entry.external_attr >> 16) for entry in entries] == [
        ("run.sh", 0o100755),
        ("weights", 0o100644),
    ]


def test_the_header_before_a_file_has_its_sizes_for_those_who_read_from_the_front() -> None:
    """Java's ZipInputStream, with which the model servers unpack, never sees the directory at the end."""
    data, _ = zipped({"weights": b"w" * 1000})

    signature, flags, crc, compressed, size = struct.unpack("<L2xH6xLLL", data[:26])
    (entry,) = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert signature == 0x04034B50
    assert flags & 0x08 == 0
    assert (crc, compressed, size) == (entry.CRC, entry.compress_size, 1000)


@pytest.mark.parametrize(("most_bytes", "most_entries"), [(50, 0xFFFE), (0xFFFF_FFFE, 1), (50, 1)])
def test_numbers_that_do_not_fit_are_written_as_zip64(
    most_bytes: int, most_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The marks stay those of the format: only the limit at which they are used is lowered."""
    monkeypatch.setattr(zip_stream, "MOST_BYTES", most_bytes)
    monkeypatch.setattr(zip_stream, "MOST_ENTRIES", most_entries)
    contents = {"a": b"x" * 100, "b": b"y" * 200, "c": b"z"}

    data, _ = zipped(contents)

    assert data.count(b"PK\x06\x06") == 1
    assert unzipped(data) == contents


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with (tmp_path / "model" / "weights").open("wb") as file:
        file.truncate(64 << 20)
    files = list_files(tmp_path / "model")

    with (tmp_path / "model.mar").open("wb") as output:
        tracemalloc.start()
        write_zip(files, output, threads=1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 8 << 20


def test_fails_when_a_file_changes_while_it_is_packed(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"before")
    files = list_files(tmp_path)
    (tmp_path / "weights").write_bytes(b"after that")

    with pytest.raises(ArchiveError, match="weights: changed while it was packed"):
        write_zip(files, io.BytesIO())
