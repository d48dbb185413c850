import socket

from ivr.phones.ports import free_port


def test_neighbouring_free_ports_can_be_bound() -> None:
    first = free_port(width=2)
    for port in (first, first + 1):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as bound:
                bound.bind(("127.0.0.1", port))
