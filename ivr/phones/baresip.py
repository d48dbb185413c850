"""One headless baresip user agent: a phone that dials, rings, answers, presses keys and remembers what it heard.

Made for baresip 1.0.0 (package baresip-core). What it cannot do, so that nobody searches: it rejects a call with
486 only (use `ivr.phones.sipp` for other codes), and it never checks a TLS certificate.
"""

import logging
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Literal, Self

from ivr.phones import sounds
from ivr.phones.configuration import MODULES, account_line, write_configuration
from ivr.phones.control import Decoder, Message, encode, read_some
from ivr.phones.diary import Diary
from ivr.phones.events import Event, Kind, PhoneError, PhoneMissing, PhoneTimeout
from ivr.phones.ports import free_port
from ivr.phones.recording import Ear

__all__ = ["Event", "Kind", "Phone", "PhoneError", "PhoneMissing", "PhoneTimeout"]

log = logging.getLogger(__name__)

KEY_SECONDS = 0.24  # baresip sends a key for 180 ms and rests 60 ms; further keys queue up in order
RTP_PORTS = (30000, 32767)  # shared by all phones: baresip tries others when one is taken
STARTS = 30.0  # seconds; a second on a calm machine
_LOOK_SECONDS = 0.05
_IDLE_SECONDS = 0.5

_KINDS = {
    "REGISTER_OK": Kind.REGISTERED,
    "REGISTER_FAIL": Kind.REGISTER_FAILED,
    "CALL_INCOMING": Kind.INCOMING,
    "CALL_RINGING": Kind.RINGING,
    "CALL_PROGRESS": Kind.PROGRESS,
    "CALL_ESTABLISHED": Kind.ESTABLISHED,
    "CALL_CLOSED": Kind.CLOSED,
    "CALL_DTMF_START": Kind.DTMF,
    "AUDIO_ERROR": Kind.MICROPHONE_ENDED,
}


