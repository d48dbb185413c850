"""How each kind of text is written, for editors (JSON Schema): at least everything the rules accept.

An editor reads `20` as a number, so a text of digits may be one, with bounds of its own.
"""

from typing import Final

from pydantic import WithJsonSchema

from ivr.rules.week import DAYS as DAY_NAMES


def _text(pattern: str, *examples: str, **more: object) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples), **more})


def _digits(pattern: str, *examples: str, **bounds: int) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "integer"], "pattern": pattern, "examples": list(examples), **bounds})


def _any_case(word: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in word)


_CLOCK = r"([01]?[0-9]|2[0-4])[:.][0-5][0-9]"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAY = "(" + "|".join(map(_any_case, (*DAY_NAMES, "jum'at", "ahad"))) + ")"
_DAYS = rf"({_any_case('setiap hari')}|{_any_case('libur')}|{_DAY}(\s*[-–]\s*{_DAY})?)"
_LIST_OF_DAYS = rf"{_DAYS}(\s*,\s*{_DAYS})*"
_EXCEPT = _any_case("kecuali libur")

KEY: Final = _digits("^[1-9]$", "1", minimum=1, maximum=9)
AREA_KEY: Final = _digits("^[1-9]{1,2}$", "1", "21", minimum=1, maximum=99)
WHOLE: Final = _digits("^[0-9]{1,4}$", minimum=0, maximum=9999)
PHONE: Final = _digits(
    r"^\s*[sS][iI][pP][sS]?:|[0-9].*[0-9].*[0-9]", "0536-3221113", "0812-3456-7890", "110", minimum=100
)
YES_OR_NO: Final = WithJsonSchema({"enum": ["ya", "tidak"]})
ACCEPT: Final = WithJsonSchema({"enum": ["tombol", "langsung"]})
SILENCE: Final = WithJsonSchema({"enum": ["operator", "ulangi"]})
DAYS: Final = WithJsonSchema(
    {
        "type": ["string", "array"],
        "pattern": rf"^\s*{_LIST_OF_DAYS}([\s,]+{_EXCEPT})?\s*$",
        "items": {"type": "string", "pattern": rf"^\s*({_LIST_OF_DAYS}([\s,]+{_EXCEPT})?|{_EXCEPT})\s*$"},
        "minItems": 1,
        "examples": ["senin-jumat kecuali libur", "sabtu, minggu, libur", "setiap hari"],
    }
)
HOURS: Final = _text(
    rf"^\s*({_any_case('24 jam')}|{_CLOCK}\s*[-–]\s*{_CLOCK})\s*$", "07:00-14:00", "21:00-07:00", "24 jam"
)
DATE: Final = _text(rf"^\s*{_DATE}\s*$", "2026-12-25")
DATES: Final = _text(
    rf"^\s*{_DATE}(\s+(s\.?\s?d\.?|sampai|-|–)\s+{_DATE})?\s*$", "2026-12-25", "2026-12-24 s.d. 2027-01-02"
)
MOMENT: Final = _text(rf"^\s*{_DATE}(\s+{_CLOCK})?\s*$", "2026-11-22 08:00")
UNTIL: Final = _text(rf"^\s*({_DATE}|{_DAY})(\s+{_CLOCK})?\s*$", "senin 08:00", "2026-11-23 08:00")
POSITION: Final = WithJsonSchema(
    {
        "type": ["array", "string"],
        "pattern": r"^\s*-?[0-9.]+[\s,]+-?[0-9.]+\s*$",
        "items": {"type": ["number", "string"], "pattern": r"^-?[0-9]{1,3}(\.[0-9]{1,8})?$"},
        "minItems": 2,
        "maxItems": 2,
        "examples": [[-2.2077, 113.9523]],
    }
)
