"""Differences of random rules: what is said is so, and what is not said is not."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.messages import say
from ivr.rules import Plan, Rules, load_rules
from ivr.rules.diff import Difference, difference
from ivr.rules.diff_routes import Help, Hours, When
from ivr.rules.diff_words import sentences
from ivr.rules.route import plan_at
from ivr.rules.week import clock, weekday_of
from tests.rules.conftest import SMALL

DATES = [date(2026, 12, 24) + timedelta(days=day) for day in range(5)]
HALF_HOURS = st.tuples(st.integers(0, 47), st.integers(1, 47)).map(
    lambda pair: f"{clock(pair[0] * 30)}-{clock(sum(pair) % 48 * 30)}"
)
DAYS = st.sampled_from(["senin", "senin-jumat kecuali libur", "sabtu, minggu, libur", "jumat-senin", "setiap hari"])
ROSTERED = ["pos_siang", "pos_malam", "kantor"]
NAMES = st.sampled_from(["damkar", "dlh", "bpbd", "operator", *ROSTERED, "siaga"])
HOLIDAYS = st.lists(st.sampled_from(DATES), unique=True, max_size=2).map(
    lambda days: "".join(f"{day}: Libur, " for day in days)
)


def shifts(draw: st.DrawFn) -> str:
    of = st.tuples(DAYS, HALF_HOURS, st.sampled_from(ROSTERED), st.sampled_from(["", ", petugas: Budi"]))
    drawn = draw(st.lists(of, min_size=1, max_size=3))
    return "".join(f"      - {{hari: '{d}', jam: {h}, jalur: {line}{officer}}}\n" for d, h, line, officer in drawn)


@st.composite
def rosters(draw: st.DrawFn) -> str:
    text = "piket:\n"
    for roster in ("pos", "kantor"):
        text += f"  {roster}:\n    mingguan:\n{shifts(draw)}"
        if draw(st.booleans()):
            day, hours = draw(st.sampled_from(DATES)), draw(HALF_HOURS)
            text += f"    tanggal:\n      {day}: [{{jam: {hours}, jalur: pos_siang}}]\n"
        if draw(st.booleans()):
            gone = draw(
                st.sampled_from([line for line in ROSTERED if f"jalur: {line}" in text.split(f"{roster}:\n")[1]])
            )
            by = "pos_siang" if gone == "kantor" else "kantor"
            text += f"    pengganti: [{{jalur: {gone}, oleh: {by}, mulai: 2026-12-27 08:00, sampai: senin 07:30}}]\n"
    return text


@st.composite
def rule_lists(draw: st.DrawFn) -> str:
    text = "aturan:\n"
    for _ in range(draw(st.integers(1, 4))):
        category = draw(st.sampled_from(["api", "sampah", "semua"]))
        area = draw(st.sampled_from(["semua", "99.01.01", "99.01.01.1002", "99.01.02.1001"]))
        steps = ", ".join(f"[{name}]" for name in draw(st.lists(NAMES, min_size=1, max_size=3)))
        when = draw(st.sampled_from(["", f"hari: '{draw(DAYS)}', jam: {draw(HALF_HOURS)}, "]))
        told = draw(st.sampled_from(["", "dlh"]))
        text += f"  - {{kategori: {category}, wilayah: {area}, {when}langkah: [{steps}], beri_tahu: [{told}]}}\n"
    return text


@st.composite
def editions(draw: st.DrawFn) -> tuple[Rules, Rules]:
    """Two files that differ in some of their parts, perhaps in none."""
    parts = [
        HOLIDAYS,
        rosters(),
        rule_lists(),
        st.sampled_from(["", "\nkebijakan: {operator_dahulu: ya}\n"]),
        st.sampled_from(["", ", detik: 40"]),
        st.sampled_from(["", ", detik: 30"]),
    ]
    old = [draw(part) for part in parts]
    new = [draw(part) if draw(st.booleans()) else was for part, was in zip(parts, old, strict=True)]
    return edition(*old), edition(*new)


def edition(holidays: str, rosters: str, rules: str, policies: str, agency: str, line: str) -> Rules:
    text = SMALL[: SMALL.index("piket:")] + rosters + SMALL[SMALL.index("instansi:") : SMALL.index("aturan:")] + rules
    text = text.replace("zona: Asia/Makassar", f"zona: Asia/Makassar, libur: {{{holidays}}}")
    text = text.replace("nama: Damkar", f"nama: Damkar{agency}").replace(
        "{akun: pos_siang", f"{{akun: pos_siang{line}"
    )
    return load_rules(f"{text}siaga_24_jam: siaga\n{policies}")


AREAS = [None, "99.01.01", "99.01.01.1001", "99.01.01.1002", "99.01.02", "99.01.02.1001"]
CELLS = st.tuples(
    st.sampled_from(["api", "sampah", None]),
    st.sampled_from(AREAS),
    st.integers(-7, 20),
    st.integers(0, 47).map(lambda half: half * 30),
)


def days_of(old: Rules, new: Rules, day: int) -> tuple[int, int]:
    """A day of December in both; a negative one is a day of each edition's ordinary week."""
    if day < 0:
        return old.ordinary_monday + day + 7, new.ordinary_monday + day + 7
    both = DATES[0].toordinal() - 8 + day
    return both, both


