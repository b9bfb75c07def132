"""The cache of model archives: what is recognised, built again and thrown away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from archive_trees import MODEL, ROOT, contents, make_tree

from constructs_lib.serving import archive as archive_module
from constructs_lib.serving import archive_cache
from constructs_lib.serving.archive import build_archive
from constructs_lib.serving.deflate import BLOCK_BYTES


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


@pytest.fixture
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as written just now, however long ago that was."""
    monkeypatch.setattr(archive_module, "CLOCK_STEP_NS", 10**18)


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

    @pytest.mark.usefixtures("unsettled")
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

    @pytest.mark.usefixtures("unsettled")
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
