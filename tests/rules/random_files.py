"""Whole rules files, made at random of everything the format has; and the moments at which they may change."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ZONES = ("Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura")
CATEGORIES = ("api", "medis", "sampah")
AREAS = ("99.01.01", "99.01.01.1001", "99.01.01.2002", "99.01.02", "99.01.02.1001", "99.01.02.2001", "99.01.03")
PLACES = (
    "Utara",
    "lor",
    "kecamatan Selatan",
    "kelurahan Utara",
    "Pasar - Utara",
    "Pesisir",
    "pantai-selatan",
    "Barat",
)
LINES = ("pos_siang", "pos_malam", "kantor", "cadangan")
CENTRES = {"tetangga": ("sebelah",), "nasional": ("polri", "sar")}
AGENCIES = ("damkar", "dlh", "bpbd", "pmi")
OWN_PHONE = "bpbd"
RUNG = (*AGENCIES, *LINES, "siaga", "sebelah", "polri", "sar")

PHONES = (
    {"telepon": "0213455670"},
    {"telepon": "0812-3456-7890"},
    {"telepon": "sip:piket@contoh.go.id"},
    {"telepon": "sips:piket@[2001:db8::7]:5071;transport=tls"},
    {"telepon": "0536-0000-101"},
)
DAYS = st.sampled_from(
    [
        "senin", "minggu", "libur", "setiap hari", "senin-jumat", "sabtu, minggu", "jumat-senin", "Senin - Jum'at",
        "rabu, ahad", "senin-jumat kecuali libur", "setiap hari kecuali libur", "sabtu, minggu, libur",
        "minggu, kecuali libur", ["senin", "rabu"], ["sabtu", "libur"],
    ]
)  # fmt: skip
CLOCKS = st.sampled_from(["00:00", "00:01", "07:00", "7.30", "08:00", "12:00", "16:00", "19:00", "21:00", "23:59"])
HOURS = st.one_of(
    st.sampled_from(["24 jam", "07:00-19:00", "19:00-07:00", "21:00 – 05:00", "22:00-24:00", "00:00-24:00"]),
    st.tuples(CLOCKS, CLOCKS).filter(lambda ends: ends[0] != ends[1]).map("-".join),
)
DATES = st.sampled_from(
    ["2026-11-22", "2026-12-24", "2026-12-25", "2026-12-31", "2027-01-01", "2027-01-04", "2028-02-29", "2027-08-17"]
)
SECONDS = st.sampled_from(["5", "15", "25", "40", "300"])
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"(\d{1,2})[:.](\d\d)\b")


def several_of(names: tuple[str, ...], most: int = 3) -> st.SearchStrategy[list[str]]:
    """One to three different names."""
    return st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True)


def one_or_more(names: tuple[str, ...]) -> st.SearchStrategy[str | list[str]]:
    """A name, or a list of names."""
    return st.one_of(st.sampled_from(names), several_of(names))


def sometimes(**entries: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A map that has each of these keys or not."""
    return st.fixed_dictionaries({}, optional=entries)


@st.composite
def rosters(draw: st.DrawFn) -> Any:
    """A roster with its exceptions and replacements."""
    on_roster = one_or_more((*LINES, OWN_PHONE, "sebelah"))
    shift = st.builds(lambda when, who: {**when, "jalur": who}, sometimes(hari=DAYS, jam=HOURS), on_roster)
    dated = st.builds(lambda when, who: {**when, "jalur": who}, sometimes(jam=HOURS), on_roster)
    weekly = draw(st.lists(shift, min_size=1, max_size=4))
    if draw(st.booleans()):
        return weekly
    ranges = st.builds(lambda first, days: _range(first, days), DATES, st.integers(0, 3))
    exceptions = draw(st.dictionaries(ranges, st.just("tutup") | st.lists(dated, min_size=1, max_size=2), max_size=3))
    named = sorted({line for one in [*weekly, *_dated(exceptions)] for line in _list(one["jalur"])})
    stand_ins = st.fixed_dictionaries(
        {
            "jalur": st.sampled_from(named),
            "oleh": st.sampled_from((*LINES, "sar")),
            "mulai": st.builds("{} {}".format, DATES, CLOCKS.map(lambda clock: clock.replace(".", ":"))),
            "sampai": st.sampled_from(["senin 08:00", "senin", "jumat 00:01", "minggu 24:00", "rabu 07.00"]),
        },
        optional={"petugas": st.just("Budi")},
    ).filter(lambda one: one["jalur"] != one["oleh"])
    roster = {"mingguan": weekly, "tanggal": exceptions, "pengganti": draw(st.lists(stand_ins, max_size=3))}
    return {key: value for key, value in roster.items() if value}


def _range(first: str, days: int) -> str:
    last = date.fromisoformat(first) + timedelta(days=days)
    return f"{first} s.d. {last}" if days else first


def _dated(exceptions: dict[str, Any]) -> list[Any]:
    return [shift for shifts in exceptions.values() if shifts != "tutup" for shift in shifts]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@st.composite
