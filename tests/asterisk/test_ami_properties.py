"""The manager's stream under anything that callers and networks do to it."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bench.fuzz.ami import Stream, _channels, _event, _plain
from bench.fuzz.hostile import packed
from ivr.asterisk.ami_model import LiveChannel, headers_of
from tests.asterisk.scripted_manager import Connection, ScriptedManager, connected, served

STREAM = Stream.__new__(Stream)


def _checked(case: dict[str, object]) -> tuple[str, ...]:
    import asyncio

    STREAM._loop = asyncio.new_event_loop()
    try:
        return STREAM.check(packed(case)).faults
    finally:
        STREAM._loop.close()


@given(st.binary(max_size=1000), st.floats(0, 1))
def test_any_bytes_in_any_pieces_answer_nothing_and_break_nothing(stream: bytes, pieces: float) -> None:
    assert _checked({"messages": [], "junk": stream or b"\0", "pieces": pieces}) == ()


@given(st.integers(0, 1 << 32), st.floats(0, 1))
def test_what_callers_choose_forges_no_answer_no_event_and_no_end_of_a_list(seed: int, pieces: float) -> None:
    random = Random(seed)
    messages = [*_plain(2), _event(random), *_channels(random), _event(random), *_plain(3)]
    assert _checked({"messages": messages, "junk": b"", "pieces": pieces}) == ()


@given(st.text())
def test_any_message_has_headers_of_text_or_is_none(text: str) -> None:
    headers = headers_of(text)
    assert headers is None or all(isinstance(value, str) for value in headers.values())
    LiveChannel.from_row(headers or {})


def test_the_first_event_counts_in_whatever_case_the_second_is_written() -> None:
    assert headers_of("Event: Hangup\r\nCallerIDNum: x\r\nevent: Shutdown\r\nACTIONID: a") == {
        "Event": "Hangup",
        "CallerIDNum": "x",
        "ACTIONID": "a",
    }


@served
async def test_a_stream_of_rubbish_between_answers_costs_no_answer(server: ScriptedManager) -> None:
    random = Random(1)

    def answer(connection: Connection, action: dict[str, str]) -> None:
        connection.send(random.randbytes(300).replace(b"\r\n\r\n", b"") + b"\r\n\r\n")
        connection.answer(action, Ping="Pong")

    server.on["Ping"] = answer
    async with connected(server) as manager:
        for _ in range(50):
            assert (await manager.action("Ping")).ok
        assert server.names() == ["Login"]
        assert manager.status.connections == 1
