"""Cities that hypothesis makes up: rosters with gaps, holidays, exceptions, replacements, rules by the hour."""

import json
from datetime import datetime, timedelta

from hypothesis import strategies as st

from ivr.rules import Rules, load_rules

FIRST = datetime(2026, 12, 20)  # noqa: DTZ001 the city's clock
DAYS = 16  # over Christmas and New Year
AREAS = (None, "99.01.01", "99.01.01.1001", "99.01.02", "99.01.02.1009", "12.34.56")
CATEGORIES = (None, "api", "sakit", "lampu", "tidak_ada")

_ROSTERED = ("hp_1", "hp_2", "hp_3")
_NAMES = (*_ROSTERED, "hp_4", "bergilir", "bersama", "sendiri", "luar")
_HOURS = ("24 jam", "07:00-19:00", "19:00-07:00", "08:15-08:30", "00:00-12:00", "22:00-24:00", "23:59-23:58")
_DAYS = ("setiap hari", "senin-jumat kecuali libur", "sabtu, minggu, libur", "rabu", "jumat-senin", "libur")

_shifts = st.fixed_dictionaries(
    {"hari": st.sampled_from(_DAYS), "jam": st.sampled_from(_HOURS), "jalur": st.sampled_from(_ROSTERED)},
    optional={"petugas": st.just("Budi")},
)
_dated = st.fixed_dictionaries({"jam": st.sampled_from(_HOURS), "jalur": st.sampled_from(_ROSTERED)})
_exceptions = st.dictionaries(
    st.sampled_from(("2026-12-24", "2026-12-25 s.d. 2026-12-27", "2026-12-31")),
    st.just("tutup") | st.lists(_dated, min_size=1, max_size=2),
    max_size=2,
)
_replacements = st.fixed_dictionaries(
    {
        "oleh": st.sampled_from(("hp_4", "hp_3")),
        "petugas": st.just("Siti"),
        "mulai": st.sampled_from(("2026-12-21 08:00", "2026-12-26 12:30")),
        "sampai": st.sampled_from(("senin 08:00", "2026-12-27 00:00")),
    }
)
_steps = st.lists(
    st.just("operator") | st.sampled_from(_NAMES) | st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)
_rules = st.fixed_dictionaries(
    {"kategori": st.sampled_from(("api", "sakit", "semua")), "langkah": _steps},
    optional={
        "wilayah": st.sampled_from(("Utara", "Pasar", "Selatan", "semua")),
        "hari": st.sampled_from(_DAYS),
        "jam": st.sampled_from(_HOURS),
        "beri_tahu": st.lists(st.sampled_from(_NAMES), max_size=2),
    },
)


@st.composite
def _rosters(draw: st.DrawFn) -> dict[str, object]:
    shifts = draw(st.lists(_shifts, min_size=1, max_size=3))
    gone = shifts[0]["jalur"]
    drawn = draw(st.lists(_replacements.filter(lambda one: one["oleh"] != gone), max_size=1))
    stands_in = [{"jalur": gone, **one} for one in drawn]
    return {"mingguan": shifts, "tanggal": draw(_exceptions), "pengganti": stands_in}


@st.composite
def cities(draw: st.DrawFn) -> Rules:
    """A valid rules file of a made up city."""
    return load_rules(
        json.dumps(
            {
                "kota": {
                    "nama": "Contoh",
                    "kode": "99.01",
                    "zona": "Asia/Makassar",
                    "libur": {"2026-12-25": "Hari Raya Natal", "2027-01-01": "Tahun Baru Masehi"},
                },
                "kategori": {
                    "api": {"tombol": "1", "nama": "Kebakaran"},
                    "sakit": {"tombol": "2", "nama": "Medis"},
                    "lampu": {"tombol": "3", "nama": "Lampu", "darurat": "tidak", "tanya_wilayah": "tidak"},
                },
                "wilayah": {
                    "99.01.01": {"tombol": "1", "nama": "Utara", "kelurahan": {"99.01.01.1001": "Pasar"}},
                    "99.01.02": {"tombol": "2", "nama": "Selatan"},
                },
                "jalur": {name: {"akun": name} for name in (*_ROSTERED, "hp_4", "siaga")},
                "piket": {"satu": draw(_rosters()), "dua": draw(_rosters())},
                "instansi": {
                    "bergilir": {"nama": "Bergilir", "piket": "satu"},
                    "bersama": {"nama": "Bersama", "jalur": ["hp_1", "hp_4"]},
                    "sendiri": {"nama": "Sendiri", "akun": "sendiri"},
                },
                "nasional": {"luar": {"nama": "Luar", "telepon": "110"}},
                "operator": {"akun": ["op_1", "op_2"]},
                "aturan": draw(st.lists(_rules, min_size=1, max_size=5)),
                "siaga_24_jam": "siaga",
                "kebijakan": {"operator_dahulu": draw(st.sampled_from(("ya", "tidak")))},
            }
        )
    )


moments = st.integers(0, DAYS * 1440 - 1).map(lambda minute: FIRST + timedelta(minutes=minute))
"""Moments of the city's clock, without a zone."""