def files(draw: st.DrawFn) -> str:
    """The text of a valid file."""
    accounts = iter(f"akun_{number}" for number in range(20))
    phone = st.sampled_from(PHONES) | st.builds(lambda: {"akun": next(accounts)})
    terms = sometimes(detik=SECONDS, terima=st.sampled_from(["tombol", "langsung"]))
    line = st.builds(lambda way, how: {**way, **how}, phone, terms)
    number = st.builds(lambda way, how: {"nama": "Pusat", **way, **how}, st.sampled_from(PHONES), terms)
    step = st.just("operator") | st.sampled_from(RUNG) | several_of(RUNG)
    timed = sometimes(
        hari=DAYS, jam=HOURS, wilayah=one_or_more((*AREAS, *PLACES, "semua")), beri_tahu=several_of(RUNG)
    )
    rule = st.builds(
        lambda when, what, steps: {**when, "kategori": what, "langkah": steps},
        timed,
        one_or_more((*CATEGORIES, "semua")),
        st.lists(step, min_size=1, max_size=4),
    )
    piket = {name: draw(rosters()) for name in ("pos", "kantor")}
    agency = sometimes(detik=SECONDS)
    instansi: dict[str, Any] = {name: {"nama": name, **draw(agency)} for name in AGENCIES}
    instansi["damkar"]["piket"], instansi["dlh"]["piket"] = "pos", "kantor"
    instansi[OWN_PHONE] |= draw(line)
    instansi["pmi"]["jalur"] = draw(several_of((*LINES, "polri", OWN_PHONE)))
    holidays = st.dictionaries(DATES, st.just("Hari libur"), max_size=3)
    data: dict[str, Any] = {
        "kota": {"nama": "Contoh", "kode": "99.01", "zona": draw(st.sampled_from(ZONES)), "libur": draw(holidays)},
        "kategori": {name: {"tombol": str(key), "nama": name} for key, name in enumerate(CATEGORIES, 1)},
        **draw(AREA_KEYS),
        "jalur": {**{name: draw(line) for name in LINES}, "siaga": draw(line)},
        "piket": piket,
        "instansi": instansi,
        **{section: {name: draw(number) for name in names} for section, names in CENTRES.items()},
        "operator": {"akun": ["op_1", "op_2"], **draw(agency)},
        "aturan": draw(st.lists(rule, min_size=1, max_size=6)),
        "siaga_24_jam": draw(st.sampled_from(["siaga", ["siaga"], ["siaga", "polri"]])),
        "kebijakan": {"operator_dahulu": draw(st.sampled_from(["ya", "tidak"]))},
    }  # fmt: skip
    data["kota"] |= draw(sometimes(desa=st.just("negeri")))
    return json.dumps(data, ensure_ascii=False, indent=1)


def areas(keys: Any, groups: dict[str, str] | None = None) -> dict[str, Any]:
    """Three kecamatan, the last without kelurahan, with these keys."""
    north, south, west = keys
    grouped = {"kelompok_wilayah": groups} if groups else {}
    wards = {"99.01.02.1001": {"nama": "Pantai", "alias": "Pesisir"}, "99.01.02.2001": "Pasar"}
    return {
        **grouped,
        "wilayah": {
            "99.01.01": {
                "tombol": north,
                "nama": "Utara",
                "alias": ["Lor"],
                "kelurahan": {"99.01.01.1001": "Utara", "99.01.01.2002": "Pasar"},
            },
            "99.01.02": {"tombol": south, "nama": "Selatan", "kelurahan": wards},
            "99.01.03": {"tombol": west, "nama": "Barat"},
        },
    }


AREA_KEYS = st.sampled_from(
    [areas("123"), areas(["11", "12", "3"], {"1": "Kota"}), areas(["11", "21", "29"], {"1": "Kota", "2": "Desa"})]
)
ANY_CATEGORY = st.sampled_from([*CATEGORIES, None, "lain"])
ANY_AREA = st.sampled_from([*AREAS, None, "", "99.01.01.1999", "99.01.03.1001", "12.34.56"])


def days_of(text: str) -> list[date]:
    """The dates a file speaks of with their neighbours, a week after (replacements end), and ends of years."""
    named = {day for found in _DATE.findall(text) if (day := _date(found))} | {date(2026, 12, 31), date(2099, 12, 31)}
    return sorted({day + timedelta(days=more) for day in named for more in range(-2, 9)})


def _date(text: str) -> date | None:
    """A date of these centuries; None for what only looks like one."""
    try:
        return date.fromisoformat(text) if "2000" <= text < "2200" else None
    except ValueError:
        return None


def minutes_of(text: str) -> list[int]:
    """The minutes of the day a file speaks of, midnight, and the minute before and after each."""
    named = {int(hour) * 60 + int(minute) for hour, minute in _CLOCK.findall(text)} | {0, 1440}
    return sorted({(minute + more) % 1440 for minute in named for more in (-1, 0, 1)})


def on_the_clock(day: date, minute: int, zone: str) -> datetime:
    """The instant (UTC) at which the city's clock shows this."""
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def instants(text: str, zone: str) -> st.SearchStrategy[datetime]:
    """Instants at which something of the file begins or ends, and others."""
    anywhere = st.dates(date(1990, 1, 1), date(2100, 1, 1))
    minute = st.one_of(st.sampled_from(minutes_of(text)), st.sampled_from(minutes_of(text)), st.integers(0, 1439))
    day = st.one_of(st.sampled_from(days_of(text)), st.sampled_from(days_of(text)), anywhere)
    return st.builds(on_the_clock, day, minute, st.just(zone))