class Phone:
    """A phone. As a context manager it starts on entering; leaving hangs up, ends it and removes its folder.

    `account`     user part of its SIP address: a registered name or a caller's number
    `registrar`   host:port of the server, also where `dial("112")` goes
    `password`    None: the phone does not register
    `microphone`  WAV, 8 kHz mono 16 bits; None: quiet. Its end ends the call (event MICROPHONE_ENDED)
    `answers`     "auto" takes every call at once
    `encrypted`   speech by SRTP (keys in SDP, RFC 4568), or no call at all
    """

    def __init__(
        self,
        account: str,
        registrar: str,
        *,
        password: str | None = None,
        microphone: Path | None = None,
        answers: Literal["manual", "auto"] = "manual",
        transport: Literal["udp", "tcp", "tls"] = "udp",
        encrypted: bool = False,
        address: str = "127.0.0.1",
        sip_port: int | None = None,
        control_port: int | None = None,
        rtp_ports: tuple[int, int] = RTP_PORTS,
        keep: bool = False,
    ) -> None:
        for text in (account, registrar, password or ""):
            if re.search(r"[\s;<>\"]", text):
                raise ValueError("baresip's account file has no quoting: no blank, ; < > or quote")
        self.account, self.registrar, self.transport = account, registrar, transport
        self._diary = Diary(account)
        self.events = self._diary.events
        self._account = account_line(account, registrar, password, transport, answers, encrypted)
        self._address, self._sip_port, self._control_port = address, sip_port, control_port
        self._rtp_ports, self._keep, self._microphone = rtp_ports, keep, microphone
        self._replies: dict[str, Message] = {}
        self._tokens = count(1)
        self._ears: dict[str, Ear] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._reader: Thread | None = None
        self._folder: Path | None = None

    # life

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """Where its files are: config, accounts, log, recordings. Raises PhoneError before `start`."""
        if self._folder is None:
            raise PhoneError(f"{self.account}: not started")
        return self._folder

    @property
    def uri(self) -> str:
        """Where it can be called directly, without a server. Raises PhoneError before `start`."""
        if self._sip_port is None:
            raise PhoneError(f"{self.account}: not started")
        return f"sip:{self.account}@{self._address}:{self._sip_port}"

    @property
    def pid(self) -> int:
        """The process id of baresip. Raises PhoneError while it does not run."""
        if self._process is None:
            raise PhoneError(f"{self.account}: not running")
        return self._process.pid

    def start(self) -> Self:
        """Start baresip and connect to it. Raises PhoneMissing; PhoneError with its last words when it ends."""
        program = shutil.which("baresip")
        if program is None or not (MODULES / "ctrl_tcp.so").exists():
            raise PhoneMissing("baresip is missing: apt-get install --no-install-recommends baresip-core")
        self._folder = Path(tempfile.mkdtemp(prefix="ivr-phone-"))
        try:
            control_port = self._control_port or free_port()
            self._write_files(control_port)
            with (self.folder / "log").open("wb") as output:
                self._process = subprocess.Popen(
                    [program, "-f", str(self.folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            self._connection = self._connect(control_port)
            self._reader = Thread(target=self._read, args=[self._connection], name=self.account, daemon=True)
            self._reader.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the phone as a person would switch it off: it hangs up and unregisters. Harmless when repeated."""
        if self._process is not None:
            self._end_process(self._process)
            self._process = None
        if self._reader is not None:
            self._reader.join(2)
            self._reader = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._folder is not None and not self._keep:
            shutil.rmtree(self._folder, ignore_errors=True)

    def unplug(self) -> None:
        """Pull the plug: no BYE, no unregistering; the server still believes in the phone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _end_process(self, process: "subprocess.Popen[bytes]") -> None:
        if self._connection is None:
            process.kill()
        else:
            with suppress(OSError):
                self._connection.sendall(encode("quit", "", "quit"))
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:  # it waits for an answer from somebody who is gone
            process.kill()
            process.wait()

    def _write_files(self, control_port: int) -> None:
        dumps = self.folder / "dumps"
        dumps.mkdir()
        self._ears = {side: Ear(dumps, side) for side in ("dec", "enc")}
        self._sip_port = self._sip_port or free_port(self._address, width=2)  # baresip takes the next one too
        write_configuration(
            self.folder,
            self._account,
            microphone=self._microphone or sounds.quiet(self.folder / "quiet.wav"),
            address=self._address,
            sip_port=self._sip_port,
            control_port=control_port,
            rtp_ports=self._rtp_ports,
            dumps=dumps,
        )

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + STARTS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with suppress(ConnectionRefusedError):
                connection = socket.create_connection(("127.0.0.1", port), 1)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
            time.sleep(0.01)
        raise PhoneError(f"{self.account}: baresip did not start: {self.last_words()}")

    def last_words(self, lines: int = 5) -> str:
        """The end of baresip's own log."""
        text = (self.folder / "log").read_text(errors="replace")
        return " / ".join(text.strip().splitlines()[-lines:])

    # what a person does

    def wait_registered(self, timeout: float = 10) -> None:
        """Wait until the server has accepted the registration. Raises PhoneTimeout with the server's last answer."""
        deadline = time.monotonic() + timeout
        while "32mOK" not in self.command("reginfo"):  # the green OK; REGISTERED may have passed before we connected
            if time.monotonic() > deadline:
                failure = self._diary.last(Kind.REGISTER_FAILED)
                answer = failure.detail if failure else "no answer"
                raise PhoneTimeout(f"{self.account}: not registered after {timeout} s: {answer}")
            self._diary.wait_news(min(deadline, time.monotonic() + 0.1))

    def dial(self, uri: str) -> None:
        """Call a SIP address, or a bare number at the registrar. Later waits look only at what follows.

        Raises ValueError for what baresip would ignore without a word.
        """
        if not re.fullmatch(r"sip:[^\s@<>]+@[^\s<>]+|[^\s:@<>]+", uri):
            raise ValueError(f"no SIP address or number: {uri!r}")
        self._diary.pass_over()
        self._diary.note(Event(Kind.DIALLED, time.monotonic(), uri))
        over = "" if self.transport == "udp" else f";transport={self.transport}"
        self.command("dial", uri if ":" in uri else f"sip:{uri}@{self.registrar}{over}")

    def answer(self, timeout: float = 10) -> None:
        """Take the ringing call, waiting for it if need be; returns when people can talk. Raises PhoneTimeout."""
        deadline = time.monotonic() + timeout
        self._diary.must(lambda: self._diary.state == Kind.INCOMING, deadline, "no call rang")
        self.command("accept")
        self._diary.must(lambda: self._diary.state != Kind.INCOMING, deadline, "the call was not taken")
        if self._diary.state != Kind.ESTABLISHED:
            raise PhoneError(f"{self.account}: the caller hung up before the answer")

    def reject(self, timeout: float = 10) -> None:
        """Refuse the ringing call with 486 Busy Here, waiting for it if need be. Raises PhoneTimeout."""
        self._diary.must(lambda: self._diary.state == Kind.INCOMING, time.monotonic() + timeout, "no call rang")
        self.hang_up()

    def hang_up(self) -> None:
        """End the call, also one that still rings; returns when it is closed. Harmless without a call."""
        self.command("hangup")
        self._diary.must(
            lambda: self._diary.state in (None, Kind.CLOSED), time.monotonic() + 5, "the call did not end"
        )

    def press(self, digits: str, gap: float = 0.0) -> None:
        """Press keys (RFC 4733 events) during a call, each `gap` seconds after the one before.

        They are sent one after the other, never faster than one per KEY_SECONDS. The last ones may still be on their
        way when this returns: hanging up at once would lose them.
        """
        if not re.fullmatch(r"[0-9*#A-Da-d]+", digits):
            raise ValueError(f"no keys of a phone: {digits!r}")
        if self._diary.state != Kind.ESTABLISHED:
            raise PhoneError(f"{self.account}: no call to press {digits} in")
        for number, part in enumerate(digits if gap > KEY_SECONDS else [digits]):
            if number:
                time.sleep(gap)  # a pace, not a wait
            self.command("sndcode", part)

    def wait_event(self, kind: Kind | str, timeout: float = 10) -> Event:
        """The next event of that kind. Each wait starts behind the event the wait before returned, `dial` behind all.

        Raises PhoneTimeout; PhoneError at once when the phone has ended.
        """
        return self._diary.next(Kind(kind), timeout)

    def heard(self) -> Path:
        """A WAV of what was heard in the last call with sound, or so far in this one. Second 0 is `heard_since`.

        On the clock: where no RTP came there is digital silence. Raises PhoneError before the first call.
        """
        return self._ear("dec").save()

    def sent(self) -> Path:
        """A WAV of what the microphone sent in the last call, or so far in this one."""
        return self._ear("enc").save()

    @property
    def heard_since(self) -> float:
        """When the recording of the last call began (seconds, monotonic, within 0.05 s)."""
        return self._ear("dec").last.began

    def _ear(self, side: str) -> Ear:
        with suppress(LookupError):
            if self._ears[side].last:
                return self._ears[side]
        raise PhoneError(f"{self.account}: no call with sound yet")

    def command(self, name: str, params: str = "") -> str:
        """A command of baresip's own menu and its answer, for what has no method here. Raises PhoneError."""
        if self._connection is None:
            raise PhoneError(f"{self.account}: not running")
        token = str(next(self._tokens))
        try:
            self._connection.sendall(encode(name, params, token))
        except OSError as error:
            raise PhoneError(f"{self.account}: {name}: {error}") from error
        reply = self._diary.must(lambda: self._replies.pop(token, None), time.monotonic() + 5, f"no reply to {name}")
        if not reply.get("ok"):
            raise PhoneError(f"{self.account}: {name} {params}: {reply.get('data')}")
        return str(reply.get("data") or "")

    # what happens to it

    def _read(self, connection: socket.socket) -> None:
        decoder = Decoder()
        try:
            while data := self._read_while_looking(connection):
                for message in decoder.feed(data):
                    self._take(message)
        except (OSError, ValueError) as error:
            log.warning("phone at %s: control channel broken, its calls go unheard: %s", self._sip_port, error)
        finally:
            self._look()
            self._diary.note(Event(Kind.GONE, time.monotonic()))

    def _read_while_looking(self, connection: socket.socket) -> bytes:
        while True:
            idle = self._diary.state in (None, Kind.CLOSED)
            connection.settimeout(_IDLE_SECONDS if idle else _LOOK_SECONDS)
            try:
                return read_some(connection)
            except TimeoutError:
                self._look()

    def _take(self, message: Message) -> None:
        if message.get("response"):
            self._replies[str(message.get("token"))] = message
            self._diary.stir()
            return
        kind = _KINDS.get(str(message.get("type")))
        if kind is None:
            return
        self._look()
        event = Event(kind, time.monotonic(), str(message.get("param") or ""))
        if kind == Kind.CLOSED:
            for ear in self._ears.values():
                ear.close(event.at)
        self._diary.note(event)

    def _look(self) -> None:
        now = time.monotonic()
        for ear in self._ears.values():
            ear.look(now)
