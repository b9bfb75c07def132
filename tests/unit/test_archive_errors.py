"""Model archives that cannot be made: each reason in words."""

from __future__ import annotations

import io
import os
import socket
import sys
from pathlib import Path

import pytest
from archive_trees import MODEL, make_tree

from constructs_lib.serving import archive as archive_module
from constructs_lib.serving import archive_cache
from constructs_lib.serving.archive import ArchiveError, build_archive
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.archive_names import name_problem
from constructs_lib.serving.archive_stream import write_tar_gz
from constructs_lib.serving.deflate import BLOCK_BYTES
from constructs_lib.serving.source_file import SourceFile


def error_of(directory: Path, code: Path | None = None) -> str:
    with pytest.raises(ArchiveError) as caught:
        list_files(directory, code)
    return str(caught.value)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "model", MODEL)


class TestErrors:
    def test_fails_when_directory_is_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "gone"

        assert error_of(path) == f"{path}: does not exist; give the directory that holds the files"

    def test_fails_when_directory_is_a_file(self, tree: Path) -> None:
        path = tree / "model.onnx"

        assert error_of(path) == f"{path}: is a file, not a directory; give the directory that holds it"

    def test_fails_when_nothing_is_left_to_pack(self, tmp_path: Path) -> None:
        tree = make_tree(tmp_path, {".git/HEAD": b"ref"})

        error = error_of(tree)

        assert error.startswith(f"{tree}: has no files to pack (")
        assert "__pycache__" in error
        assert error.endswith("put the model's files there")

    def test_fails_when_a_symlink_leaves_the_directory(self, tree: Path, tmp_path: Path) -> None:
        outside = make_tree(tmp_path / "model-2", {"secret": b"1"}) / "secret"
        (tree / "code" / "weights").symlink_to(outside)

        assert error_of(tree) == (
            f"{tree}/code/weights: is a symlink to '{outside}', outside of '{tree}', where others do not have it;"
            " put the file itself in its place (`cp -rL` copies a tree so)"
        )

    def test_fails_when_a_symlink_leads_nowhere(self, tree: Path) -> None:
        (tree / "weights").symlink_to("gone")

        assert error_of(tree) == (
            f"{tree}/weights: is a symlink that leads nowhere (No such file or directory); mend or remove it"
        )

    def test_fails_when_symlinks_go_round(self, tree: Path) -> None:
        (tree / "self").symlink_to("self")
        (tree / "up").symlink_to(".", target_is_directory=True)
        (tree / "code" / "there").symlink_to("../labels", target_is_directory=True)
        (tree / "labels" / "back").symlink_to("../code", target_is_directory=True)

        lines = sorted(error_of(tree).splitlines())

        assert [line.split(": ")[0] for line in lines] == [
            f"{tree}/code/there",
            f"{tree}/labels/back",
            f"{tree}/self",
            f"{tree}/up",
        ]
        assert lines[-1] == (
            f"{tree}/up: is a symlink to '{tree}', which holds it, so following it never ends; remove it"
        )

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
    def test_fails_at_special_files(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.mkfifo(tree / "pipe")
        monkeypatch.chdir(tree)  # the name of a socket may not be long
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind("socket")

            error = error_of(tree)

        for name in ("pipe", "socket"):
            assert (
                f"{tree}/{name}: is neither a file nor a directory, and only those are packed; remove it"
                in error.splitlines()
            )

    def test_fails_when_a_file_may_not_be_read(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # The tests may run as root, whom no mode keeps out.
        monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("model.onnx"))

        assert error_of(tree) == f"{tree}/model.onnx: may not be read by this user; allow it (chmod u+r)"

    def test_fails_when_a_directory_may_not_be_listed(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        scandir = os.scandir

        def refuse(path: str) -> object:
            if path.endswith("labels"):
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)

        assert error_of(tree) == f"{tree}/labels: cannot be listed (Permission denied); make it readable"

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
    def test_fails_at_names_that_not_every_system_can_unpack(self, tmp_path: Path) -> None:
        tree = make_tree(tmp_path, {"ok": b"", "back\\slash": b"", "new\nline": b""})
        (tree / os.fsdecode(b"latin-\xe9")).touch()

        odd = "the name has a backslash or a control character, which not every system can unpack; rename it"
        assert sorted(error_of(tree).splitlines()) == [
            f"{tree}/back\\slash: {odd}",
            f"{tree}/latin-\\udce9: the name is not UTF-8; rename it",
            f"{tree}/new\\nline: {odd}",
        ]

    def test_fails_at_names_that_linux_cannot_hold(self) -> None:
        assert name_problem("a/" + "ü" * 200) == (
            "the name has a part of 400 bytes in UTF-8, and Linux allows 255; shorten it"
        )
        assert name_problem("/".join(["a" * 200] * 20)) == (
            "the name in the archive has 4019 bytes, and at most 4000 are allowed; shorten it"
        )

    def test_fails_when_both_directories_supply_a_name(self, tmp_path: Path) -> None:
        model = make_tree(tmp_path / "model", {"code/inference.py": b"1", "code/lib": b"a file"})
        source = make_tree(tmp_path / "src", {"inference.py": b"2", "lib/util.py": b"3"})

        lines = error_of(model, source).splitlines()

        then = "already; remove or rename one of the two"
        assert lines == [
            f"{source}/{given}: would be 'code/{given}' in the archive, where {model}/{taken} is '{taken}' {then}"
            for given, taken in (("inference.py", "code/inference.py"), ("lib/util.py", "code/lib"))
        ]

    def test_fails_with_all_problems_at_once(self, tree: Path, tmp_path: Path) -> None:
        (tree / "a").symlink_to("gone")
        (tree / "b").symlink_to("gone")

        assert len(error_of(tree, tmp_path / "missing").splitlines()) == 3

    def test_fails_with_twenty_problems_and_the_number_of_the_rest(self, tree: Path) -> None:
        for number in range(50):
            (tree / f"link{number}").symlink_to("gone")

        lines = error_of(tree).splitlines()

        assert len(lines) == 21
        assert lines[-1] == "… and 30 more problems"

    def test_fails_when_a_file_changes_while_it_is_packed(self, tmp_path: Path, cache: Path) -> None:
        tree = make_tree(tmp_path / "model", {"weights": bytes(3 * BLOCK_BYTES)})

        def disturb(done: int, total: int) -> None:
            os.truncate(tree / "weights", total + done)

        with pytest.raises(ArchiveError) as caught:
            build_archive(tree, cache=cache, progress=disturb)

        assert str(caught.value) == (
            f"{tree}/weights: changed while it was packed; try again when nothing writes to it"
        )
        assert list(cache.iterdir()) == []

    def test_fails_when_a_file_shrinks_or_goes_before_it_is_read(self, tree: Path) -> None:
        files = list_files(tree)
        os.truncate(tree / "code" / "inference.py", 1)
        with pytest.raises(ArchiveError, match=r"inference\.py: changed while it was packed"):
            write_tar_gz(files, io.BytesIO())

        (tree / "code" / "inference.py").unlink()
        with pytest.raises(ArchiveError, match=r"inference\.py: cannot be read \(No such file or directory\)"):
            write_tar_gz(files, io.BytesIO())

    def test_fails_when_the_cache_cannot_be_written(self, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        cache = tmp_path / "file" / "cache"

        with pytest.raises(ArchiveError) as caught:
            build_archive(tree, cache=cache)

        assert str(caught.value) == (
            f"cannot keep the archive of '{tree}' in the cache '{cache}': Not a directory; make room there, or name"
            " another directory with the environment variable INFERENCE_CONSTRUCTS_CACHE"
        )

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
    def test_fails_when_the_disk_of_the_cache_is_full(
        self, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree = make_tree(tmp_path / "model", {"weights": os.urandom(6 * BLOCK_BYTES)})

        def write_to_full_disk(files: list[SourceFile], output: object, **options: object) -> str:
            with Path("/dev/full").open("wb") as full:
                return write_tar_gz(files, full)

        monkeypatch.setattr(archive_module, "write_tar_gz", write_to_full_disk)

        with pytest.raises(ArchiveError, match=r"in the cache .*: No space left on device; make room there"):
            build_archive(tree, cache=cache)
        assert list(cache.iterdir()) == []

    def test_fails_when_the_cache_is_among_the_files(self, tree: Path) -> None:
        with pytest.raises(ArchiveError, match=r"is inside .* keep the cache elsewhere"):
            build_archive(tree, cache=tree / "cache")

    def test_fails_when_there_is_no_home_for_the_cache(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_home() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", no_home)
        monkeypatch.delenv("INFERENCE_CONSTRUCTS_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.delenv("LOCALAPPDATA", raising=False)

        with pytest.raises(ArchiveError, match="environment variable INFERENCE_CONSTRUCTS_CACHE"):
            archive_cache.default_cache_directory()
