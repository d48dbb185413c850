import pytest

from ivr.phones.control import Decoder, encode


def test_a_command_is_one_netstring() -> None:
    assert encode("dial", "sip:112", "7") == b'54:{"command": "dial", "params": "sip:112", "token": "7"},'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_messages_are_found_however_the_bytes_arrive(size: int) -> None:
    data = encode("a", "é", "1") + encode("b", "", "2")
    decoder = Decoder()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [message["command"] for piece in pieces for message in decoder.feed(piece)] == ["a", "b"]


def test_what_is_no_netstring_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        Decoder().feed(b"HTTP/1.1: 400")
