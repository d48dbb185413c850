import asyncio
import subprocess
import sys
import threading

import pytest

from ivr.deadline import TooLate, beside, within

ENDS = """
import asyncio, threading
from ivr.deadline import beside
async def main():
    await asyncio.wait({asyncio.ensure_future(beside(threading.Event().wait))}, timeout=0.05)
asyncio.run(main())
"""


def test_what_hangs_keeps_no_process_from_ending() -> None:
    done = subprocess.run([sys.executable, "-c", ENDS], timeout=20, capture_output=True, check=True)
    assert done.stderr == b""


def test_what_was_given_up_may_still_come_to_its_end() -> None:
    released, ended = threading.Event(), threading.Event()

    def run() -> None:
        released.wait(20)
        ended.set()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(beside(run), 0.01)

    asyncio.run(main())
    released.set()
    assert ended.wait(20)


def test_what_comes_in_time_or_fails_is_handed_on() -> None:
    async def main() -> None:
        assert await beside(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await beside(lambda: 1 // 0)

    asyncio.run(main())
    with pytest.raises(TooLate):
        within(0.01, threading.Event().wait)
