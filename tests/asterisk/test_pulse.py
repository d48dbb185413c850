"""Whether Asterisk lives, asked of real sockets in its place."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from ivr.asterisk.pulse import Sign, keep_pulse, look, options
from ivr.settings import Settings
from tests.city import SYSTEM_TEST, free_ports, settings_in

YES, NO = Sign.ANSWERED, Sign.SILENT


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    sip, ami = free_ports(2)
    return settings_in(tmp_path, sip_port=sip, ami_port=ami, rules_file=SYSTEM_TEST)


@contextmanager
def manager(port: int, says: bytes | None) -> Iterator[None]:
    """A port that takes connections, as the kernel does for a frozen process too, and says this, or nothing."""

    def serve(server: socket.socket) -> None:
        try:
            there, _ = server.accept()
        except OSError:
            return  # the test is over
        there.sendall(says or b"")
        there.close()

    with socket.create_server(("127.0.0.1", port)) as server:
        if says is not None:
            Thread(target=serve, args=(server,), daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def sip(port: int, answer: bytes | None) -> Iterator[None]:
    def serve(door: socket.socket) -> None:
        asked, sender = door.recvfrom(4096)
        assert asked.startswith(b"OPTIONS sip:")
        door.sendto(answer or b"", sender)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", port))
        if answer is not None:
            Thread(target=serve, args=(door,), daemon=True).start()
        yield


@pytest.mark.parametrize(
    ("greeting", "answer", "sign"),
    [
        (None, None, Sign.SILENT),
        (b"Asterisk Call Manager/11.0.0\r\n", None, Sign.ANSWERED),
        (b"", None, Sign.ANSWERED),  # sent away: a thread of it did that
        (None, b"SIP/2.0 401 Unauthorized\r\n\r\n", Sign.ANSWERED),
    ],
)
def test_one_sign_from_either_door_is_life(
    settings: Settings, greeting: bytes | None, answer: bytes | None, sign: Sign
) -> None:
    with manager(settings.ami_port, greeting), sip(settings.sip_port, answer):
        assert asyncio.run(look(settings, 0.6 if sign is Sign.SILENT else 10)) is sign


def test_a_process_that_is_gone_is_not_frozen(settings: Settings) -> None:
    assert asyncio.run(look(settings, 5)) is Sign.SHUT


def test_a_door_that_is_shut_beside_a_silent_one_is_no_freeze(settings: Settings) -> None:
    with ExitStack() as stack:
        stack.enter_context(sip(settings.sip_port, None))
        assert asyncio.run(look(settings, 5)) is Sign.SHUT


def test_the_request_names_where_the_answer_must_go() -> None:
    lines = options("[::1]:5060", "::1", 40000).decode().split("\r\n")
    assert lines[0] == "OPTIONS sip:heartbeat-only@[::1]:5060 SIP/2.0"
    assert lines[1].startswith("Via: SIP/2.0/UDP [::1]:40000;branch=z9hG4bK")
    assert lines[-2:] == ["", ""]


def frozen_times(looks: Callable[[], Awaitable[Sign]], seconds: float, starting: float = 60.0) -> int:
    """How often it was called frozen, with a patience of 0.1 s."""
    times = 0

    def frozen() -> None:
        nonlocal times
        times += 1

    async def main() -> None:
        watching = asyncio.create_task(
            keep_pulse(looks, frozen, every=0.01, patience=0.1, starting=starting, deadline=0.02)
        )
        await asyncio.wait({watching}, timeout=seconds)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(main())
    return times


def signs(*given: Sign) -> Callable[[], Awaitable[Sign]]:
    """One after the other, the last one for ever."""
    left = list(given)

    async def one() -> Sign:
        return left.pop(0) if len(left) > 1 else left[0]

    return one


def test_what_lived_and_is_silent_is_frozen_once() -> None:
    assert frozen_times(signs(YES, NO), 0.6) == 1


def test_what_never_lived_is_still_starting_for_a_while() -> None:
    assert frozen_times(signs(NO), 0.4) == 0
    assert frozen_times(signs(NO), 0.5, starting=0.3) == 1


def test_what_lives_again_can_freeze_again() -> None:
    assert frozen_times(signs(YES, *[NO] * 40, YES, NO), 1.2) == 2


def test_a_watcher_that_was_stopped_itself_knows_nothing() -> None:
    """Ctrl-Z, a paused machine: the silence was ours."""
    given = iter([YES, NO])

    async def one() -> Sign:
        if next(given, YES) is NO:
            time.sleep(1.5)  # noqa: ASYNC251 the whole process stands still
            return NO
        return YES

    assert frozen_times(one, 2.0) == 0


def test_one_that_was_killed_has_all_the_time_to_start_again() -> None:
    """Its ports are refused, then open and silent, then it answers."""
    assert frozen_times(signs(YES, *[Sign.SHUT] * 3, *[NO] * 40, YES), 1.0) == 0
