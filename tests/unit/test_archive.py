"""Model archives: what is in them, and that the same content gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_trees import MODEL, ROOT, contents, make_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.serving import archive as archive_module
from constructs_lib.serving import archive_stream
from constructs_lib.serving.archive import build_archive
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.archive_stream import write_tar_gz
from constructs_lib.serving.deflate import BLOCK_BYTES
from constructs_lib.serving.source_file import SourceFile, Stamp


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "model", MODEL)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that were written just now count as old enough to be recognised by their timestamps."""
    monkeypatch.setattr(archive_module, "CLOCK_STEP_NS", 0)


class TestContent:
    def test_archive_holds_every_file_under_its_name(self, tree: Path, cache: Path) -> None:
        archive = build_archive(tree, cache=cache)

        assert contents(archive) == MODEL
        assert archive.size == archive.path.stat().st_size
        assert archive.path.parent == cache

    def test_digest_is_the_sha256_of_the_uncompressed_stream(self, tree: Path, cache: Path) -> None:
        archive = build_archive(tree, cache=cache)

        assert archive.digest == hashlib.sha256(gzip.decompress(archive.path.read_bytes())).hexdigest()
        assert archive.path.name.startswith(archive.digest)

    def test_digest_of_known_content_never_changes(self, tree: Path, cache: Path) -> None:
        # If this fails, every endpoint of every user rolls at the next release: raise FORMAT, and say so in CHANGELOG.
        assert build_archive(tree, cache=cache).digest == (
            "f2c172ffde3ad173ee642c8bc8ed6d919d6ae363fe49afdc87ed19f977519237"
        )

    def test_headers_tell_nothing_of_who_built_when(self, tree: Path, cache: Path) -> None:
        (tree / "model.onnx").chmod(0o600)
        (tree / "code" / "inference.py").chmod(0o775)

        with tarfile.open(build_archive(tree, cache=cache).path) as tar:
            members = tar.getmembers()

        assert [member.name for member in members] == sorted(MODEL)
        assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 315_532_800)}
        assert {m.name: oct(m.mode) for m in members} == {
            "code/inference.py": "0o755",
            "labels/ä b.txt": "0o644",
            "model.onnx": "0o644",
        }

    def test_code_directory_goes_under_code(self, tmp_path: Path, cache: Path) -> None:
        model = make_tree(tmp_path / "model", {"model.pt": b"1", "code/extra.py": b"2"})
        source = make_tree(tmp_path / "src", {"inference.py": b"3", "lib/util.py": b"4"})

        assert contents(build_archive(model, code=source, cache=cache)) == {
            "code/extra.py": b"2",
            "code/inference.py": b"3",
            "code/lib/util.py": b"4",
            "model.pt": b"1",
        }

    def test_what_tools_leave_behind_is_left_out(self, tree: Path, cache: Path) -> None:
        expected = build_archive(tree, cache=cache)
        make_tree(tree, {f"{name}/x": b"junk" for name in (".git", "code/__pycache__", ".ipynb_checkpoints", ".cache")})
        make_tree(tree, dict.fromkeys((".DS_Store", "code/inference.pyc", "._model.onnx", "Thumbs.db"), b"junk"))
        (tree / "empty").mkdir()

        assert build_archive(tree, cache=cache) == expected

    def test_names_that_differ_only_in_case_are_two_files(self, tmp_path: Path) -> None:
        tree = make_tree(tmp_path, {"Labels.txt": b"1", "labels.txt": b"2"})
        if len(list(tree.iterdir())) == 1:
            pytest.skip("this file system does not tell case apart")

        assert [file.name for file in list_files(tree)] == ["Labels.txt", "labels.txt"]

    def test_symlinks_inside_are_followed(self, tree: Path, cache: Path) -> None:
        (tree / "latest.onnx").symlink_to("model.onnx")
        (tree / "names").symlink_to(tree / "labels", target_is_directory=True)

        archive = build_archive(tree, cache=cache)

        assert contents(archive) == MODEL | {"latest.onnx": b"weights", "names/ä b.txt": b"null\neins\n"}
        with tarfile.open(archive.path) as tar:
            assert all(member.isreg() for member in tar)

    def test_directory_may_itself_be_a_symlink(self, tree: Path, cache: Path) -> None:
        link = tree.parent / "current"
        link.symlink_to(tree, target_is_directory=True)

        assert build_archive(link, cache=cache) == build_archive(tree, cache=cache)

    @pytest.mark.parametrize("size", [0, 1, 511, 512, BLOCK_BYTES - 512, BLOCK_BYTES, 3 * BLOCK_BYTES + 1])
    def test_files_of_any_size_round_trip(self, tmp_path: Path, cache: Path, size: int) -> None:
        content = os.urandom(size)
        tree = make_tree(tmp_path / "model", {"a": content, "b": b"after"})

        assert contents(build_archive(tree, cache=cache)) == {"a": content, "b": b"after"}

    def test_other_readers_take_it(self, tmp_path: Path, cache: Path) -> None:
        name = "/".join(["sehr-langer-name-" + "ü" * 100] * 3) + ".bin"
        tree = make_tree(tmp_path / "model", MODEL | {name: os.urandom(3 * BLOCK_BYTES)})
        out = tmp_path / "out"
        out.mkdir()
        if not (shutil.which("tar") and shutil.which("gzip")):
            pytest.skip("needs tar and gzip")

        archive = build_archive(tree, cache=cache)

        subprocess.run(["gzip", "--test", archive.path], check=True)
        result = subprocess.run(["tar", "-xzf", archive.path, "-C", out], check=True, capture_output=True)
        assert result.stderr == b""
        assert (out / name).read_bytes() == (tree / name).read_bytes()

    def test_archive_is_a_single_gzip_member(self, tmp_path: Path, cache: Path) -> None:
        tree = make_tree(tmp_path / "model", {"a": os.urandom(3 * BLOCK_BYTES)})

        packed = build_archive(tree, cache=cache).path.read_bytes()

        one = zlib.decompressobj(wbits=31)
        one.decompress(packed)
        assert one.eof
        assert one.unused_data == b""

    def test_file_past_eight_gibibytes_has_a_header(self) -> None:
        file = SourceFile("big", "big", False, Stamp(9 << 30, 0, 0, 0))

        with tarfile.open(fileobj=io.BytesIO(archive_stream._header(file)), mode="r:") as tar:
            member = tar.next()

        assert member is not None
        assert member.size == 9 << 30


