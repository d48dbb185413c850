"""Callers at every stage of a call, the phones they reach, and rules that change everything for them meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import yaml

from ivr.calls import query
from ivr.calls.database import reader
from ivr.calls.projection import CallRecord
from ivr.calls.query import Filter
from ivr.phones.baresip import Kind, Phone, PhoneTimeout
from ivr.phones.scenario import Scenario, agency, caller, rejecting_agency, silent_agency
from ivr.phones.sipp import Sipp
from tests.system.server import LOOPBACK, Server

Document = dict[str, Any]

TALKS = 60.0  # seconds that an agency stays at most
LASTS = 32.0  # seconds of every call
OPERATORS = 10
OPERATOR_RINGS = 9.0  # seconds
FIRST_PORT = 15081

PHONES: dict[str, Scenario] = {
    "cepat": agency(rings=1).silence(1).press("1").until_hung_up(TALKS),
    "lambat": agency(rings=14).silence(1).press("1").until_hung_up(TALKS),
    "tuli": silent_agency(),
    "mendengar": agency(rings=1).silence(12).press("1").until_hung_up(TALKS),
    "menolak": agency(rings=1).silence(1).press("2").until_hung_up(TALKS),
    "sibuk": rejecting_agency(486),
    "lain": agency(rings=1).silence(1).press("1").until_hung_up(TALKS),
}
"""Fast, slow, deaf, listening for long, declining, busy; and one that no caller of the first rules reaches."""

PORTS = {name: port for port, name in enumerate(PHONES, FIRST_PORT)}

TRUNK = f"""\
[trunk](trunk-endpoint)
aors = trunk

[trunk]
type = aor
contact = sip:{LOOPBACK}:{PORTS["cepat"]}

[trunk]
type = identify
endpoint = trunk
match = {LOOPBACK}/32
"""
"""The callers come over it, and the fast phone is behind it; the others have SIP addresses."""


def _address(phone: str) -> str:
    return f"sip:{phone}@{LOOPBACK}:{PORTS[phone]}"


BASE = f"""\
kota: {{nama: Uji, kode: 62.71, zona: Asia/Pontianak}}
kategori:
  kebakaran: {{tombol: 1, nama: Kebakaran}}
  medis: {{tombol: 2, nama: Gawat darurat medis}}
  keamanan: {{tombol: 3, nama: Gangguan keamanan}}
  bencana: {{tombol: 4, nama: Bencana}}
wilayah:
  62.71.01: {{tombol: 1, nama: Pahandut}}
  62.71.02: {{tombol: 2, nama: Bukit Batu}}
  62.71.03: {{tombol: 3, nama: Jekan Raya, kelurahan: {{62.71.03.1001: Palangka, 62.71.03.1002: Menteng}}}}
  62.71.04: {{tombol: 4, nama: Sabangau}}
  62.71.05: {{tombol: 5, nama: Rakumpit}}
jalur:
  cepat: {{telepon: 0536112001}}
  lambat: {{telepon: "{_address("lambat")}", detik: 25}}
  tuli: {{telepon: "{_address("tuli")}", detik: 5}}
  tuli_lama: {{telepon: "{_address("tuli")}", detik: 40}}
  mendengar: {{telepon: "{_address("mendengar")}"}}
  menolak: {{telepon: "{_address("menolak")}"}}
  sibuk: {{telepon: "{_address("sibuk")}"}}
  lain: {{telepon: "{_address("lain")}"}}
instansi:
  damkar: {{nama: Pemadam Kebakaran, jalur: cepat}}
  psc119: {{nama: Ambulans, jalur: lambat}}
  pos: {{nama: Pos Damkar, jalur: tuli}}
  pos_lama: {{nama: Pos lama, jalur: tuli_lama}}
  polresta: {{nama: Polresta, jalur: mendengar}}
  dishub: {{nama: Dinas Perhubungan, jalur: menolak}}
  pln: {{nama: PLN, jalur: sibuk}}
  posko: {{nama: Posko, jalur: lain}}
operator: {{akun: [{", ".join(f"operator{number}" for number in range(1, OPERATORS + 1))}]}}
aturan:
  - {{kategori: kebakaran, wilayah: Bukit Batu, langkah: [pos, psc119]}}
  - {{kategori: kebakaran, wilayah: Sabangau, langkah: [dishub, pln, psc119]}}
  - {{kategori: kebakaran, langkah: [damkar]}}
  - {{kategori: medis, wilayah: Bukit Batu, langkah: [pos_lama]}}
  - {{kategori: medis, wilayah: Sabangau, langkah: [polresta]}}
  - {{kategori: medis, langkah: [psc119]}}
  - {{kategori: keamanan, wilayah: Menteng, langkah: [damkar]}}
  - {{kategori: keamanan, langkah: [psc119]}}
  - {{kategori: bencana, langkah: [[pos_lama, psc119]]}}