def hours_on(when: When, day: int) -> Hours:
    return dict(when.dated).get(date.fromordinal(day), when.weekly[weekday_of(day)])


def alike(one: Plan, other: Plan) -> bool:
    """Whether two plans ring the same: phones in one step in any order."""
    steps = [[(s.kind, sorted(s.lines), s.agency, s.seconds) for s in plan.steps] for plan in (one, other)]
    return steps[0] == steps[1] and set(one.told) == set(other.told)


def phones(plan: Plan) -> tuple[list[frozenset[str]], frozenset[str]]:
    """The phones of agencies, step by step, and those that are told."""
    return [frozenset(step.lines) for step in plan.steps if step.kind == "lines"], frozenset(plan.told)


def stretches(when: When) -> Iterator[tuple[int, int, int]]:
    """Every stretch: the day as in `days_of` or an ordinal day, start, end."""
    yield from ((day - 7, start, end) for day, hours in enumerate(when.weekly) for start, end in hours)
    yield from ((day.toordinal(), start, end) for day, hours in when.dated for start, end in hours)


@pytest.mark.thorough
@settings(max_examples=80, deadline=None)
@given(editions(), st.lists(CELLS, min_size=40, max_size=40))
def test_a_difference_holds_exactly_what_route_does_otherwise(
    both: tuple[Rules, Rules], cells: list[tuple[str | None, str | None, int, int]]
) -> None:
    old, new = both
    found = difference(old, new)
    elsewhere = any(change.section != "libur" for change in found.changes)
    for category, area, day, minute in cells:
        days = days_of(old, new, day)
        plans = [plan_at(rules, category, area, on, minute) for rules, on in zip(both, days, strict=True)]
        said = [
            one
            for one in found.routes
            if category in one.categories and area in one.areas
            for start, end in hours_on(one.when, days[1])
            if start <= minute < end
        ]
        assert len(said) <= 1
        assert said or alike(*plans) or (elsewhere and phones(plans[0]) == phones(plans[1]))
        if said:
            _is_so(found, both, said[0].before, said[0].after, plans)
    for change in found.routes:
        for day, start, end in stretches(change.when):
            for minute in (start, end - 30):
                days = days_of(old, new, day) if day < 0 else (day, day)
                plans = [
                    plan_at(rules, change.categories[0], change.areas[-1], on, minute)
                    for rules, on in zip(both, days, strict=True)
                ]
                _is_so(found, both, change.before, change.after, plans)
    if old == new:
        assert not found


def _is_so(found: Difference, both: tuple[Rules, Rules], before: Help | None, after: Help, plans: list[Plan]) -> None:
    assert before != after
    assert not alike(*plans)
    for helped, plan in zip((before, after), plans, strict=True):
        assert helped is not None
        assert ([step.lines for step in helped.steps if step.kind == "lines"], helped.told) == phones(plan)


@pytest.mark.thorough
@settings(max_examples=40, deadline=None)
@given(editions())
def test_without_a_difference_both_editions_do_the_same_always(both: tuple[Rules, Rules]) -> None:
    old, new = both
    found = difference(old, new)
    text = "\n".join(sentences(found, old, new))
    assert (text == say("diff.nothing")) == (not found)
    same = not found.routes and not found.changes
    cells = [
        (c, a, d, m)
        for c in ("api", "sampah", None)
        for a in AREAS
        for d in range(-7, 12)
        for m in range(0, 1440, 210)
    ]
    plans = (
        [plan_at(rules, c, a, days_of(old, new, d)[side], m) for side, rules in enumerate(both)]
        for c, a, d, m in cells
    )
    if same:
        assert all(alike(*pair) for pair in plans)
    if not found:
        assert old.city.holidays == new.city.holidays
        for roster in ("pos", "kantor"):
            for day in range(-7, 12):
                now = [
                    {(duty.line, duty.officer) for duty in rules.timetable(roster).duties(on, 600)}
                    for rules, on in zip(both, days_of(old, new, day), strict=True)
                ]
                assert now[0] == now[1]
