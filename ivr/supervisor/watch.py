"""`ivr watch`: what `ivr up` does about a frozen Asterisk, for an Asterisk that systemd started."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from functools import partial

from ivr.asterisk import pulse
from ivr.asterisk.program import asterisk_pid
from ivr.restarts import Reason, note
from ivr.settings import Settings

log = logging.getLogger(__name__)


def watch_asterisk(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until_stopped(settings))


async def _until_stopped(settings: Settings) -> None:
    watching = asyncio.ensure_future(pulse.keep_pulse(partial(pulse.look, settings), partial(_end, settings)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, watching.cancel)
    log.info("watching over Asterisk")
    with contextlib.suppress(asyncio.CancelledError):
        await watching


def _end(settings: Settings) -> None:
    """Nothing softer reaches a frozen process; whoever started it starts it again."""
    process = asterisk_pid(settings)
    if process is None or not _is_asterisk(process):
        log.error("Asterisk gives no sign of life and is not found: nobody dialling 112 is answered; look at once")
        return
    log.error("Asterisk is frozen: killed, to be started again; its calls end, who redials is answered")
    try:
        os.kill(process, signal.SIGKILL)
    except OSError as error:
        log.error("it cannot be killed (%s): nobody dialling 112 is answered; end it by hand at once", error)
        return
    # in a thread that nobody waits for: a sick disk must not keep us from looking
    threading.Thread(target=note, args=(settings.health, Reason.ASTERISK_FROZEN), daemon=True).start()


def _is_asterisk(process: int) -> bool:
    """Whether the number in the file is still its own: an Asterisk that crashed leaves it behind."""
    try:
        with open(f"/proc/{process}/comm", "rb") as name:  # noqa: PTH123 no path, but the kernel's word
            return name.read().strip() == b"asterisk"
    except OSError:
        return False
