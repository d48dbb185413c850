"""Turn written Indonesian into text a voice reads as people say it: digits, abbreviations, signs."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r"[^\W\d_]+\.?|\d+|.", re.DOTALL)
_PAUSE = re.compile(r"[()\[\]{};:/–—]")
_UNSPEAKABLE = re.compile(r"[^\w\s,.?!'-]|_")
_LONGEST_ABBREVIATION = 5  # PDAM, RSUD, UPTD; longer words in capitals are words


@dataclass(frozen=True)
class Reading:
    """How numbers, keys and abbreviations are read. `digits` holds the words of 0 to 11, in English to 19."""

    digits: tuple[str, ...]
    teens: str
    tens: str
    keys: Mapping[str, str]
    words: Mapping[str, str]

    def key(self, key: str) -> str:
        """The words of a telephone key or a short row of keys: `1` -> satu, `10` -> satu nol."""
        return " ".join(self.digits[int(sign)] if sign.isdecimal() else self.keys[sign] for sign in key)

    def number(self, digits: str) -> str:
        """A number of one or two digits as a quantity, anything else (119, 07) digit by digit."""
        value = int(digits)
        if len(digits) > 2 or (len(digits) == 2 and value < 10):
            return self.key(digits)
        if value < len(self.digits):
            return self.digits[value]
        if value < 20:
            return f"{self.digits[value - 10]} {self.teens}"
        unit = f" {self.digits[value % 10]}" if value % 10 else ""
        return f"{self.digits[value // 10]} {self.tens}{unit}"


def spoken(text: str, reading: Reading) -> str:
    """`PSC 119 (Kota)` -> `P S C satu satu sembilan, Kota`. Signs no voice can say are dropped."""
    plain = unicodedata.normalize("NFKC", text)
    words = "".join(_token(token, reading) for token in _TOKEN.findall(_PAUSE.sub(",", plain)))
    return _tidy(_UNSPEAKABLE.sub(" ", words))


def _token(token: str, reading: Reading) -> str:
    bare = token.rstrip(".")
    dot = token[len(bare) :]
    if token in reading.words:
        return f" {reading.words[token]} "
    if bare in reading.words:
        return f"{reading.words[bare]}{dot}"
    if token.isdecimal():
        return f" {reading.number(token)} "
    if bare.isalpha() and bare.isupper() and len(bare) > 1:
        return (" ".join(bare) if len(bare) <= _LONGEST_ABBREVIATION else bare.capitalize()) + dot
    return token


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s*([,.?!])", r"\1", text)
    text = re.sub(r",*([,.?!])[,.?!]*", r"\1", text)
    return re.sub(r",(?=\w)", ", ", text).strip(" ,-")
