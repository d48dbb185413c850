"""Who is rung and told, read from the plain file as a person reads it: slowly, and with nothing of `ivr.rules`.

Every answer is worked out anew from the words of the file, for one minute of one day.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

import yaml

HOURS_AHEAD = {"Asia/Jakarta": 7, "Asia/Pontianak": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}
WEEK = ["senin", "selasa", "rabu", "kamis", "jumat", "sabtu", "minggu"]
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
KECAMATAN = 8  # letters of 62.71.01


class Rung(NamedTuple):
    """One step: who rings together, whom the caller hears of, for how long."""

    kind: str
    lines: tuple[str, ...]
    agency: str | None
    seconds: int


class Answer(NamedTuple):
    """All steps, and the lines that are told."""

    steps: tuple[Rung, ...]
    told: tuple[str, ...]


class Reference:
    """A person with the file in hand."""

    def __init__(self, text: str) -> None:
        self.file: Any = yaml.load(text, Loader=LOADER)  # noqa: S506 it builds only strings
        self.city = self.file["kota"]
        self.agencies = self.file["instansi"]
        self.rosters = self.file.get("piket") or {}

    def answer(self, category: str | None, area: str | None, at: datetime) -> Answer:
        """Who is rung at an instant, step by step, and who is told."""
        now = self.on_the_wall(at)
        for rule in self.file["aturan"]:
            if self.serves(rule, category, area) and self.is_so(rule, now):
                steps = [self.step(several(names), now) for names in several(rule["langkah"])]
                told = unique(line for name in several(rule.get("beri_tahu")) for line in self.lines_of(name, now))
                return Answer(self.with_the_end([step for step in steps if step.lines]), told)
        return Answer(self.with_the_end([]), ())

    def on_the_wall(self, at: datetime) -> datetime:
        """What the clock on the city's wall shows; it has no seconds hand."""
        zone = timezone(timedelta(hours=HOURS_AHEAD[self.city["zona"]]))
        return at.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)

    # Which rule

    def serves(self, rule: Any, category: str | None, area: str | None) -> bool:
        """Whether the rule is for this category and this area."""
        known = category if category in self.file["kategori"] else None
        return bool({known, "semua"} & {*several(rule["kategori"])}) and any(
            name == "semua" or self.inside(area or "", self.code_of(name))
            for name in several(rule.get("wilayah", "semua"))
        )

    def inside(self, area: str, code: str) -> bool:
        """Whether an area is the one with this code, or lies in it; an unlisted kelurahan is its kecamatan."""
        listed = {place for place, _, _ in self.places()}
        place = area if area in listed else area[:KECAMATAN]
        return place == code or place.startswith(f"{code}.")

    def code_of(self, name: str) -> str:
        """The code of an area by its code, by a kecamatan's name, else by a kelurahan's."""
        if name in {code for code, _, _ in self.places()}:
            return name
        districts = [code for code, names, above in self.places() if not above and same(name, names)]
        full = [
            code
            for code, names, above in self.places()
            if above and same(name, [f"{own} - {parent}" for own in names for parent in above])
        ]
        wards = [code for code, names, above in self.places() if above and same(name, names)]
        (code,) = districts or full or wards
        return code

    def places(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """Every area: code, names, names of the kecamatan it lies in."""
        for district, entry in self.file["wilayah"].items():
            names = names_of(entry)
            yield district, [*names, *(f"kecamatan {name}" for name in names)], []
            for code, ward in (entry.get("kelurahan") or {}).items():
                kind = self.city.get("desa", "desa") if code[9] == "2" else "kelurahan"
                own = names_of(ward)
                yield code, [*own, *(f"{kind} {name}" for name in own)], names

    # Which days and hours

    def is_so(self, timed: Any, now: datetime) -> bool:
        """Whether a rule or shift with `hari` and `jam` holds now: begun today or yesterday, and not over."""
        days = [now.date(), now.date() - timedelta(days=1)]
        return any(self.begins(timed, day) and within(timed, day, now) for day in days)

    def begins(self, timed: Any, day: date) -> bool:
        """Whether `hari` holds on a date."""
        said = timed.get("hari", "setiap hari")
        words = usual(", ".join(said) if isinstance(said, list) else said)
        holiday = day.isoformat() in (self.city.get("libur") or {})
        if words.endswith("kecuali libur"):
            return not holiday and named(words.removesuffix("kecuali libur").strip(" ,"), day)
        return (holiday and "libur" in [word.strip() for word in words.split(",")]) or named(words, day)

    # Who is there

    def lines_of(self, name: str, now: datetime) -> tuple[str, ...]:
        """The phones that a name in a step means now."""
        agency = self.agencies.get(name)
        if agency and "piket" in agency:
            return self.on_duty(agency["piket"], now)
        lines = several(agency["jalur"]) if agency and "jalur" in agency else [name]
        return tuple(line for line in lines if self.may_ring(line, now))

    def may_ring(self, line: str, now: datetime) -> bool:
        """A phone without shifts always may, even one that stands in once; another while it is on duty."""
        with_shifts = any(line in self.has_shifts(name) for name in self.rosters)
        return not with_shifts or any(line in self.on_duty(name, now) for name in self.rosters)

    def on_duty(self, roster: str, now: datetime) -> tuple[str, ...]:
        """The phones on duty, in the order in which the roster first names them."""
        there = [
            line
            for day in (now.date(), now.date() - timedelta(days=1))
            for shift in self.shifts_begun(roster, day)
            if within(shift, day, now)
            for line in several(shift["jalur"])
        ]
        ordered = [line for line in self.has_shifts(roster) if line in there]
        return unique(self.stand_in(roster, line, now) for line in ordered)

    def shifts_begun(self, roster: str, day: date) -> list[Any]:
        """The shifts that begin on a date: the dated ones where the date has any, else the weekly ones."""
        plan = self.rosters[roster]
        if isinstance(plan, list):
            plan = {"mingguan": plan}
        best, shortest = None, 1000
        for dates, shifts in (plan.get("tanggal") or {}).items():
            first, *last = [date.fromisoformat(one) for one in re.findall(r"\d{4}-\d\d-\d\d", dates)]
            length = ((last or [first])[0] - first).days
            if first <= day <= (last or [first])[0] and length <= shortest:
                best, shortest = shifts, length
        if best is not None:
            return [] if best == "tutup" else list(best)
        return [shift for shift in plan["mingguan"] if self.begins(shift, day)]

    def has_shifts(self, roster: str) -> list[str]:
        """Every phone with a shift in a roster, in order."""
        plan = self.rosters[roster]
        if isinstance(plan, list):
            plan = {"mingguan": plan}
        dated = [shift for shifts in (plan.get("tanggal") or {}).values() if shifts != "tutup" for shift in shifts]
        return list(unique(line for shift in [*plan["mingguan"], *dated] for line in several(shift["jalur"])))

    def stand_in(self, roster: str, line: str, now: datetime) -> str:
        """Who has taken over from a phone on duty, itself when nobody has."""
        plan = self.rosters[roster]
        for one in reversed((plan.get("pengganti") or []) if isinstance(plan, dict) else []):
            start = moment(one["mulai"])
            if one["jalur"] == line and start <= now < until(one["sampai"], start):
                return str(one["oleh"])
        return line

    # How it rings

    def step(self, names: list[str], now: datetime) -> Rung:
        """One step, with whoever of it is there."""
        if names == ["operator"]:
            return self.operators()
        there = [(name, self.lines_of(name, now)) for name in names]
        there = [(name, lines) for name, lines in there if lines]
        heard = [agency for name, _ in there if (agency := self.heard_of(name))]
        longest = max((self.agency_rings(name, lines) for name, lines in there), default=0)
        return Rung("lines", unique(line for _, lines in there for line in lines), next(iter(heard), None), longest)

    def heard_of(self, name: str) -> str | None:
        """The agency's own name, or the first agency that has this phone."""
        if name in self.agencies:
            return name
        return next((agency for agency in self.agencies if name in self.ever_of(agency)), None)

    def ever_of(self, agency: str) -> list[str]:
        """Every phone an agency can have."""
        entry = self.agencies[agency]
        if "piket" not in entry:
            return several(entry.get("jalur", agency))
        plan = self.rosters[entry["piket"]]
        standing_in = (plan.get("pengganti") or []) if isinstance(plan, dict) else []
        return [*self.has_shifts(entry["piket"]), *(one["oleh"] for one in standing_in)]

    def agency_rings(self, name: str, lines: tuple[str, ...]) -> int:
        """How long: what the agency says, else the longest of what its phones say."""
        stated = self.agencies.get(name, {}).get("detik")
        return int(stated) if stated else max(map(self.line_rings, lines))

    def line_rings(self, line: str) -> int:
        """What the phone's own entry says: 20 seconds unless it says otherwise."""
        places = [self.file.get(section) or {} for section in ("jalur", "tetangga", "nasional")]
        owner = next((place[line] for place in places if line in place), None) or self.agencies[line]
        return int(owner.get("detik", 20))

    def operators(self) -> Rung:
        """The control room."""
        operator = self.file["operator"]
        return Rung("operators", tuple(several(operator["akun"])), None, int(operator.get("detik", 60)))

    def with_the_end(self, steps: list[Rung]) -> tuple[Rung, ...]:
        """The steps, then operators, then the 24-hour line; operators first where the city wants it."""
        first = (self.file.get("kebijakan") or {}).get("operator_dahulu") == "ya"
        if first and (not steps or steps[0].kind != "operators"):
            steps = [self.operators(), *steps]
        if not steps or steps[-1].kind != "operators":
            steps = [*steps, self.operators()]
        always = tuple(several(self.file["siaga_24_jam"]))
        return (*steps, Rung("fallback", always, None, max(map(self.line_rings, always))))


def several(value: Any) -> list[Any]:
    """One word or a list of words; nothing is an empty list."""
    return value if isinstance(value, list) else [value] if value else []


def unique(words: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(words))


def names_of(area: Any) -> list[str]:
    """An area's name and aliases."""
    return [area] if isinstance(area, str) else [area["nama"], *several(area.get("alias"))]


def same(name: str, names: Iterable[str]) -> bool:
    """Whether a name is one of these; capitals, spaces and hyphens do not matter."""
    return plain(name) in map(plain, names)


def plain(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").split())


def usual(words: str) -> str:
    """Words as most people write them: `Jum'at`, `ahad` and a long dash are other spellings."""
    for spelling, meant in (("jum'at", "jumat"), ("ahad", "minggu"), ("–", "-")):
        words = words.lower().replace(spelling, meant)
    return words.strip()


def named(words: str, day: date) -> bool:
    """Whether words such as `senin-jumat, minggu` name this day of the week."""
    today = WEEK[day.weekday()]
    for word in words.split(","):
        first, _, last = (part.strip() for part in word.partition("-"))
        if first == "setiap hari" or today in (first, last):
            return True
        if last:  # count the days on from the first until one of the two comes
            place = WEEK.index(first)
            while WEEK[place % 7] not in (today, last):
                place += 1
            if WEEK[place % 7] == today:
                return True
    return False


def within(timed: Any, day: date, now: datetime) -> bool:
    """Whether something that began on a date holds now: until the end of its hours, perhaps tomorrow."""
    start, _, end = usual(timed.get("jam", "24 jam")).partition("-")
    if not end:
        return now.date() == day
    opens, closes = time_on(day, start), time_on(day, end)
    return opens <= now < (closes if closes > opens else closes + timedelta(days=1))


def time_on(day: date, clock: str) -> datetime:
    """`07:30` of a date; 24:00 is the next day's beginning."""
    hours, minutes = clock.strip().replace(".", ":").split(":")
    return datetime(day.year, day.month, day.day) + timedelta(hours=int(hours), minutes=int(minutes))  # noqa: DTZ001


def moment(text: str) -> datetime:
    """`2026-11-22 08:00`, or a date alone."""
    day, _, clock = text.strip().partition(" ")
    return time_on(date.fromisoformat(day), clock or "00:00")


def until(text: str, start: datetime) -> datetime:
    """A date, or `senin 08:00`: look at each day in turn for the first one. Without a time: that whole day too."""
    text = usual(text)
    if text[0].isdigit():
        return moment(text) if " " in text.strip() else moment(text) + timedelta(days=1)
    name, _, clock = text.partition(" ")
    for days in range(8):
        day = start.date() + timedelta(days=days)
        if WEEK[day.weekday()] == name and time_on(day, clock or "24:00") > start:
            return time_on(day, clock or "24:00")
    raise ValueError(text)