siaga_24_jam: lain
"""


# What an admin does to them.


def lines_removed(city: Document) -> None:
    """Every line and agency but one is gone, and operators are hardly waited for."""
    city["jalur"] = {"lain": city["jalur"]["lain"]}
    city["instansi"] = {"posko": {"nama": "Posko", "jalur": "lain"}}
    city["operator"]["detik"] = "5"
    for rule in city["aturan"]:
        rule["langkah"] = ["posko"]


def numbers_changed(city: Document) -> None:
    """Every line is now the other phone."""
    for line in city["jalur"].values():
        line["telepon"] = _address("lain")


def steps_reversed(city: Document) -> None:
    """The last agency first, and before it one that was in no rule."""
    for rule in city["aturan"]:
        rule["langkah"] = ["posko", *reversed(rule["langkah"])]


def keys_exchanged(city: Document) -> None:
    """The last key for the first choice of every question, and so on."""
    for choices in (city["kategori"], city["wilayah"]):
        for choice in choices.values():
            choice["tombol"] = str(len(choices) + 1 - int(choice["tombol"]))
    area = city["wilayah"]["62.71.03"]
    area["kelurahan"] = dict(reversed(area["kelurahan"].items()))


def agencies_renamed(city: Document) -> None:
    """Every agency has another name, for people and in the rules."""
    agencies = city["instansi"].items()
    city["instansi"] = {f"{name}_baru": {**agency, "nama": f"{agency['nama']} Baru"} for name, agency in agencies}
    for rule in city["aturan"]:
        rule["langkah"] = [_renamed(step) for step in rule["langkah"]]


def _renamed(step: str | list[str]) -> str | list[str]:
    return f"{step}_baru" if isinstance(step, str) else [f"{name}_baru" for name in step]


def everything(city: Document) -> None:
    """Other keys, other numbers, other lines, other agencies."""
    for change in (keys_exchanged, numbers_changed, lines_removed, agencies_renamed):
        change(city)


Edit = Callable[[Document], None]
EDITS: tuple[Edit, ...] = (
    keys_exchanged,
    lines_removed,
    numbers_changed,
    steps_reversed,
    agencies_renamed,
    everything,
)


def edited(edit: Edit) -> str:
    """The first rules after one of the edits."""
    city = deepcopy(yaml.load(BASE, yaml.BaseLoader))  # noqa: S506  everything is text
    edit(city)
    return yaml.safe_dump(city, sort_keys=False, allow_unicode=True)


# Who calls.


@dataclass(frozen=True, slots=True)
class Script:
    """What a caller does: which keys, each with its seconds since the answer."""

    doing: str
    presses: tuple[tuple[float, str], ...]

    def scenario(self, number: str, lasts: float = LASTS) -> Scenario:
        """For SIPp; `{call}` in the number becomes the number of the call."""
        person = caller(number=number)
        for at, key in self.presses:
            person = person.silence(at - person.media.seconds).press(key, gap=0)
        return person.silence(lasts - person.media.seconds).hang_up()


SCRIPTS = (
    Script("talks", ((1.5, "1"), (3.0, "1"))),
    Script("in the first question", ((14.0, "1"), (15.6, "1"))),
    Script("in the last question", ((1.5, "1"), (14.0, "1"))),
    Script("asked for the kelurahan", ((1.5, "3"), (3.0, "3"), (14.0, "2"))),
    Script("first step rings", ((1.5, "2"), (3.0, "1"))),
    Script("second step rings", ((1.5, "1"), (3.0, "2"))),
    Script("third step after a refusal and a busy line", ((1.5, "1"), (3.0, "4"))),
    Script("two agencies ring together", ((1.5, "4"), (3.0, "1"))),
    Script("the officer listens", ((1.5, "2"), (3.0, "4"))),
    Script("waits for an operator", ((2.0, "0"),)),
    Script("presses 0 while it rings", ((1.5, "2"), (3.0, "2"), (15.0, "0"))),
    Script("corrects with *", ((1.5, "2"), (3.0, "2"), (13.0, "*"), (16.0, "1"), (17.6, "1"))),
)

PROBE = Script("calls after the change", ((1.2, "1"), (2.6, "1")))


class Town(Server):
    """A server with the first rules and a trunk."""

    def __init__(self, folder: Path, shift: int = 0) -> None:
        rules, trunk = folder / "base.yaml", folder / "trunk.conf"
        rules.write_text(BASE, encoding="utf-8")
        trunk.write_text(TRUNK, encoding="utf-8")
        super().__init__(
            folder, rules=rules, shift=shift, settings={"IVR_TRUNK_FILE": str(trunk), "IVR_LOG_LEVEL": "INFO"}
        )

    def calls(self, limit: int = 10_000, tests: bool | None = False) -> list[CallRecord]:
        """All calls, newest first."""
        with reader(self.state / "calls.sqlite") as connection:
            return query.calls(connection, Filter(tests=tests), limit)

    @contextmanager
    def operators(self) -> Iterator[None]:
        """All of them are at their phones; each picks up after a while."""
        over = Event()
        with ExitStack() as stack:
            phones = [stack.enter_context(self.phone(f"operator{n}")) for n in range(1, OPERATORS + 1)]
            for phone in phones:
                phone.wait_registered()
            people = [Thread(target=_pick_up, args=(phone, over), daemon=True) for phone in phones]
            for person in people:
                person.start()
            try:
                yield
            finally:
                over.set()
                for person in people:
                    person.join()


def _pick_up(phone: Phone, over: Event) -> None:
    while not over.is_set():
        with suppress(PhoneTimeout):
            phone.wait_event(Kind.INCOMING, 0.5)
            time.sleep(OPERATOR_RINGS)  # how long it rings, not a wait
            phone.answer()


@contextmanager
def officers() -> Iterator[dict[str, Sipp]]:
    """Every agency's phone is on."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Sipp(PHONES[name], port=PORTS[name])) for name in PHONES}
