"""Who is on duty at a minute of a day.

A shift belongs to the day it begins: a night that began before a holiday goes on into it, and the holiday's own
shifts begin at their own hours. A day that has a dated exception begins the exception's shifts and no others;
of several exceptions the shortest counts, of several replacements the one written last.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ivr.rules.parts import DatedRoster, DatedShift, Replacement, Roster, Shift
from ivr.rules.week import MINUTES_PER_DAY, weekday_of

AnyShift = Shift | DatedShift

_WEEKDAYS = 14
"""Numbers taken by the days of the week, as ordinary days and as holidays."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One line on duty, and why: its shift, the exception the shift stands in, the replacement it came by."""

    line: str
    shift: AnyShift
    exception: DatedRoster | None = None
    replacement: Replacement | None = None

    @property
    def officer(self) -> str | None:
        """The officer named for this duty."""
        return self.replacement.officer if self.replacement else self.shift.officer


class _Stretch(NamedTuple):
    """A day's hours with the same people, from `start` (minute of the day) to the next stretch."""

    start: int
    duties: tuple[Duty, ...]
    lines: tuple[str, ...]


class Timetable:
    """A roster with the holidays: the days it knows are worked out once, so that looking is quick."""

    def __init__(self, roster: Roster, holidays: frozenset[int]) -> None:
        self._roster, self._holidays = roster, holidays
        longest_first = sorted(enumerate(roster.exceptions, start=_WEEKDAYS), key=lambda one: -len(one[1].days()))
        self._exceptions = {day: dated for _, dated in longest_first for day in dated.days()}
        self._programs = {day: number for number, dated in longest_first for day in dated.days()}
        self._replaced_days = {day for one in roster.replacements for day in one.days()}
        self._known: dict[tuple[int, int], tuple[list[int], list[_Stretch]]] = {}
        self.special_days = holidays | self._exceptions.keys() | self._replaced_days

    def on_duty(self, day: int, minute: int) -> tuple[str, ...]:
        """The lines on duty, in the roster's order; empty when nobody is."""
        if day in self._replaced_days:
            return tuple(dict.fromkeys(duty.line for duty in self.duties(day, minute)))
        return self._stretch(day, minute).lines

    def duties(self, day: int, minute: int) -> tuple[Duty, ...]:
        """The same with the reasons."""
        found = self._stretch(day, minute).duties
        if day not in self._replaced_days:
            return found
        stands_in = {one.line: one for one in self._roster.replacements if one.covers(day, minute)}
        return tuple(
            replace(duty, line=one.by, replacement=one) if (one := stands_in.get(duty.line)) else duty
            for duty in found
        )

    def boundaries(self, day: int) -> Iterator[int]:
        """The minutes of the day at which somebody's duty may begin or end, 0 included."""
        yield from self._day(day)[0]
        for one in self._roster.replacements:
            for moment in (one.start, one.end):
                if moment.toordinal() == day:
                    yield moment.hour * 60 + moment.minute

    def _stretch(self, day: int, minute: int) -> _Stretch:
        starts, stretches = self._day(day)
        return stretches[bisect_right(starts, minute) - 1]

    def _day(self, day: int) -> tuple[list[int], list[_Stretch]]:
        program = (self._program(day - 1), self._program(day))
        if program not in self._known:
            self._known[program] = self._work_out(day)
        return self._known[program]

    def _program(self, day: int) -> int:
        """A number that is the same for days that begin the same shifts."""
        return self._programs.get(day) or weekday_of(day) + 7 * (day in self._holidays)

    def _begun(self, day: int) -> Iterator[Duty]:
        """Everything that begins on a day."""
        exception = self._exceptions.get(day)
        shifts: Sequence[AnyShift] = self._roster.shifts
        if exception:
            shifts = exception.shifts
        for shift in shifts:
            if isinstance(shift, DatedShift) or shift.begins_on(day, self._holidays):
                yield from (Duty(line, shift, exception) for line in shift.lines)

    def _work_out(self, day: int) -> tuple[list[int], list[_Stretch]]:
        spans = [(duty.shift.hours, duty) for duty in self._begun(day)]
        for duty in self._begun(day - 1):
            start, end = duty.shift.hours
            spans.append(((start - MINUTES_PER_DAY, end - MINUTES_PER_DAY), duty))
        starts = sorted({0}.union(edge for hours, _ in spans for edge in hours if 0 < edge < MINUTES_PER_DAY))
        there: list[dict[str, Duty]] = [{} for _ in starts]
        for (start, end), duty in spans:
            for place in range(bisect_left(starts, start), bisect_left(starts, end)):
                there[place].setdefault(duty.line, duty)
        order = {line: place for place, line in enumerate(self._roster.lines)}
        stretches = []
        for start, duties in zip(starts, there, strict=True):
            found = tuple(sorted(duties.values(), key=lambda duty: order[duty.line]))
            stretches.append(_Stretch(start, found, tuple(duty.line for duty in found)))
        return starts, stretches
