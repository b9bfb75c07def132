"""Work on many things, some at a time, in a way that Ctrl-C does not wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(work: Callable[[Item], Result], items: Sequence[Item], *, most: int) -> Iterator[tuple[Item, Result]]:
    """Give each item with its result, in the order in which they are done.

    When one fails, no other is begun, and it is told when those under way are done. Whoever stops asking, as Ctrl-C
    makes one do, waits for none.

    Parameters
    ----------
    work
        What is done with an item; what it raises is raised here.
    items
        What is worked on.
    most
        How many at a time, at least 1.
    """
    waiting, ended = iter(items), Event()
    done: SimpleQueue[tuple[Item, Future[Result]]] = SimpleQueue()

    def run() -> None:
        for item in waiting:
            if ended.is_set():
                return
            future: Future[Result] = Future()
            try:
                future.set_result(work(item))
            except BaseException as error:  # raised where the results are read
                ended.set()
                future.set_exception(error)
            done.put((item, future))

    threads = [Thread(target=run, daemon=True) for _ in range(min(most, len(items)))]  # Python ends without daemons
    try:
        for thread in threads:
            thread.start()
        for _ in items:
            item, future = done.get()
            yield item, future.result()
    except Exception:
        for thread in threads:
            thread.join()
        raise
    finally:
        ended.set()
