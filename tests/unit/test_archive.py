"""The archive of a model directory: the same bytes for the same content, written once, and never half."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.serving import archive as archive_module
from constructs_lib.serving import archive_cache, archive_files, archive_stream
from constructs_lib.serving.archive import Archive, ArchiveError, build_archive
from constructs_lib.serving.archive_files import SourceFile, Stamp, list_files, name_problem
from constructs_lib.serving.archive_stream import BLOCK_BYTES, write_tar_gz

ROOT = Path(__file__).parents[2]

MODEL = {"model.onnx": b"weights", "code/inference.py": b"def model_fn(path): ...\n", "labels/ä b.txt": b"null\neins\n"}


def make_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    root.mkdir(parents=True, exist_ok=True)
    return root


def contents(archive: Archive) -> dict[str, bytes]:
    with tarfile.open(archive.path) as tar:
        return {member.name: content.read() for member in tar if (content := tar.extractfile(member))}


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


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that were written just now count as old enough to be recognised by their timestamps."""
    monkeypatch.setattr(archive_module, "CLOCK_STEP_NS", 0)


_opened: list[str] | None = None


def _note_open(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


@pytest.fixture(scope="session")
def _audit() -> None:
    sys.addaudithook(_note_open)  # once: a hook cannot be taken away again


@pytest.fixture
def opened(_audit: None) -> Iterator[list[str]]:
    """Yield the paths that this process opens, as they come."""
    global _opened  # noqa: PLW0603
    _opened = []
    yield _opened
    _opened = None


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
    parts.filter(lambda part: part not in {".", ".."} and not archive_files.is_left_out(part) and len(part) < 60),
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
            digest = write_tar_gz(list_files(root), output, threads=data.draw(st.integers(1, 4), "threads"))
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


class TestCache:
    @pytest.mark.usefixtures("settled")
    def test_unchanged_directory_is_recognised_without_reading_a_file(
        self, tree: Path, cache: Path, opened: list[str]
    ) -> None:
        first = build_archive(tree, cache=cache)
        assert str(tree / "model.onnx") in opened
        opened.clear()

        assert build_archive(tree, cache=cache, progress=lambda *_: pytest.fail("built again")) == first
        assert [path for path in opened if path.startswith(str(tree))] == []

    def test_each_file_is_read_once(self, tree: Path, cache: Path, opened: list[str]) -> None:
        build_archive(tree, cache=cache)

        assert sorted(path for path in opened if path.startswith(str(tree))) == sorted(str(tree / n) for n in MODEL)

    @pytest.mark.usefixtures("settled")
    def test_change_that_keeps_size_and_time_is_seen(self, tree: Path, cache: Path) -> None:
        path = tree / "model.onnx"
        before, status = build_archive(tree, cache=cache), path.stat()
        time.sleep(0.02)  # more than a step of the kernel's clock

        path.write_bytes(b"WEIGHTS")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        assert build_archive(tree, cache=cache).digest != before.digest

    def test_file_that_changed_just_now_is_read_again(self, tree: Path, cache: Path) -> None:
        # Within one step of the clock, a second change leaves the same timestamps as the first.
        build_archive(tree, cache=cache)

        assert list(cache.glob("*.record")) == []

    def test_touched_directory_gives_the_same_archive(self, tree: Path, cache: Path) -> None:
        before = build_archive(tree, cache=cache)
        os.utime(tree / "model.onnx", (1, 1))

        assert build_archive(tree, cache=cache) == before
        assert list(cache.glob("*.tar.gz")) == [before.path]

    @pytest.mark.usefixtures("settled")
    @pytest.mark.parametrize("damage", [lambda path: os.truncate(path, 10), Path.unlink], ids=["cut off", "gone"])
    def test_damaged_archive_is_built_again(self, tree: Path, cache: Path, damage: Callable[[Path], None]) -> None:
        archive = build_archive(tree, cache=cache)
        damage(archive.path)

        assert build_archive(tree, cache=cache) == archive
        assert contents(archive) == MODEL

    @pytest.mark.usefixtures("settled")
    def test_damaged_record_is_ignored(self, tree: Path, cache: Path) -> None:
        archive = build_archive(tree, cache=cache)
        next(cache.glob("*.record")).write_text("half a rec")

        assert build_archive(tree, cache=cache) == archive

    def test_progress_ends_with_everything(self, tmp_path: Path, cache: Path) -> None:
        tree = make_tree(tmp_path / "model", {"a": bytes(2 * BLOCK_BYTES), "b": b"123", "c": b""})
        seen: list[tuple[int, int]] = []

        build_archive(tree, cache=cache, progress=lambda done, total: seen.append((done, total)))

        total = 2 * BLOCK_BYTES + 3
        assert seen == sorted(seen)
        assert seen[-1] == (total, total)

    def test_interrupted_build_leaves_nothing(self, tree: Path, cache: Path) -> None:
        def interrupt(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            build_archive(tree, cache=cache, progress=interrupt)

        assert list(cache.iterdir()) == []

    def test_processes_that_build_at_once_all_finish(self, tmp_path: Path, cache: Path) -> None:
        tree = make_tree(tmp_path / "model", {"a": os.urandom(4 << 20), "b": b"1"})
        builders = [start_builder(tree, cache, pause=False) for _ in range(3)]

        digests = {builder.communicate()[0].split()[-1] for builder in builders}

        archive = build_archive(tree, cache=cache)
        assert digests == {archive.digest}
        assert contents(archive)["a"] == (tree / "a").read_bytes()
        assert [path.suffix for path in cache.iterdir() if path.suffix != ".record"] == [".gz"]

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file in use")
    def test_partial_file_stays_while_its_process_lives_and_no_longer(self, tree: Path, cache: Path) -> None:
        builders = [start_builder(tree, cache, pause=True) for _ in range(2)]
        for builder in builders:
            assert builder.stdout is not None
            assert builder.stdout.readline() == "building\n"

        build_archive(tree, cache=cache)
        assert len(list(cache.glob("*.partial"))) == 2

        builders[0].kill()
        builders[0].communicate()
        build_archive(tree, cache=cache)
        assert len(list(cache.glob("*.partial"))) == 1

        digest = builders[1].communicate("go on\n")[0].strip()
        assert digest == build_archive(tree, cache=cache).digest
        assert list(cache.glob("*.partial")) == []

    def test_archives_used_longest_ago_go_when_there_are_too_many(
        self, tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archives = []
        for age_hours, content in ((0, b"recent"), (5, b"older"), (9, b"oldest"), (24 * 40, b"last month")):
            (tree / "model.onnx").write_bytes(content)
            archive = build_archive(tree, cache=cache)
            os.utime(archive.path, (time.time() - 3600 * age_hours,) * 2)
            archives.append(archive)
        old_record = cache / "x.record"
        old_record.touch()
        os.utime(old_record, (1, 1))
        monkeypatch.setattr(archive_cache, "KEPT_BYTES", 3 * max(archive.size for archive in archives))

        (tree / "model.onnx").write_bytes(b"new")
        new = build_archive(tree, cache=cache)

        assert set(cache.iterdir()) == {new.path, archives[0].path, archives[1].path}

    def test_memory_does_not_grow_with_the_model(self, tmp_path: Path, cache: Path) -> None:
        tree = make_tree(tmp_path / "model", {"weights.bin": b""})
        os.truncate(tree / "weights.bin", 300 << 20)
        tracemalloc.start()
        try:
            build_archive(tree, cache=cache)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert peak < 20 << 20

    def test_cache_directory_follows_the_environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("INFERENCE_CONSTRUCTS_CACHE", str(tmp_path / "own"))
        assert archive_cache.default_cache_directory() == tmp_path / "own" / "archives"

        monkeypatch.setenv("INFERENCE_CONSTRUCTS_CACHE", "")
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        assert archive_cache.default_cache_directory() == tmp_path / "xdg" / "inference-constructs" / "archives"

        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        assert archive_cache.default_cache_directory() == tmp_path / ".cache" / "inference-constructs" / "archives"

        monkeypatch.setattr(sys, "platform", "darwin")
        assert archive_cache.default_cache_directory().is_relative_to(tmp_path / "Library" / "Caches")

        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
        assert archive_cache.default_cache_directory().is_relative_to(tmp_path / "local")


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


def start_builder(tree: Path, cache: Path, *, pause: bool) -> subprocess.Popen[str]:
    """Start a process that builds; with a pause, it says so in the middle of a file and waits for a line."""
    script = (
        "import sys, pathlib\n"
        "from constructs_lib.serving.archive import build_archive\n"
        "tree, cache, pause = sys.argv[1:]\n"
        "paused = []\n"
        "def wait(*_):\n"
        "    if pause == 'True' and not paused:\n"
        "        paused.append(print('building', flush=True))\n"
        "        sys.stdin.readline()\n"
        "print(build_archive(pathlib.Path(tree), cache=pathlib.Path(cache), progress=wait).digest)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, str(tree), str(cache), str(pause)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
