"""Run something that may hang: a dead network disk answers no system call, and no signal ends it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class TooLate(Exception):
    """The deadline passed; the thread is left behind and ends with the process."""


def within(seconds: float, run: Callable[[], Result]) -> Result:
    """What `run()` gives or raises, if that happens in time. Raises TooLate."""
    result: Future[Result] = Future()

    def work() -> None:
        try:
            result.set_result(run())
        except Exception as error:  # noqa: BLE001 raised again where it is waited for
            result.set_exception(error)

    threading.Thread(target=work, daemon=True, name="doctor").start()
    try:
        return result.result(seconds)
    except TimeoutError as error:
        if result.done():
            raise  # its own
        raise TooLate from error