parts = st.text(st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=("Cc", "Cs")), min_size=1)
names = st.lists(
    parts.filter(lambda part: part not in {".", ".."} and len(part) < 60),
    min_size=1,
    max_size=3,
).map("/".join)
trees = st.dictionaries(names, st.tuples(st.binary(max_size=2000), st.booleans()), min_size=1, max_size=6).filter(
    lambda tree: not any(other.startswith(name + "/") for name in tree for other in tree)
)


class TestDeterminism:
    @settings(deadline=None, max_examples=60)
    @given(tree=trees, data=st.data())
    def test_same_content_gives_same_bytes(
        self, tmp_path_factory: pytest.TempPathFactory, tree: dict[str, tuple[bytes, bool]], data: st.DataObject
    ) -> None:
        packed = []
        for _ in range(2):
            root = tmp_path_factory.mktemp("tree")
            before = os.umask(data.draw(st.sampled_from([0o000, 0o022, 0o077]), "umask"))
            try:
                for name in data.draw(st.permutations(sorted(tree)), "creation order"):
                    content, executable = tree[name]
                    path = make_tree(root, {name: content}) / name
                    path.chmod(0o700 if executable else data.draw(st.sampled_from([0o600, 0o644, 0o666]), "mode"))
                    os.utime(path, (0, data.draw(st.integers(0, 2**32), "mtime")))
            finally:
                os.umask(before)
            output = io.BytesIO()
            files = list_files(root, allow=["*"])
            digest = write_tar_gz(files, output, threads=data.draw(st.integers(1, 4), "threads"))
            packed.append((digest, output.getvalue()))

        assert packed[0] == packed[1]
        with tarfile.open(fileobj=io.BytesIO(packed[0][1])) as tar:
            unpacked = {m.name: (file.read(), bool(m.mode & 0o100)) for m in tar if (file := tar.extractfile(m))}
        assert unpacked == tree

    @pytest.mark.parametrize("threads", [1, 2, 3, 8])
    def test_number_of_threads_does_not_show(self, tmp_path: Path, threads: int) -> None:
        content = hashlib.shake_256(b"weights").digest(5 * BLOCK_BYTES)
        files = list_files(make_tree(tmp_path, {"a": content, "b": content[:1000], "c": content[: BLOCK_BYTES + 7]}))
        expected, output = io.BytesIO(), io.BytesIO()

        assert write_tar_gz(files, output, threads=threads) == write_tar_gz(files, expected)
        assert output.getvalue() == expected.getvalue()

    def test_locale_and_cache_do_not_show(self, tree: Path, cache: Path, tmp_path: Path) -> None:
        here = build_archive(tree, cache=cache)
        script = "import sys, pathlib; from constructs_lib.serving.archive import build_archive as build\n"
        script += "print(build(pathlib.Path(sys.argv[1]), cache=pathlib.Path(sys.argv[2])).path)"

        there = subprocess.run(
            [sys.executable, "-c", script, tree, tmp_path / "other-cache"],
            cwd=ROOT,
            env={"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

        assert Path(there).read_bytes() == here.path.read_bytes()

    @pytest.mark.usefixtures("settled")
    @pytest.mark.parametrize(
        "change",
        [
            lambda tree: (tree / "model.onnx").write_bytes(b"Weights"),
            lambda tree: (tree / "model.onnx").chmod(0o755),
            lambda tree: (tree / "model.onnx").rename(tree / "model.ONNX"),
            lambda tree: (tree / "model.onnx").unlink(),
            lambda tree: (tree / "empty").touch(),
        ],
        ids=["byte", "execute bit", "name", "file gone", "new file"],
    )
    def test_changed_content_changes_the_digest(
        self, tree: Path, cache: Path, change: Callable[[Path], object]
    ) -> None:
        before = build_archive(tree, cache=cache)
        change(tree)

        assert build_archive(tree, cache=cache).digest != before.digest
