"""Threads for the simulation: none. What the engine gives to a thread is done at once, so no machine's pace tells."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class OnTheSpot(ThreadPoolExecutor):
    """Runs each call where it is submitted; its answer comes in the loop's next turn, as a thread's would later."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """The call, done."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done
