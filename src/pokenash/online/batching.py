"""Work for a thread that takes all that is waiting at a time, so that nothing in it keeps the event loop waiting."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["Batcher"]

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class Batcher(Generic[_Item, _Answer]):
    """A thread that answers items, as many at a time as are waiting.

    The thread is a daemon: one that hangs keeps neither the session nor the process from ending.

    Parameters
    ----------
    answer : callable
        Takes a list of items and returns one answer for each; an answer that is an exception is raised where its item
        was submitted.
    name : str
        Of the thread.
    gather_seconds : float
        How long the thread waits for more after the first item.
    at_end : callable, optional
        Called in the thread when it ends, to release what only it may touch.
    """

    def __init__(
        self,
        answer: Callable[[list[_Item]], Sequence[_Answer | Exception]],
        name: str,
        gather_seconds: float = 0.0,
        at_end: Callable[[], None] | None = None,
    ) -> None:
        self._answer = answer
        self._at_end = at_end
        self._gather_seconds = gather_seconds
        self._waiting: queue.SimpleQueue[tuple[_Item, asyncio.Future[_Answer]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: _Item) -> asyncio.Future[_Answer]:
        """Have an item answered. It is worked on even if nobody waits for the answer any longer."""
        future: asyncio.Future[_Answer] = self._loop.create_future()
        # An answer that nobody waits for any longer may be an exception; that is no news.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting.put((item, future))
        return future

    async def close(self, seconds: float = 5.0) -> None:
        """End the thread once it has answered what it holds; one that hangs is not waited for any longer than this."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join, seconds)

    def _work(self) -> None:
        try:
            self._work_on()
        finally:
            if self._at_end is not None:
                self._at_end()

    def _work_on(self) -> None:
        while True:
            first = self._waiting.get()
            if self._gather_seconds:
                time.sleep(self._gather_seconds)
            taken = [first]
            while not self._waiting.empty():
                taken.append(self._waiting.get())
            batch = [entry for entry in taken if entry is not None]
            answers: Sequence[_Answer | Exception]
            try:
                answers = self._answer([item for item, _ in batch]) if batch else []
            except Exception as error:
                answers = [error] * len(batch)
            for (_, future), answer in zip(batch, answers, strict=True):
                try:
                    self._loop.call_soon_threadsafe(_settle, future, answer)
                except RuntimeError:
                    # The session is over and its event loop closed.
                    return
            if len(batch) < len(taken):
                return


def _settle(future: asyncio.Future[_Answer], answer: _Answer | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
