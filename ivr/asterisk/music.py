"""What callers hear while phones ring, as playlists: what was understood, who is called, then the ringing tone.

The announcement needs no seconds of its own: the agency's phone rings while the caller listens.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ivr.asterisk.plan import music_class
from ivr.dialogue import clips
from ivr.rules.model import OPERATOR, Rules

FIXED = {
    "default": [clips.COMFORT],
    "operators": [clips.TO_OPERATOR, clips.COMFORT, clips.OPERATORS_BUSY, clips.COMFORT],
    "operators-silent": [clips.REPORT_SILENT, clips.COMFORT, clips.OPERATORS_BUSY, clips.COMFORT],
    "operators-busy": [clips.COMFORT, clips.OPERATORS_BUSY],
    "standby": [clips.TO_STANDBY, clips.RINGBACK],
    "lifeline": [clips.LIFELINE, clips.RINGBACK, clips.RINGBACK],
}
"""The classes that no rules change."""


def fixed_file(prompts: Path) -> str:
    """Sections of musiconhold.conf that are the same for every generation."""
    return _sections(FIXED, prompts)


def announcements_file(rules: Rules, generation: str, prompts: Path) -> str:
    """Sections of musiconhold.conf: a class of this generation for every (category, area, agency) in the rules."""
    return _sections(dict(_announcements(rules, generation)), prompts)


def _sections(classes: Mapping[str, Sequence[str]], prompts: Path) -> str:
    return "".join(
        "".join([f"[{name}]\nmode = playlist\n", *(f"entry = {prompts / entry}\n" for entry in entries)])
        for name, entries in classes.items()
    )


def _announcements(rules: Rules, generation: str) -> Iterator[tuple[str, list[str]]]:
    for category in rules.categories:
        for area in [None, *areas_spoken(rules)]:
            understood = [clips.clip("category", category.id), *([clips.area_clip(area)] if area else [])]
            for agency in _agencies(rules, category.id, area):
                called = clips.clip("to", agency) if agency else clips.LIFELINE
                wrong = clips.UNDERSTOOD_WRONG
                entries = [*understood, called, wrong, clips.RINGBACK, clips.RINGBACK]
                yield music_class(category.id, area, agency, generation), entries


def areas_spoken(rules: Rules) -> list[str]:
    """The area codes a caller can choose: every kecamatan, and the kelurahan where some rule tells them apart."""
    named = {code for rule in rules.rules for area in rule.areas for code in rules.codes_of(area)}
    codes: list[str] = []
    for kecamatan in rules.areas:
        kelurahan = [place.code for place in kecamatan.kelurahan]
        codes += [kecamatan.code, *(kelurahan if named.intersection(kelurahan) else [])]
    return codes


def _agencies(rules: Rules, category: str, area: str | None) -> list[str | None]:
    """Everybody whom any rule for these may ring, at whatever hour."""
    serving = [rules.rules[position] for position in rules.candidates(category, area)]
    names = {name for rule in serving for step in rule.steps for name in step if name != OPERATOR}
    agencies = {name if name in rules.agency_by_id else rules.agency_of_line.get(name) for name in names}
    return sorted(agencies, key=lambda name: name or "")
