"""Run something that may hang: a dead network disk answers no system call, and no signal ends it.

The threads are daemons: one that hangs keeps no process from ending, as those of asyncio.to_thread do.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class TooLate(Exception):
    """The deadline passed; the thread is left behind and ends with the process."""


def within(seconds: float, run: Callable[[], Result]) -> Result:
    """What `run()` gives or raises, if that happens in time. Raises TooLate."""
    result = _started(run)
    try:
        return result.result(seconds)
    except TimeoutError as error:
        if result.done():
            raise  # its own
        raise TooLate from error


async def beside(run: Callable[[], Result]) -> Result:
    """What `run()` gives or raises; whoever waits for it may give up."""
    return await asyncio.wrap_future(_started(run))


def _started(run: Callable[[], Result]) -> Future[Result]:
    result: Future[Result] = Future()
    result.set_running_or_notify_cancel()  # from now on it cannot be cancelled, only waited for no longer

    def work() -> None:
        try:
            found = run()
        except Exception as error:  # noqa: BLE001 raised again where it is waited for
            result.set_exception(error)
        else:
            result.set_result(found)

    threading.Thread(target=work, daemon=True, name="deadline").start()
    return result
