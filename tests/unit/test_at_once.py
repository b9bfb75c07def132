"""Work on many things, some at a time: all is done, a failure ends it, and nobody waits for what is under way."""

from __future__ import annotations

import subprocess
import sys
from threading import Barrier, Event

import pytest

from constructs_lib.tools.at_once import at_once


def test_every_item_comes_with_its_result() -> None:
    together = Barrier(3)

    def square(number: int) -> int:
        together.wait(30)
        return number * number

    assert dict(at_once(square, range(9), most=3)) == {number: number * number for number in range(9)}


def test_nothing_to_do_is_done() -> None:
    assert list(at_once(str, [], most=8)) == []


def test_after_a_failure_no_other_is_begun() -> None:
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        raise LookupError(number)

    with pytest.raises(LookupError, match=r"^0$"):
        list(at_once(work, range(9), most=1))

    assert begun == [0]


def test_a_failure_is_told_when_those_under_way_are_done() -> None:
    begun, failed, done = Event(), Event(), []

    def work(number: int) -> None:
        if number == 0:
            begun.wait(30)
            failed.set()
            raise LookupError("the first")
        begun.set()
        failed.wait(30)
        done.append(number)

    with pytest.raises(LookupError, match=r"^the first$"):
        list(at_once(work, [0, 1], most=2))

    assert done == [1]


def test_whoever_stops_asking_waits_for_nothing() -> None:
    code = (
        "import threading; from constructs_lib.tools.at_once import at_once\n"
        "never = threading.Event()\n"
        "work = lambda number: number or never.wait()\n"
        "print(next(at_once(work, [0, 1], most=2)))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "(1, 1)\n", "")
