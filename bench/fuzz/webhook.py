"""What the receiver of alarms replies: told or not told, in time, whatever it says."""

import re
import socket
import threading
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from bench.fuzz.hostile import damaged, value
from bench.fuzz.parser import Parser, Verdict
from ivr.health.webhook import NotTold, post

REPLIES: tuple[bytes, ...] = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.0 204 No Content\r\n\r\n",
    b"HTTP/1.1 500 x\r\n\r\n", b"",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", b"HTTP/9.9 999 \xff\r\nX: y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
)  # fmt: skip
TOKENS = (b"\r\n", b"\n", b"\0", b":", b" ", b"HTTP/1.1", b"HTTP/1.1 100 C\r\n\r\n", b"-1", b"9" * 5000, b"\xff")


class Reply(Parser):
    """`webhook.post` against a receiver on loopback."""

    def __init__(self, _folder: Path) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._url = urlsplit(f"http://user:geheim@127.0.0.1:{self._listener.getsockname()[1]}/hook")
        self._reply = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join()
        self._listener.close()

    def make(self, random: Random) -> bytes:
        """A reply, damaged more often than not."""
        if random.random() < 0.1:
            return value(random)
        reply = random.choice(REPLIES)
        return reply if random.random() < 0.2 else damaged(random, reply, TOKENS)

    def check(self, content: bytes) -> Verdict:
        """Told, or not told for a reason that names no secret."""
        self._reply = content
        try:
            post(self._url, b"{}", 2.0)
        except NotTold as error:
            leaks = (
                [f"the reason names the address: {error}"] if "geheim" in str(error) or "127." in str(error) else []
            )
            unclear = [f"the reason is not one line: {error!a}"] if not str(error).isprintable() else []
            return Verdict(("not told",), (*leaks, *unclear))
        meant = re.search(rb"HTTP/\S*\s+2\d\d", content)
        return Verdict(("told",), () if meant else (f"told by {content[:200]!r}",))

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(self._reply)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65536)
                except OSError:
                    continue
