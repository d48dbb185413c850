"""The manager's stream: events, answers and lists in which callers chose some of the values, in any pieces.

A case is what Asterisk sends after we asked for three things. `junk` was damaged beyond what values can do: then only
the rules hold that hold for any bytes.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.hostile import damaged, packed, pieces, unpacked, value
from bench.fuzz.parser import Parser, Verdict
from ivr.asterisk.ami import LONGEST_MESSAGE, _Link, _Protocol, _Request
from ivr.asterisk.ami_model import Answer, Headers, LiveChannel, ManagerError

TOKEN = "ivr-c0ffee-"  # noqa: S105 the fresh part of our ActionIDs, which no caller can know
ACTIONS = ("CoreShowChannels", "Ping", "Reload")
CHOSEN = ("CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Exten", "AppData")
EVENTS = ("Newchannel", "Newstate", "Hangup", "CEL", "VarSet", "ContactStatus", "DeviceStateChange", "FullyBooted")

Lines = list[list[Any]]
"""The headers of a message in order; values are bytes until they are packed."""


class Wire(asyncio.Transport):
    """Takes what we write."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True


class Stream(Parser):
    """`_Link` and `_Protocol`, fed as a socket feeds them."""

    def __init__(self, _folder: Path) -> None:
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._loop.close()

    def make(self, random: Random) -> bytes:
        """Events between the answers to our three actions."""
        messages = [_event(random) for _ in range(random.randint(0, 4))]
        for answer in (_channels(random), _plain(2), _plain(3)):
            place = random.randint(0, len(messages))
            messages[place:place] = answer
        junk = b""
        if random.random() < 0.4:
            junk = damaged(random, b"".join(map(_written, messages)))
        return packed({"messages": messages, "junk": junk, "pieces": random.random()})

    def check(self, content: bytes) -> Verdict:
        """Nothing raises, each action is written once, and only its own answer answers it."""
        case = unpacked(content)
        return self._loop.run_until_complete(_checked(case))


def _event(random: Random) -> Lines:
    return [["Event", random.choice(EVENTS).encode()], *_row(random)]


def _row(random: Random) -> Lines:
    number = random.randint(1, 99)
    mine: Lines = [["Channel", b"PJSIP/trunk-%08x" % number], ["ChannelStateDesc", b"Up"]]
    chosen: Lines = [[name, value(random, 2000) if random.random() < 0.5 else b"x"] for name in CHOSEN]
    ids = b"ivr112-1763800000.%d" % number
    return [*mine, *chosen, ["Uniqueid", ids], ["Linkedid", ids], ["Duration", b"00:00:07"]]


def _channels(random: Random) -> list[Lines]:
    own = ["ActionID", TOKEN.encode() + b"1"]
    rows: list[Lines] = [[["Event", b"CoreShowChannel"], own, *_row(random)] for _ in range(random.randint(0, 4))]
    head: Lines = [["Response", b"Success"], own, ["EventList", b"start"], ["Message", b"Channels will follow"]]
    end: Lines = [
        ["Event", b"CoreShowChannelsComplete"],
        own,
        ["EventList", b"Complete"],
        ["ListItems", b"%d" % len(rows)],
    ]
    return [head, *rows, end]


def _plain(number: int) -> list[Lines]:
    return [[["Response", b"Success"], ["ActionID", f"{TOKEN}{number}".encode()], ["Message", b"yes"]]]


def _written(message: Lines) -> bytes:
    return b"".join(name.encode() + b": " + given + b"\r\n" for name, given in message) + b"\r\n"


async def _checked(case: dict[str, Any]) -> Verdict:
    events: list[Headers] = []
    link = _Link("127.0.0.1", 1, events.append)
    protocol, wire = _Protocol(link), Wire()
    protocol.connection_made(wire)
    link.protocol = protocol
    requests = [_Request({"Action": name, "ActionID": f"{TOKEN}{n}"}) for n, name in enumerate(ACTIONS, 1)]
    asked = [asyncio.create_task(link.ask(request, 60)) for request in requests]
    await asyncio.sleep(0)
    messages = [[[name, given.encode("latin-1")] for name, given in message] for message in case["messages"]]
    stream = case["junk"].encode("latin-1") or b"".join(map(_written, messages))
    faults = []
    for piece in pieces(Random(case["pieces"]), stream):
        protocol.data_received(piece)
        if len(protocol.pending) > LONGEST_MESSAGE + len(piece):
            faults.append(f"{len(protocol.pending)} bytes are kept")
        if wire.closed:
            break
    protocol.connection_lost(None)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    faults += _answer_faults(answers, wire, protocol)
    if not case["junk"]:
        faults += _truth_faults(messages, answers, events)
    kinds = {type(answer).__name__ for answer in answers} | {"junk" if case["junk"] else "in frame"}
    return Verdict(tuple(sorted(kinds)), tuple(faults))


def _answer_faults(answers: Iterable[object], wire: Wire, protocol: _Protocol) -> Iterator[str]:
    for number, answer in enumerate(answers, 1):
        if isinstance(answer, Answer):
            yield from (f"{name} answered action {number}" for name in _ids(answer) if name != f"{TOKEN}{number}")
            [LiveChannel.from_row(row) for row in answer.rows]
        elif not isinstance(answer, ManagerError):
            yield f"{type(answer).__name__} of action {number}: {answer}"
    written = [part for part in wire.written.decode().split("\r\n\r\n") if part]
    wanted = [f"Action: {name}\r\nActionID: {TOKEN}{n}" for n, name in enumerate(ACTIONS, 1)]
    if written != wanted:
        yield f"written: {written}"
    if protocol.responses:
        yield f"still waiting: {protocol.responses}"


def _ids(answer: Answer) -> set[str]:
    return {value for message in answer.messages for name, value in message.items() if name.lower() == "actionid"}


def _truth_faults(messages: list[Lines], answers: Sequence[object], events: list[Headers]) -> Iterator[str]:
    """What must be right however hostile the values are: they cannot tear a frame, as no blank line is in them."""
    smuggled = any(b"\r\n\r\n" in given + b"\r\n" for message in messages for _, given in message)
    if smuggled:  # a whole message of its own; all it cannot be is an answer
        return
    for number, answer in enumerate(answers, 1):
        if not isinstance(answer, Answer):
            yield f"action {number} was not answered: {answer}"
    if isinstance(answers[0], Answer):
        rows = [message for message in messages if message[0] == ["Event", b"CoreShowChannel"]]
        names = [row.get("Event") for row in answers[0].rows]
        if len(rows) != len(names) or set(names) - {"CoreShowChannel"}:
            yield f"{len(rows)} channels became {names}"
        lost = {_first(row, "Uniqueid") for row in rows} - {_last(row, "Uniqueid") for row in answers[0].rows}
        if lost:
            yield f"lost from the list: {lost}"
    told = [
        _first(message, "Event") for message in messages if message[0][0] == "Event" and message[1][0] != "ActionID"
    ]
    heard = [event.get("Event") for event in events]
    if told != heard:
        yield f"{told} became {heard}"


def _first(message: Lines, name: str) -> str:
    found = next(given for header, given in message if header == name)
    return str(found, "utf-8")


def _last(row: Headers, name: str) -> str:
    return row.get(name, "").rsplit("\n", 1)[-1]
